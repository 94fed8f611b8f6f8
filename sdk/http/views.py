"""Snapshots as the JSON of docs/reference/contracts.md, "HTTP of the scheduler". Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdk.core.snapshot import ServiceView, Snapshot
from sdk.frameworks import FrameworkConfig
from sdk.http import volumes
from sdk.http.errors import HttpError, named
from sdk.model.records import FrameworkRecord, PodRecord, TaskRecord
from sdk.model.status import TaskState
from sdk.plan.progress import Progress
from sdk.plan.steps import Refusals, StepView, sentence
from sdk.plan.views import PhaseView, PlanView
from sdk.runner import Status

Json = dict[str, Any]


def state(snapshot: Snapshot | None, status: Status, config: FrameworkConfig) -> Json:
    """GET /v1/state; a standby tells who is in charge."""
    framework = None if snapshot is None else snapshot.framework
    return {
        "framework": {
            "name": config.name,
            "principal": config.principal,
            "id": None if framework is None else framework.framework_id,
            "earlier_ids": [] if framework is None else list(framework.earlier),
            "roles": [] if framework is None else sorted(framework.roles),
            "kept": [] if framework is None else kept(framework, config),
            "state": status.phase if snapshot is None else snapshot.connection,
            "master": None if snapshot is None else snapshot.master,
            "error": status.error,
        },
        "leader": status.leading,
        "leader_url": status.leader_url,
        "phase": status.phase,
        "ready": status.ready,
        "reason": status.reason,
        "services": sorted(snapshot.services) if snapshot is not None else [],
        "offers": 0 if snapshot is None else snapshot.offers,
        "suppressed": [] if snapshot is None else list(snapshot.suppressed),
        "quarantined": list(status.quarantined),
        "problems": _problems(status),
        "skipped": list(status.skipped),
    }


def kept(framework: FrameworkRecord, config: FrameworkConfig) -> list[str]:
    """What frameworks.json says anew and Mesos changes for no framework that has an id, a sentence each."""
    told = (("user", framework.user, config.user), ("checkpoint", framework.checkpoint, config.checkpoint))
    return [
        f"{name} stays {before!r}: frameworks.json says {now!r}, which holds after an uninstall only"
        for name, before, now in told
        if before is not None and before != now
    ]


def ready(status: Status, name: str) -> Json:
    """GET /readyz of a framework that works; what single services suffer from does not make it unready."""
    return {
        "status": "ready",
        "framework": name,
        "quarantined": list(status.quarantined),
        "problems": _problems(status),
        "skipped": list(status.skipped),
    }


def _problems(status: Status) -> list[Json]:
    return [{"service": name, "message": text} for name, text in sorted(status.problems.items())]


def services(snapshot: Snapshot) -> list[Json]:
    """GET /v1/services."""
    return [service(view) for _, view in sorted(snapshot.services.items())]


def service(view: ServiceView) -> Json:
    """GET /v1/services/<s>."""
    return {"name": view.name, "status": view.status, "pods": len(view.pods)} | _quarantine(view)


def _quarantine(view: ServiceView) -> Json:
    """Told while there is one."""
    found = view.quarantine
    return {} if found is None else {"quarantine": {"why": found.why, "since": found.since, "until": found.until}}


def details(snapshot: Snapshot) -> Json:
    """GET /v1/details: plans and pods of all services at once."""
    return {"services": {name: plans(view) | pods(view) for name, view in sorted(snapshot.services.items())}}


def plans(service: ServiceView) -> Json:
    """GET /v1/services/<s>/plans."""
    return {"labels": dict(service.labels), "plans": [plan_json(plan) for plan in service.plans]}


def plan_json(plan: PlanView) -> Json:
    """GET /v1/services/<s>/plans/<p>; what operators have said is told where they have."""
    return {
        "name": plan.name,
        "status": plan.status,
        **({"message": plan.message} if plan.message else {}),
        **({"interrupted": True} if plan.interrupted else {}),
        **({} if plan.run is None else {"run": plan.run, "running": plan.running}),
        "phases": [_phase(phase) for phase in plan.phases],
    }


def _phase(phase: PhaseView) -> Json:
    return {
        "name": phase.name,
        "strategy": phase.strategy,
        "status": phase.status,
        **({"interrupted": True} if phase.interrupted else {}),
        **({"canary": phase.canary, "continued": phase.continued} if phase.canary else {}),
        "steps": [{"name": step.name, "status": step.status, "message": step.message} for step in phase.steps],
    }


def pods(service: ServiceView) -> Json:
    """GET /v1/services/<s>/pods."""
    waiting = {step.pod: step for _, _, step in _open_steps(service)}
    known = {record.name for record in service.pods}
    # A step may be about an instance that has no record yet; it is pending all the same.
    missing = [step for name, step in sorted(waiting.items()) if name not in known]
    return {
        "pods": [
            *(
                _pod(record, waiting.get(record.name))
                for record in sorted(service.pods, key=lambda record: (record.pod, record.index))
            ),
            *(
                {
                    "name": step.pod,
                    "index": _index(step.pod),
                    "status": "PENDING",
                    "tasks": [],
                    "pending": pending(step),
                }
                for step in missing
            ),
        ]
    }


def pod(service: ServiceView, name: str) -> Json:
    """GET /v1/services/<s>/pods/<p>; raises HttpError (404)."""
    found: dict[str, Json] = {each["name"]: each for each in pods(service)["pods"]}
    if name not in found:
        raise HttpError(404, f"service {service.name} has no instance {name[:80]!r}; it has {named(found)}")
    return found[name]


def _index(name: str) -> int:
    text = name.rpartition("-")[2]
    return int(text) if text.isdecimal() else 0


def _pod(record: PodRecord, step: StepView | None) -> Json:
    return {
        "name": record.name,
        "index": record.index,
        "status": pod_status(record),
        "tasks": [_task(task) for task in record.tasks],
        "pending": None if step is None else pending(step),
    } | volumes.told(record.holding)


def pod_status(record: PodRecord) -> str:
    """One word for the instance: RUNNING when all its tasks run and none says it is not healthy."""
    states = [task.status.state for task in record.tasks]
    # A task that has done what it had to says nothing about the others.
    states = [state for state in states if state is not TaskState.FINISHED] or states
    if not states:
        return "PENDING"
    if all(state is TaskState.RUNNING for state in states):
        return "UNHEALTHY" if any(task.status.healthy is False for task in record.tasks) else "RUNNING"
    worst = next(state for state in states if state is not TaskState.RUNNING)
    return worst.removeprefix("TASK_")


def _task(task: TaskRecord) -> Json:
    return {
        "name": task.name,
        "id": task.task_id,
        "state": task.status.state,
        "healthy": task.status.healthy,
        "hostname": task.hostname,
        "agent_id": task.agent_id,
        "ports": dict(task.ports),
        "addresses": list(task.status.addresses) or ([task.address] if task.address else []),
        "message": task.status.message,
        "since": task.changed_at,
        "paused": task.paused,
    }


def pending(step: StepView) -> Json:
    """Why a step is not done."""
    return {
        "status": step.status,
        "waits": step.waits,
        "summary": summary(step),
        "reasons": reasons(step.refusals),
    }


def summary(step: StepView) -> str:
    """One line for people: `2 offers: ports 80 not free; 1 offer: role missing`, else the step's own message."""
    return sentence(step.refusals) or step.message


