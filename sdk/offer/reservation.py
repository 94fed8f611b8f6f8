"""How our reservations are told from all others: the labels of the innermost entry of the stack.

Nothing without our `framework_id` label (the present id, or one that Mesos removed and that we stored) is ever touched:
other frameworks, and other installations of this one, may share a role with us.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from sdk.model.ids import FrameworkId, ResourceId
from sdk.model.resources import Reservation, Resource

RESOURCE_ID = "resource_id"
FRAMEWORK_ID = "framework_id"
SERVICE = "service"
POD = "pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """For whom something is reserved."""

    role: str
    principal: str | None
    framework_id: FrameworkId
    service: str
    pod: str
    """Instance name `<pod>-<index>`."""
    resource_id: ResourceId

    def reservation(self) -> Reservation:
        """The entry that is put on top of a stack."""
        return Reservation(
            role=self.role,
            dynamic=True,
            principal=self.principal,
            labels=(
                (RESOURCE_ID, self.resource_id),
                (FRAMEWORK_ID, self.framework_id),
                (SERVICE, self.service),
                (POD, self.pod),
            ),
        )


def reserved(resource: Resource, owner: Owner) -> Resource:
    """`resource` with the owner's entry on top of its stack: plain or a refinement of a static reservation."""
    return replace(resource, reservations=(*resource.reservations, owner.reservation()))


def resource_id(resource: Resource, framework_ids: Collection[FrameworkId]) -> ResourceId | None:
    """The id of a reservation made by us under any of these framework ids; None for everything else."""
    if not resource.reservations:
        return None
    innermost = resource.reservations[-1]
    if not innermost.dynamic or innermost.label(FRAMEWORK_ID) not in framework_ids:
        return None
    found = innermost.label(RESOURCE_ID)
    return ResourceId(found) if found else None


def by_resource_id(
    resources: Iterable[Resource], framework_ids: Collection[FrameworkId]
) -> dict[ResourceId, tuple[Resource, ...]]:
    """Our own reservations among `resources`."""
    found: dict[ResourceId, tuple[Resource, ...]] = {}
    for resource in resources:
        own = resource_id(resource, framework_ids)
        if own is not None:
            found[own] = (*found.get(own, ()), resource)
    return found
