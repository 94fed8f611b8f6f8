"""The shapes of the Mesos v1 messages that a scheduler, an executor or an operator sends, and their conversion from
lenient JSON.

Knows field names, their order in the .proto files, required fields, types and defaults, and the texts with which Mesos
1.12 refuses bad input. Does not know what any message means. Messages that nobody here looks into are passed through as
they are (`any`).
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

Json = dict[str, Any]
"""A JSON object in the shape of the Mesos v1 API: at this boundary the wire is the model."""


class BadMessage(Exception):
    """The JSON is not the wanted message; the text is what Mesos answers, without its `Failed to ...` head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: `kind` is a scalar kind, `any`, or the name of a message."""

    name: str
    kind: str
    required: bool
    repeated: bool
    default: str | None


# One line per message: name[!]:kind[*][=default]; `!` required, `*` repeated. The order is that of mesos.proto, because
# Mesos prints fields in that order. A default is printed by Mesos even when the sender left the field out.
_TABLE: dict[str, str] = {
    "Id": "value!:string",
    "Scalar": "value!:double",
    "Range": "begin!:uint end!:uint",
    "Ranges": "range:Range*",
    "Set": "item:string*",
    "Label": "key!:string value:string",
    "Labels": "labels:Label*",
    "AllocationInfo": "role:string",
    "Duration": "nanoseconds!:int",
    "Reservation": "type:enum role:string principal:string labels:Labels",
    "OldReservation": "principal:string labels:Labels",
    "Persistence": "id!:string principal:string",
    "Disk": "persistence:Persistence volume:Volume source:any",
    "SandboxPath": "type:enum path!:string",
    "SecretReference": "name!:string key:string",
    "SecretValue": "data!:bytes",
    "Secret": "type:enum reference:SecretReference value:SecretValue",
    "VolumeHostPath": "path!:string mount_propagation:any",
    "VolumeSource": "type:enum docker_volume:any host_path:VolumeHostPath sandbox_path:SandboxPath secret:Secret"
    " csi_volume:any",
    "Volume": "mode!:enum container_path!:string host_path:string image:any source:VolumeSource",
    "Resource": "provider_id:Id name!:string type!:enum scalar:Scalar ranges:Ranges set:Set role:string"
    " allocation_info:AllocationInfo"
    " reservation:OldReservation reservations:Reservation* disk:Disk revocable:any shared:any",
    "Capability": "type:enum",
    "Quantities": "quantities:scalars",
    "MinAllocatable": "quantities:Quantities*",
    "OfferFilters": "min_allocatable_resources:MinAllocatable",
    "FrameworkInfo": "user!:string name!:string id:Id failover_timeout:double=0.0 checkpoint:bool=false role:string"
    " roles:string*"
    " hostname:string principal:string webui_url:string capabilities:Capability* labels:Labels"
    " offer_filters:offer_filters",
    "Uri": "value!:string executable:bool extract:bool=true cache:bool output_file:string",
    "Variable": "name!:string type:enum=VALUE value:string secret:Secret",
    "Environment": "variables:Variable*",
    "Command": "uris:Uri* environment:Environment shell:bool=true value:string arguments:string* user:string",
    "Port": "number!:uint name:string protocol:string visibility:enum labels:Labels",
    "Ports": "ports:Port*",
    "Discovery": "visibility!:enum name:string environment:string location:string version:string ports:Ports"
    " labels:Labels",
    "KillPolicy": "grace_period:Duration",
    "HttpCheck": "protocol:enum=IPv4 scheme:string port!:uint path:string statuses:uint*",
    "TcpCheck": "protocol:enum=IPv4 port!:uint",
    "HealthCheck": "delay_seconds:double=15.0 interval_seconds:double=10.0 timeout_seconds:double=20.0"
    " consecutive_failures:uint=3"
    " grace_period_seconds:double=10.0 type:enum command:Command http:HttpCheck tcp:TcpCheck",
    "CommandCheck": "command!:Command",
    "Check": "type:enum command:CommandCheck http:HttpCheck tcp:TcpCheck delay_seconds:double=15.0"
    " interval_seconds:double=10.0"
    " timeout_seconds:double=20.0",
    "Parameter": "key!:string value!:string",
    "PortMapping": "host_port!:uint container_port!:uint protocol:string",
    "Docker": "image!:string network:enum=HOST port_mappings:PortMapping* privileged:bool=false parameters:Parameter*"
    " force_pull_image:bool volume_driver:string",
    "LinuxInfo": "capability_info:any bounding_capabilities:any effective_capabilities:any share_pid_namespace:bool"
    " seccomp:any ipc_mode:enum shm_size:uint share_cgroups:bool=true",
    "AppcImage": "name!:string id:string labels:Labels",
    "DockerImage": "name!:string credential:any config:Secret",
    "Image": "type!:enum appc:AppcImage docker:DockerImage cached:bool=true",
    "Mesos": "image:Image",
    "IpAddress": "protocol:enum=IPv4 ip_address:string",
    "Network": "ip_addresses:IpAddress* name:string groups:string* labels:Labels port_mappings:PortMapping*",
    "Container": "type!:enum volumes:Volume* docker:Docker mesos:Mesos network_infos:Network* hostname:string"
    " linux_info:LinuxInfo"
    " rlimit_info:any"
    " tty_info:any",
    "Executor": "type:enum executor_id!:Id framework_id:Id command:Command container:Container resources:Resource*"
    " name:string"
    " source:string data:bytes discovery:Discovery shutdown_grace_period:Duration labels:Labels",
    "Task": "name!:string task_id!:Id agent_id!:Id resources:Resource* limits:scalars executor:Executor command:Command"
    " container:Container"
    " health_check:HealthCheck check:Check kill_policy:KillPolicy data:bytes labels:Labels discovery:Discovery"
    " max_completion_time:Duration",
    "TaskGroup": "tasks:Task*",
    "Launch": "task_infos:Task*",
    "LaunchGroup": "executor!:Executor task_group!:TaskGroup",
    "Reserve": "source:Resource* resources:Resource*",
    "Unreserve": "resources:Resource*",
    "Create": "volumes:Resource*",
    "Destroy": "volumes:Resource*",
    "GrowVolume": "volume!:Resource addition!:Resource",
    "ShrinkVolume": "volume!:Resource subtract!:Scalar",
    "Operation": "type:enum id:Id launch:Launch launch_group:LaunchGroup reserve:Reserve unreserve:Unreserve"
    " create:Create destroy:Destroy grow_volume:GrowVolume shrink_volume:ShrinkVolume",
    "Filters": "refuse_seconds:double=5.0",
    "Empty": "",
    "TextValue": "value!:string",
    "TextRegex": "regex!:string",
    "Selector": "attribute_name:string pseudoattribute_type:enum",
    "Predicate": "exists:Empty not_exists:Empty text_equals:TextValue text_not_equals:TextValue"
    " text_matches:TextRegex text_not_matches:TextRegex",
    "AttributeConstraint": "selector!:Selector predicate!:Predicate",
    "ConstraintGroup": "attribute_constraints:AttributeConstraint*",
    "RoleConstraints": "groups:ConstraintGroup*",
    "OfferConstraints": "role_constraints:role_constraints",
    "Subscribe": "framework_info!:FrameworkInfo suppressed_roles:string* offer_constraints:OfferConstraints",
    "Accept": "offer_ids:Id* operations:Operation* filters:Filters",
    "Decline": "offer_ids:Id* filters:Filters",
    "InverseOffers": "inverse_offer_ids:Id* filters:Filters",
    "Revive": "roles:string*",
    "Suppress": "roles:string*",
    "Kill": "task_id!:Id agent_id:Id kill_policy:KillPolicy",
    "Shutdown": "executor_id!:Id agent_id!:Id",
    "Acknowledge": "agent_id!:Id task_id!:Id uuid!:bytes",
    "AcknowledgeOperation": "agent_id:Id resource_provider_id:Id uuid!:bytes operation_id!:Id",
    "ReconcileTask": "task_id!:Id agent_id:Id",
    "Reconcile": "tasks:ReconcileTask*",
    "ReconcileOperation": "operation_id!:Id agent_id:Id resource_provider_id:Id",
    "ReconcileOperations": "operations:ReconcileOperation*",
    "Message": "agent_id!:Id executor_id!:Id data!:bytes",
    "UpdateFramework": "framework_info!:FrameworkInfo suppressed_roles:string* offer_constraints:OfferConstraints",
    "Call": "framework_id:Id type:enum subscribe:Subscribe accept:Accept decline:Decline revive:Revive kill:Kill"
    " shutdown:Shutdown"
    " acknowledge:Acknowledge acknowledge_operation_status:AcknowledgeOperation reconcile:Reconcile"
    " reconcile_operations:ReconcileOperations message:Message suppress:Suppress update_framework:UpdateFramework"
    " accept_inverse_offers:InverseOffers decline_inverse_offers:InverseOffers",
    "ContainerStatus": "container_id:any network_infos:any* cgroup_info:any executor_pid:uint",
    "Status": "task_id!:Id state!:enum message:string source:enum reason:enum data:bytes agent_id:Id executor_id:Id"
    " timestamp:double"
    " uuid:bytes healthy:bool check_status:any labels:Labels container_status:any unreachable_time:any limitation:any",
    "Update": "status!:Status",
    "ExecutorMessage": "data!:bytes",
    "ExecutorSubscribe": "unacknowledged_tasks:Task* unacknowledged_updates:Update*",
    "ExecutorCall": "executor_id:Id framework_id:Id type:enum subscribe:ExecutorSubscribe update:Update"
    " message:ExecutorMessage",
    "AgentId": "agent_id!:Id",
    "OperatorResources": "agent_id!:Id resources:Resource*",
    "OperatorVolumes": "agent_id!:Id volumes:Resource*",
    "OperatorGrow": "agent_id:Id volume!:Resource addition!:Resource",
    "OperatorShrink": "agent_id:Id volume!:Resource subtract!:Scalar",
    "FrameworkId": "framework_id!:Id",
    "TimeSpan": "seconds:int nanos:int",
    "Drain": "agent_id!:Id max_grace_period:TimeSpan mark_gone:bool",
    "Weight": "weight!:double role:string",
    "Weights": "weight_infos:Weight*",
    "QuotaConfig": "role!:string guarantees:scalars limits:scalars",
    "Quotas": "force:bool quota_configs:QuotaConfig*",
    "QuotaRequest": "force:bool=false role:string guarantee:Resource*",
    "SetQuota": "quota_request!:QuotaRequest",
    "RemoveQuota": "role!:string",
    "TimeInfo": "nanoseconds!:int",
    "Unavailability": "start!:TimeInfo duration:Duration",
    "Machine": "hostname:string ip:string",
    "Machines": "machines:Machine*",
    "Window": "machine_ids:Machine* unavailability!:Unavailability",
    "Schedule": "windows:Window*",
    "UpdateSchedule": "schedule!:Schedule",
    "Metrics": "timeout:Duration",
    "ListFiles": "path!:string",
    "ReadFile": "path!:string offset!:uint length:uint",
    "OperatorCall": "type:enum get_metrics:Metrics set_logging_level:any list_files:ListFiles read_file:ReadFile"
    " update_maintenance_schedule:UpdateSchedule start_maintenance:Machines stop_maintenance:Machines"
    " update_weights:Weights update_quota:Quotas set_quota:SetQuota remove_quota:RemoveQuota"
    " reserve_resources:OperatorResources unreserve_resources:OperatorResources"
    " create_volumes:OperatorVolumes destroy_volumes:OperatorVolumes"
    " grow_volume:OperatorGrow shrink_volume:OperatorShrink"
    " teardown:FrameworkId mark_agent_gone:AgentId drain_agent:Drain deactivate_agent:AgentId"
    " reactivate_agent:AgentId",
}


def _field(text: str) -> Field:
    text, _, default = text.partition("=")
    name, _, kind = text.partition(":")
    return Field(
        name=name.rstrip("!"),
        kind=kind.rstrip("*"),
        required="!" in name,
        repeated="*" in kind,
        default=default or None,
    )


def table(lines: dict[str, str]) -> dict[str, tuple[Field, ...]]:
    """Messages from lines of `name[!]:kind[*][=default]`."""
    return {name: tuple(_field(word) for word in line.split()) for name, line in lines.items()}


MESSAGES = table(_TABLE)

# Others become UNKNOWN, as in every enum with such a value; of the others nobody here prints the value.
_CAPABILITIES = frozenset(
    {"REVOCABLE_RESOURCES", "TASK_KILLING_STATE", "GPU_RESOURCES", "SHARED_RESOURCES", "PARTITION_AWARE", "MULTI_ROLE",
     "RESERVATION_REFINEMENT", "REGION_AWARE"}
)  # fmt: skip
_KIND_NAMES = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}


def _wrong(value: object, name: str) -> BadMessage:
    kind = "null" if value is None else _KIND_NAMES.get(type(value), "value")
    return BadMessage(f"Not expecting a JSON {kind} for field '{name}'")


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _wrong(value, name)
    try:
        number = float(value)
    except ValueError:
        raise BadMessage(f"Failed to parse '{value}' as a JSON number for field '{name}'") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise BadMessage(f"Not expecting the number '{value}' for field '{name}'")
    return number


def _integer(value: object, name: str) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else int(_number(value, name))


def _unsigned(value: object, name: str) -> int:
    number = _integer(value, name)
    if number < 0:
        raise BadMessage(f"Not expecting the negative number '{value}' for field '{name}'")
    return number


def _boolean(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _wrong(value, name)


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, name)
    return value


def _scalars(value: object, name: str) -> Json:
    """A map of names to Scalar messages."""
    if not isinstance(value, dict):
        raise _wrong(value, name)
    return {str(key): convert("Scalar", item) for key, item in value.items()}


def _by_role(message: str) -> Callable[[object, str], Json]:
    """A map of roles to messages."""

    def converted(value: object, name: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong(value, name)
        return {str(role): convert(message, item) for role, item in value.items()}

    return converted


def _bytes(value: object, name: str) -> str:
    text = _string(value, name)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        bad = next((letter for letter in text if not (letter.isalnum() or letter in "+/=")), None)
        why = f"Invalid character '{bad}'" if bad else str(error)
        raise BadMessage(f"Failed to base64 decode bytes field '{name}': {why}") from None
    return text


def _capability(value: object, _: str) -> str:
    return value if isinstance(value, str) and value in _CAPABILITIES else "UNKNOWN"


_SCALARS: dict[str, Callable[[object, str], Any]] = {
    "double": _number,
    "int": _integer,
    "uint": _unsigned,
    "bool": _boolean,
    "string": _string,
    "enum": _string,
    "bytes": _bytes,
    "scalars": _scalars,
    "offer_filters": _by_role("OfferFilters"),
    "role_constraints": _by_role("RoleConstraints"),
}

_DEFAULTS: dict[str, Any] = {
    f"{message}.{field.name}": {"true": True, "false": False}.get(field.default)
    if field.kind == "bool"
    else _SCALARS[field.kind](field.default, field.name)
    for message, fields in MESSAGES.items()
    for field in fields
    if field.default is not None
}


_Take = Callable[[Any, str], Any]
"""Converts the value of a field with that name."""


def _take(message: str, field: Field) -> _Take:
    kind, name = field.kind, field.name
    one: _Take
    if message == "Capability":
        one = _capability
    elif kind == "any":
        one = _as_it_is
    elif kind in _SCALARS:
        one = _SCALARS[kind]
    else:
        one = partial(_convert, kind)
    if not field.repeated:
        return one

    def several(value: Any, _: str) -> list[Any] | None:
        # Mesos takes a string for a repeated string as its characters; anything else must be an array.
        if not isinstance(value, list) and not (isinstance(value, str) and kind == "string"):
            raise _wrong(value, name)
        # An empty list is as good as none.
        return [one(item, name) for item in value] or None

    return several


def _as_it_is(value: Any, _: str) -> Any:
    return value


@dataclass(slots=True)
class _Plan:
    """What becomes of a message that has these fields: of each, in the order of the wire, how it is taken, or (for one
    that is not there) its default.
    """

    steps: list[tuple[str, _Take | None, Any]]
    complete: bool
    """Whether all required fields are there."""


_ORDER: dict[str, dict[str, int]] = {
    message: {field.name: place for place, field in enumerate(fields)} for message, fields in MESSAGES.items()
}
_plans: dict[str, dict[tuple[str, ...], _Plan]] = {message: {} for message in MESSAGES}
# Messages come off the network with fields in any order.
_PLANS = 200


def _plan(message: str, names: tuple[str, ...]) -> _Plan:
    """The plan for these fields, made once: few combinations of a message's many fields are ever sent."""
    steps: list[tuple[str, _Take | None, Any]] = []
    complete = True
    for field, take in _TAKES[message]:
        if field.name in names:
            steps.append((field.name, take, None))
        elif field.required:
            complete = False
        elif field.default is not None:
            steps.append((field.name, None, _DEFAULTS[f"{message}.{field.name}"]))
    plan, known = _Plan(steps, complete), _plans[message]
    if len(known) < _PLANS and _ORDER[message].keys() >= set(names):
        # Of names that mean nothing there are too many to remember.
        known[names] = plan
    return plan


