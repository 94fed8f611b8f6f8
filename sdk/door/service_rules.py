"""Rules of a service as a whole."""

from sdk.door.names import SEPARATOR, bad_name, twice
from sdk.door.rule import Broken, Rules
from sdk.model.spec import ServiceSpec

COUNT_DIGITS = 4
"""Of the highest number of an instance."""
TASK_ID_LIMIT = 255
"""Mesos makes a directory of it."""
_UUID = 36

rule = Rules(ServiceSpec)


@rule("name")
def _name(service: ServiceSpec) -> Broken:
    """Letters, digits, `.`, `_` and `-`, at most 128; no `__`."""
    if (broken := bad_name(service.name)) is not None:
        yield "name", broken


@rule("task_id_prefix")
def _prefix(service: ServiceSpec) -> Broken:
    """As a name, or empty."""
    if service.task_id_prefix and (broken := bad_name(service.task_id_prefix)) is not None:
        yield "task_id_prefix", broken


@rule("policy")
def _policy(service: ServiceSpec) -> Broken:
    """1 to 128 characters. Whether it is registered is known when it is acted on."""
    if service.policy is not None and not 0 < len(service.policy) <= 128:
        yield "policy", f"has {len(service.policy)} characters, has to have 1 to 128"


@rule("pods")
def _pods(service: ServiceSpec) -> Broken:
    """At least one; no name twice."""
    if not service.pods:
        yield "pods", "has to hold at least one pod"
    for name in twice(pod.name for pod in service.pods):
        yield "pods", f"{name!r:.80} occurs twice"


@rule("name", "task_id_prefix", "pods")
def _task_ids(service: ServiceSpec) -> Broken:
    """A task id, `<prefix>__<pod>-<index>-<task>__<uuid>`, has at most 255 characters."""
    prefix = service.task_id_prefix or service.name
    for pod in service.pods:
        for task in pod.tasks:
            if bad_name(pod.name) or bad_name(task.name):
                continue
            longest = len(f"{prefix}{SEPARATOR}{pod.name}--{task.name}{SEPARATOR}") + COUNT_DIGITS + _UUID
            if longest > TASK_ID_LIMIT:
                rule = f"makes task ids of {longest} characters with pod's and service's name"
                yield f"pods.{pod.name}.tasks.{task.name}.name", f"{rule}; Mesos takes {TASK_ID_LIMIT}"
