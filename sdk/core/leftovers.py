"""What an instance leaves on its agent when it goes elsewhere: tasks to be ended, a reservation to be given back."""

from dataclasses import replace

from sdk.model.records import Avoided, PodRecord, Superseded
from sdk.plan.need import over


def left_behind(
    record: PodRecord, now: float, *, serving: bool = False, replaced: bool = False
) -> tuple[Superseded, ...]:
    """What an instance leaves on its agent when it goes elsewhere; `serving`: what runs there goes on for a while.

    `replaced`: an operator asked for it.
    """
    if not record.tasks:
        return ()
    resource_id = record.holding.resource_id if record.holding is not None else None
    role = record.holding.role if record.holding is not None else "*"
    alive = [task for task in record.tasks if not over(task)]
    # Tasks that are over are fenced as unknown ones should they appear again; one entry keeps the reservation in mind.
    kept = alive or (record.tasks[:1] if resource_id is not None else [])
    return tuple(
        Superseded(
            task_id=task.task_id,
            agent_id=task.agent_id if record.holding is None else record.holding.agent_id,
            hostname=task.hostname,
            since=now,
            role=role,
            resource_id=resource_id,
            ended=over(task),
            serving=serving and not over(task),
            volumes=record.holding.volumes if record.holding is not None else (),
            replaced=replaced,
        )
        for task in kept
    )


def abandoned(
    record: PodRecord,
    now: float,
    *,
    serving: bool = False,
    replaced: bool = False,
    avoid_until: float | None = None,
) -> PodRecord:
    """The record of an instance that goes elsewhere: what it had becomes something left behind.

    `serving`: its tasks go on until it is ready again; `avoid_until`: how long it does not come back to the same host.
    """
    avoid = tuple(each for each in record.avoid if each.until > now)
    host = record.holding.hostname if record.holding is not None else record.tasks[0].hostname if record.tasks else None
    if avoid_until is not None and host is not None:
        avoid = (*avoid, Avoided(hostname=host, until=avoid_until))
    return replace(
        record,
        tasks=(),
        holding=None,
        lost_at=None,
        ready_since=None,
        avoid=avoid,
        superseded=(*record.superseded, *left_behind(record, now, serving=serving, replaced=replaced)),
    )