def reasons(refusals: Sequence[Refusals]) -> list[Json]:
    """Counts by reason."""
    return [{"count": refusal.count, "reason": refusal.reason} for refusal in refusals]


def all_pending(snapshot: Snapshot) -> Json:
    """GET /v1/pending: every step that waits for offers."""
    return {
        "pending": [
            {
                "service": service.name,
                "plan": plan,
                "phase": phase,
                "step": step.name,
                "pod": step.pod,
                "message": step.message,
                **pending(step),
            }
            for _, service in sorted(snapshot.services.items())
            for plan, phase, step in _open_steps(service)
            if step.status is Progress.PREPARED
        ]
    }


def uninstall(snapshot: Snapshot | None, status: Status, name: str) -> Json:
    """GET /v1/uninstall; the name is what an uninstall has to be confirmed with."""
    if status.phase == "uninstalled":
        return {"status": Progress.COMPLETE, "message": status.reason, "framework": name}
    if snapshot is None or snapshot.uninstall is None:
        return {"status": None, "message": "not asked for", "framework": name}
    return {"status": snapshot.uninstall, "message": snapshot.uninstall_message, "framework": name}


def _open_steps(service: ServiceView) -> Iterator[tuple[str, str, StepView]]:
    for plan in service.plans:
        for phase in plan.phases:
            for step in phase.steps:
                if step.status is not Progress.COMPLETE:
                    yield plan.name, phase.name, step


def error(code: int, message: str) -> Mapping[str, object]:
    """The form of every error."""
    return {"code": code, "message": message}
