"""Tasks and applications as pool templates see them: plain JSON. Pure."""

from typing import Any

from api.auto_pools.app import app_of
from api.auto_pools.claim import App
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
        "app": _app(app_of(task) or App(task.framework_name, task.name)),
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
    name = marathon or service.mesos.task_name
    return _app(App(service.mesos.framework_name, name, bool(marathon), service.marathon.container_name))


def _app(app: App) -> Json:
    return {"framework": app.framework, "name": app.name, "container": app.container, "marathon": app.marathon}
