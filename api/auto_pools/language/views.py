"""Tasks and applications as pool templates see them: plain JSON. Pure."""

from typing import Any

from api.mesos_listener.task import Task
from scheduler.pools.model import Service

Json = dict[str, Any]


def task_view(task: Task) -> Json:
    """A task with its labels and ports."""
    return {
        "id": task.id,
        "framework_id": task.framework_id,
        "framework_name": task.framework_name,
        "name": task.name,
        "app": {
            "framework": task.framework_name,
            "name": task.marathon_id if task.marathon else task.name,
            "container": task.marathon_container if task.marathon else "",
            "marathon": task.marathon,
        },
        "role": task.role,
        "hostname": task.agent_hostname,
        "started": task.started,
        "labels": dict(task.labels),
        "ports": [
            {
                "name": port.name,
                "number": port.number,
                "container_port": port.container_port or port.number,
                "protocol": port.protocol,
                "labels": dict(port.labels),
            }
            for port in task.ports
        ],
    }


def app_view(service: Service) -> Json:
    """The application that a generated service selects."""
    marathon = service.marathon.service_id
    return {
        "framework": service.mesos.framework_name,
        "name": marathon or service.mesos.task_name,
        "container": service.marathon.container_name,
        "marathon": bool(marathon),
    }
