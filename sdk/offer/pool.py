"""What one agent offers to one role at this moment: all its offers together, consumed match by match."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from sdk.model.ids import AgentId, FrameworkId, OfferId, ResourceId
from sdk.model.resources import Offer, Range, Resource
from sdk.offer.algebra import add, add_ranges, subtract, subtract_ranges
from sdk.offer.draw import plain
from sdk.offer.place import Place, place_of
from sdk.offer.reservation import by_resource_id


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Resources that may be used, in the order in which they are taken, and what is read from them time and again."""

    resources: tuple[Resource, ...]
    disks: tuple[Resource, ...] = ()
    """Disks of their own, and volumes that are held: for volumes only."""
    _without: dict[frozenset[int], tuple[Range, ...]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def scalars(self) -> Mapping[str, int]:
        """Sums in thousandths by name."""
        found: dict[str, int] = {}
        for resource in self.resources:
            if resource.scalar:
                found[resource.name] = found.get(resource.name, 0) + resource.scalar
        return found

    @cached_property
    def ports(self) -> tuple[Range, ...]:
        """All port ranges, in normal form."""
        return add_ranges(ranges_of(self.resources, "ports"), ())

    def ports_without(self, numbers: frozenset[int]) -> tuple[Range, ...]:
        """`ports` without these."""
        found = self._without.get(numbers)
        if found is None:
            found = subtract_ranges(self.ports, [(number, number) for number in numbers])
            self._without[numbers] = found
        return found


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The offers of one agent and role; one ACCEPT may name them all.

    Many instances ask the same of one pool: what it answers is worked out once (and anew for `without`).
    """

    agent_id: AgentId
    role: str
    offers: tuple[Offer, ...]
    resources: tuple[Resource, ...]
    """In normal form; what earlier matches of this round took is gone."""
    _sources: dict[str | None, Sources | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def hostname(self) -> str:
        """Host name of the agent."""
        return self.offers[0].hostname

    @property
    def offer_ids(self) -> tuple[OfferId, ...]:
        """All offers that the pool is made of."""
        return tuple(OfferId(offer.id) for offer in self.offers)

    @cached_property
    def place(self) -> Place:
        """The agent as placement rules see it."""
        return place_of(self.offers[0])

    @cached_property
    def windows(self) -> tuple[tuple[float, float | None], ...]:
        """Start and duration of announced maintenance."""
        return tuple(
            (offer.unavailability_start, offer.unavailability_duration)
            for offer in self.offers
            if offer.unavailability_start is not None
        )

    @cached_property
    def content(self) -> int:
        """Equal for pools of one region that differ in their agent only: whom one refuses, the other does, too."""
        return hash((frozenset(self.resources), self.offered_ports, self.place.region))

    @cached_property
    def offered_ports(self) -> tuple[Range, ...]:
        """What the offers held before anything was taken, in normal form."""
        return add_ranges(ranges_of([resource for offer in self.offers for resource in offer.resources], "ports"), ())

    def sources(self, prereserved: str | None) -> Sources | None:
        """What an instance without a holding may use: what is reserved statically for the role, then the unreserved.

        None when there must be such a role and the agent holds nothing for it. Kinds that it holds unreserved (a disk
        that the agent detected itself, for example) may be added to what it holds for the role.
        """
        if prereserved not in self._sources:
            static = self.static(prereserved)
            missing = prereserved is not None and not static
            resources, disks = (*static, *self.unreserved), self.disks(prereserved)
            self._sources[prereserved] = None if missing else Sources(resources=resources, disks=disks)
        return self._sources[prereserved]

    @cached_property
    def unreserved(self) -> tuple[Resource, ...]:
        """What anybody may use."""
        return tuple(resource for resource in plain(self.resources) if not resource.reservations)

    def disks(self, role: str | None) -> tuple[Resource, ...]:
        """Disks of their own that nobody has made a volume of: what is reserved statically for the role comes first."""
        free = [
            resource
            for resource in self.resources
            if resource.disk is not None and resource.volume is None and resource.extra is None
        ]
        return (*(each for each in free if _is_static(each, role)), *(each for each in free if not each.reservations))

    def static(self, role: str | None) -> tuple[Resource, ...]:
        """What the agent's flags reserve for a role; nothing for None."""
        return tuple(resource for resource in plain(self.resources) if _is_static(resource, role))

    def own(self, framework_ids: Collection[FrameworkId]) -> dict[ResourceId, tuple[Resource, ...]]:
        """Our reservations in it, made under any of these ids, by their own id."""
        return by_resource_id(self.resources, framework_ids)

    def without(self, taken: Iterable[Resource]) -> "Pool":
        """The pool after `taken` was used."""
        return replace(self, resources=subtract(self.resources, taken), _sources={})


def pools(offers: Iterable[Offer]) -> tuple[Pool, ...]:
    """Offers by agent and role, in the order in which they came."""
    grouped: dict[tuple[str, str], list[Offer]] = {}
    for offer in offers:
        grouped.setdefault((offer.agent_id, offer.role), []).append(offer)
    return tuple(
        Pool(
            agent_id=AgentId(agent),
            role=role,
            offers=tuple(group),
            resources=add([], [resource for offer in group for resource in offer.resources]),
        )
        for (agent, role), group in grouped.items()
    )


def ranges_of(resources: Iterable[Resource], name: str) -> tuple[Range, ...]:
    """All ranges called `name`."""
    return tuple(found for resource in resources if resource.name == name for found in resource.ranges or ())


def _is_static(resource: Resource, role: str | None) -> bool:
    stack = resource.reservations
    return len(stack) == 1 and not stack[0].dynamic and stack[0].role == role