class _Missing(Exception):
    """A required field is not there: which ones are not, `_missing` says."""


def _convert(message: str, given_message: object, name: str) -> Json:
    value = _object(given_message, name)
    names = tuple(value)
    plan = _plans[message].get(names) or _plan(message, names)
    result: Json = {}
    for field, take, default in plan.steps:
        if take is None:
            result[field] = default
            continue
        given = value[field]
        if given is None:
            return _convert(message, {key: item for key, item in value.items() if item is not None}, name)
        taken = take(given, field)
        if taken is not None:
            result[field] = taken
    if not plan.complete:
        raise _Missing
    return result


def _missing(message: str, value: Json, path: str) -> Iterator[str]:
    """The paths of required fields that are not there; BadMessage for what else is wrong, which comes first."""
    for field, take in _TAKES[message]:
        given = value.get(field.name)
        where = f"{path}.{field.name}" if path else field.name
        if given is None:
            if field.required:
                yield where
        elif field.kind not in MESSAGES:
            take(given, field.name)
        elif not field.repeated:
            yield from _missing(field.kind, _object(given, field.name), where)
        elif not isinstance(given, list):
            raise _wrong(given, field.name)
        else:
            for index, item in enumerate(given):
                yield from _missing(field.kind, _object(item, field.name), f"{where}[{index}]")


