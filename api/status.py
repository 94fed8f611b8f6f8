"""What `edgelb status` shows: pool, rendered bundle, plans, pods and instances of one pool joined. Pure.

The scheduler says which instances should run and why one does not; the instances say what they serve. Either side may
be silent: then what the other one knows is shown, and `scheduler.error` says so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.pool_states import DEPLOYING, PENDING, READY, REJECTED, REMOVING, UNKNOWN, refusals
from pool_executor.bundle import Head, InstanceStatus, encode_status
from scheduler.pools.store import StoredPool

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSide:
    """What the scheduler answered; `error` is the sentence when it did not, `problem` what it says of the pool.

    `pool_uid` and `pool_version` say which state of the pool its plans carry out; None when it does not tell.
    `waits` is its own sentence for why it cannot carry out anything now, Mesos being away for example.
    """

    url: str | None = None
    error: str | None = None
    problem: str | None = None
    pool_version: int | None = None
    pool_uid: str | None = None
    waits: str | None = None
    plans: Sequence[Json] = ()
    pods: Sequence[Json] = field(default_factory=tuple)


def pool_status(
    stored: StoredPool, head: Head | None, instances: Sequence[InstanceStatus], side: SchedulerSide
) -> dict[str, Any]:
    """The joined status as JSON: `state` is one word, `summary` the sentence for people.

    `plans` and `pods` are as the scheduler gave them, `instances` as the instances did; `loadBalancers` joins them.
    """
    rows = _rows(instances, side.pods, head)
    state, summary = _verdict(stored, head, rows, side)
    return {
        "name": stored.pool.name,
        "version": stored.version,
        "uid": stored.revision.uid,
        "state": state,
        "summary": summary,
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
    }


def _scheduler(side: SchedulerSide) -> Json:
    return {"url": side.url, "error": side.error, "problem": side.problem, "poolVersion": side.pool_version}


def removal_status(name: str, instances: Sequence[InstanceStatus], side: SchedulerSide) -> dict[str, Any]:
    """The status of a pool that was deleted and of which something is still there."""
    rows = _rows(instances, side.pods, None)
    return {
        "name": name,
        "version": None,
        "state": REMOVING,
        "summary": f"the pool was deleted; {_still_there(len(rows), side.error)}",
        "count": 0,
        "scheduler": _scheduler(side),
        "plans": [dict(plan) for plan in side.plans],
        "pods": [dict(pod) for pod in side.pods],
        "instances": [json.loads(encode_status(instance)) for instance in instances],
        "loadBalancers": rows,
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


def _rows(instances: Sequence[InstanceStatus], pods: Sequence[Json], head: Head | None) -> list[dict[str, Any]]:
    by_task = {instance.task_id: instance for instance in instances}
    rows = []
    for pod in pods:
        tasks = [task for task in pod.get("tasks") or () if isinstance(task, Mapping)]
        task: Json = tasks[0] if tasks else {}
        instance = by_task.pop(str(task.get("id") or ""), None)
        rows.append(_row(instance_name(pod), pod, task, instance, head))
    # Instances that the scheduler does not list: it is away, or the instance is on its way out.
    rows.extend(_row(instance.pod, {}, {}, instance, head) for instance in by_task.values())
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
    }


def _verdict(stored: StoredPool, head: Head | None, rows: Sequence[Json], side: SchedulerSide) -> tuple[str, str]:
    wanted = stored.pool.count
    if side.problem is not None:
        return PENDING, f"the scheduler cannot carry the pool out: {side.problem}"
    if side.error is None and _unheard(stored, side):
        # Before anything else: plans, refusals and instances are still those of the pool as it was.
        because = f": {side.waits}" if side.waits else ""
        return DEPLOYING, f"the scheduler has not taken up version {stored.version} of the pool yet{because}"
    refused = [(row["name"], refusals(row["pending"])) for row in rows if refusals(row["pending"])]
    if refused:
        return PENDING, f"{refused[0][0]} cannot be placed yet: {refused[0][1]}"
    if head is None or (head.pool_uid, head.pool_version) != stored.revision:
        return DEPLOYING, f"version {stored.version} of the pool has not been rendered yet"
    # Only a refusal of what is published now counts: an older one says nothing about the pool as it is.
    rejected = [row for row in rows if row["verdict"] == "rejected" and (row["rejectedVersion"] or 0) >= head.version]
    if rejected:
        return REJECTED, (
            f"{len(rejected)} of {wanted} instances refused version {rejected[0]['rejectedVersion']} of the"
            f" configuration and go on serving the one before: {rejected[0]['error']}"
        )
    # One that is on its way out, or whose task has just died, still has a row: it is none of those that are wanted.
    current = min(wanted, len({row["name"] for row in rows if row["current"]}))
    open_plans = [plan.get("name") for plan in side.plans if plan.get("status") != "COMPLETE"]
    if current < wanted or len(rows) > wanted or (open_plans and side.error is None):
        steps = [f"; {row['name']} {row['pending'].get('summary')}" for row in rows if row["pending"]]
        doing = f"; plan {', '.join(map(str, open_plans))} is running" if open_plans else ""
        doing = f"; {len(rows) - wanted} more on the way out" if len(rows) > wanted else doing
        doing = f"; {side.waits}" if side.waits else doing
        return DEPLOYING, f"{current} of {wanted} instances serve the current configuration{(steps or [doing])[0]}"
    if side.error is not None:
        return UNKNOWN, f"{current} of {wanted} instances serve the current configuration; {side.error}"
    return READY, f"{current} of {wanted} instances serve the current configuration"


def _unheard(stored: StoredPool, side: SchedulerSide) -> bool:
    # A scheduler of an older release has plans for the pool, but does not tell which version they carry out.
    if side.pool_version is None:
        return not side.plans
    if side.pool_uid not in (None, stored.revision.uid):
        return True  # of a pool that was deleted and created again
    return side.pool_version < stored.version
