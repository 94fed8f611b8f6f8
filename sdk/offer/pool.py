"""What one agent offers to one role at this moment: all its offers together, consumed match by match."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from sdk.model.ids import AgentId, FrameworkId, OfferId, ResourceId
from sdk.model.resources import Offer, Range, Resource
from sdk.offer.algebra import add, subtract
from sdk.offer.placement import Place, place_of
from sdk.offer.reservation import by_resource_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The offers of one agent and role; one ACCEPT may name them all."""

    agent_id: AgentId
    role: str
    offers: tuple[Offer, ...]
    resources: tuple[Resource, ...]
    """In normal form; what earlier matches of this round took is gone."""

    @property
    def hostname(self) -> str:
        """Host name of the agent."""
        return self.offers[0].hostname

    @property
    def offer_ids(self) -> tuple[OfferId, ...]:
        """All offers that the pool is made of."""
        return tuple(OfferId(offer.id) for offer in self.offers)

    @property
    def place(self) -> Place:
        """The agent as placement rules see it."""
        return place_of(self.offers[0])

    def own(self, framework_ids: Collection[FrameworkId]) -> dict[ResourceId, tuple[Resource, ...]]:
        """Our reservations in it, made under any of these ids, by their own id."""
        return by_resource_id(self.resources, framework_ids)

    def without(self, taken: Iterable[Resource]) -> "Pool":
        """The pool after `taken` was used."""
        return replace(self, resources=subtract(self.resources, taken))


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


def scalar_of(resources: Iterable[Resource], name: str) -> int:
    """Sum of the scalars called `name`, in thousandths."""
    return sum(resource.scalar or 0 for resource in resources if resource.name == name)


def ranges_of(resources: Iterable[Resource], name: str) -> tuple[Range, ...]:
    """All ranges called `name`."""
    return tuple(found for resource in resources if resource.name == name for found in resource.ranges or ())
