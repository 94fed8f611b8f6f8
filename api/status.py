"""What `edgelb status` shows: pool, rendered bundle, plans, pods and instances of one pool joined. Pure.

The scheduler says which instances should run and why one does not; the instances say what they serve; the template
says what it could not render and why a backend has no servers. Each may be silent: then what the others know is shown,
and a sentence says so. What the state follows from is in verdict.py.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from api.backends import backend_rows
from api.pool_states import REMOVING
from api.verdict import Facts, SchedulerSide, instance_note, verdict
from pool_executor.bundle import Head, InstanceStatus, encode_status
from scheduler.pools.stored import StoredPool

Json = Mapping[str, Any]


def pool_status(
    stored: StoredPool, head: Head | None, instances: Sequence[InstanceStatus], side: SchedulerSide, facts: Facts
) -> dict[str, Any]:
    """The joined status as JSON: `state` is one word, `summary` the sentence for people, `reasons` all of the sentences
    that keep the pool from being ready.

    `plans` and `pods` are as the scheduler gave them, `instances` as the instances did, `problem` as the template did;
    `loadBalancers` and `backends` join them.
    """
    rows = _rows(instances, side, head)
    problem = facts.problem
    # What was said of an earlier version may not be true of this one.
    told = problem.backends if problem and problem.pool_version == stored.version else ()
    backends = backend_rows(stored.pool, facts.servers, instances, told)
    state, summary, reasons = verdict(stored, head, rows, backends, side, facts)
    return {
        "name": stored.pool.name,
        "version": stored.version,
        "uid": stored.revision.uid,
        "state": state,
        "summary": summary,
        "reasons": list(reasons),
        "count": stored.pool.count,
        "role": stored.pool.role,
        "rendered": None
        if head is None
        else {
            "epoch": head.epoch,
            "version": head.version,
            "poolVersion": head.pool_version,
            "poolUid": head.pool_uid,
            "taskRevision": head.task_revision,
        },
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
    rows = _rows(instances, side, None)
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


def _rows(instances: Sequence[InstanceStatus], side: SchedulerSide, head: Head | None) -> list[dict[str, Any]]:
    by_task = {instance.task_id: instance for instance in instances}
    rows = []
    for pod in side.pods:
        tasks = [task for task in pod.get("tasks") or () if isinstance(task, Mapping)]
        task: Json = tasks[0] if tasks else {}
        instance = by_task.pop(str(task.get("id") or ""), None)
        rows.append(_row(instance_name(pod), pod, task, instance, head))
    # Instances that the scheduler does not list: it is away, or the instance is on its way out.
    rows.extend(_row(instance.pod, {}, {}, instance, head) for instance in by_task.values())
    for row in rows:
        row["note"] = instance_note(row, blind=side.waits is not None)
    return sorted(rows, key=lambda row: (_natural(row["name"]), row["taskId"] or ""))


def _natural(name: str) -> tuple[str, int]:
    stem, _, index = name.rpartition("-")
    return (stem, int(index)) if index.isdigit() else (name, -1)


def _row(name: str, pod: Json, task: Json, instance: InstanceStatus | None, head: Head | None) -> dict[str, Any]:
    served = instance is not None and instance.version > 0
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
        "verdict": instance.verdict if instance else None,
        "action": instance.action if instance else None,
        "reason": instance.reason if instance else None,
        "error": instance.error if instance else None,
        "version": instance.version if served and instance else None,
        "rejectedVersion": instance.rejected_version if instance else None,
        "current": bool(
            head and instance and instance.verdict == "applied" and (instance.epoch, instance.version) >= head.order
        ),
        "haproxy": instance.haproxy.version if instance else None,
        "leaving": bool(instance and instance.leaving),
        "deaths": [{"at": death.at, "how": death.how} for death in instance.deaths] if instance else [],
        "died": instance.counters.get("haproxy_died", 0) if instance else None,
    }
