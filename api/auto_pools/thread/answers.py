"""What is told of a pool template and of each task under it, as JSON. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.thread.generated import Generated
from api.mesos_listener.task import TaskKey

Json = dict[str, Any]

DEPLOYED = "pool has been successfully deployed"
NO_TASKS = "no matching mesos tasks for the given pool template were found"


def status_of(state: Generated, addresses: Sequence[str], tasks: Collection[TaskKey] | None = None) -> Json:
    """By the name of the pool, with the statuses of `tasks`, None for all; load balancers of it are at `addresses`."""
    status, message = _whole(state)
    statuses: dict[str, dict[str, Json]] = {}
    for key, one in _tasks(state, addresses, tasks).items():
        told = {"status": one.status.value, "message": one.message, "uris": list(one.uris)}
        statuses.setdefault(key.framework_id, {})[key.id] = told
    return {state.pool: {"status": status.value, "message": message, "statuses": statuses}}


def _whole(state: Generated) -> tuple[RenderStatus, str]:
    if trouble := state.trouble:
        return RenderStatus.RENDER_ERR, trouble
    if state.core is not None and state.core.choosing is not None and state.core.choosing.problem:
        return RenderStatus.RENDER_ERR, state.core.choosing.problem
    if state.unwritten:
        return RenderStatus.SUBMIT_ERR, state.unwritten
    notes = [note for note in (state.held, state.doubt.reason if state.doubt is not None else "") if note]
    if state.core is None or not state.sure:
        return RenderStatus.NEW, "; ".join(notes) or "its pool was not looked at yet"
    if state.there:
        return RenderStatus.OK, "; ".join([DEPLOYED, *notes])
    if not state.core.meaning.whole and state.core.made.status is RenderStatus.RENDER_ERR:
        return RenderStatus.RENDER_ERR, "nothing that applications ask for can be followed; their tasks say why"
    return RenderStatus.NO_TASKS, "; ".join([NO_TASKS, *notes])


def _tasks(
    state: Generated, addresses: Sequence[str], tasks: Collection[TaskKey] | None
) -> Mapping[TaskKey, TaskStatus]:
    core = state.core
    if core is None:
        return {}
    found: dict[TaskKey, TaskStatus]
    if tasks is None:
        found = dict(core.made.statuses(addresses))
    else:
        found = {key: one for key in tasks if (one := core.made.status_of(key, addresses)) is not None}
    if core.choosing is not None:
        found |= core.choosing.left_out
    for key, why in state.failed.items():
        found[key] = TaskStatus(RenderStatus.RENDER_ERR, why)
    if trouble := state.trouble:
        # Of a pool that is made otherwise than its template says.
        told = f"the pool template cannot be printed: {trouble}"
        found = {key: one._replace(message=f"{one.message}; {told}") for key, one in found.items()}
    return found if tasks is None else {key: found[key] for key in tasks if key in found}
