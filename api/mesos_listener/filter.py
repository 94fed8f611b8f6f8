"""Which tasks a reader wants: those that meet any of its terms, or all. Pure.

Knows the fields of a task that terms look at, and that a pattern is found anywhere in a value. A filter only grows.
Does not know who asks, nor what for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from api.mesos_listener.task import Task
from sdk.pattern import BadPattern, Pattern

#: What a term may look at, by the name of the field in taskinfo.proto.
FIELDS: Mapping[str, Callable[[Task], str]] = {
    "id": lambda task: task.id,
    "name": lambda task: task.name,
    "framework_id": lambda task: task.framework_id,
    "framework_name": lambda task: task.framework_name,
    "marathon_id": lambda task: task.marathon_id,
    "marathon_container": lambda task: task.marathon_container,
}
#: Values longer than this are matched again each time: they come from applications, and many are kept.
_LONGEST_KEPT = 256


class Term(NamedTuple):
    """The field has this value; or, when it is a pattern of RE2, one in which the pattern is found."""

    field: str
    text: str
    pattern: bool = False


class BadTerm(ValueError):
    """There is no such field, or the pattern is none; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Tasks that meet any of `terms`; None: all tasks."""

    terms: frozenset[Term] | None = None
    _exact: frozenset[tuple[str, str]] = frozenset()
    _patterns: tuple[tuple[str, Pattern], ...] = ()

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "Filter":
        """The filter with these terms; raises BadTerm."""
        every = frozenset(terms)
        for term in every:
            if term.field not in FIELDS:
                raise BadTerm(f"there is no field {term.field!r}; there are {', '.join(FIELDS)}")
        return cls(
            every,
            frozenset((term.field, term.text) for term in every if not term.pattern),
            tuple((term.field, _pattern(term)) for term in sorted(every) if term.pattern),
        )

    def wants(self, task: Task) -> bool:
        """Whether the task meets a term."""
        if self.terms is None:
            return True
        for field, value_of in FIELDS.items():
            if (field, value_of(task)) in self._exact:
                return True
        return any(_found(pattern, FIELDS[field](task)) for field, pattern in self._patterns)

    def with_(self, other: "Filter") -> "Filter":
        """The filter for tasks that either of both wants."""
        if self.terms is None or other.terms is None:
            return ALL
        if other.terms <= self.terms:
            return self
        new = tuple(one for one in other._patterns if one not in self._patterns)
        return Filter(self.terms | other.terms, self._exact | other._exact, self._patterns + new)


ALL = Filter()


def _pattern(term: Term) -> Pattern:
    try:
        return Pattern(term.text)
    except BadPattern as error:
        raise BadTerm(f"{term.field}: {term.text[:100]!r} {error}") from error


def _found(pattern: Pattern, value: str) -> bool:
    if not value:
        return False
    return _kept(pattern, value) if len(value) <= _LONGEST_KEPT else pattern.found_in(value)


# The same few names are searched for every task of an application.
@lru_cache(maxsize=65536)
def _kept(pattern: Pattern, value: str) -> bool:
    return pattern.found_in(value)
