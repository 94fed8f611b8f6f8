"""One step per instance: how far it is and the sentence that explains it, made from its record and its need."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sdk.model.ids import AgentId
from sdk.model.records import PodRecord
from sdk.model.status import TaskState
from sdk.plan.need import (
    Held,
    LacksPorts,
    LacksTasks,
    MustDelete,
    MustKill,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Rest,
    Stopped,
    Waits,
    over,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish

SHOWN = 20
"""Reasons in one step: with attributes of a large cluster there can be hundreds, all of one kind."""


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
class StepFacts:
    """What a step is made of."""

    record: PodRecord
    wish: PodWish | None
    need: Need
    being_killed: bool = False
    refusals: Mapping[AgentId, tuple[str, ...]] = field(default_factory=dict)
    updated: bool = False
    """It waits for its turn in a rolling update, or has it."""
    obstacle: str | None = None
    """Why no offer can be used for it, whatever comes; a sentence."""


def tally(refusals: Mapping[AgentId, tuple[str, ...]]) -> tuple[Refusals, ...]:
    """How many agents' last offers were refused for each reason, most frequent first."""
    counts = Counter(reason for reasons in refusals.values() for reason in dict.fromkeys(reasons))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Refusals(count=count, reason=reason) for reason, count in ordered[:SHOWN])


def sentence(refusals: Iterable[Refusals]) -> str:
    """`2 offers: ports 80 not free; 1 offer: role slave_public missing`."""
    return "; ".join(
        f"{refusal.count} {'offer' if refusal.count == 1 else 'offers'}: {refusal.reason}" for refusal in refusals
    )


def progress(facts: StepFacts) -> tuple[Progress, str]:
    """Status and message of an instance as it is."""
    record, need = facts.record, facts.need
    host = record.tasks[0].hostname if record.tasks else ""
    match need:
        case Rest() if facts.wish is not None and facts.wish.dormant:
            if record.tasks and all(task.status.state is TaskState.FINISHED for task in record.tasks):
                return Progress.COMPLETE, "finished"
            return Progress.PENDING, f"plan {facts.wish.plan} does not run"
        case Rest():
            running = any(not over(task) for task in record.tasks)
            return Progress.COMPLETE, f"runs on {host}" if running else "finished"
        case LacksPorts() if facts.being_killed:
            return Progress.KILLING, f"gets more ports; the task on {host} is being ended"
        case LacksPorts(why=why):
            return Progress.COMPLETE, f"runs on {host} without {_ports(facts)}" + (f": {why}" if why else "")
        case Held(why=why):
            return Progress.WAITING, why
        case LacksTasks(status=status, message=message, tasks=tasks):
            found = tally(facts.refusals) if tasks else ()
            return status, facts.obstacle or (f"{message}: {sentence(found)}" if found else message)
        case Waits(status=status, message=message):
            serving = next((left.hostname for left in record.superseded if left.serving), None)
            return status, message + (f"; the old one serves on {serving} until then" if serving else "")
        case Stopped(message=message):
            return Progress.ERROR, message
        case MustKill(message=message):
            return Progress.KILLING, f"{message}; the task on {host} is being ended"
        case Outdated() if facts.being_killed:
            return Progress.KILLING, f"gets its new configuration; the task on {host} is being ended"
        case Outdated():
            why = facts.obstacle or "waits for its turn"
            return Progress.PENDING, f"runs on {host} with its old configuration; {why}"
        case Overdue(why=why):
            return Progress.DELAYED, f"{why}; {facts.obstacle or 'waits until another replacement is ready'}"
        case MustPlace(message=message, ahead=True):
            return Progress.PENDING, message
        case MustPlace(message=message, elsewhere=elsewhere):
            if facts.obstacle is not None:
                return Progress.PREPARED, facts.obstacle
            found = tally(facts.refusals)
            if found:
                return Progress.PREPARED, f"{message}: {sentence(found)}"
            role = facts.wish.spec.role if elsewhere and facts.wish is not None else None
            return Progress.PREPARED, f"{message}; none of role {role} has come yet" if role else message
        case MustRelease(hosts=hosts):
            return Progress.PREPARED, f"waits for an offer of {', '.join(hosts)} to release its reservation"
        case MustDelete():
            return Progress.IN_PROGRESS, "is forgotten"


def step(facts: StepFacts) -> StepView:
    """The instance as a step."""
    status, message = progress(facts)
    need = facts.need if facts.obstacle is None else None
    places = need if isinstance(need, MustPlace) or (isinstance(need, LacksTasks) and need.tasks) else None
    return StepView(
        name=facts.record.name,
        status=status,
        message=message,
        pod=facts.record.name,
        refusals=() if places is None else tally(facts.refusals),
        waits="" if places is None else places.message,
    )


def _ports(facts: StepFacts) -> str:
    """Those that it lacks: by number, as people know them, or by name where any number will do."""
    wish, need = facts.wish, facts.need
    if wish is None or not isinstance(need, LacksPorts):
        return "some ports"
    specs = [port for task in wish.spec.tasks for port in task.ports if (task.name, port.name) in need.ports]
    named = [*map(str, sorted(port.number for port in specs if port.number))]
    named += [port.name for port in specs if not port.number]
    return f"port{'' if len(named) == 1 else 's'} {', '.join(named)}"
