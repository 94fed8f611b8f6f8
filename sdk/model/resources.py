"""Resources as Mesos counts them: scalars in integer thousandths, ranges, sets, and the stack of reservations.

Mesos keeps scalars as fixed point with three decimals (an offer may still print 1.8900000000000001), so all arithmetic
here is on integers. Algebra on lists of resources is in `sdk.offer.algebra`.
"""

from dataclasses import dataclass, field

MILLI = 1000

Label = tuple[str, str]
Range = tuple[int, int]
"""Both ends belong to the range."""


def milli(value: float) -> int:
    """A Mesos scalar in thousandths, rounded as the master does."""
    return round(value * MILLI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One entry of a resource's reservation stack; the last entry is the innermost."""

    role: str
    dynamic: bool
    """False: STATIC, made by the agent's flags; it can be refined but never removed."""
    principal: str | None = None
    labels: tuple[Label, ...] = ()

    def label(self, key: str) -> str | None:
        """The value of the first label `key`, or None."""
        return next((value for name, value in self.labels if name == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A quantity of one kind: exactly one of `scalar`, `ranges` and `items` is set."""

    name: str
    scalar: int | None = None
    """Thousandths."""
    ranges: tuple[Range, ...] | None = None
    """Sorted, disjoint, not adjacent."""
    items: frozenset[str] | None = None
    reservations: tuple[Reservation, ...] = ()
    allocation_role: str | None = None
    extra: str | None = None
    """Canonical JSON of the fields that we keep but do not interpret (disk, shared, revocable, provider_id)."""

    @property
    def role(self) -> str:
        """The role that holds it: of the innermost reservation, `*` when unreserved."""
        return self.reservations[-1].role if self.reservations else "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An agent attribute; `text` is its value as Marathon's constraints compare it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReservations:
    """All that is reserved on an agent, by whomever, offered or not."""

    agent_id: str
    hostname: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer: resources of one agent, allocated to one role."""

    id: str
    framework_id: str
    agent_id: str
    hostname: str
    role: str
    """`allocation_info.role`."""
    resources: tuple[Resource, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    executor_ids: tuple[str, ...] = ()
    address: str | None = None
    """IP of the agent, from `url.address`."""
    region: str | None = None
    zone: str | None = None
    unavailability_start: float | None = None
    """Seconds since the epoch of planned maintenance, when announced."""
    unavailability_duration: float | None = field(default=None)
