"""An ACCEPT that Mesos refuses as a whole: nothing of it was done, and the same again would be refused again.

One ACCEPT carries the launches of several instances, and one wrong TaskInfo has all of them refused. So each is tried
again in an ACCEPT of its own; the one that is refused then is at fault, and has failed as if its task had: it waits,
longer each time, and says why.
"""

from dataclasses import replace

from sdk.core.events import CallFailed
from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.model.records import Holding, PodRecord
from sdk.model.status import TaskState
from sdk.plan.backoff import relaunch_delay


def launches_refused(frame: Frame, event: CallFailed) -> None:
    """Take the launches back into the records."""
    keys = sorted({key for task_id in event.task_ids if (key := frame.index.by_task.get(task_id)) is not None})
    for key in keys:
        record = frame.pods[key]
        tasks = tuple(
            replace(task, status=replace(task.status, state=TaskState.ERROR, message=event.why), changed_at=frame.now)
            if task.task_id in event.task_ids
            else task
            for task in record.tasks
        )
        record = replace(record, tasks=tasks, holding=_as_before(record.holding, event.why))
        if key not in frame.work.alone:
            frame.work.alone = frame.work.alone.set(key, None)
            frame.put(replace(record, not_before=0.0))
        else:
            _failed(frame, key, replace(record, failures=record.failures + 1), event.why)


def _as_before(holding: Holding | None, why: str) -> Holding | None:
    """Only a reservation that was there before the ACCEPT is there now, and how much it is the offers tell."""
    if holding is None or not holding.confirmed:
        return None
    return replace(holding, operations=tuple(replace(each, failed=why) for each in holding.operations))


def _failed(frame: Frame, key: PodKey, record: PodRecord, why: str) -> None:
    wish = frame.wish(key)
    delay = 0.0 if wish is None else relaunch_delay(wish.spec.recovery, record.failures)
    sentence = f"Mesos refuses its launch: {why}"
    frame.put(replace(record, not_before=frame.now + delay, last_failure=sentence))
    frame.log(
        "error", f"{key[0]}/{key[1]}: {sentence}; next try in {delay:.0f} s", service=key[0], failures=record.failures
    )
