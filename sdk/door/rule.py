"""Rules as values: which fields a rule reads, its sentence, and the function that finds what breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Check = TypeVar("Check", bound="Callable[[Any], Broken]")

Broken = Iterator[tuple[str, str]]
"""Path below the value that has the rule, such as `count` or `ports.http.number`, and the sentence; `""` is the value
itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of one class of spec. It is looked at when the types of the fields that it reads are right."""

    fields: tuple[str, ...]
    sentence: str
    """For the reference."""
    check: Callable[[Any], Broken]


class Rules(Generic[T]):
    """The rules of one class, in order; each is a function with the sentence as its docstring."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self._rules: list[Rule] = []

    def __call__(self, *fields: str) -> Callable[[Check], Check]:
        """Decorator: the function is a rule about these fields."""

        def note(check: Check) -> Check:
            self._rules.append(Rule(fields=fields, sentence=(check.__doc__ or "").strip(), check=check))
            return check

        return note

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)
