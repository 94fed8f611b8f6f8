"""Which tasks a reader wants: those that meet any of its terms, or all. Pure.

Knows the fields of a task that terms look at, and that a pattern is found anywhere in a value. A filter only grows.
Does not know who asks, nor what for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from api.mesos_listener.task import Task
from sdk.pattern import BadPattern, Pattern

LABEL, LABEL_KEY = "label", "label_key"
_TEXTS: Mapping[str, Callable[[Task], str]] = {
    "id": lambda task: task.id,
    "name": lambda task: task.name,
    "framework_id": lambda task: task.framework_id,
    "framework_name": lambda task: task.framework_name,
    "marathon_id": lambda task: task.marathon_id,
    "marathon_container": lambda task: task.marathon_container,
}
#: What a term may look at: fields in taskinfo.proto, keys of all labels, the value of the label that the term names.
FIELDS = (*_TEXTS, LABEL_KEY, LABEL)
#: Values longer than this are matched again each time: they come from applications, and many are kept.
_LONGEST_KEPT = 256
_MANY = 16


class Term(NamedTuple):
    """The field has this value; or, when it is a pattern of RE2, one in which the pattern is found.

    `key` is that of a label, and empty for all other fields.
    """

    field: str
    text: str
    pattern: bool = False
    key: str = ""


class BadTerm(ValueError):
    """There is no such field, or the pattern is none; the message is a sentence."""


class _Look(NamedTuple):
    """What is looked for in one place."""

    exact: frozenset[str]
    patterns: tuple[Pattern, ...]

    def finds(self, value: str) -> bool:
        return value in self.exact or any(_found(pattern, value) for pattern in self.patterns)

    def with_(self, other: "_Look") -> "_Look":
        new = tuple(one for one in other.patterns if one not in self.patterns)
        return _Look(self.exact | other.exact, self.patterns + new)


@dataclass(frozen=True, slots=True)
class Filter:
    """Tasks that meet any of `terms`; None: all tasks."""

    terms: frozenset[Term] | None = None
    _looks: Mapping[tuple[str, str], _Look] = field(default_factory=dict, compare=False)
    """By field and key."""

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "Filter":
        """The filter with these terms; raises BadTerm."""
        every = frozenset(terms)
        for term in every:
            check_field(term.field, term.key)
        places: dict[tuple[str, str], list[Term]] = {}
        for term in sorted(every):
            places.setdefault((term.field, term.key), []).append(term)
        looks = {
            place: _Look(
                frozenset(term.text for term in here if not term.pattern),
                tuple(_pattern(term) for term in here if term.pattern),
            )
            for place, here in places.items()
        }
        return cls(every, looks)

    @property
    def is_costly(self) -> bool:
        """Whether `wants` may take long."""
        return len(self._looks) > _MANY or sum(len(look.patterns) for look in self._looks.values()) > _MANY

    def wants(self, task: Task) -> bool:
        """Whether the task meets a term."""
        if self.terms is None:
            return True
        for (name, key), look in self._looks.items():
            for value in values_of(task, name, key):
                if look.finds(value):
                    return True
        return False

    def with_(self, other: "Filter") -> "Filter":
        """The filter for tasks that either of both wants."""
        if self.terms is None or other.terms is None:
            return ALL
        if other.terms <= self.terms:
            return self
        looks = dict(self._looks)
        for where, look in other._looks.items():
            looks[where] = looks[where].with_(look) if where in looks else look
        return Filter(self.terms | other.terms, looks)


ALL = Filter()


def check_field(name: str, key: str) -> None:
    """Raises BadTerm where there is no such field, or it needs the key of a label, or has none."""
    if name not in FIELDS:
        raise BadTerm(f"there is no field {name[:100]!r}; there are {', '.join(FIELDS)}")
    if name == LABEL and not key:
        raise BadTerm("label: needs the key of the label")
    if name != LABEL and key:
        raise BadTerm(f"{name}: has no key {key[:100]!r}; only label has one")


def values_of(task: Task, name: str, key: str = "") -> Iterable[str]:
    """What the task has in a field: nothing, a value, or several."""
    text = _TEXTS.get(name)
    if text is not None:
        value = text(task)
        return (value,) if value else ()
    if name == LABEL_KEY:
        return (label for label, _ in task.labels)
    return (value for label, value in task.labels if label == key)


def _pattern(term: Term) -> Pattern:
    try:
        return Pattern(term.text)
    except BadPattern as error:
        raise BadTerm(f"{term.field}: {term.text[:100]!r} {error}") from error


def _found(pattern: Pattern, value: str) -> bool:
    return _kept(pattern, value) if len(value) <= _LONGEST_KEPT else pattern.found_in(value)


# The same few names are searched for every task of an application.
@lru_cache(maxsize=65536)
def _kept(pattern: Pattern, value: str) -> bool:
    return pattern.found_in(value)
