"""Tasks that nobody counts on: left behind by their instances, given up, or on no record. When they show up they end.

Which stage of its life a task is in, and what a word of Mesos makes of it, is a table: `sdk.core.task_life`.
"""

from sdk.core import reservation_life
from sdk.core.frame import Frame
from sdk.core.releasing import learn
from sdk.core.task_life import Stage, Word, after
from sdk.model.ids import TaskId
from sdk.model.records import TaskRecord
from sdk.model.status import TaskState, TaskStatus
from sdk.model.values import replace
from sdk.plan.need import over

AGENT_BACK = "REASON_AGENT_REREGISTERED"


def word_of(status: TaskStatus) -> Word:
    """What a status says of the life of its task."""
    if status.state is TaskState.UNREACHABLE:
        return Word.UNREACHABLE
    return Word.LIVE if status.state.live else Word.ENDED


def stage_of(frame: Frame, task_id: TaskId) -> Stage:
    """Where a task is in its life."""
    killing = task_id in frame.calls.kills
    key = frame.index.by_task.get(task_id)
    if key is None:
        return Stage.ENDING if killing else Stage.STRANGE
    record = frame.pods[key]
    task = next((task for task in record.tasks if task.task_id == task_id), None)
    if task is not None:
        return _of_present(task, lost=record.lost_at is not None, killing=killing)
    entry = next(left for left in record.superseded if left.task_id == task_id)
    if entry.ended:
        return Stage.OVER
    if entry.serving:
        return Stage.SERVING
    return Stage.ENDING if killing else Stage.LEFT


def _of_present(task: TaskRecord, *, lost: bool, killing: bool) -> Stage:
    if task.status.state in (TaskState.LOST, TaskState.UNKNOWN):
        return Stage.LOST
    if over(task):
        return Stage.ENDING if killing else Stage.OVER
    if lost:
        return Stage.LEFT if task.ending else Stage.LOST
    if task.ending:
        return Stage.ENDING
    return Stage.KNOWN if task.confirmed else Stage.LAUNCHED


def fence(frame: Frame, status: TaskStatus, stage: Stage) -> None:
    """Carry out what a status makes of a task in `stage` that nobody counts on."""
    match after(stage, word_of(status)):
        case Stage.ENDING:
            _end(frame, status, stage)
        case Stage.LEFT:
            frame.calls.forget_kill(status.task_id)
        case Stage.OVER:
            _ended(frame, status)
        case _:
            pass  # it serves on, or is where nobody can reach it


def _end(frame: Frame, status: TaskStatus, stage: Stage) -> None:
    key = frame.index.by_task.get(status.task_id)
    if key is None and frame.troubles.broken:
        return  # it may be on a record that cannot be read
    agents = {} if key is None else {left.task_id: left.agent_id for left in frame.pods[key].superseded}
    first = stage is not Stage.ENDING
    agent_id = status.agent_id or agents.get(status.task_id)
    frame.kill(status.task_id, agent_id, again=first or status.reason == AGENT_BACK)
    if not first:
        return
    if key is None:
        frame.log("warning", f"Killing {status.task_id}: no record knows this task", task_id=status.task_id)
    else:
        why = "was given up" if stage is Stage.OVER else f"{key[1]} has been replaced meanwhile"
        frame.log("info", f"Killing {status.task_id}: {why}", task_id=status.task_id)


def _ended(frame: Frame, status: TaskStatus) -> None:
    key = frame.index.by_task.get(status.task_id)
    if key is None:
        frame.removal.found(status.task_id)
        return
    entry = next((left for left in frame.pods[key].superseded if left.task_id == status.task_id), None)
    if entry is not None and entry.resource_id is not None and status.state is TaskState.GONE_BY_OPERATOR:
        learn(frame, entry.resource_id, reservation_life.Word.AGENT_GONE)
    record = frame.pods[key]
    behind = (replace(left, ended=True) if left.task_id == status.task_id else left for left in record.superseded)
    kept = tuple(left for left in behind if left.resource_id is not None or not left.ended)
    frame.put(replace(record, superseded=kept))
