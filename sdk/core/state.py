"""All that the scheduler knows at one moment: what is stored, what Mesos said, and which calls wait for an answer.

Immutable: `sdk.core.decide` makes a new one for each event and shares what did not change. Only framework record,
targets and pod records are stored; the rest is rebuilt after a restart by subscribing and reconciling.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sdk.core.settings import Settings
from sdk.model.ids import AgentId, OfferId, OperationId, ResourceId, TaskId
from sdk.model.leaving import Leaving
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.resources import Range
from sdk.model.spec import ServiceSpec
from sdk.model.status import AGENT_DRAINING
from sdk.plan.backoff import Bucket, Retry
from sdk.plan.need import Need
from sdk.plan.wish import Target, target

PodKey = tuple[str, str]
"""Service and instance name (`<pod>-<index>`)."""


class Connection(StrEnum):
    """Where we stand with the master."""

    DISCONNECTED = "disconnected"
    SUBSCRIBED = "subscribed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """Offers of one role."""

    suppressed: bool = False
    work: frozenset[str] = frozenset()
    """What waited for offers when they were last asked for: only new elements ask for another REVIVE."""
    asked_at: float = 0.0
    """When an offer came or a REVIVE was sent last."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """An ACCEPT of whose arrival nothing has been seen. A call can get lost; its offers then are ours for ever."""

    offer_ids: tuple[OfferId, ...]
    sent: float
    tasks: frozenset[TaskId] = frozenset()
    resources: frozenset[ResourceId] = frozenset()
    """Any word about one of these is proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """See the module. Mappings are never written to."""

    settings: Settings
    framework: FrameworkRecord
    connection: Connection = Connection.DISCONNECTED
    master: str | None = None
    error: str | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    invalid: Mapping[str, str] = field(default_factory=dict)
    """Services whose published spec was refused, each with the sentence why; their old target stays."""
    faults: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What fails by a defect, by service and part of the work: the sentence. The others go on."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Services whose stored nodes cannot be read, and why. They are left as they are: what nobody knows of may be
    theirs, so while there are any, no unknown task is killed and no unknown reservation released."""
    pods: Mapping[PodKey, PodRecord] = field(default_factory=dict)
    services: Mapping[str, frozenset[PodKey]] = field(default_factory=dict)
    by_task: Mapping[TaskId, PodKey] = field(default_factory=dict)
    """Present and superseded tasks."""
    by_agent: Mapping[AgentId, frozenset[PodKey]] = field(default_factory=dict)
    by_resource: Mapping[ResourceId, PodKey] = field(default_factory=dict)
    """Reservations that are held on purpose: anything else under our labels is garbage."""
    needs: Mapping[PodKey, Need] = field(default_factory=dict)
    """Instances that are not at rest."""
    unrest: Mapping[str, frozenset[PodKey]] = field(default_factory=dict)
    """The same by service."""
    queued: Mapping[str, frozenset[PodKey]] = field(default_factory=dict)
    """Instances by service that wait for their turn: outdated ones, and those whose agent is lost for too long."""
    placing: Mapping[PodKey, bool] = field(default_factory=dict)
    """Instances that wait for offers, to be launched or released."""
    needs_due: float | None = None
    """Not later than this one of the needs has to be looked at again."""
    updates_due: Mapping[str, float] = field(default_factory=dict)
    """When a rolling update of a service is looked at again, because an instance has to prove itself until then."""
    leftovers: frozenset[PodKey] = frozenset()
    """Instances that left a task or reservation behind on another agent."""
    kills: Mapping[TaskId, Retry] = field(default_factory=dict)
    kill_agents: Mapping[TaskId, AgentId | None] = field(default_factory=dict)
    reconciles: Mapping[TaskId, Retry] = field(default_factory=dict)
    calls_due: float = math.inf
    """Not later than this one of the kills and reconciliations is due; before, nobody looks through them."""
    implicit_due: float = 0.0
    waiting_since: Mapping[PodKey, float] = field(default_factory=dict)
    """Since when an instance waits for its reservation without a word from the agent, or for its removal."""
    heard: Mapping[AgentId, float] = field(default_factory=dict)
    """When an agent that instances have to do with made its last offer."""
    offered_ports: Mapping[tuple[AgentId, str], tuple[Range, ...]] = field(default_factory=dict)
    """What the last offer of an agent to a role held, while outdated instances there wait for offers."""
    leaving: Mapping[AgentId, Leaving] = field(default_factory=dict)
    """Agents that our instances have to leave, or will have to."""
    leaving_due: Mapping[AgentId, float] = field(default_factory=dict)
    """When that changes next, for those with a window."""
    replacing: Mapping[PodKey, float] = field(default_factory=dict)
    """Replacements under way, by the time of their launch."""
    twice: Mapping[PodKey, bool] = field(default_factory=dict)
    """Instances that run at the place that they leave on purpose, too."""
    room_for_others: bool = True
    """Whether the budget of replacements had room when those that are in line were looked at last."""
    asking: Mapping[PodKey, float] = field(default_factory=dict)
    """Instances whose turn it is to be updated, as soon as their agent makes an offer; since when it is waited for."""
    absent_since: Mapping[ResourceId, float] = field(default_factory=dict)
    """Since when an agent makes offers without a reservation that should be among them."""
    released: Mapping[ResourceId, float] = field(default_factory=dict)
    """When UNRESERVE was sent."""
    operations: Mapping[OperationId, ResourceId] = field(default_factory=dict)
    """UNRESERVEs whose feedback has not come."""
    release_errors: Mapping[ResourceId, int] = field(default_factory=dict)
    """How many UNRESERVEs of a reservation in a row ended in OPERATION_ERROR: those after do without an id."""
    alone: frozenset[PodKey] = frozenset()
    """Instances to be launched in an ACCEPT of their own: one that they shared was refused."""
    unproven: tuple[Unproven, ...] = ()
    refusals: Mapping[PodKey, Mapping[AgentId, tuple[str, ...]]] = field(default_factory=dict)
    """Why the last offers of each agent did not fit a waiting instance."""
    offers_seen: int = 0
    """Offers in the last batch."""
    roles: Mapping[str, RoleState] = field(default_factory=dict)
    membership: Membership = field(default_factory=Membership)
    revives: Bucket = field(default_factory=lambda: Bucket(tokens=5.0, at=0.0))
    sweep_until: float = 0.0
    sweep_due: float = 0.0
    """When the next look through all offers begins."""
    sweeps: int = 0
    """Each look is new work, which asks for offers anew."""
    final_since: float | None = None
    """When the last look of an uninstall began."""
    teardown_due: float | None = None
    """When TEARDOWN is to be sent (again); None before everything is gone."""
    uninstalled: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    """What had to be left behind on lost agents since the start and has not been seen again: sentence by the id of the
    task or reservation."""
    wake_at: float | None = None

    @staticmethod
    def initial(framework: FrameworkRecord, settings: Settings | None = None) -> "State":
        """A framework of which nothing is stored yet."""
        return State.restore(framework, {}, (), settings)

    @staticmethod
    def restore(
        framework: FrameworkRecord,
        targets: Mapping[str, ServiceSpec],
        pods: Iterable[PodRecord],
        settings: Settings | None = None,
        broken: Mapping[str, str] | None = None,
    ) -> "State":
        """The state after a start: stored records, nothing known about the cluster yet."""
        records = {(pod.service, pod.name): pod for pod in pods}
        services: dict[str, frozenset[PodKey]] = {}
        by_task: dict[TaskId, PodKey] = {}
        by_agent: dict[AgentId, frozenset[PodKey]] = {}
        by_resource: dict[ResourceId, PodKey] = {}
        for key, record in records.items():
            services[record.service] = services.get(record.service, frozenset()) | {key}
            for task_id in task_ids(record):
                by_task[task_id] = key
            for agent_id in agents(record):
                by_agent[agent_id] = by_agent.get(agent_id, frozenset()) | {key}
            if record.holding is not None and record.holding.resource_id is not None:
                by_resource[record.holding.resource_id] = key
        return State(
            settings=settings or Settings(),
            broken=broken or {},
            framework=framework,
            targets={name: target(spec) for name, spec in targets.items()},
            pods=records,
            services=services,
            by_task=by_task,
            by_agent=by_agent,
            by_resource=by_resource,
            leftovers=frozenset(key for key, record in records.items() if record.superseded),
            replacing={
                key: record.replacing_since for key, record in records.items() if record.replacing_since is not None
            },
            twice={key: True for key, record in records.items() if record.runs_twice},
            leaving=_drained(records.values()),
        )


def _drained(records: Iterable[PodRecord]) -> dict[AgentId, Leaving]:
    """Agents that drained away the last task of an instance: until they make offers again."""
    return {
        task.agent_id: Leaving(hostname=task.hostname)
        for record in records
        for task in record.tasks
        if task.status.reason == AGENT_DRAINING and task.agent_id == agent_of(record)
    }


def agent_of(record: PodRecord) -> AgentId | None:
    """Where an instance is, or was last."""
    if record.holding is not None:
        return record.holding.agent_id
    return record.tasks[0].agent_id if record.tasks else None


def task_ids(record: PodRecord) -> Iterable[TaskId]:
    """Ids of the present and superseded tasks of an instance."""
    yield from (task.task_id for task in record.tasks)
    yield from (left.task_id for left in record.superseded)


def agents(record: PodRecord) -> Iterable[AgentId]:
    """Agents that an instance has to do with."""
    if record.holding is not None:
        yield record.holding.agent_id
    yield from (task.agent_id for task in record.tasks)
    yield from (left.agent_id for left in record.superseded)
