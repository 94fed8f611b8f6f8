"""One change on its way from Mesos to the load balancers: what the template process knows of it, and each instance.

Knows where the template in charge answers, and how operations of the log are found again in what instances say.
"""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import urllib3
from flask import request
from flask_smorest import Blueprint

from api.context import Context
from api.openapi import json_answer, route
from api.problems import ApiProblem
from pool_executor.contract import InstanceStatus
from sdk.storage.connection import ZooKeeper
from sdk.storage.election import parse_holder

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
_LARGEST = 8 * 1024 * 1024

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
    """What the template in charge tells of the changes of a task; ApiProblem 503 when none does."""
    path = f"{root}/locks/template/holder"
    found = zookeeper.get(path)
    holder = parse_holder(path, found[0]) if found else None
    if holder is None or not holder.url:
        raise ApiProblem(
            503,
            "no template process is in charge: check that edgelb run template (or edgelb serve) is running",
            headers={"Retry-After": "2"},
        )
    url = f"{holder.url}/trace?task={quote(task, safe='')}"
    try:
        answer = urllib3.request("GET", url, timeout=_TIMEOUT, retries=False, preload_content=False)
        data = answer.read(_LARGEST)
        answer.release_conn()
        changes = json.loads(data)["changes"] if answer.status == 200 else None
    except urllib3.exceptions.HTTPError as error:
        reach = "the API reaches it only on the same machine, or when EDGELB_TEMPLATE_HEALTH_LISTEN says so"
        raise ApiProblem(503, f"the template process at {holder.url} does not answer; {reach}") from error
    except (ValueError, KeyError, TypeError):
        changes = None
    if not isinstance(changes, list):
        raise ApiProblem(502, f"{holder.url} does not answer like a template process of this release")
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
