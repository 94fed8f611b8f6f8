"""The edges of a runner: what it needs of Mesos and of the lock, and what it tells about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sdk.core.effects import CallEffect
from sdk.core.events import Event
from sdk.errors import SdkError
from sdk.model.records import FrameworkRecord
from sdk.storage.connection import Check
from sdk.storage.holder import Holder, Role


class Phase(StrEnum):
    """What the runner is doing."""

    STANDBY = "standby"
    """Another process is in charge, or nobody yet."""
    LOADING = "loading"
    """In charge, reading what is stored."""
    LEADING = "leading"
    REMOVED = "removed"
    """Mesos forgot the framework for good; an operator must decide."""
    UNINSTALLED = "uninstalled"
    SUPERSEDED = "superseded"
    """Another scheduler subscribed with the framework's id; this process has given its charge up."""
    STOPPED = "stopped"


class NotInCharge(SdkError):
    """The request must go to the process in charge."""


class Feed(Protocol):
    """The subscription to Mesos as the runner uses it; `sdk.mesos.feed.MesosFeed` is the real one."""

    @property
    def failure(self) -> str | None:
        """Why it ended for good."""

    @property
    def trouble(self) -> str | None:
        """Why there is no subscription, as far as is known; None while there is one."""

    def start(self) -> None:
        """Begin to subscribe."""

    def stop(self) -> None:
        """Close the stream; returns at once."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of its thread."""

    def call(self, effect: CallEffect) -> None:
        """Make a call; raises SdkError when it was not taken."""


class Charge(Protocol):
    """Leadership as the runner uses it; `sdk.storage.election.Leadership` is the real one."""

    @property
    def role(self) -> Role:
        """What this process is now."""

    @property
    def holder(self) -> Holder | None:
        """Who is in charge."""

    def check(self) -> Check:
        """The operation that fences writes; raises LeadershipLost."""

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait out a suspension; whether writes may go on."""

    def start(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Compete on a thread of its own."""

    def stop(self, timeout: float = 10.0) -> None:
        """Release it."""


FeedFactory = Callable[[FrameworkRecord, Callable[[Event], None]], Feed]
"""Makes a feed from the framework's record (id and roles to subscribe with) and where events go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the outside may know of the runner itself."""

    phase: Phase
    leading: bool
    ready: bool
    reason: str
    """Why it is not ready, one sentence; empty when it is."""
    leader_url: str | None
    error: str | None
    """The last thing that went wrong and was not repaired, None when all is well."""
    skipped: tuple[str, ...]
    """Events that were given up, oldest first, a sentence each."""
    quarantined: tuple[str, ...]
    """Services in which something fails by a defect, or cannot be stored: they are left alone, and tried again."""
    problems: Mapping[str, str]
    """What the plugin reports, and wishes that were refused: sentence by service."""
