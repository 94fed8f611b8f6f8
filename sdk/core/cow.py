"""A mapping that is copied when it is first written to: what a frame changes stays apart from the state before."""

from collections.abc import Iterator, Mapping, MutableMapping
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

    def result(self) -> Mapping[K, V]:
        """The mapping as it is now; the draft must not be written to afterwards."""
        return self._base if self._copy is None else self._copy

    def _writable(self) -> dict[K, V]:
        if self._copy is None:
            self._copy = dict(self._base)
        return self._copy
