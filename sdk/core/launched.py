"""What the record of an instance says when it has been launched, as a whole or some of its tasks beside the others."""

from dataclasses import replace

from sdk.core import widening
from sdk.core.frame import Frame
from sdk.core.leftovers import abandoned
from sdk.core.state import PodKey
from sdk.model.records import PodRecord, TaskRecord
from sdk.offer.evaluate import Match
from sdk.plan.need import LacksTasks, MustPlace, Outdated, Overdue, done, over
from sdk.plan.wish import PodWish


def launched(frame: Frame, key: PodKey, wish: PodWish, match: Match) -> None:
    """Put the launch on record, and what is left behind by it."""
    record = frame.pods[key]
    need = frame.work.needs[key]
    match = replace(match, tasks=_counting_on(record, match.tasks))
    if isinstance(need, LacksTasks):
        _launched_beside(frame, record, wish, match)
        return
    counts = isinstance(need, MustPlace) and need.replacing
    runs = any(not over(task) for task in record.tasks)
    moved = record.holding is not None and record.holding.resource_id not in (None, match.holding.resource_id)
    left = record
    if record.lost_at is not None or moved or runs:
        # Whatever still runs at the old place, and can be reached, goes on until the new place is ready.
        left = abandoned(record, frame.now, serving=record.lost_at is None)
    if isinstance(need, MustPlace) and isinstance(need.instead, Overdue):
        frame.log("warning", f"{record.service}/{record.name} is replaced: {need.instead.why}", service=record.service)
    names = {task.name for task in match.tasks}
    specs = {spec.name: spec for spec in wish.spec.tasks}
    finished = tuple(
        task
        for task in record.tasks
        if task.name not in names and (spec := specs.get(task.name)) is not None and done(task, spec, wish)
    )
    frame.put(
        replace(
            record,
            tasks=(*finished, *match.tasks),
            holding=match.holding,
            superseded=left.superseded,
            avoid=left.avoid,
            lost_at=None,
            ready_since=None,
            displaced_since=None,
            widened=widening.counted(frame, record) if widening.is_for_ports(need) else record.widened,
            replacing_since=frame.now if counts else record.replacing_since,
            restart=False,
            earlier=None if wish == frame.newest(key) else record.earlier,
            failures=0 if isinstance(need, MustPlace) and isinstance(need.instead, Outdated) else record.failures,
            failed=False,
            not_before=0.0,
        )
    )
    for note in match.notes:
        frame.log("warning", f"{record.service}/{record.name}: {note}", service=record.service)
    without = f", without some ports: {'; '.join(match.without)}" if match.lacks else ""
    frame.log(
        "info",
        f"Launching {record.service}/{record.name} on {match.holding.hostname}{without}",
        service=record.service,
        tasks=[task.task_id for task in match.tasks],
        ports={name: number for task in match.tasks for name, number in task.ports.items()},
    )


def _launched_beside(frame: Frame, record: PodRecord, wish: PodWish, match: Match) -> None:
    names = {task.name for task in match.tasks}
    kept = tuple(task for task in record.tasks if task.name not in names)
    together = any(spec.name in names and not spec.apart for spec in wish.spec.tasks)
    frame.put(
        replace(
            record,
            tasks=(*kept, *match.tasks),
            failed=record.failed and not together,
            not_before=0.0 if together else record.not_before,
        )
    )
    frame.log(
        "info",
        f"Launching {', '.join(sorted(names))} of {record.service}/{record.name} on {match.holding.hostname}",
        service=record.service,
        tasks=[task.task_id for task in match.tasks],
    )


def _counting_on(record: PodRecord, tasks: tuple[TaskRecord, ...]) -> tuple[TaskRecord, ...]:
    """The launched tasks, with how often the same has failed in a row."""
    before = {task.name: task for task in record.tasks if task.failures or task.refusals}
    return tuple(
        replace(task, failures=old.failures, refusals=old.refusals)
        if (old := before.get(task.name)) is not None and old.config == task.config
        else task
        for task in tasks
    )
