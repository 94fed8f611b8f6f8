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
class DiskSource:
    """What a disk is, other than a share of that on which the agent works."""

    type: str
    """PATH, MOUNT, BLOCK or RAW."""
    root: str | None = None
    """Directory or mount point on the agent."""
    profile: str | None = None
    more: str | None = None
    """Canonical JSON of what else Mesos says; it tells disks apart, and is handed back as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What makes a disk more than an amount: where it is, and the volume that it is."""

    source: DiskSource | None = None
    """None: a share of the disk on which the agent works."""
    persistence: str | None = None
    """Id of the persistent volume, None where it is none."""
    principal: str | None = None
    """Who made the volume."""
    path: str | None = None
    """Where a container finds the volume."""
    mode: str = "RW"
    more: str | None = None
    """Canonical JSON of what else Mesos says of the volume in a container."""


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
    disk: Disk | None = None
    """Of disks that are more than a share of the one on which the agent works."""
    provider_id: str | None = None
    """Who provides it beside the agent itself; one operation concerns resources of one provider."""
    extra: str | None = None
    """Canonical JSON of the fields that we keep but do not interpret (shared, revocable)."""

    @property
    def role(self) -> str:
        """The role that holds it: of the innermost reservation, `*` when unreserved."""
        return self.reservations[-1].role if self.reservations else "*"

    @property
    def volume(self) -> str | None:
        """Id of the persistent volume that it is; None for everything else."""
        return None if self.disk is None else self.disk.persistence

    @property
    def whole(self) -> bool:
        """Whether it can only be had as a whole: volumes, and disks that are devices or file systems of their own."""
        if self.disk is None:
            return False
        return self.volume is not None or (self.disk.source is not None and self.disk.source.type != "PATH")

    @property
    def plain(self) -> bool:
        """Whether it may be taken for a mere amount: no volume, no disk of its own, not revocable, not shared."""
        return self.disk is None and self.extra is None and self.provider_id is None


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
