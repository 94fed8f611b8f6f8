"""One change on its way from Mesos to the load balancers: what the template process knows of it, and each instance.

Knows how operations of the log are found again in what instances say.
"""

from collections.abc import Sequence
from typing import Any

from flask import request
from flask_smorest import Blueprint

from api.observed.template_link import ask_template
from api.web.context import Context
from api.web.openapi import json_answer, route
from api.web.problems import ApiProblem
from pool_executor.contract import InstanceStatus
from sdk.storage.connection import ZooKeeper

Json = dict[str, Any]


def add_trace(routes: Blueprint, context: Context) -> None:
    """The route."""

    @route(routes, "/trace", "GET", answers={"200": json_answer("The last changes of a task.", {"type": "object"})})
    def trace() -> Json:
        """How the last changes of the tasks whose ids contain `task` went from Mesos to each load balancer."""
        task = request.args.get("task", "")
        if not task:
            raise ApiProblem(400, "task: is missing; give the id of a task, or a part of it, as in /v2/trace?task=shop")
        changes = changes_of(context.zookeeper, context.published.root, task)
        instances = {pool: context.published.instances(pool) for pool in {str(one.get("pool")) for one in changes}}
        return {
            "task": task,
            "changes": [one | {"instances": at_instances(one, instances[str(one.get("pool"))])} for one in changes],
        }


def changes_of(zookeeper: ZooKeeper, root: str, task: str) -> list[Json]:
    """What the template in charge tells of the changes of a task; raises what `ask_template` does."""
    changes = ask_template(zookeeper, root, "/trace", "changes", list, task=task)
    return [change for change in changes if isinstance(change, dict)]


def at_instances(change: Json, instances: Sequence[InstanceStatus]) -> list[Json]:
    """How far the change is at each instance of its pool."""
    return [
        {"name": one.pod, "taskId": one.task_id, **_at(change, one)}
        for one in sorted(instances, key=lambda one: (one.pod, one.task_id))
    ]


def _at(change: Json, instance: InstanceStatus) -> Json:
    told = instance.endpoints
    sequence = change.get("sequence", 0)
    if told.sequence < sequence:
        return {"state": "waits", "seen": None, "applied": None}
    refused = next(
        (one.reason for one in told.refused if (one.backend, one.server) == (change["backend"], change["server"])), None
    )
    state = "applied" if refused is None else f"refused: {refused}"
    before = 0
    for step in told.recent:
        if step.sequence >= sequence:
            # Of the oldest step it is not known where it began, unless it is that of the change itself.
            known = before or step.sequence == sequence or len(told.recent) == 1
            if known:
                return {"state": state, "seen": step.seen, "applied": step.applied}
            break
        before = step.sequence
    return {"state": state, "seen": None, "applied": None}
