"""Where we stand with our roles: which the master has of us, in which offers are wanted, and what for.

Values and their bookkeeping; what is said about them is decided in `sdk.core.membership` and `sdk.core.roles`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from immutables import Map

from sdk.core.maps import Groups, without
from sdk.core.slice import Slice
from sdk.core.stored import PodKey
from sdk.plan.backoff import Bucket, Retry
from sdk.plan.wish import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """Offers of one role."""

    suppressed: bool = False
    asked_at: float = 0.0
    """When an offer came or a REVIVE was sent last."""
    looked: int = 0
    """The last of the looks through all offers that offers were asked for."""
    unheard: bool = False
    """A REVIVE did not arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRefusal:
    """Mesos does not let us into a role: in whose words, and when it is asked again (an operator may allow it)."""

    why: str
    retry: Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which roles the master has of us, and how far we are in being let into others."""

    told: frozenset[str] = frozenset()
    """The roles of the present subscription: subscribed with, or accepted since."""
    wanted: frozenset[str] = frozenset()
    """What targets and records need."""
    asked: frozenset[str] | None = None
    """All roles of the UPDATE_FRAMEWORK whose answer has not come."""
    retry: Retry = field(default_factory=lambda: Retry(due=0.0, delay=1.0))
    """Not before this is the next UPDATE_FRAMEWORK sent."""
    apart: frozenset[str] = frozenset()
    """Were asked for in a call that was refused: each is asked for alone, to find out which one it was."""
    refused: Mapping[str, RoleRefusal] = field(default_factory=dict)
    idle: Mapping[str, float] = field(default_factory=dict)
    """Since when nothing needs a role of ours, as far as this process has seen."""
    idle_due: float = 0.0
    """When it is looked at again."""


class Reason(NamedTuple):
    """Why offers of a role are wanted."""

    role: str
    why: str
    """Tells it from every other: a reason that was not there before asks for offers anew."""
    awaited: bool = False
    """Nothing of ours waits for it: what was left behind may come back one day."""


_NONE: frozenset[Reason] = frozenset()


@dataclass(kw_only=True)
class Roles(Slice):
    """See the module."""

    offers: Map[str, RoleState] = field(default_factory=Map)
    """Of the roles of the present subscription."""
    membership: Membership = field(default_factory=Membership)
    of_targets: Groups[str, str] = field(default_factory=Groups)
    """Services by the roles that their targets name."""
    reasons: Map[PodKey, frozenset[Reason]] = field(default_factory=Map)
    """Why offers are wanted, by instance."""
    waiting: Groups[str, str] = field(default_factory=Groups)
    """The same by role: what waits for offers."""
    awaited: Groups[str, str] = field(default_factory=Groups)
    """The same by role: what was left behind."""
    fresh: Groups[str, str] = field(default_factory=Groups)
    """Those of them for which offers have not been asked for."""
    revives: Bucket = field(default_factory=lambda: Bucket(tokens=5.0, at=0.0))
    sweep_until: float = 0.0
    sweep_due: float = 0.0
    """When the next look through all offers begins."""
    sweeps: int = 0
    """Each look is new work, which asks for offers anew."""

    def set_reasons(self, key: PodKey, reasons: frozenset[Reason]) -> None:
        """All reasons that an instance has now."""
        before = self.reasons.get(key, _NONE)
        if before == reasons:
            return
        for reason in before - reasons:
            if reason.awaited:
                self.awaited = self.awaited.discard(reason.role, reason.why)
            else:
                self.waiting = self.waiting.discard(reason.role, reason.why)
            self.fresh = self.fresh.discard(reason.role, reason.why)
        for reason in reasons - before:
            if reason.awaited:
                self.awaited = self.awaited.add(reason.role, reason.why)
            else:
                self.waiting = self.waiting.add(reason.role, reason.why)
            self.fresh = self.fresh.add(reason.role, reason.why)
        self.reasons = self.reasons.set(key, reasons) if reasons else without(self.reasons, key)

    def begin(self) -> None:
        """A subscription began: offers of all roles come by themselves."""
        self.offers = Map()

    def asked(self, role: str) -> None:
        """Offers of a role have been asked for, or come by themselves."""
        self.fresh = self.fresh.drop(role)

    def watch(self, until: float) -> None:
        """Have offers of all roles come until then."""
        self.sweep_until = max(self.sweep_until, until)

    def set_target(self, service: str, before: Target | None, after: Target | None) -> None:
        """A service has another target, its first, or none any more."""
        had, has = _roles(before), _roles(after)
        for role in had - has:
            self.of_targets = self.of_targets.discard(role, service)
        for role in has - had:
            self.of_targets = self.of_targets.add(role, service)


def _roles(target: Target | None) -> frozenset[str]:
    return frozenset() if target is None else frozenset(pod.role for pod in target.spec.pods)
