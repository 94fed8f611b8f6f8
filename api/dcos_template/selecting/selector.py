"""The conditions of one service, compiled, and whether a task meets them. Pure.

Knows which value of a task each field of a selector looks at, when Marathon's names count, and that load balancers are
not selected by accident. Does not know addresses and ports, nor how tasks are found quickly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter

from api.mesos_listener.task import Task
from scheduler.pools.model import POOL_LABEL, Service
from scheduler.pools.model import Endpoint as EndpointWish
from sdk.pattern import BadPattern, Pattern


class Field(StrEnum):
    """What a selector may look at, the most selective first."""

    TASK_ID = "mesos.taskID"
    TASK_NAME = "mesos.taskName"
    SERVICE_ID = "marathon.serviceID"
    CONTAINER_NAME = "marathon.containerName"
    FRAMEWORK_ID = "mesos.frameworkID"
    FRAMEWORK_NAME = "mesos.frameworkName"


_MARATHONS = frozenset({Field.SERVICE_ID, Field.CONTAINER_NAME})
#: Whoever writes one of these means that task or that framework, and not whatever happens to fit.
_BY_NAME = frozenset({Field.TASK_ID, Field.FRAMEWORK_ID, Field.FRAMEWORK_NAME})
# From the values that few tasks share to those that many do: a condition on a framework alone says little.
_RARE = (Field.TASK_ID, Field.TASK_NAME, Field.SERVICE_ID, Field.CONTAINER_NAME)
_FRAMEWORKS = frozenset({Field.FRAMEWORK_ID, Field.FRAMEWORK_NAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """The compiled form of one service: all of `exact` and all of `patterns` must hold."""

    pool: str
    exact: tuple[tuple[Field, str], ...]
    patterns: tuple[tuple[Field, Pattern], ...]
    wish: EndpointWish
    marathons_only: bool
    """A Marathon's name is asked for and the framework is not: then the framework has to be a Marathon."""
    may_balance: bool
    """The task or its framework is named: then it may be a load balancer, though not one of the pool itself."""

    @property
    def entry(self) -> tuple[tuple[Field, str] | None, tuple[Field, Pattern] | None]:
        """The condition that fewest tasks meet, by which the selector is found: a value, else a pattern."""
        for field in _RARE:
            for exact in self.exact:
                if exact[0] is field:
                    return exact, None
            for pattern in self.patterns:
                if pattern[0] is field:
                    return None, pattern
        if self.exact:
            return self.exact[0], None
        return None, (self.patterns[0] if self.patterns else None)


def compile_service(pool: str, service: Service) -> Selector:
    """The selector of a service of `pool`, its most selective condition first.

    Raises BadPattern when one of its patterns is none; pools that were stored by an earlier release may hold such.
    """
    marathon, mesos = service.marathon, service.mesos
    exact = {
        Field.TASK_ID: mesos.task_id,
        Field.TASK_NAME: mesos.task_name,
        Field.SERVICE_ID: marathon.service_id and "/" + marathon.service_id.strip("/"),
        Field.CONTAINER_NAME: marathon.container_name,
        Field.FRAMEWORK_ID: mesos.framework_id,
        Field.FRAMEWORK_NAME: mesos.framework_name,
    }
    patterns = {
        Field.TASK_ID: mesos.task_id_pattern,
        Field.TASK_NAME: mesos.task_name_pattern,
        Field.SERVICE_ID: marathon.service_id_pattern,
        Field.CONTAINER_NAME: marathon.container_name_pattern,
        Field.FRAMEWORK_ID: mesos.framework_id_pattern,
        Field.FRAMEWORK_NAME: mesos.framework_name_pattern,
    }
    named = {field for field, value in exact.items() if value}
    asked = named | {field for field, pattern in patterns.items() if pattern}
    return Selector(
        pool=pool,
        exact=tuple((field, value) for field, value in exact.items() if value),
        patterns=tuple((field, _compiled(field, pattern)) for field, pattern in patterns.items() if pattern),
        wish=service.endpoint,
        marathons_only=bool(asked & _MARATHONS) and not named & _FRAMEWORKS,
        may_balance=bool(named & _BY_NAME),
    )


def _compiled(field: Field, pattern: str) -> Pattern:
    try:
        return Pattern(pattern)
    except BadPattern as error:
        raise BadPattern(f"{field}Pattern: {pattern[:100]!r} {error}") from error


def selected(selector: Selector, task: Task, own_framework: str) -> bool:
    """True when the task meets every condition; a condition on something the task does not have is not met.

    `own_framework` is the name of the framework whose tasks are our load balancers.
    """
    if selector.marathons_only and not task.marathon:
        return False
    if task.framework_name == own_framework and (
        not selector.may_balance or (POOL_LABEL, selector.pool) in task.labels
    ):
        return False
    return all(_VALUE[field](task) == value for field, value in selector.exact) and all(
        found(pattern, _VALUE[field](task)) for field, pattern in selector.patterns
    )


_VALUE: Mapping[Field, Callable[[Task], str]] = {
    Field.TASK_ID: attrgetter("id"),
    Field.TASK_NAME: attrgetter("name"),
    Field.SERVICE_ID: attrgetter("marathon_id"),
    Field.CONTAINER_NAME: attrgetter("marathon_container"),
    Field.FRAMEWORK_ID: attrgetter("framework_id"),
    Field.FRAMEWORK_NAME: attrgetter("framework_name"),
}


def value_of(field: Field, task: Task) -> str:
    """What selectors see of a task in that field; empty when it does not have it."""
    return _VALUE[field](task)


def values_of(task: Task) -> dict[Field, str]:
    """What selectors see of a task; without the fields that it does not have."""
    return {field: told for field, value in _VALUE.items() if (told := value(task))}


# The same few values (framework and app names) are searched for every task of a pattern's pools.
@lru_cache(maxsize=65536)
def _found(pattern: Pattern, value: str) -> bool:
    return pattern.found_in(value)


def found(pattern: Pattern, value: str) -> bool:
    """True when the pattern is found in a value that the task has."""
    # What is long is searched again rather than kept: it comes from applications.
    return bool(value) and (_found(pattern, value) if len(value) <= 256 else pattern.found_in(value))
