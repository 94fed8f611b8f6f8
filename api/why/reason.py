"""The first thing that keeps requests from a task, and what serves it where nothing does. Pure.

Looked at in the order in which a task comes to be served: it runs, something selects it, it becomes a server, its pool
is there, load balancers take it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]


class Serving(NamedTuple):
    """Of one task: whether it gets requests, where, and the reason why not."""

    serves: bool
    where: tuple[str, ...] = ()
    """`backend shop of pool auto-default`."""
    reason: str = ""


def serving(task: Json, pools: Mapping[str, Json]) -> Serving:
    """`pools` are those that the facts of the task name, as the API knows them; one that is missing is not stored."""
    servers = [one for one in task["services"] or () if one["servers"]]
    found: list[str] = []
    blocked: list[str] = []
    for one in servers:
        problem = _blocked(task, one, pools.get(one["pool"]))
        (blocked if problem else found).append(problem or f"backend {one['backend']} of pool {one['pool']}")
    if found and not task["waits"]:
        return Serving(True, tuple(dict.fromkeys(found)))
    return Serving(False, (), _reason(task, blocked))


def _reason(task: Json, blocked: list[str]) -> str:
    if task["waits"]:
        return str(task["waits"])
    if blocked:
        return blocked[0]
    left_out = [one for one in task["services"] or () if one["leftOut"]]
    if left_out:
        one = left_out[0]
        return f"backend {one['backend']} of pool {one['pool']} selects it, but {one['leftOut']}"
    there = {template: status for template, status in task["templates"].items() if status is not None}
    for status in there.values():
        if status["status"] != "OK":
            return str(status["message"])
    for template in task["templates"] if not there else ():
        return f"it is under the pool template {template}, which there is not: edgelb pool-template create {template}"
    for template in there:
        return f"the pool auto-{template} was not told of it yet: edgelb pool-template status {template}"
    if task["services"] is None:
        return "the template process is too busy to say what selects it; ask again"
    for told in (task["unexposed"], *(note for note in task["notes"] if "labels" in note)):
        if told:
            return str(told)
    return "no service of a pool selects it, and it has no label edgelb.expose"


def _blocked(task: Json, service: Json, pool: Json | None) -> str:
    name = service["pool"]
    if pool is None:
        return f"pool {name} was deleted"
    if not pool["instances"]:
        return f"pool {name} has no load balancer: it is {pool['state']}, {pool['summary']}"
    refused = pool["refused"].get(task["id"], {})
    if len(refused) >= len(pool["instances"]):
        return f"the load balancers of pool {name} refuse it: {next(iter(refused.values()))}"
    frontends = pool["frontendsOf"].get(service["backend"])
    if not frontends:
        return f"no frontend of pool {name} leads to its backend {service['backend']}"
    closed = [pool["waiting"].get(one, {}) for one in frontends]
    if all(len(missing) >= len(pool["instances"]) for missing in closed):
        lack = ", ".join(dict.fromkeys(closed[0].values()))
        state = f": pool {name} is {pool['state']}, {pool['summary']}" if pool["state"] != "ready" else ""
        return f"nothing listens at {frontends[0]} yet, since the load balancers of pool {name} lack {lack}{state}"
    return ""
