"""Plans as people see them: what a spec declares of them, and what an operator has said about one.

A plan consists of phases, a phase of steps; a step is one instance. What a plan lets act is in `sdk.plan.candidates`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEPLOY = "deploy"
"""Brings instances up that have never been ready."""
UPDATE = "update"
"""Brings the target's configuration to those that have been ready with another one."""
RECOVERY = "recovery"
"""Brings back what was as it should be, and is no more."""
DECOMMISSION = "decommission"
"""Removes the instances of a service that are wanted no more."""
UNINSTALL = "uninstall"
"""Removes a whole service."""
OWN = (DEPLOY, UPDATE, RECOVERY, DECOMMISSION, UNINSTALL)
"""The plans that every service has."""
ORDERED = (DEPLOY, UPDATE)
"""Those of them whose order a spec may declare."""
RUN = "PLAN_RUN"
"""Environment variable that tells the tasks of a plan to which of its runs they belong."""


class Strategy(StrEnum):
    """In which order the parts of a plan, or of a phase, may act."""

    SERIAL = "serial"
    """Each when the one before is complete."""
    PARALLEL = "parallel"
    """All at once."""
    DEPENDENCY = "dependency"
    """Each when those are complete that it depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpec:
    """A part of a plan: instances of one pod."""

    name: str
    """Tells it from the plan's other phases."""
    pod: str
    """Whose instances its steps are."""
    indexes: tuple[int, ...] = ()
    """Which of them, in this order; empty: all, the lowest first."""
    strategy: Strategy = Strategy.SERIAL
    """In which order its steps may act. In an update the pod's `UpdateStrategy` tells how many may be down."""
    canary: int = 0
    """So many steps act one after the other; after each of them an operator has to say `continue`."""
    depends_on: tuple[str, ...] = ()
    """Phases that have to be complete before, in a plan of strategy `DEPENDENCY`."""
    after: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of a phase of strategy `DEPENDENCY`: by the index of an instance those that have to be complete before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """The order of `deploy` or `update`, or a plan of another name, whose pods run only while an operator has it run.

    Pods that no phase of `deploy` or `update` names act at once, each in a phase of its own. The pods of any other plan
    are no part of `deploy`: nothing of them is launched before the plan is started. Each start is a run of its own: its
    parameters, and its number as `PLAN_RUN`, are environment of the tasks, which have the goal `FINISHED` where they
    are to end by themselves.
    """

    name: str
    """`deploy`, `update`, or any other name that no plan of every service has."""
    phases: tuple[PhaseSpec, ...]
    """In the order in which they act when the strategy is `SERIAL`."""
    strategy: Strategy = Strategy.SERIAL
    """In which order the phases may act."""
    canary: int = 0
    """So many phases act one after the other; after each of them an operator has to say `continue`."""
    parameters: tuple[str, ...] = ()
    """Names of the variables that a start may set; of a plan that is started only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """What operators have said about one plan of a service: stored, and forgotten with what it is about."""

    service: str
    plan: str
    interrupted: bool = False
    """Nothing of the plan begins."""
    why: str | None = None
    """Why it is interrupted when no operator has said so; a sentence."""
    phases: frozenset[str] = frozenset()
    """Phases of which nothing begins."""
    continued: Mapping[str, int] = field(default_factory=dict)
    """How often `continue` was said to a phase with canaries, or, under the empty name, to the plan with its own."""
    forced: frozenset[str] = frozenset()
    """`<phase>/<step>` that count as complete for all that comes after them."""
    about: Mapping[str, str] = field(default_factory=dict)
    """By phase: for which configuration of its pod `continued` and `forced` were said. They die with it."""
    running: bool = False
    """It was started, and not stopped since."""
    run: int = 0
    """How often it was started."""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the present run: may be secrets."""

    @property
    def says_nothing(self) -> bool:
        """Nothing of it need be remembered."""
        return self == PlanRecord(service=self.service, plan=self.plan)
