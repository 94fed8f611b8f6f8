"""Agents as placement rules see them, and where instances are. Knows no rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sdk.model.resources import Attribute, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an instance is, or would be."""

    hostname: str
    agent_id: str = ""
    region: str | None = None
    zone: str | None = None
    attributes: tuple[Attribute, ...] = ()
    instance: str = ""
    """Who runs there; tells it from the others that rules look at together."""

    def field(self, name: str) -> str | None:
        """The value that rules about `name` compare; None when the agent has no such field."""
        match name:
            case "hostname" | "@hostname":
                return self.hostname
            case "@agent":
                return self.agent_id or None
            case "@region":
                return self.region
            case "@zone":
                return self.zone
            case _:
                for found in self.attributes:
                    if found.name == name:
                        return found.text
                return None


def place_of(offer: Offer) -> Place:
    """The place that an offer stands for."""
    return Place(
        hostname=offer.hostname,
        agent_id=offer.agent_id,
        region=offer.region,
        zone=offer.zone,
        attributes=offer.attributes,
    )


_NOBODY: Mapping[str, Place] = {}


class Places:
    """Where some instances are, with a look-up by field: each offer asks the same.

    It changes with each instance that is placed: making it anew each time costs the square of their number.
    """

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places: dict[str, Place] = {}
        self._by_field: dict[str, dict[str, dict[str, Place]]] = {}
        for place in places:
            self.put(place)

    def put(self, place: Place) -> None:
        """An instance is there now, and nowhere else."""
        self.drop(place.instance)
        self._places[place.instance] = place
        for field, values in self._by_field.items():
            value = place.field(field)
            if value is not None:
                values.setdefault(value, {})[place.instance] = place

    def drop(self, instance: str) -> None:
        """An instance is nowhere."""
        place = self._places.pop(instance, None)
        if place is None:
            return
        for field, values in self._by_field.items():
            value = place.field(field)
            if value is not None:
                del values[value][instance]
                if not values[value]:
                    del values[value]

    def get(self, instance: str) -> Place | None:
        """Where an instance is."""
        return self._places.get(instance)

    def by(self, field: str) -> Mapping[str, Mapping[str, Place]]:
        """The instances by the value that the field has where they are, each by its name; none is empty."""
        found = self._by_field.get(field)
        if found is None:
            found = self._by_field[field] = {}
            for name, place in self._places.items():
                value = place.field(field)
                if value is not None:
                    found.setdefault(value, {})[name] = place
        return found

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def __len__(self) -> int:
        return len(self._places)


class Others:
    """The same without one instance: it does not stand in its own way."""

    __slots__ = ("_counts", "_places", "_without")

    def __init__(self, places: Places, without: str = "") -> None:
        self._places = places
        self._without = without
        self._counts: dict[str, tuple[dict[str, int], int]] = {}

    def count(self, field: str, value: str) -> int:
        """How many there are with this value of the field."""
        found = self._places.by(field).get(value)
        return 0 if found is None else len(found) - (self._without in found)

    def at(self, field: str, value: str) -> Place | None:
        """One of them."""
        found = self._places.by(field).get(value, _NOBODY)
        return next((place for name, place in found.items() if name != self._without), None)

    def elsewhere(self, field: str, value: str) -> Place | None:
        """One with another value of the field, of those that have any."""
        for found in self._places.by(field):
            if found != value and (place := self.at(field, found)) is not None:
                return place
        return None

    def turns(self, field: str, value: str, values: int = 0) -> tuple[int, int]:
        """How many there are with this value of the field, and with the one of so many that has the fewest.

        Without a number those count at which there is one. With fewer seen than there are, there is one elsewhere at
        which there is none.
        """
        if field not in self._counts:
            counts = self._by_value(field)
            self._counts[field] = (counts, min(counts.values(), default=0))
        counts, least = self._counts[field]
        taken = counts.get(value, 0)
        known = len(counts) + (value not in counts)
        return taken, 0 if known < values else min(least, taken) if counts else 0

    def _by_value(self, field: str) -> dict[str, int]:
        counts = {value: len(found) for value, found in self._places.by(field).items()}
        own = self._places.get(self._without)
        value = None if own is None else own.field(field)
        if value is not None:
            counts[value] -= 1
            if not counts[value]:
                del counts[value]
        return counts

    def __len__(self) -> int:
        return len(self._places) - (self._places.get(self._without) is not None)


NOBODY = Others(Places())
