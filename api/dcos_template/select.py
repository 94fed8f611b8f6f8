"""Which tasks are servers of which backends, kept up to date one task at a time.

Knows: selectors, endpoint types, and an inverted index from the values of a task to the services that can match it, so
that the cost of one task follows the backends that it touches, not the number of pools. Does not know HAProxy or where
tasks and pools come from.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

from api.mesos_listener.task import NetworkMode, Port, Task, TaskKey, is_ip
from scheduler.pools.model import Endpoint as EndpointWish
from scheduler.pools.model import EndpointType, Pool, Service

_K = TypeVar("_K")
_V = TypeVar("_V")


class Kind(StrEnum):
    """Where an endpoint's address comes from; the word is part of the server's name."""

    ADDRESS = "address"
    AGENT_IP = "agentip"
    CONTAINER_IP = "containerip"


class Endpoint(NamedTuple):
    """One server of a backend. Sorts by kind, host and port, which is the documented order of servers."""

    kind: Kind
    host: str
    port: int
    check: bool = True


class Field(StrEnum):
    """What a selector may look at, the most selective first."""

    TASK_ID = "mesos.taskID"
    TASK_NAME = "mesos.taskName"
    SERVICE_ID = "marathon.serviceID"
    CONTAINER_NAME = "marathon.containerName"
    FRAMEWORK_ID = "mesos.frameworkID"
    FRAMEWORK_NAME = "mesos.frameworkName"


class BackendKey(NamedTuple):
    """A backend of a pool."""

    pool: str
    backend: str


class _ServiceKey(NamedTuple):
    backend: BackendKey
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selector:
    """The compiled form of one service: all of `exact` and all of `patterns` must hold."""

    exact: tuple[tuple[Field, str], ...]
    patterns: tuple[tuple[Field, re.Pattern[str]], ...]
    wish: EndpointWish


class Selection:
    """The endpoints of every backend of every pool for the tasks told so far."""

    def __init__(self) -> None:
        self._tasks: dict[TaskKey, Task] = {}
        self._tasks_by_value: dict[Field, dict[str, set[TaskKey]]] = {field: {} for field in Field}
        self._services: dict[_ServiceKey, _Selector] = {}
        self._of_pool: dict[str, tuple[_ServiceKey, ...]] = {}
        self._fixed: dict[_ServiceKey, Endpoint] = {}
        self._by_value: dict[tuple[Field, str], set[_ServiceKey]] = {}
        self._by_pattern: dict[tuple[Field, re.Pattern[str]], set[_ServiceKey]] = {}
        self._matches: dict[_ServiceKey, dict[TaskKey, tuple[Endpoint, ...]]] = {}
        self._of_task: dict[TaskKey, set[_ServiceKey]] = {}

    @property
    def tasks(self) -> int:
        """How many tasks are known."""
        return len(self._tasks)

    # ------------------------------------------------------------ pools

    def set_pool(self, pool: Pool) -> None:
        """Take a new or changed pool."""
        self.remove_pool(pool.name)
        keys = []
        seen = set()
        for backend in pool.haproxy.backends:
            if backend.name in seen:  # tolerated when equal: the first stands for all
                continue
            seen.add(backend.name)
            for number, service in enumerate(backend.services):
                key = _ServiceKey(BackendKey(pool.name, backend.name), number)
                keys.append(key)
                self._add_service(key, service)
        self._of_pool[pool.name] = tuple(keys)

    def remove_pool(self, name: str) -> None:
        """Forget a pool."""
        for key in self._of_pool.pop(name, ()):
            self._fixed.pop(key, None)
            selector = self._services.pop(key, None)
            if selector is None:
                continue
            self._drop_from_index(key, selector)
            for task_key in self._matches.pop(key):
                _discard(self._of_task, task_key, key)

    def _add_service(self, key: _ServiceKey, service: Service) -> None:
        wish = service.endpoint
        if wish.type is EndpointType.ADDRESS:
            if wish.address and wish.port:
                self._fixed[key] = Endpoint(Kind.ADDRESS, wish.address, wish.port, wish.check.enabled)
            return
        selector = compile_service(service)
        if not selector.exact and not selector.patterns:
            return  # selects nothing; the API refuses it
        self._services[key] = selector
        self._index(key, selector)
        matches = self._matches[key] = {}
        for task_key in self._candidates(selector):
            endpoints = _endpoints_if_selected(selector, self._tasks[task_key])
            if endpoints:
                matches[task_key] = endpoints
                self._of_task.setdefault(task_key, set()).add(key)

    def _index(self, key: _ServiceKey, selector: _Selector) -> None:
        """Find the selector by its most selective exact value, else by its first pattern."""
        if selector.exact:
            self._by_value.setdefault(selector.exact[0], set()).add(key)
        else:
            self._by_pattern.setdefault(selector.patterns[0], set()).add(key)

    def _drop_from_index(self, key: _ServiceKey, selector: _Selector) -> None:
        if selector.exact:
            _discard(self._by_value, selector.exact[0], key)
        else:
            _discard(self._by_pattern, selector.patterns[0], key)

    def _candidates(self, selector: _Selector) -> Iterable[TaskKey]:
        if selector.exact:
            field, value = selector.exact[0]
            return self._tasks_by_value[field].get(value, ())
        field, pattern = selector.patterns[0]
        found = [keys for value, keys in self._tasks_by_value[field].items() if pattern.search(value)]
        return [key for keys in found for key in keys]

    # ------------------------------------------------------------ tasks

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey]) -> "Touched":
        """Take changes of tasks; the answer names the backends whose endpoints are others now."""
        gained: set[BackendKey] = set()
        lost: set[BackendKey] = set()
        for key in removed:
            old = self._tasks.pop(key, None)
            if old is not None:
                self._unindex(key, old)
            for service in self._of_task.pop(key, ()):
                del self._matches[service][key]
                lost.add(service.backend)
        for task in updated:
            self._update_task(task, gained, lost)
        return Touched(gained=frozenset(gained), lost=frozenset(lost))

    def _update_task(self, task: Task, gained: set[BackendKey], lost: set[BackendKey]) -> None:
        key = task.key
        old = self._tasks.get(key)
        if old is not None:
            self._unindex(key, old)
        self._tasks[key] = task
        values = _values(task)
        for field, value in values.items():
            self._tasks_by_value[field].setdefault(value, set()).add(key)
        before = self._of_task.get(key, set())
        now: dict[_ServiceKey, tuple[Endpoint, ...]] = {}
        for service in self._services_for(values):
            endpoints = _endpoints_if_selected(self._services[service], task)
            if endpoints:
                now[service] = endpoints
        for service in before - now.keys():
            del self._matches[service][key]
            lost.add(service.backend)
        for service, endpoints in now.items():
            previous = self._matches[service].get(key, ())
            if previous != endpoints:
                self._matches[service][key] = endpoints
                (gained if set(previous) <= set(endpoints) else lost).add(service.backend)
        if now:
            self._of_task[key] = set(now)
        else:
            self._of_task.pop(key, None)

    def _services_for(self, values: Mapping[Field, str]) -> Iterator[_ServiceKey]:
        for field, value in values.items():
            yield from self._by_value.get((field, value), ())
        for (field, pattern), keys in self._by_pattern.items():
            if _found(pattern, values.get(field, "")):
                yield from keys

    def _unindex(self, key: TaskKey, task: Task) -> None:
        for field, value in _values(task).items():
            _discard(self._tasks_by_value[field], value, key)

    # ------------------------------------------------------------ the answer

    def endpoints(self, pool: str) -> dict[str, tuple[Endpoint, ...]]:
        """The endpoints of every backend of a pool that has any; sorted, each address and port once."""
        found: dict[str, dict[tuple[Kind, str, int], Endpoint]] = {}
        for key in self._of_pool.get(pool, ()):
            self._collect(key, found.setdefault(key.backend.backend, {}))
        return {backend: tuple(sorted(unique.values())) for backend, unique in found.items() if unique}

    def endpoints_of(self, backend: BackendKey) -> tuple[Endpoint, ...]:
        """The endpoints of one backend."""
        unique: dict[tuple[Kind, str, int], Endpoint] = {}
        for key in self._of_pool.get(backend.pool, ()):
            if key.backend == backend:
                self._collect(key, unique)
        return tuple(sorted(unique.values()))

    def _collect(self, key: _ServiceKey, unique: dict[tuple[Kind, str, int], Endpoint]) -> None:
        fixed = self._fixed.get(key)
        if fixed is not None:
            unique.setdefault(fixed[:3], fixed)
        for endpoints in self._matches.get(key, {}).values():
            for endpoint in endpoints:
                unique.setdefault(endpoint[:3], endpoint)


class Touched(NamedTuple):
    """Backends whose endpoints changed; `lost` ones have at least one server that must not get new requests."""

    gained: frozenset[BackendKey]
    lost: frozenset[BackendKey]

    @property
    def backends(self) -> frozenset[BackendKey]:
        """Both."""
        return self.gained | self.lost


def compile_service(service: Service) -> _Selector:
    """The selector of a service, its most selective condition first."""
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
    return _Selector(
        exact=tuple((field, value) for field, value in exact.items() if value),
        patterns=tuple((field, re.compile(pattern)) for field, pattern in patterns.items() if pattern),
        wish=service.endpoint,
    )


def selected(selector: _Selector, task: Task) -> bool:
    """True when the task meets every condition; a condition on something the task does not have is not met."""
    values = _values(task)
    return all(values.get(field) == value for field, value in selector.exact) and all(
        _found(pattern, values.get(field, "")) for field, pattern in selector.patterns
    )


def task_endpoints(wish: EndpointWish, task: Task) -> tuple[Endpoint, ...]:
    """The servers that a task becomes. Empty when it has no such address or port yet."""
    in_container = wish.type is EndpointType.CONTAINER_IP or (
        wish.type is EndpointType.AUTO_IP and task.network_mode is NetworkMode.CONTAINER
    )
    if in_container:
        kind, host = Kind.CONTAINER_IP, task.addresses[0] if task.addresses else ""
    else:
        kind, host = Kind.AGENT_IP, task.agent_address
    # Addresses come from agents and containers over two other processes: they are checked where they enter a config.
    if not is_ip(host):
        return ()
    numbers = (_port(port, in_container) for port in _wished_ports(wish, task))
    unique = dict.fromkeys(number for number in numbers if number)
    return tuple(Endpoint(kind, host, number, wish.check.enabled) for number in unique)


def _wished_ports(wish: EndpointWish, task: Task) -> tuple[Port, ...]:
    if wish.port:
        return (Port(number=wish.port, container_port=wish.port),)
    if wish.port_name:
        return tuple(port for port in task.ports if port.name == wish.port_name)
    return task.ports if wish.all_ports else task.ports[:1]


def _port(port: Port, in_container: bool) -> int:
    return (port.container_port or port.number) if in_container else port.number


def _endpoints_if_selected(selector: _Selector, task: Task) -> tuple[Endpoint, ...]:
    return task_endpoints(selector.wish, task) if task.takes_traffic and selected(selector, task) else ()


def _values(task: Task) -> dict[Field, str]:
    found = {
        Field.TASK_ID: task.id,
        Field.TASK_NAME: task.name,
        Field.SERVICE_ID: task.marathon_id,
        Field.CONTAINER_NAME: task.marathon_container,
        Field.FRAMEWORK_ID: task.framework_id,
        Field.FRAMEWORK_NAME: task.framework_name,
    }
    return {field: value for field, value in found.items() if value}


def _discard(table: dict[_K, set[_V]], entry: _K, value: _V) -> None:
    """Take `value` out of a set in `table`, and the set out of the table with its last value."""
    table[entry].discard(value)
    if not table[entry]:
        del table[entry]


# The same few values (framework and app names) are searched for every task of a pattern's pools.
@lru_cache(maxsize=65536)
def _found(pattern: re.Pattern[str], value: str) -> bool:
    return bool(value) and pattern.search(value) is not None
