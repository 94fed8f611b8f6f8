"""Rules that a spec has to keep so that the SDK can run it, store it and read it again.

The first broken one is raised as `InvalidSpec`. What passes fits into ZooKeeper, by its types (`sdk.door.types`), its
names and its size.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from sdk.codecs import encode
from sdk.door.types import check_types
from sdk.errors import InvalidSpec
from sdk.model.container import ContainerSpec
from sdk.model.roles import is_role
from sdk.model.spec import PodSpec, PortSpec, ServiceSpec, TaskSpec
from sdk.offer.placement import checked

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
NAME_LIMIT = 128
"""Names become parts of task ids and segments of ZooKeeper paths."""
POD_NAME_LIMIT = 120
"""With the instance's number behind it, it is a segment, too."""
COUNT_LIMIT = 10_000
"""Instances of a pod: far more than a cluster holds, few enough for a record each."""
TASK_ID_LIMIT = 255
"""Mesos makes a directory of it."""
MAX_SPEC_BYTES = 450_000
"""A spec travels in one ZooKeeper packet with its target and with pod records; half a packet leaves them room."""
SEPARATOR = "__"
_VISIBLE = re.compile(r"[!-~]{1,255}")
"""Names that others gave: of images and networks."""
_UUID = 36


def check_service(spec: ServiceSpec, path: str = "service") -> ServiceSpec:
    """The spec as it is taken, with the operators of its constraints in capitals.

    Raises `InvalidSpec` with the path of the first field that breaks a rule.
    """
    check_types(spec, ServiceSpec, path)
    _name(spec.name, f"{path}.name")
    if spec.task_id_prefix:
        _name(spec.task_id_prefix, f"{path}.task_id_prefix")
    if not spec.pods:
        raise InvalidSpec(f"{path}.pods", "has to hold at least one pod")
    _unique((pod.name for pod in spec.pods), f"{path}.pods")
    prefix = spec.task_id_prefix or spec.name
    taken = replace(spec, pods=tuple(_pod(pod, prefix, f"{path}.pods.{pod.name}") for pod in spec.pods))
    size = len(encode(taken))
    if size > MAX_SPEC_BYTES:
        raise InvalidSpec(path, f"is {size} bytes of JSON, more than the {MAX_SPEC_BYTES} that can be stored")
    return taken


def _pod(pod: PodSpec, prefix: str, path: str) -> PodSpec:
    _name(pod.name, f"{path}.name", POD_NAME_LIMIT)
    if not 0 <= pod.count <= COUNT_LIMIT:
        raise InvalidSpec(f"{path}.count", f"is {pod.count}, has to be 0 or more, and at most {COUNT_LIMIT}")
    if not pod.tasks:
        raise InvalidSpec(f"{path}.tasks", "has to hold at least one task")
    _unique((task.name for task in pod.tasks), f"{path}.tasks")
    if not is_role(pod.role):
        raise InvalidSpec(f"{path}.role", f"{pod.role!r} is not a Mesos role")
    parent = pod.prereserved_role
    if parent is not None and not pod.role.startswith(f"{parent}/"):
        raise InvalidSpec(f"{path}.role", f"has to be a child of {parent}, such as {parent}/{pod.name}, not {pod.role}")
    constraints = checked(pod.constraints, f"{path}.constraints")
    if pod.update.max_unavailable < 1:
        raise InvalidSpec(f"{path}.update.max_unavailable", "has to be 1 or more, or nothing could ever be updated")
    if pod.update.max_surge < 0:
        raise InvalidSpec(f"{path}.update.max_surge", "has to be 0 or more")
    if pod.update.min_ready < 0:
        raise InvalidSpec(f"{path}.update.min_ready", "has to be 0 or more seconds")
    if pod.recovery.replace_after < 0:
        raise InvalidSpec(f"{path}.recovery.replace_after", "has to be 0 or more seconds")
    if pod.recovery.backoff_factor < 1:
        raise InvalidSpec(f"{path}.recovery.backoff_factor", "has to be 1 or more")
    for task in pod.tasks:
        _task(task, f"{path}.tasks.{task.name}")
        longest = len(f"{prefix}{SEPARATOR}{pod.name}-{COUNT_LIMIT - 1}-{task.name}{SEPARATOR}") + _UUID
        if longest > TASK_ID_LIMIT:
            raise InvalidSpec(
                f"{path}.tasks.{task.name}.name",
                f"makes task ids of {longest} characters with pod's and service's name; Mesos takes {TASK_ID_LIMIT}",
            )
    _ports_apart([task for task in pod.tasks if task.container.on_agents_network], path)
    for task in pod.tasks:
        _ports_apart([task], path)
    return pod if constraints == pod.constraints else replace(pod, constraints=constraints)


