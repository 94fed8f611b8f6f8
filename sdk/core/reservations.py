"""Reservations on their way back to Mesos, and those that are missing from the offers of their agent.

Which reservations are held, and which were left behind, is on record; here is only what a subscription has told.
"""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.agenda import Agenda
from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.model.ids import AgentId, OperationId, ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An UNRESERVE that was sent."""

    sent: float
    agent_id: AgentId
    operation: OperationId | None
    """Whose feedback is waited for; None where the offers have to tell."""


@dataclass(kw_only=True)
class Reservations(Slice):
    """See the module."""

    absent_since: Map[ResourceId, float] = field(default_factory=Map)
    """Since when an agent makes offers without a reservation that should be among them."""
    releases: Map[ResourceId, Release] = field(default_factory=Map)
    """UNRESERVEs whose outcome is not known."""
    releases_due: Agenda[ResourceId] = field(default_factory=Agenda)
    """When nobody waits for it any more."""
    operations: Map[OperationId, ResourceId] = field(default_factory=Map)
    errors: Map[ResourceId, int] = field(default_factory=Map)
    """How many UNRESERVEs of a reservation in a row ended in OPERATION_ERROR."""

    def released(self, resource_id: ResourceId, release: Release, until: float) -> None:
        """UNRESERVE goes out."""
        self.outcome_known(resource_id)
        self.releases = self.releases.set(resource_id, release)
        self.releases_due = self.releases_due.put(resource_id, until)
        if release.operation is not None:
            self.operations = self.operations.set(release.operation, resource_id)

    def outcome_known(self, resource_id: ResourceId) -> None:
        """The UNRESERVE was carried out, or was not."""
        release = self.releases.get(resource_id)
        if release is None:
            return
        self.releases = self.releases.delete(resource_id)
        self.releases_due = self.releases_due.drop(resource_id)
        if release.operation is not None:
            self.operations = without(self.operations, release.operation)

    def failed(self, resource_id: ResourceId) -> None:
        """An UNRESERVE ended in OPERATION_ERROR."""
        self.errors = self.errors.set(resource_id, self.errors.get(resource_id, 0) + 1)

    def offered(self, resource_id: ResourceId) -> None:
        """It is where it should be."""
        self.absent_since = without(self.absent_since, resource_id)

    def absent_for(self, resource_id: ResourceId, now: float) -> float:
        """Seconds since it was missed first, which may be now."""
        since = self.absent_since.get(resource_id)
        if since is None:
            self.absent_since = self.absent_since.set(resource_id, now)
            return 0.0
        return now - since

    def gone(self, resource_id: ResourceId) -> None:
        """Nothing is reserved under this id any more."""
        self.outcome_known(resource_id)
        self.errors = without(self.errors, resource_id)
        self.offered(resource_id)

    def parted(self) -> None:
        """What was missed belongs to a subscription that has ended."""
        self.absent_since = Map()
