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
from sdk.plan.need import over


def launches_refused(frame: Frame, event: CallFailed) -> None:
    """Take the launches back into the records."""
    keys = sorted({key for task_id in event.task_ids if (key := frame.index.by_task.get(task_id)) is not None})
    for key in keys:
        record = frame.pods[key]
        tasks = tuple(
            replace(
                task,
                status=replace(task.status, state=TaskState.ERROR, message=event.why),
                changed_at=frame.now,
                failures=task.failures + (key in frame.work.alone),
            )
            if task.task_id in event.task_ids
            else task
            for task in record.tasks
        )
        if all(over(task) for task in tasks):  # else others of its tasks run in it, and the call was about these alone
            record = replace(record, holding=_as_before(record.holding, event.why))
        record = replace(record, tasks=tasks)
        if key not in frame.work.alone:
            frame.work.alone = frame.work.alone.set(key, None)
            frame.put(replace(record, not_before=0.0))
        else:
            _failed(frame, key, record, event)


def _as_before(holding: Holding | None, why: str) -> Holding | None:
    """Only a reservation that was there before the ACCEPT is there now, and how much it is the offers tell."""
    if holding is None or not holding.confirmed:
        return None
    return replace(holding, operations=tuple(replace(each, failed=why) for each in holding.operations))


def _failed(frame: Frame, key: PodKey, record: PodRecord, event: CallFailed) -> None:
    """Those of its tasks that come and go without the others wait for themselves, as after any failure."""
    wish = frame.wish(key)
    refused = [task for task in record.tasks if task.task_id in event.task_ids]
    specs = {} if wish is None else {spec.name: spec for spec in wish.spec.tasks}
    together = any(task.name not in specs or not specs[task.name].apart for task in refused)
    failures = record.failures + 1 if together else max((task.failures for task in refused), default=1)
    delay = 0.0 if wish is None else relaunch_delay(wish.spec.recovery, failures)
    sentence = f"Mesos refuses its launch: {event.why}"
    again = frame.now + delay
    tasks = (replace(task, not_before=again) if task in refused else task for task in record.tasks)
    record = replace(record, tasks=tuple(tasks), last_failure=sentence)
    frame.put(replace(record, failures=failures, not_before=again) if together else record)
    frame.log("error", f"{key[0]}/{key[1]}: {sentence}; next try in {delay:.0f} s", service=key[0], failures=failures)
