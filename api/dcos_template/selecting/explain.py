"""Why a backend has no servers, in one sentence: which of its conditions no running task meets, or why those that meet
all of them are no servers. Pure.

Conditions are tried from the coarsest to the finest, so that the first one which nothing meets is the one to look at:
whoever mistyped the framework does not want to hear about ports. What there is instead is named, the most similar
first and a few only. Costs follow the number of distinct values that tasks have, not the number of tasks.
"""

import difflib
import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.model import Endpoint as EndpointWish
from scheduler.pools.model import EndpointType

_NAMED = 5
_MOST_COMPARED = 500
_MOST_LOOKED_AT = 200
_MOST_SENTENCES = 3
_LONGEST_NAME = 80

# From the coarsest to the finest; `of` is how what was found so far is called in the sentence about the next one.
_ORDER = (
    "mesos.frameworkName",
    "mesos.frameworkID",
    "marathon.serviceID",
    "mesos.taskName",
    "marathon.containerName",
    "mesos.taskID",
)
_WORDS = {
    "mesos.frameworkName": ("framework", "frameworks"),
    "mesos.frameworkID": ("framework id", "framework ids"),
    "marathon.serviceID": ("Marathon service", "Marathon services"),
    "mesos.taskName": ("task", "tasks"),
    "marathon.containerName": ("container", "containers"),
    "mesos.taskID": ("task id", "task ids"),
}


class Condition(NamedTuple):
    """One condition of a selector: the field by its name in the pool, what stands there, and which values meet it."""

    field: str
    text: str
    pattern: bool
    accepts: Callable[[str], bool]

    def __str__(self) -> str:
        return f"{_WORDS[self.field][0]} {_short(f'/{self.text}/' if self.pattern else self.text)}"


class Asked(NamedTuple):
    """One service of a backend: all of its conditions, what it wants of a task, and why a task that meets them all is
    left out nevertheless (empty: nothing is known).
    """

    conditions: Sequence[Condition]
    wish: EndpointWish
    left_out: Callable[[Task], str]