def _object(value: object, name: str) -> Json:
    if not isinstance(value, dict):
        raise _wrong(value, name)
    return value


_TAKES: dict[str, list[tuple[Field, _Take]]] = {
    message: [(field, _take(message, field)) for field in fields] for message, fields in MESSAGES.items()
}


def convert(message: str, value: object) -> Json:
    """The message of that name with fields in wire order, types as Mesos prints them and defaults filled in; BadMessage
    else.

    Unknown fields are dropped, null counts as absent, `"60"` is taken for a number: as the real parser does.
    """
    if not isinstance(value, dict):
        raise BadMessage("Expecting a JSON object")
    try:
        return _convert(message, value, message)
    except _Missing:
        raise BadMessage(f"Missing required fields: {', '.join(_missing(message, value, ''))}") from None


def ordered(message: str, value: Json) -> Json:
    """The same object with its fields in the order in which Mesos prints that message; fields without a place come
    last. What is in order already is returned as it is.
    """
    order = _ORDER[message]
    last = -1
    for name, item in value.items():
        place = order.get(name, len(order))
        if item is None or place < last:
            break
        last = place
    else:
        return value
    found = sorted((name for name in value if name in order and value[name] is not None), key=order.__getitem__)
    result = {name: value[name] for name in found}
    result.update((name, item) for name, item in value.items() if name not in order and item is not None)
    return result


def ids(values: Iterable[Json] | None) -> list[str]:
    """The plain strings of a list of `{"value": ..}` ids."""
    return [value["value"] for value in values or ()]
