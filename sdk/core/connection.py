"""Where we stand with the master."""

from dataclasses import dataclass
from enum import StrEnum

from sdk.core.slice import Slice


class Connection(StrEnum):
    """How far the subscription is."""

    DISCONNECTED = "disconnected"
    SUBSCRIBED = "subscribed"
    REMOVED = "removed"


@dataclass(kw_only=True)
class Link(Slice):
    """The subscription, as its events tell of it."""

    connection: Connection = Connection.DISCONNECTED
    since: float | None = None
    """When the present subscription began, in seconds since the epoch; None while there is none."""
    master: str | None = None
    region: str | None = None
    """The fault domain of the master; None when it tells of none."""
    error: str | None = None
    """Why there is none."""
    implicit_due: float = 0.0
    """When Mesos is asked next about all tasks that it knows."""

    @property
    def subscribed(self) -> bool:
        """Whether calls may be made."""
        return self.connection is Connection.SUBSCRIBED