class Tasks(Protocol):
    """The running tasks, by the values of the fields that conditions look at."""

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field."""

    def task(self, key: TaskKey) -> Task:
        """One of them."""


def why_no_servers(services: Sequence[Asked], tasks: Tasks) -> str:
    """The sentence for a backend that has these services and no servers."""
    if not services:
        return "it has no services that select any"
    told = dict.fromkeys(_why_none(service, tasks) for service in services)
    sentences = list(islice(told, _MOST_SENTENCES))
    more = [f"and {len(told) - len(sentences)} more services select none"] if len(told) > len(sentences) else []
    return "; ".join([*sentences, *more])


def why_no_server(service: Asked, task: Task) -> str:
    """The sentence for a task that meets all conditions of the service and is no server by it."""
    return _no_server(service, [task])


def _why_none(service: Asked, tasks: Tasks) -> str:
    found: set[TaskKey] | None = None
    met: Condition | None = None
    for condition in sorted(service.conditions, key=lambda one: _ORDER.index(one.field)):
        values = tasks.values(condition.field)
        hits = _hits(condition, values)
        left = hits if found is None else found & hits
        if not left:
            return _unmet(condition, met, _meant(condition, values, found, tasks), found)
        found, met = left, condition
    if not found:
        return "no task runs in the cluster"
    # The same ones each time, so that the sentence stays the same while nothing changes.
    chosen = heapq.nsmallest(_MOST_LOOKED_AT, found, key=lambda key: (key.framework_id, key.id))
    return _no_server(service, [tasks.task(key) for key in chosen])


def _hits(condition: Condition, values: Mapping[str, Collection[TaskKey]]) -> set[TaskKey]:
    if not condition.pattern:
        return set(values.get(condition.text, ()))
    return {key for value, keys in values.items() if condition.accepts(value) for key in keys}


def _meant(
    condition: Condition, values: Mapping[str, Collection[TaskKey]], found: set[TaskKey] | None, tasks: Tasks
) -> Mapping[str, Collection[TaskKey]]:
    """The values that may be named as what there is. What every task is called like in Marathon's words is a service
    only where a Marathon started it, or where the framework is named.
    """
    if found is not None or not condition.field.startswith("marathon."):
        return values
    return {value: keys for value, keys in values.items() if any(tasks.task(key).marathon for key in keys)}


def _unmet(
    condition: Condition, met: Condition | None, values: Mapping[str, Collection[TaskKey]], found: set[TaskKey] | None
) -> str:
    """`no task of framework webapp is called X; there are a, b`: what there is among those that met the rest."""
    kind, kinds = _WORDS[condition.field]
    there = [value for value, keys in values.items() if found is None or not found.isdisjoint(keys)]
    of = f" of {met}" if met is not None else ""
    wanted = _short(f"/{condition.text}/" if condition.pattern else condition.text)
    if condition.field == "mesos.frameworkName":
        verb = "no running task of a framework that matches" if condition.pattern else "no running task of framework"
        return (
            f"{verb} {wanted}; {kinds} are {_some(there, condition.text)}" if there else "no task runs in the cluster"
        )
    match = "matches" if condition.pattern else "is called"
    if not there and found is not None:
        return f"no {kind}{of} {match} {wanted}; there are none"
    if not there and condition.field.startswith("marathon."):
        return f"no {kind} {match} {wanted}: no running task belongs to a Marathon"
    if not there:
        return "no task runs in the cluster"
    return f"no {kind}{of} {match} {wanted}; {kinds} are {_some(there, condition.text)}"


def _no_server(service: Asked, tasks: Sequence[Task]) -> str:
    """Why tasks that meet all conditions are no servers."""
    ready = [task for task in tasks if task.takes_traffic]
    if not ready:
        failing = [task for task in tasks if task.healthy is False]
        if failing:
            return f"{_named(failing)} {'is' if len(failing) == 1 else 'are'} not healthy"
        verb = "has" if len(tasks) == 1 else "have"
        return f"{_named(tasks)} {verb} not passed a health check yet"
    task = ready[0]
    name = f"task {_short(task.name or task.id)}"
    wish = service.wish
    if not wish.port and wish.port_name and all(port.name != wish.port_name for port in task.ports):
        names = sorted({port.name for port in task.ports if port.name})
        if names:
            return f"{name} has no port named {_short(wish.port_name)}; it has {_some(names, wish.port_name)}"
        return f"{name} has no port named {_short(wish.port_name)}; {_ports(task)}"
    if why := service.left_out(task):
        return f"{name} {why}"
    if not wish.port and not task.ports:
        return f"{name} has no ports"
    if not wish.port and all(port.is_udp_only for port in task.ports):
        return f"{name} has UDP ports only, and HAProxy forwards TCP"
    if wish.type is EndpointType.CONTAINER_IP and not task.addresses:
        return f"{name} has no address of its own (endpoint type CONTAINER_IP)"
    return f"{name} has no port and address that a server can be made of"


def _ports(task: Task) -> str:
    return "its ports have no names" if task.ports else "it has no ports"


def _named(tasks: Sequence[Task]) -> str:
    names = sorted({task.name or task.id for task in tasks})
    return f"task {_short(names[0])}" if len(tasks) == 1 else f"{len(tasks)} tasks ({_some(names, '')})"


def _some(names: Iterable[str], wanted: str) -> str:
    """A few names, the most similar ones to `wanted` first."""
    every = list(names)
    first = heapq.nsmallest(_MOST_COMPARED, every)
    near = difflib.get_close_matches(wanted, first, _NAMED, 0.6) if wanted else []
    shown = list(islice(dict.fromkeys([*sorted(near), *first]), _NAMED))
    more = f" and {len(every) - len(shown)} more" if len(every) > len(shown) else ""
    return ", ".join(map(_short, shown)) + more


def _short(name: str) -> str:
    """A name that somebody chose, safe to print: applications call their tasks as they like."""
    plain = "".join(character if character.isprintable() else "?" for character in name[: _LONGEST_NAME + 1])
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}..."
