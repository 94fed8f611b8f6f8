"""Where the tasks of a service can be reached: every named port with its addresses. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from sdk.core.snapshot import ServiceView
from sdk.http.errors import HttpError, named
from sdk.model.records import PodRecord, TaskRecord
from sdk.model.spec import PodSpec, PortSpec, TaskSpec
from sdk.model.status import TaskState

Json = dict[str, Any]


def listed(service: ServiceView, framework: str) -> Json:
    """GET /v1/services/<s>/endpoints: one for each named port of each task of the specification."""
    return {"endpoints": list(_all(service, framework))}


def shown(service: ServiceView, framework: str, name: str) -> Json:
    """GET /v1/services/<s>/endpoints/<name>; raises HttpError (404)."""
    found = {each["name"]: each for each in _all(service, framework)}
    if name not in found:
        raise HttpError(404, f"service {service.name} has no endpoint {name[:80]!r}; it has {named(found)}")
    return found[name]


def _all(service: ServiceView, framework: str) -> Iterator[Json]:
    pods = () if service.target is None else service.target.spec.pods
    for pod in pods:
        records = [record for record in service.pods if record.pod == pod.name]
        records.sort(key=lambda record: record.index)
        for task in pod.tasks:
            for port in task.ports:
                yield {
                    "name": f"{pod.name}-{task.name}-{port.name}",
                    "pod": pod.name,
                    "task": task.name,
                    "port": port.name,
                    "protocol": port.protocol,
                    "vips": [*(value for key, value in port.labels if key.startswith("VIP")), *port.vips],
                    "instances": [
                        found
                        for record in records
                        if (found := _instance(record, pod, task, port, framework)) is not None
                    ],
                }


def _instance(record: PodRecord, pod: PodSpec, task: TaskSpec, port: PortSpec, framework: str) -> Json | None:
    running: TaskRecord | None = next(
        (each for each in record.tasks if each.name == task.name and each.status.state is TaskState.RUNNING), None
    )
    number = None if running is None else running.ports.get(port.name)
    if running is None or number is None:
        return None
    agents = [running.address] if running.address else []
    # Mapped ports are the agent's, whatever address the container has in its network.
    addresses = agents if task.container.maps_ports and agents else list(running.status.addresses) or agents
    name = task.discovery_name or f"{pod.name}-{record.index}-{task.name}"
    return {
        "instance": record.name,
        "task_id": running.task_id,
        "hostname": running.hostname,
        "number": number,
        "addresses": [f"{f'[{address}]' if ':' in address else address}:{number}" for address in addresses],
        "dns": f"{_label(name)}.{_label(framework)}.mesos:{number}",
        "healthy": running.status.healthy,
    }


def _label(name: str) -> str:
    """As Mesos-DNS makes a label of a name."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
