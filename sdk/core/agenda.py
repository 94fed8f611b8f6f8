"""Names by the time at which each is due, to be looked at in that order: nobody walks through those that are not.

Persistent like the maps beside it (a pairing heap). A name that is put off keeps its place in the heap, and is moved on
when its old time comes: what is put off again and again, with every offer of an agent for example, costs one look at
the map.
"""

import math
from typing import Any, Generic, NamedTuple, TypeVar

from immutables import Map

K = TypeVar("K", bound=str | tuple[str, ...])
_REBUILT_ABOVE = 64


class _Node(NamedTuple):
    """A heap; no child is due before it."""

    due: float
    name: Any
    children: "tuple[_Node, Any] | None" = None
    """The first child and the rest of them, linked."""


class _Place(NamedTuple):
    due: float
    queued: float
    """When the name comes up in the heap: never later than it is due."""


class Agenda(Generic[K]):
    """See the module. Names that are due at the same time come in the order of their names."""

    __slots__ = ("_heap", "_places", "_size")

    def __init__(self, places: Map[K, _Place] | None = None, heap: _Node | None = None, size: int = 0) -> None:
        self._places: Map[K, _Place] = Map() if places is None else places
        self._heap = heap
        self._size = size

    def put(self, name: K, due: float) -> "Agenda[K]":
        """Have `name` come up at `due` (seconds since the epoch; infinity: never), and not at the time before."""
        if due == math.inf:
            return self.drop(name)
        place = self._places.get(name)
        if place is not None and place.due == due:
            return self
        if place is not None and place.queued <= due:
            return Agenda(self._places.set(name, _Place(due, place.queued)), self._heap, self._size)._tidy()
        places = self._places.set(name, _Place(due, due))
        return Agenda(places, _meld(self._heap, _Node(due, name)), self._size + 1)._tidy()

    def drop(self, name: K) -> "Agenda[K]":
        """Without `name`."""
        if name not in self._places:
            return self
        return Agenda(self._places.delete(name), self._heap, self._size)._tidy()

    def by(self, now: float) -> tuple[tuple[K, ...], "Agenda[K]"]:
        """The names that are due at `now`, and the agenda without them."""
        if self._heap is None or self._heap.due > now:
            return (), self
        found: list[K] = []
        agenda = self
        while agenda._heap is not None and agenda._heap.due <= now:
            name: K = agenda._heap.name
            found.append(name)
            agenda = agenda.drop(name)
        return tuple(found), agenda

    @property
    def next(self) -> float:
        """When the first one is due; infinity when there is none."""
        return math.inf if self._heap is None else self._heap.due

    def get(self, name: K) -> float | None:
        """When a name is due, None when it is not on the agenda."""
        place = self._places.get(name)
        return None if place is None else place.due

    def __len__(self) -> int:
        return len(self._places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Agenda) and {name: place.due for name, place in self._places.items()} == {
            name: place.due for name, place in other._places.items()
        }

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Agenda({ {name: place.due for name, place in self._places.items()} })"

    def _tidy(self) -> "Agenda[K]":
        """The same, with the name that is really due first on top."""
        places, heap, size = self._places, self._heap, self._size
        if size > _REBUILT_ABOVE and size > 2 * len(places):
            heap, size = None, len(places)  # most entries of the heap are of names that were dropped or came forward
            with places.mutate() as moved:
                for name, place in places.items():
                    moved[name] = _Place(place.due, place.due)
                    heap = _meld(heap, _Node(place.due, name))
                places = moved.finish()
        while heap is not None:
            top = places.get(heap.name)
            if top is not None and top.queued == heap.due:
                if top.due == heap.due:
                    break
                places = places.set(heap.name, _Place(top.due, top.due))
                heap = _meld(_rest(heap), _Node(top.due, heap.name))
            else:
                heap = _rest(heap)
                size -= 1
        return Agenda(places, heap, size)


def _meld(one: _Node | None, other: _Node | None) -> _Node | None:
    if one is None or other is None:
        return one or other
    if (other.due, other.name) < (one.due, one.name):
        one, other = other, one
    return _Node(one.due, one.name, (other, one.children))


def _rest(heap: _Node) -> _Node | None:
    """The heap without its top: the children in pairs, then all pairs, so that a step costs a logarithm on average."""
    pairs: list[_Node | None] = []
    left = heap.children
    while left is not None:
        first, left = left
        second = None
        if left is not None:
            second, left = left
        pairs.append(_meld(first, second))
    whole: _Node | None = None
    for pair in reversed(pairs):
        whole = _meld(whole, pair)
    return whole
