"""A task update: what it means for the record, what is stored, and that it is acknowledged only then.

A present task changes its record: when it lives its agent is back, and when it is over that counts as a failure unless
it was asked for. What became of others is `sdk.core.fencing`'s.

UNREACHABLE is neither: the agent is lost, the task may come back.
"""

from sdk.core import feedback, leaving, reservation_life
from sdk.core.effects import Acknowledge
from sdk.core.fencing import AGENT_BACK, fence, stage_of, word_of
from sdk.core.frame import Frame
from sdk.core.releasing import learn
from sdk.core.state import PodKey
from sdk.core.task_life import Stage, Word, after
from sdk.model.records import PodGoal, PodRecord, TaskRecord
from sdk.model.spec import Goal
from sdk.model.status import AGENT_DRAINING, TaskState, TaskStatus
from sdk.model.values import replace
from sdk.plan.backoff import relaunch_delay
from sdk.plan.need import as_wished, over, ready, task_ready
from sdk.plan.reasons import FINAL_REFUSALS, INVALID_OFFERS, refusal
from sdk.plan.wish import PodWish

FINAL = frozenset({TaskState.FINISHED, TaskState.FAILED, TaskState.KILLED, TaskState.ERROR})
"""Said by the task's own agent or executor: anything later about a live task of this id is out of date."""


def status_received(frame: Frame, status: TaskStatus) -> None:
    """Carry the update into the records."""
    frame.calls.answered(status.task_id)
    if not (status.reconciliation and status.state in (TaskState.GONE, TaskState.UNKNOWN, TaskState.LOST)):
        frame.calls.proven(status.task_id)  # "never heard of it" is no proof that the ACCEPT came
    stage = stage_of(frame, status.task_id)
    if word_of(status) is Word.ENDED:
        frame.calls.forget_kill(status.task_id)
    key = frame.index.by_task.get(status.task_id)
    present = () if key is None else frame.pods[key].tasks
    task = next((task for task in present if task.task_id == status.task_id), None)
    if key is None or task is None:
        fence(frame, status, stage)
    else:
        if key in frame.work.alone:
            frame.work.alone = frame.work.alone.delete(key)  # Mesos knows its task: the ACCEPT was taken
        if task.status.state not in FINAL:
            if over(task) and after(stage, word_of(status)) is Stage.ENDING:
                fence(frame, status, stage)
            else:
                _present(frame, frame.pods[key], task, status)
    if status.uuid is not None:
        frame.call(Acknowledge(status=status))


def _present(frame: Frame, record: PodRecord, task: TaskRecord, status: TaskStatus) -> None:
    key: PodKey = (record.service, record.name)
    before = task.status.state
    live = status.state.live
    merged = replace(
        task,
        status=merge(task.status, status),
        changed_at=task.changed_at if status.state is before else frame.now,
        confirmed=True,
        refusals=0 if status.state is TaskState.RUNNING else task.refusals,
    )
    wish = frame.wish(key)
    # Before, too: an earlier release has not put that on record.
    if not merged.was_ready and wish is not None and (_is_ready(task, wish) or _is_ready(merged, wish)):
        merged = replace(merged, was_ready=True)
    tasks = tuple(merged if other.task_id == task.task_id else other for other in record.tasks)
    changed = replace(record, tasks=tasks)
    if status.reason == AGENT_DRAINING:
        leaving.draining(frame, task.agent_id, task.hostname)
    if live and status.state is not TaskState.STAGING:
        changed = _seen(changed)
        if record.lost_at is not None:
            changed = replace(changed, lost_at=None)
            frame.log("info", f"{record.name} is back on {task.hostname}", task_id=task.task_id)
    elif status.state is TaskState.UNREACHABLE and record.lost_at is None:
        # The master's clock only counts for losses that happened while nobody was told: clocks differ.
        since = status.unreachable_time if status.reconciliation else None
        changed = replace(changed, lost_at=min(frame.now, since or frame.now))
        frame.log("warning", f"{record.name}: {task.hostname} is lost", task_id=task.task_id)
    elif not over(task) and over(merged):
        if status.state in FINAL or status.state is TaskState.GONE:
            # Only the agent itself can know that: it is there.
            changed = _agent_is_back(frame, changed)
        changed = _ended(frame, changed, task, status, wish)
    changed = mark_deployed(changed, wish)
    frame.put(changed)


def _is_ready(task: TaskRecord, wish: PodWish) -> bool:
    spec = next((spec for spec in wish.spec.tasks if spec.name == task.name), None)
    return spec is not None and task_ready(task, spec)


def merge(old: TaskStatus, new: TaskStatus) -> TaskStatus:
    """The update over the stored status. An answer to RECONCILE or an agent's return tells the state only."""
    if new.reconciliation or new.reason == AGENT_BACK or new.state is TaskState.UNREACHABLE:
        same = new.state is old.state
        return replace(
            old,
            state=new.state,
            agent_id=new.agent_id or old.agent_id,
            reason=old.reason if same else new.reason,
            message=old.message if same else new.message,
            source=old.source if same else new.source,
            timestamp=old.timestamp if same else new.timestamp,
            healthy=old.healthy if new.healthy is None else new.healthy,
            passes=old.passes if new.passes is None else new.passes,
            addresses=new.addresses or old.addresses,
            unreachable_time=new.unreachable_time,
            uuid=None,
        )
    return replace(
        new,
        agent_id=new.agent_id or old.agent_id,
        executor_id=new.executor_id or old.executor_id,
        addresses=new.addresses or old.addresses,
        passes=old.passes if new.passes is None else new.passes,
        uuid=None,
    )


