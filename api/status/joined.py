"""What `edgelb status` shows: pool, what is rendered, plans, pods and instances of one pool joined. Pure.

The scheduler says which instances should run and why one does not; the instances say what they serve; the template
says what it could not render and why a backend has no servers. Each may be silent: then what the others know is shown,
and a sentence says so. What the state follows from is in verdict.py.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.observed.rendered import Rendered
from api.status.backends import backend_rows
from api.status.certificates import certificate_rows
from api.status.pool_fields import backend_field, frontend_field, refused_field
from api.status.states import REMOVING
from api.status.verdict import Facts, SchedulerSide, instance_note, verdict
from pool_executor.contract import InstanceStatus, encode_status
from scheduler.pools.model import Pool
from scheduler.pools.stored.record import StoredPool

Json = Mapping[str, Any]


def pool_status(
    stored: StoredPool, rendered: Rendered, instances: Sequence[InstanceStatus], side: SchedulerSide, facts: Facts
) -> dict[str, Any]:
    """The joined status as JSON: `state` is one word, `summary` the sentence for people, `reasons` all of the sentences
    that keep the pool from being ready.

    `plans` and `pods` are as the scheduler gave them, `instances` as the instances did, `problem` as the template did;
    `loadBalancers` and `backends` join them.
    """
    rows = _rows(instances, side, lambda instance: _served(instance, stored.pool, rendered, facts))
    problem = facts.problem
    # What was said of an earlier version may not be true of this one.
    told = problem.backends if problem and problem.revision == stored.revision else ()
    backends = backend_rows(stored.pool, rendered.servers, instances, told)
    state, summary, reasons = verdict(stored, rendered, rows, backends, side, facts)
    return {
        "name": stored.pool.name,
        "version": stored.version,
        "uid": stored.revision.uid,
        "created": stored.created or None,
        "author": stored.author or None,
        "type": stored.pool.type.value,
        "state": state,
        "summary": summary,
        "reasons": list(reasons),
        "count": stored.pool.count,
        "role": stored.pool.role,
        "rendered": _rendered(rendered),
        "scheduler": _scheduler(side),
        "plans": [dict(plan) for plan in side.plans],
        "pods": [dict(pod) for pod in side.pods],
        "instances": [json.loads(encode_status(instance)) for instance in instances],
        "loadBalancers": rows,
        "backends": backends,
        "leftOut": [one._asdict() for one in problem.servers] if problem else [],
        "leftOutCount": problem.left_out if problem else 0,
        "doubts": [{"component": doubt.component, "reason": doubt.reason} for doubt in facts.doubts],
    }


def _rendered(rendered: Rendered) -> Json | None:
    head, endpoints = rendered.structure, rendered.endpoints
    if head is None:
        return None
    return {
        "epoch": head.epoch,
        "version": head.version,
        "poolVersion": head.pool_version,
        "poolUid": head.pool_uid,
        "endpoints": None
        if endpoints is None
        else {
            "lineage": endpoints.lineage,
            "sequence": endpoints.sequence,
            "published": endpoints.stamps.get("published"),
        },
    }


def _scheduler(side: SchedulerSide) -> Json:
    return {
        "url": side.url,
        "error": side.error,
        "problem": side.problem,
        "waits": side.waits,
        "poolVersion": side.pool_version,
    }


def removal_status(name: str, instances: Sequence[InstanceStatus], side: SchedulerSide) -> dict[str, Any]:
    """The status of a pool that was deleted and of which something is still there."""
    # Nobody brings other certificates any more: 0 is long before the end of any.
    rows = _rows(instances, side, lambda instance: _told(instance, now=0.0))
    return {
        "name": name,
        "version": None,
        "state": REMOVING,
        "summary": f"the pool was deleted; {_still_there(len(rows), side.error)}",
        "reasons": [],
        "count": 0,
        "scheduler": _scheduler(side),
        "plans": [dict(plan) for plan in side.plans],
        "pods": [dict(pod) for pod in side.pods],
        "instances": [json.loads(encode_status(instance)) for instance in instances],
        "loadBalancers": rows,
        "backends": [],
    }


def _still_there(count: int, error: str | None) -> str:
    waits = f"; {error}" if error else ""
    if not count:
        return f"what it left in ZooKeeper is being removed{waits}"
    return f"{count} load balancer{' is' if count == 1 else 's are'} still being taken down{waits}"


def instance_name(pod: Json) -> str:
    """`edgelb-pool-0` of a pod as the scheduler lists it, whether its name holds the index or not."""
    name, index = str(pod.get("name", "")), pod.get("index")
    return name if index is None or name.endswith(f"-{index}") else f"{name}-{index}"


Described = Callable[[InstanceStatus], dict[str, Any]]
"""What an instance serves, as fields of its row."""


def _rows(instances: Sequence[InstanceStatus], side: SchedulerSide, served: Described) -> list[dict[str, Any]]:
    by_task = {instance.task_id: instance for instance in instances}
    rows = []
    for pod in side.pods:
        tasks = [task for task in pod.get("tasks") or () if isinstance(task, Mapping)]
        task: Json = tasks[0] if tasks else {}
        instance = by_task.pop(str(task.get("id") or ""), None)
        rows.append(_row(instance_name(pod), pod, task, instance) | (served(instance) if instance else _SILENT))
    # Instances that the scheduler does not list: it is away, or the instance is on its way out.
    rows.extend(_row(instance.pod, {}, {}, instance) | served(instance) for instance in by_task.values())
    for row in rows:
        row["note"] = instance_note(row, blind=side.waits is not None)
    return sorted(rows, key=lambda row: (_natural(row["name"]), row["taskId"] or ""))


def _natural(name: str) -> tuple[str, int]:
    stem, _, index = name.rpartition("-")
    return (stem, int(index)) if index.isdigit() else (name, -1)


def _row(name: str, pod: Json, task: Json, instance: InstanceStatus | None) -> dict[str, Any]:
    return {
        "name": name,
        "taskId": task.get("id") or (instance.task_id if instance else None),
        "taskName": task.get("name"),
        "podStatus": pod.get("status"),
        "state": task.get("state") or ("TASK_RUNNING" if instance else None),
        "healthy": instance.healthy if instance else task.get("healthy"),
        "hostname": (instance.hostname if instance else None) or task.get("hostname"),
        "addresses": list(instance.addresses) if instance else list(task.get("addresses") or ()),
        "ports": dict(instance.ports) if instance else dict(task.get("ports") or {}),
        "message": task.get("message"),
        "pending": pod.get("pending") or None,
    }


#: The row of a load balancer that says nothing of itself.
_SILENT: dict[str, Any] = {
    "verdict": None,
    "action": None,
    "reason": None,
    "error": None,
    "trouble": None,
    "field": None,
    "version": None,
    "rejectedVersion": None,
    "current": False,
    "waiting": [],
    "endpoints": None,
    "haproxy": None,
    "leaving": False,
    "deaths": [],
    "died": None,
    "certificates": [],
}


def _told(instance: InstanceStatus, now: float) -> dict[str, Any]:
    """What the instance itself says that it serves, `now` in epoch seconds."""
    structure, endpoints = instance.structure, instance.endpoints
    return {
        "verdict": structure.verdict,
        "action": structure.action,
        "reason": structure.reason,
        "error": structure.error or instance.trouble,
        "trouble": instance.trouble,
        "field": None,
        "version": structure.version or None,
        "rejectedVersion": structure.rejected_version,
        "current": False,
        "waiting": [{"listener": one.listener, "missing": list(one.missing)} for one in structure.waiting],
        "endpoints": {
            "lineage": endpoints.lineage,
            "sequence": endpoints.sequence,
            "lag": None,
            "refused": [
                {"backend": one.backend, "server": one.server, "task": one.task, "reason": one.reason}
                for one in endpoints.refused
            ],
            "leftOut": endpoints.left_out,
            "error": endpoints.error,
        },
        "haproxy": instance.haproxy.version,
        "leaving": instance.leaving,
        "deaths": [{"at": death.at, "how": death.how} for death in instance.deaths],
        "died": instance.counters.get("haproxy_died", 0),
        "certificates": certificate_rows(instance.certificates, now),
    }


def _served(instance: InstanceStatus, pool: Pool, rendered: Rendered, facts: Facts) -> dict[str, Any]:
    """The same, compared with what is published, and with the fields of the pool that it is about."""
    told, head, structure = _told(instance, facts.now), rendered.structure, instance.structure
    told["current"] = (
        head is not None
        and structure.verdict == "applied"
        and (structure.pool_uid, structure.pool_version) == (head.pool_uid, head.pool_version)
        and (structure.epoch, structure.version) >= head.order
    )
    if structure.error is not None:
        parts = head.parts.values() if head else ()
        told["field"] = facts.fields.get(structure.error) or refused_field(pool, parts, structure.error)
    for one in told["waiting"]:
        one["field"] = frontend_field(pool, one["listener"])
    for one in told["endpoints"]["refused"]:
        one["field"] = backend_field(pool, one["backend"])
    if (lag := facts.lags.get(instance.task_id)) is not None:
        told["endpoints"]["lag"] = {"operations": lag.operations, "seconds": round(lag.seconds, 3)}
    return told
