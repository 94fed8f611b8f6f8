"""What an instance that is not wanted any more needs, read from its record: ended, given back, forgotten.

What is on an agent that cannot be reached holds it up for a while only, and is named then.
"""

from sdk.model.records import PodRecord
from sdk.plan.instance import host_of
from sdk.plan.need import Around, LeftBehind, MustDelete, MustKill, MustRelease, Need, Waits, over
from sdk.plan.progress import Progress


def removal(record: PodRecord, now: float, around: Around) -> Need:
    """The next step on its way out."""
    alive = tuple(task for task in record.tasks if not over(task))
    holding = record.holding
    # A holding without resources (of an instance that had finished, for example) is never offered.
    reserved = holding is not None and holding.resource_id is not None and bool(holding.resources)
    if alive and record.lost_at is None:
        return MustKill(tasks=tuple(task.task_id for task in alive), message="is removed")
    left: dict[str, LeftBehind] = {}
    hosts: dict[str, None] = {}
    due: list[float] = []
    if record.lost_at is not None and (alive or reserved):
        until = record.lost_at + around.patience
        if now < until:
            due.append(until)
        else:
            host = f"left on {host_of(record)}, which is lost"
            left.update({task.task_id: _left(task.task_id, f"task {task.task_id} {host}") for task in alive})
            if holding is not None and holding.resource_id is not None and reserved:
                resource_id = holding.resource_id
                left[resource_id] = _left(resource_id, f"reservation {resource_id} {host}", reserved=True)
    elif reserved:
        hosts[host_of(record)] = None
    lost = bool(due)
    for entry in record.superseded:
        if entry.ended and entry.resource_id is None:
            continue
        where = entry.hostname or entry.agent_id
        until = around.quiet_since.get(entry.agent_id, now) + around.patience
        if now < until:
            hosts[where] = None
            due.append(until)
            continue
        host = f"left on {where}, which is lost or offers nothing"
        if not entry.ended:
            left[entry.task_id] = _left(entry.task_id, f"task {entry.task_id} {host}")
        if entry.resource_id is not None:
            left[entry.resource_id] = _left(
                entry.resource_id, reserved=True, sentence=f"reservation {entry.resource_id} {host}"
            )
    if hosts:
        return MustRelease(hosts=tuple(hosts), until=min(due, default=None))
    if lost:
        return Waits(
            status=Progress.DELAYED,
            message=f"{host_of(record)} is lost; removed without it in {due[0] - now:.0f} s",
            until=due[0],
        )
    return MustDelete(left=tuple(left.values()))


def _left(name: str, sentence: str, *, reserved: bool = False) -> LeftBehind:
    return LeftBehind(id=name, sentence=sentence, reserved=reserved)
