"""Persistent maps, and sets by name: a frame changes its own, those of the state before stay as they were.

A change costs the logarithm of the size and shares all that did not change. There is no order: whoever lets others see
one sorts.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from immutables import Map

K = TypeVar("K")
V = TypeVar("V")


def without(found: Map[K, V], key: K) -> Map[K, V]:
    """The map without `key`, if it is there."""
    return found.delete(key) if key in found else found


class Groups(Generic[K, V]):
    """Sets by name; a name without members is no name."""

    __slots__ = ("_sets",)

    def __init__(self, sets: Map[K, Map[V, None]] | None = None) -> None:
        self._sets: Map[K, Map[V, None]] = Map() if sets is None else sets

    def of(self, name: K) -> Map[V, None]:
        """The members, as the keys of a map."""
        found: Map[V, None] = self._sets.get(name, Map())
        return found

    def add(self, name: K, member: V) -> "Groups[K, V]":
        """With one more member."""
        present = self.of(name)
        return self if member in present else Groups(self._sets.set(name, present.set(member, None)))

    def discard(self, name: K, member: V) -> "Groups[K, V]":
        """With one member less, if it is one."""
        present = self.of(name)
        if member not in present:
            return self
        left = present.delete(member)
        return Groups(self._sets.set(name, left) if left else self._sets.delete(name))

    def drop(self, name: K) -> "Groups[K, V]":
        """Without any member of that name."""
        return Groups(self._sets.delete(name)) if name in self._sets else self

    def __iter__(self) -> Iterator[K]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def __contains__(self, name: object) -> bool:
        return name in self._sets

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Groups) and self._sets == other._sets

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Groups({ {name: set(members) for name, members in self._sets.items()} })"
