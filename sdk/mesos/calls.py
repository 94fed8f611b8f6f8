"""Values into Mesos' JSON. Pure; the other direction is `sdk.mesos.parse`."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdk.mesos import checks, containers, disks, limits
from sdk.model.container import ContainerSpec
from sdk.model.limits import LimitsSpec
from sdk.model.operations import (
    Create,
    Destroy,
    GrowVolume,
    Launch,
    LaunchGroup,
    Operation,
    Reserve,
    ShrinkVolume,
    TaskLaunch,
    Unreserve,
)
from sdk.model.resources import MILLI, Label, Reservation, Resource
from sdk.model.spec import CommandSpec, ExecutorSpec, PortSpec, UriSpec
from sdk.model.status import OperationStatus, TaskStatus

Json = dict[str, Any]

_NANO = 1_000_000_000
_OF_CONTAINER: tuple[Label, ...] = (("network-scope", "container"),)
"""Says to whoever reads the DiscoveryInfo that a port is one of the container, not of the agent: Marathon's word."""
_OF_AGENT: tuple[Label, ...] = (("network-scope", "host"),)
"""The same of a port of the agent that leads into a container."""
CAPABILITIES = ("PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT", "TASK_KILLING_STATE")
"""What this SDK relies on; a framework may never take one back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkInfo:
    """How the framework presents itself to the master."""

    name: str
    roles: tuple[str, ...]
    user: str = ""
    """Whom tasks run as; empty: whom the agent decides on (Mesos: the agent's own user)."""
    framework_id: str | None = None
    principal: str | None = None
    failover_timeout: float = 7 * 24 * 3600.0
    """Seconds that tasks live without a subscribed scheduler."""
    checkpoint: bool = True
    """Tasks survive a restart of their agent's process."""
    hostname: str | None = None
    webui_url: str | None = None
    labels: tuple[Label, ...] = ()
    capabilities: tuple[str, ...] = CAPABILITIES
    min_allocatable: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By role: what an agent has to have of each kind for an offer; without any, whatever it has."""
    suppressed_roles: tuple[str, ...] = field(default=())
    """Roles without offers from the start; not part of the FrameworkInfo on the wire."""


def value(text: str) -> Json:
    """An id."""
    return {"value": text}


def framework_info(info: FrameworkInfo) -> Json:
    """FrameworkInfo."""
    wire: Json = {
        "user": info.user,
        "name": info.name,
        "roles": list(info.roles),
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "capabilities": [{"type": name} for name in info.capabilities],
    }
    if info.framework_id:
        wire["id"] = value(info.framework_id)
    for key in ("principal", "hostname", "webui_url"):
        if (text := getattr(info, key)) is not None:
            wire[key] = text
    if info.labels:
        wire["labels"] = labels(info.labels)
    # Mesos refuses a filter of a role that the framework does not have (any more).
    filters = {role: _min_allocatable(least) for role, least in info.min_allocatable.items() if role in info.roles}
    if filters:
        wire["offer_filters"] = filters
    return wire


def _min_allocatable(least: Mapping[str, float]) -> Json:
    """OfferFilters of one role: all of the quantities together, and not only one of them."""
    quantities = {"quantities": {name: {"value": amount} for name, amount in least.items()}}
    return {"min_allocatable_resources": {"quantities": [quantities]} if least else {}}


def labels(pairs: Iterable[Label]) -> Json:
    """Labels."""
    return {"labels": [{"key": key, "value": text} for key, text in pairs]}


def resource(item: Resource) -> Json:
    """A resource, as the offer had it."""
    wire: Json = {"name": item.name}
    if item.scalar is not None:
        wire |= {"type": "SCALAR", "scalar": {"value": item.scalar / MILLI}}
    elif item.ranges is not None:
        wire |= {"type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end} for begin, end in item.ranges]}}
    else:
        wire |= {"type": "SET", "set": {"item": sorted(item.items or ())}}
    if item.allocation_role is not None:
        wire["allocation_info"] = {"role": item.allocation_role}
    if item.reservations:
        wire["reservations"] = [_reservation(each) for each in item.reservations]
    if item.disk is not None:
        wire["disk"] = disks.write(item.disk)
    if item.provider_id is not None:
        wire["provider_id"] = value(item.provider_id)
    if item.extra is not None:
        wire |= json.loads(item.extra)
    return wire


def _reservation(item: Reservation) -> Json:
    wire: Json = {"type": "DYNAMIC" if item.dynamic else "STATIC", "role": item.role}
    if item.principal is not None:
        wire["principal"] = item.principal
    if item.labels:
        wire["labels"] = labels(item.labels)
    return wire


def operation(item: Operation, framework_id: str) -> Json:
    """One operation of an ACCEPT."""
    match item:
        case Reserve():
            wire: Json = {"type": "RESERVE", "reserve": {"resources": [resource(each) for each in item.resources]}}
        case Unreserve():
            wire = {"type": "UNRESERVE", "unreserve": {"resources": [resource(each) for each in item.resources]}}
        case Create():
            wire = {"type": "CREATE", "create": {"volumes": [resource(each) for each in item.volumes]}}
        case Destroy():
            wire = {"type": "DESTROY", "destroy": {"volumes": [resource(each) for each in item.volumes]}}
        case GrowVolume():
            grown = {"volume": resource(item.volume), "addition": resource(item.addition)}
            wire = {"type": "GROW_VOLUME", "grow_volume": grown}
        case ShrinkVolume():
            shrunk = {"volume": resource(item.volume), "subtract": {"value": item.subtract / MILLI}}
            wire = {"type": "SHRINK_VOLUME", "shrink_volume": shrunk}
        case LaunchGroup():
            return {"type": "LAUNCH_GROUP", "launch_group": _group(item, framework_id)}
        case Launch():
            return {"type": "LAUNCH", "launch": {"task_infos": [task_info(each, framework_id) for each in item.tasks]}}
    if item.operation_id is not None:
        wire["id"] = value(item.operation_id)
    return wire


def _group(item: LaunchGroup, framework_id: str) -> Json:
    return {
        "executor": {
            "type": "DEFAULT",
            "executor_id": value(item.executor_id),
            "framework_id": value(framework_id),
            "resources": [resource(each) for each in item.executor_resources],
            "shutdown_grace_period": nanoseconds(item.shutdown_grace),
        },
        "task_group": {"tasks": [task_info(each, framework_id) for each in item.tasks]},
    }


def task_info(task: TaskLaunch, framework_id: str) -> Json:
    """TaskInfo; it has a command or an executor, whose command then gets the environment."""
    wire: Json = {
        "name": task.name,
        "task_id": value(task.task_id),
        "agent_id": value(task.agent_id),
        "resources": [resource(each) for each in task.resources],
        "kill_policy": {"grace_period": nanoseconds(task.kill_grace)},
    }
    if task.executor is not None:
        wire["executor"] = _executor_info(task, task.executor, framework_id)
    elif task.command is not None:
        wire["command"] = command_info(task.command, task.environment)
        wire |= containers.field(task.container, task.ports)
    if task.limits is not None:
        _limit(wire, task, task.limits)
    if task.labels:
        wire["labels"] = labels(task.labels)
    if task.discovery_name is not None:
        wire["discovery"] = {
            "visibility": "EXTERNAL",
            "name": task.discovery_name,
            "ports": {"ports": [_port(spec, number, task.container) for spec, number in task.ports]},
        }
    if task.data is not None:
        wire["data"] = data(task.data.encode())
    # Mesos looks from inside of the container.
    ports = {spec.name: spec.inside(number, task.container) for spec, number in task.ports}
    if task.health_check is not None:
        wire["health_check"] = checks.health_check(task.health_check, ports)
    if task.readiness_check is not None:
        wire["check"] = checks.readiness_check(task.readiness_check, ports)
    return wire


def _limit(wire: Json, task: TaskLaunch, found: LimitsSpec) -> None:
    """They are those of the container, which is the executor's where there is a custom one."""
    wire |= limits.of_task(found)
    more = limits.of_container(found, nested=task.executor is None and task.executor_id is not None)
    if more:
        owner = wire.get("executor", wire)
        owner["container"] = {"type": "MESOS", **owner.get("container", {}), **more}


def _executor_info(task: TaskLaunch, executor: ExecutorSpec, framework_id: str) -> Json:
    return {
        "type": "CUSTOM",
        "executor_id": value(task.executor_id or task.task_id),
        "framework_id": value(framework_id),
        "name": executor.name,
        "command": command_info(executor.command, task.environment),
        "resources": [resource(each) for each in task.executor_resources],
        "shutdown_grace_period": nanoseconds(executor.shutdown_grace),
        **containers.field(task.container, task.ports),
    }


def command_info(command: CommandSpec, environment: Mapping[str, str]) -> Json:
    """CommandInfo; `environment` wins over the command's own."""
    wire: Json = {"shell": True, "value": command.value}
    variables = {**command.environment, **environment}
    if variables:
        wire["environment"] = {"variables": [{"name": name, "value": text} for name, text in sorted(variables.items())]}
    if command.uris:
        wire["uris"] = [_uri(each) for each in command.uris]
    if command.user is not None:
        wire["user"] = command.user
    return wire


def _uri(uri: UriSpec) -> Json:
    wire: Json = {"value": uri.value, "executable": uri.executable, "extract": uri.extract, "cache": uri.cache}
    if uri.output_file is not None:
        wire["output_file"] = uri.output_file
    return wire


def _port(spec: PortSpec, number: int, container: ContainerSpec) -> Json:
    wire: Json = {"number": number, "name": spec.name, "protocol": spec.protocol}
    vips = tuple((f"VIP_{index}", vip) for index, vip in enumerate(spec.vips))
    scope = _OF_AGENT if container.maps_ports else () if container.on_agents_network else _OF_CONTAINER
    told = (*spec.labels, *vips, *scope)
    if told:
        wire["labels"] = labels(told)
    return wire


def task_acknowledgement(status: TaskStatus) -> Json:
    """The fields of a status that an ACKNOWLEDGE repeats."""
    wire: Json = {"task_id": value(status.task_id)}
    if status.agent_id is not None:
        wire["agent_id"] = value(status.agent_id)
    if status.uuid is not None:
        wire["uuid"] = status.uuid
    return wire


def operation_acknowledgement(status: OperationStatus) -> Json:
    """The fields of a status that an ACKNOWLEDGE_OPERATION_STATUS repeats."""
    wire: Json = {"operation_id": value(status.operation_id)}
    if status.agent_id is not None:
        wire["agent_id"] = value(status.agent_id)
    if status.resource_provider_id is not None:
        wire["resource_provider_id"] = value(status.resource_provider_id)
    if status.uuid is not None:
        wire["uuid"] = status.uuid
    return wire


def operation_question(operation_id: str, agent_id: str) -> Json:
    """An operation in RECONCILE_OPERATIONS; with its agent the master answers about one that it does not know, too."""
    return {"operation_id": value(operation_id), "agent_id": value(agent_id)}


def data(content: bytes) -> str:
    """Bytes, which JSON cannot hold."""
    return base64.b64encode(content).decode("ascii")


def nanoseconds(seconds: float) -> Json:
    """DurationInfo."""
    return {"nanoseconds": round(seconds * _NANO)}
