"""What the outside may see of the scheduler: frozen values made from the state after each frame.

HTTP blueprints and plugins read these; they never see the state itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sdk.model.records import FrameworkRecord, PodRecord


class Progress(StrEnum):
    """Status of a plan, phase or step."""

    PENDING = "PENDING"
    """Nothing has been done yet."""
    PREPARED = "PREPARED"
    """Waits for an offer that fits."""
    STARTING = "STARTING"
    """Launched; no RUNNING yet."""
    STARTED = "STARTED"
    """RUNNING, not healthy yet."""
    KILLING = "KILLING"
    """The old task is being ended."""
    DELAYED = "DELAYED"
    """Waits for its backoff or for the replacement delay to pass."""
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """How many of the last offers were refused for one reason, e.g. 2 x "ports 80 not free"."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step: what it is about, how far it is, and the sentence that explains it."""

    name: str
    status: Progress
    message: str
    pod: str
    """Instance name `<pod>-<index>`."""
    refusals: tuple[Refusals, ...] = ()
    """Why the offers seen last did not fit, most frequent first; empty unless PREPARED."""
    waits: str = ""
    """What it waits for and why, without the refusals, when these are all that holds it up: `agent1 is drained; waits
    for an offer of another agent`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """Steps that share a strategy."""

    name: str
    strategy: str
    status: Progress
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """`deploy`, `recovery` or `decommission` of one service."""

    name: str
    status: Progress
    phases: tuple[PhaseView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A service in which something fails, by a defect or because it cannot be stored, is left alone for a while."""

    why: str
    since: float
    """Seconds since the epoch."""
    until: float
    """When it is tried again; in the past when it is being tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One service as it is: plans and records."""

    name: str
    status: Progress
    removing: bool
    plans: tuple[PlanView, ...]
    pods: tuple[PodRecord, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that only inform (`TaskSpec.volatile_labels`) of the wish that the plans carry out, so that whoever
    made the wish can tell whether it has been heard; empty while the service is removed."""
    quarantine: Quarantine | None = None
    """None while nothing fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole framework at one moment."""

    framework: FrameworkRecord
    connection: str
    """`disconnected`, `subscribed` or `removed`."""
    master: str | None
    error: str | None
    offers: int
    suppressed: tuple[str, ...]
    services: Mapping[str, ServiceView] = field(default_factory=dict)
    uninstall: Progress | None = None
    """None unless an uninstall was asked for."""
    uninstall_message: str = ""
