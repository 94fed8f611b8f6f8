"""What one instance may need next, as values, and the predicates on tasks and records that decide it.

Which of them it is, is in `sdk.plan.assess`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sdk.model.ids import AgentId, TaskId
from sdk.model.leaving import Leaving
from sdk.model.records import PodRecord, TaskRecord
from sdk.model.spec import Goal, OnUnreachable, PortSpec, TaskSpec
from sdk.model.status import TaskState
from sdk.offer.requirement import PortKey
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Everything is as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Nothing can be done before something happens or `until` has come."""

    status: Progress
    message: str
    until: float | None = None
    reconcile: tuple[TaskId, ...] = ()
    """Tasks about which Mesos is asked (again) when `until` has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Nothing is done until its configuration changes, or an operator asks for it."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MustKill:
    """These tasks have to end."""

    tasks: tuple[TaskId, ...]
    message: str
    late: tuple[TaskId, ...] = ()
    """Those of them that did not come up in time, which counts as a failure of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustPlace:
    """It has to be launched: in its holding, or (`elsewhere`) wherever it fits."""

    elsewhere: bool
    message: str
    instead: "Outdated | Overdue | LacksPorts | None" = None
    """What it was in line as before it was chosen: its present task goes on until another place is found, and the
    choice is made anew each time something changes."""
    ahead: bool = False
    """It is looked for a little while only: then the instance is launched where it is, after the end of what runs."""

    @property
    def replacing(self) -> bool:
        """It counts in the budget of replacements."""
        return isinstance(self.instead, Overdue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """It runs with another configuration than the wanted one; `ready` tells whether it is of use meanwhile."""

    tasks: tuple[TaskId, ...]
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LacksPorts:
    """It runs as it should, but for optional ports that no offer held when it was launched."""

    tasks: tuple[TaskId, ...]
    ports: frozenset[PortKey]
    since: float | None = None
    """When the present look for offers that hold some of them began, in seconds since the epoch."""
    why: str = ""
    """What its agent offered instead; a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LacksTasks:
    """It runs, but for some of its tasks: these are launched beside the others, or about to run."""

    tasks: tuple[str, ...]
    """Names of those to be launched now."""
    status: Progress
    message: str
    serves: bool
    """It is of use without them."""
    until: float | None = None
    """When something has to be done about them in any case, in seconds since the epoch."""
    reconcile: tuple[TaskId, ...] = ()
    """Tasks about which Mesos is asked (again) then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """It has to go to another agent: its own has been lost for longer than the policy waits, or is about to leave."""

    why: str
    since: float
    """Seconds since the epoch; who has waited longest is replaced first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Its plan does not let it do yet what it needs."""

    need: MustPlace | MustKill
    why: str
    """What it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustRelease:
    """Its tasks are over; its reservations, also those left on other agents, have to be given back."""

    hosts: tuple[str, ...]
    """Where they are."""
    until: float | None = None
    """When the first of the agents that say nothing is not waited for any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """Something that cannot be reached and is not waited for any longer."""

    id: str
    """Of the task or the reservation."""
    sentence: str
    reserved: bool = False
    """It is a reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustDelete:
    """Nothing of it is left in the cluster, or nothing but what cannot be reached."""

    left: tuple[LeftBehind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an instance needs to know beside its record and its wish."""

    patience: float
    """Seconds after which an agent that is lost or says nothing does not hold up a removal any more."""
    behind: bool = False
    """It keeps an earlier configuration, which `wish` tells, until a rolling update gets to it."""
    leaving: Leaving | None = None
    """Why the agent that it is on is left, None while it stays."""
    quiet_since: Mapping[AgentId, float] = field(default_factory=dict)
    """Since when agents with something that it left behind have offered nothing; those that did just now are absent."""
    told_since: float | None = 0.0
    """Since when Mesos tells what becomes of tasks, in seconds since the epoch; None while it does not."""


Need = (
    Rest
    | LacksPorts
    | LacksTasks
    | Waits
    | Held
    | Stopped
    | MustKill
    | MustPlace
    | Outdated
    | Overdue
    | MustRelease
    | MustDelete
)


def over(task: TaskRecord) -> bool:
    """The task will not run again under its id, as far as Mesos knows."""
    return task.status.state.terminal or task.status.state is TaskState.UNKNOWN


def task_ready(task: TaskRecord, spec: TaskSpec) -> bool:
    """The task runs and says that it is of use (when it says anything about that)."""
    if task.status.state is not TaskState.RUNNING or task.status.healthy is False:
        return False
    if task.paused or (spec.readiness_check is not None and task.status.passes is not True):
        return False
    says = spec.health_check is not None or spec.reports_health
    return task.status.healthy is True or not says


def done(task: TaskRecord, spec: TaskSpec, wish: PodWish) -> bool:
    """A task that runs to completion has done so, and need not again."""
    if task.status.state is not TaskState.FINISHED:
        return False
    return spec.goal is Goal.ONCE or (spec.goal is Goal.FINISHED and task.config == wish.config)


def missing(record: PodRecord, wish: PodWish) -> tuple[TaskSpec, ...]:
    """The tasks that are to be launched: nothing of them runs, and they have not done what they had to."""
    by_name = {task.name: task for task in record.tasks}
    return tuple(
        spec
        for spec in wish.spec.tasks
        if (task := by_name.get(spec.name)) is None or (over(task) and not done(task, spec, wish))
    )


def as_wished(record: PodRecord, wish: PodWish) -> bool:
    """All tasks that it has were launched with the wanted configuration, but for those that never run again."""
    if all(task.config == wish.config for task in record.tasks):
        return True  # as nearly always
    specs = {spec.name: spec for spec in wish.spec.tasks}
    return all(
        task.config == wish.config or ((spec := specs.get(task.name)) is not None and done(task, spec, wish))
        for task in record.tasks
    )


def ready(record: PodRecord, wish: PodWish) -> bool:
    """All essential tasks run as wanted, or have done so, whatever their configuration, on an agent that is there.

    Jobs beside tasks that are kept up have to be done: they prepare what the others need, or the next configuration.
    """
    if record.lost_at is not None:
        return False
    by_name = {task.name: task for task in record.tasks}
    essential = [spec for spec in wish.spec.tasks if spec.essential]
    serves = any(spec.goal is Goal.RUNNING for spec in essential)
    for spec in essential:
        task = by_name.get(spec.name)
        if task is None:
            return False
        begun = task_ready(task, spec) and (spec.goal is Goal.RUNNING or not serves)
        if not begun and not done(task, spec, wish):
            return False
    return True


def fails_until(record: PodRecord, wish: PodWish) -> float | None:
    """Until when an instance that has that configuration counts as failing with it, should it not fail again.

    Infinity while it is of no use; None when it has not failed, or has another one.
    """
    tried = bool(record.tasks) and all(task.config == wish.config for task in record.tasks)
    if not tried or not record.failures or record.excused:
        return None
    return math.inf if record.ready_since is None else record.ready_since + wish.spec.recovery.stable_after


def waits_for_agent(record: PodRecord, wish: PodWish) -> bool:
    """Whether it goes nowhere when its agent is lost or leaves: its policy says so, or its data stays there."""
    policy = wish.spec.recovery
    if policy.on_unreachable is OnUnreachable.WAIT:
        return True
    return record.has_data and not policy.leave_volumes


def given_ports(record: PodRecord, wish: PodWish) -> frozenset[PortKey]:
    """The optional ports that its tasks were launched with."""
    return frozenset(
        (task.name, port.name)
        for task, port in _optional_ports(record, wish)
        if (number := task.ports.get(port.name)) is not None and port.number in (0, number)
    )


def lacking_ports(record: PodRecord, wish: PodWish) -> frozenset[PortKey]:
    """Those that they were launched without."""
    wanted = frozenset((task.name, port.name) for task, port in _optional_ports(record, wish))
    return wanted - given_ports(record, wish)


def _optional_ports(record: PodRecord, wish: PodWish) -> Iterator[tuple[TaskRecord, PortSpec]]:
    by_name = {spec.name: spec for spec in wish.spec.tasks}
    for task in record.tasks:
        spec = by_name.get(task.name)
        if spec is not None and not over(task):
            yield from ((task, port) for port in spec.ports if port.optional)
