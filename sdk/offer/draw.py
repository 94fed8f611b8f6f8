"""Taking an amount out of a list of resources, entry after entry, in the order of the list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sdk.model.resources import Resource
from sdk.offer.algebra import add_ranges, excess, intersect_ranges, subtract_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much of each kind: scalars in thousandths, ports by number."""

    cpus: int = 0
    mem: int = 0
    disk: int = 0
    ports: tuple[int, ...] = ()

    def scalars(self) -> tuple[tuple[str, int], ...]:
        """The scalar kinds that are wanted, in a fixed order."""
        wanted = (("cpus", self.cpus), ("mem", self.mem), ("disk", self.disk))
        return tuple((name, amount) for name, amount in wanted if amount)


def draw(resources: Sequence[Resource], amounts: Amounts) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
    """What was taken for `amounts`, and what is left. Takes what there is when it is less than wanted."""
    taken: list[Resource] = []
    for name, amount in amounts.scalars():
        for resource in resources:
            # Volumes, disks of their own, revocable and shared resources are never taken for a plain amount.
            if amount and resource.name == name and resource.scalar and resource.plain:
                part = min(amount, resource.scalar)
                taken.append(replace(resource, scalar=part))
                amount -= part
    wanted = add_ranges([(number, number) for number in amounts.ports], ())
    for resource in resources:
        if wanted and resource.name == "ports" and resource.ranges and resource.plain:
            part_ranges = intersect_ranges(resource.ranges, wanted)
            if part_ranges:
                taken.append(replace(resource, ranges=part_ranges))
                wanted = subtract_ranges(wanted, part_ranges)
    return tuple(taken), excess(resources, taken)


def plain(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Those that may be taken for a plain amount."""
    return tuple(resource for resource in resources if resource.plain)