def mark_deployed(record: PodRecord, wish: PodWish | None) -> PodRecord:
    """The record, telling that the wanted configuration has been ready when it is now."""
    if wish is None or record.deployed == wish.config or not as_wished(record, wish):
        return record
    return replace(record, deployed=wish.config) if ready(record, wish) else record


def _agent_is_back(frame: Frame, record: PodRecord) -> PodRecord:
    if record.lost_at is None:
        return record
    for task in record.tasks:
        if not over(task):
            frame.reconcile(task.task_id)
    return replace(record, lost_at=None)


def _seen(record: PodRecord) -> PodRecord:
    holding = record.holding
    return record if holding is None or holding.known else replace(record, holding=holding.seen())


def _ended(frame: Frame, record: PodRecord, task: TaskRecord, status: TaskStatus, wish: PodWish | None) -> PodRecord:
    """The record after its task ended: whether that was a failure, and when it may be tried again."""
    match status.state:
        case TaskState.GONE_BY_OPERATOR:
            # The agent never returns under its id: nothing is held there, and nothing can be released.
            frame.log("warning", f"{record.name}: {task.hostname} is gone for good", task_id=task.task_id)
            if record.holding is not None and record.holding.resource_id is not None:
                learn(frame, record.holding.resource_id, reservation_life.Word.AGENT_GONE)
            return replace(record, holding=None, lost_at=None, not_before=0.0)
        case TaskState.UNKNOWN | TaskState.LOST:
            # The master does not know the agent (any more): it is as lost as an unreachable one.
            return replace(record, lost_at=record.lost_at or frame.now)
        case TaskState.GONE if not task.confirmed:
            return replace(record, not_before=0.0)  # the ACCEPT of a former life never arrived
        case TaskState.DROPPED if status.reason == INVALID_OFFERS:
            unmade = record.holding is not None and not record.holding.confirmed
            holding = None if unmade else feedback.forgotten(record.holding)
            return replace(record, holding=holding, not_before=0.0)
    if (
        wish is None
        or record.goal is PodGoal.DECOMMISSION
        or record.restart
        or task.config != wish.config
        or status.reason == AGENT_DRAINING
        or ((left := frame.agents.leaving.get(task.agent_id)) is not None and left.drained)
    ):
        return replace(record, not_before=0.0)
    spec = next((spec for spec in wish.spec.tasks if spec.name == task.name), None)
    apart = spec is not None and spec.apart
    if task.ending or (record.failed and not apart):
        return record  # as we wanted; or with its neighbour, whose failure has been counted
    if status.state is TaskState.FINISHED and spec is not None and spec.goal is not Goal.RUNNING:
        return _seen(record)
    policy = wish.spec.recovery
    before = task.failures if apart else record.failures
    undone = feedback.why_not_done(record.holding)
    record = replace(record, holding=feedback.settled(record.holding))
    refused = refusal(status, task.name) if undone is None else None
    if refused is not None and task.refusals + 1 >= FINAL_REFUSALS:
        sentence = f"{refused}; not tried again as it is"
        frame.log("error", f"{record.name}: {sentence}", service=record.service, task_id=task.task_id)
        return _failed(_refused_again(record, task), task, apart, before + 1, 0.0, refused)
    ran = frame.now - task.changed_at if task.status.state is TaskState.RUNNING else 0.0
    failures = 1 if ran >= policy.stable_after else before + 1
    delay = relaunch_delay(policy, failures)
    sentence = undone or refused or failure_sentence(task, status)
    frame.log(
        "warning",
        f"{record.name}: {sentence}; next try in {delay:.0f} s",
        service=record.service,
        task_id=task.task_id,
        state=status.state.value,
        reason=status.reason,
        failures=failures,
    )
    if refused is not None:
        record = _refused_again(record, task)
    return _failed(record, task, apart, failures, frame.now + delay, sentence)


def _refused_again(record: PodRecord, task: TaskRecord) -> PodRecord:
    tasks = (
        replace(each, refusals=each.refusals + 1) if each.task_id == task.task_id else each for each in record.tasks
    )
    return replace(record, tasks=tuple(tasks))


def _failed(
    record: PodRecord, task: TaskRecord, apart: bool, failures: int, not_before: float, sentence: str
) -> PodRecord:
    """The record after a failed run, of the task alone or of all that are launched together."""
    if not apart:
        return replace(record, failures=failures, failed=True, not_before=not_before, last_failure=sentence)
    tasks = (
        replace(each, failures=failures, not_before=not_before) if each.task_id == task.task_id else each
        for each in record.tasks
    )
    return replace(record, tasks=tuple(tasks), last_failure=sentence)


def failure_sentence(task: TaskRecord, status: TaskStatus) -> str:
    """What happened to the task, for humans."""
    word = status.state.value.removeprefix("TASK_").lower()
    why = status.message or status.reason
    return f"{task.name} {word} on {task.hostname}" + (f": {why}" if why else "")
