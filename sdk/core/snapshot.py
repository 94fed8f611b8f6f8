"""What the outside may see of the scheduler: frozen values made from the state after each frame.

HTTP blueprints and plugins read these; they never see the state itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.model.ids import ConfigId
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec
from sdk.model.versions import Versions
from sdk.plan.progress import Progress
from sdk.plan.views import PlanView
from sdk.plan.wish import Target


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
    """One service as it is, plans and records, and as it should be."""

    name: str
    status: Progress
    removing: bool
    plans: tuple[PlanView, ...]
    pods: tuple[PodRecord, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that only inform (`TaskSpec.volatile_labels`) of the wish that the plans carry out, so that whoever
    made the wish can tell whether it has been heard; empty while the service is removed."""
    wanted: frozenset[str] = frozenset()
    """Instances that should be there, and of which is known how: those that an operator can act on."""
    quarantine: Quarantine | None = None
    """None while nothing fails."""
    target: Target | None = None
    """None while the service is removed, or when what it should be cannot be read."""
    earlier: Mapping[ConfigId, PodSpec] = field(default_factory=dict)
    """Configurations that instances keep until a rolling update gets to them."""
    said: Mapping[str, PlanRecord] = field(default_factory=dict)
    """By plan, what operators have said about it."""
    versions: Versions | None = None
    """What it has been, and what is pinned of it."""


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
