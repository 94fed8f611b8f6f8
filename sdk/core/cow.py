"""A mapping that is copied when it is first written to: what a frame changes stays apart from the state before."""

from collections.abc import Iterator, Mapping, MutableMapping, Set
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Draft(MutableMapping[K, V], Generic[K, V]):
    """Reads through to `base` until the first write."""

    __slots__ = ("_base", "_copy")

    def __init__(self, base: Mapping[K, V]) -> None:
        self._base = base
        self._copy: dict[K, V] | None = None

    def __getitem__(self, key: K) -> V:
        return (self._base if self._copy is None else self._copy)[key]

    def __setitem__(self, key: K, value: V) -> None:
        self._writable()[key] = value

    def __delitem__(self, key: K) -> None:
        del self._writable()[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._base if self._copy is None else self._copy)

    def __len__(self) -> int:
        return len(self._base if self._copy is None else self._copy)

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self._copy is not None

    def result(self) -> Mapping[K, V]:
        """The mapping as it is now; the draft must not be written to afterwards."""
        return self._base if self._copy is None else self._copy

    def _writable(self) -> dict[K, V]:
        if self._copy is None:
            self._copy = dict(self._base)
        return self._copy


class Groups(Generic[K, V]):
    """Sets by name, of which each is copied when it is first changed; a name without members is no name."""

    __slots__ = ("_base", "_changed")

    def __init__(self, base: Mapping[K, frozenset[V]]) -> None:
        self._base = base
        self._changed: dict[K, set[V]] = {}

    def get(self, name: K) -> Set[V]:
        """The members at this moment: copy them before changing what is iterated over."""
        changed = self._changed.get(name)
        return changed if changed is not None else self._base.get(name, frozenset())

    def add(self, name: K, member: V) -> None:
        """One more member."""
        if member not in self.get(name):
            self._writable(name).add(member)

    def discard(self, name: K, member: V) -> None:
        """One member less, if it is one."""
        if member in self.get(name):
            self._writable(name).discard(member)

    def drop(self, name: K) -> None:
        """No members any more."""
        if self.get(name):
            self._changed[name] = set()

    def names(self) -> set[K]:
        """Names that have members."""
        unchanged = {name for name in self._base if name not in self._changed}
        return unchanged | {name for name, members in self._changed.items() if members}

    def result(self) -> Mapping[K, frozenset[V]]:
        """The sets as they are now."""
        if not self._changed:
            return self._base
        kept = {name: members for name, members in self._base.items() if name not in self._changed}
        return kept | {name: frozenset(members) for name, members in self._changed.items() if members}

    def _writable(self, name: K) -> set[V]:
        if name not in self._changed:
            self._changed[name] = set(self._base.get(name, frozenset()))
        return self._changed[name]
