"""What a service selects and probably is not meant to: load balancers, and apps that cannot be. Pure.

Load balancers are tasks like others, but none is selected by a pattern alone, and those of the pool itself never are:
requests would go in circles. Sentences, each with its field.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from scheduler.pools.model import EndpointType, MesosSelector, Service
from scheduler.pools.service import POD, TASK, task_id_prefix
from sdk.pattern import BadPattern, Pattern

_LOAD_BALANCER = re.compile(rf"{POD}-[0-9]+-{TASK}")
# Marathon's own rule for the parts of an id; it refuses an app of any other.
_MARATHON_ID = re.compile(r"/?([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)*[a-z0-9]([a-z0-9.-]*[a-z0-9])?/?")
_ANY_FRAMEWORK, _ANY_NAME, _ANY_ID = "marathon", "app-0-node", "app__app-0-node__0"


def service_sentences(path: str, service: Service, pool: str, framework: str) -> Iterator[str]:
    """About the service at `path` of this pool; `framework` is the name of the one that runs all pools."""
    if service.endpoint.type is EndpointType.ADDRESS:
        return
    yield from _load_balancers(f"{path}.mesos", service.mesos, pool, framework)
    app = service.marathon.service_id
    if app and not _MARATHON_ID.fullmatch(app):
        rule = "ids of Marathon hold only lower case letters, digits, -, . and /"
        yield f"{path}.marathon.serviceID {app[:80]} can match no app: {rule}"


def _load_balancers(path: str, selector: MesosSelector, pool: str, framework: str) -> Iterator[str]:
    """The first condition that means load balancers is told."""
    prefix, name = f"{task_id_prefix(pool)}__", f"{POD}-0-{TASK}"
    named = selector.framework_name or selector.framework_id or selector.task_id
    others = "" if named else "; those of other pools are only where mesos.frameworkName names their framework"
    if selector.task_id.startswith(prefix):
        yield f"{path}.taskID names a load balancer of this pool, which is never one of its servers"
    elif _LOAD_BALANCER.fullmatch(selector.task_name):
        yield f"{path}.taskName is that of load balancers, and those of this pool are never its servers{others}"
    elif _means(selector.task_id_pattern, f"{prefix}{name}__0", _ANY_ID):
        yield f"{path}.taskIDPattern fits load balancers, and those of this pool are never its servers{others}"
    elif _means(selector.task_name_pattern, name, _ANY_NAME):
        yield f"{path}.taskNamePattern fits load balancers, and those of this pool are never its servers{others}"
    elif selector.framework_name == framework:
        yield f"{path}.frameworkName is that of the load balancers, and those of this pool are never its servers"
    elif _means(selector.framework_name_pattern, framework, _ANY_FRAMEWORK):
        yield f"{path}.frameworkNamePattern fits that of the load balancers, which no pattern selects{others}"


@lru_cache(maxsize=1024)
def _means(pattern: str, own: str, other: str) -> bool:
    """Whether it fits what is ours; one that fits anything else as well is meant for more."""
    if not pattern:
        return False
    try:
        expression = Pattern(pattern)
    except BadPattern:
        return False  # stored by an earlier release; its status says so
    return expression.found_in(own) and not expression.found_in(other)