def _ports_apart(tasks: Iterable[TaskSpec], path: str) -> None:
    """Tasks that share a network cannot share a port."""
    static = [port.number for task in tasks for port in task.ports if port.number]
    for number in static:
        if static.count(number) > 1:
            raise InvalidSpec(f"{path}.tasks", f"port {number} is wanted twice by one instance")


def _task(task: TaskSpec, path: str) -> None:
    _name(task.name, f"{path}.name")
    for name, amount in (("cpus", task.cpus), ("mem", task.mem), ("disk", task.disk)):
        if amount < 0:
            raise InvalidSpec(f"{path}.{name}", "has to be 0 or more")
    if not (task.cpus or task.mem):
        raise InvalidSpec(f"{path}.cpus", "and mem are both 0: Mesos refuses a task without resources")
    if (task.command is None) == (task.executor is None):
        raise InvalidSpec(f"{path}.command", "or executor has to be given, and not both")
    if task.executor is not None:
        for name, amount, whole in (
            ("cpus", task.executor.cpus, task.cpus),
            ("mem", task.executor.mem, task.mem),
        ):
            if amount > whole or (amount == whole and amount):
                raise InvalidSpec(
                    f"{path}.{name}",
                    f"has to be more than the executor's share of {amount / 1000}, which is taken from it",
                )
        if task.health_check is not None:
            raise InvalidSpec(f"{path}.health_check", "is not run by Mesos for custom executors; use reports_health")
    _unique((port.name for port in task.ports), f"{path}.ports")
    for port in task.ports:
        _port(port, f"{path}.ports.{port.name}")
    _container(task.container, f"{path}.container")
    check = task.health_check
    if check is not None:
        if sum((check.command is not None, check.http_path is not None, check.tcp)) != 1:
            raise InvalidSpec(f"{path}.health_check", "needs exactly one of command, http_path and tcp")
        if check.command is None and check.port not in {port.name for port in task.ports}:
            raise InvalidSpec(f"{path}.health_check.port", f"{check.port!r} is no port of the task")
        if any(port.optional for port in task.ports if port.name == check.port):
            raise InvalidSpec(f"{path}.health_check.port", f"{check.port!r} is optional: there may be nothing to check")


def _port(port: PortSpec, path: str) -> None:
    _name(port.name, f"{path}.name")
    if not 0 <= port.number <= 65535:
        raise InvalidSpec(f"{path}.number", f"is {port.number}, has to be 0 (dynamic) to 65535")
    for begin, end in port.ranges:
        if not 1 <= begin <= end <= 65535:
            raise InvalidSpec(f"{path}.ranges", f"{begin}-{end} is not a range within 1-65535")


def _container(container: ContainerSpec, path: str) -> None:
    if container.image is not None and not _VISIBLE.fullmatch(container.image):
        raise InvalidSpec(f"{path}.image", f"{container.image!r:.80} is no name of an image")
    _unique((network.name for network in container.networks), f"{path}.networks")
    for network in container.networks:
        if not _VISIBLE.fullmatch(network.name):
            raise InvalidSpec(f"{path}.networks", f"{network.name!r:.80} is no name of a network")


def _name(name: str, path: str, limit: int = NAME_LIMIT) -> None:
    if not NAME.fullmatch(name) or len(name) > limit:
        raise InvalidSpec(path, f"{name!r} has to be letters, digits, '.', '_' and '-', at most {limit} characters")
    if SEPARATOR in name:
        raise InvalidSpec(path, f"{name!r} may not hold {SEPARATOR!r}, which separates the parts of task ids")


def _unique(names: Iterable[str], path: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidSpec(path, f"{name!r} occurs twice")
        seen.add(name)
