"""Which tasks are servers of which backends, kept up to date one task at a time.

Knows an inverted index from the values of a task to the services that can match it, so that the cost of one task
follows the backends that it touches, not the number of pools. Does not know HAProxy, what a selector means
(selector.py), which address and port a task is reached by (endpoint.py), or where tasks and pools come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from api.dcos_template.endpoint import SERVERS_PER_TASK, Chosen, Endpoint, Kind, task_endpoints
from api.dcos_template.explain import Asked, Condition
from api.dcos_template.selector import Field, Selector, compile_service, found, selected, values_of
from api.dcos_template.touched import BackendKey, Touched, Touching
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.model import EndpointType, Pool, Service
from sdk.pattern import BadPattern, Pattern

_K = TypeVar("_K")
_V = TypeVar("_V")

_NOTHING = Chosen()


class _ServiceKey(NamedTuple):
    backend: BackendKey
    number: int


class LeftOut(NamedTuple):
    """Something that is no server: of which backend, the task's id (empty: no task's fault), and why."""

    backend: str
    task: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all pools: the name of our own framework, and how many servers there may be."""

    own_framework: str = "edgelb"
    servers_per_task: int = SERVERS_PER_TASK
    servers_per_backend: int = 50_000


class Selection:
    """The endpoints of every backend of every pool for the tasks told so far."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._tasks: dict[TaskKey, Task] = {}
        self._tasks_by_value: dict[Field, dict[str, set[TaskKey]]] = {field: {} for field in Field}
        self._services: dict[_ServiceKey, Selector] = {}
        self._of_pool: dict[str, tuple[_ServiceKey, ...]] = {}
        self._fixed: dict[_ServiceKey, Endpoint] = {}
        self._unusable: dict[_ServiceKey, str] = {}
        self._by_value: dict[tuple[Field, str], set[_ServiceKey]] = {}
        self._by_pattern: dict[tuple[Field, Pattern], set[_ServiceKey]] = {}
        self._matches: dict[_ServiceKey, dict[TaskKey, Chosen]] = {}
        self._of_task: dict[TaskKey, set[_ServiceKey]] = {}
        self._too_many: dict[BackendKey, str] = {}
        self.generation = 0
        """Another one after every change of tasks."""

    @property
    def tasks(self) -> Collection[Task]:
        """All tasks that are known."""
        return self._tasks.values()

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
            self._unusable.pop(key, None)
            self._too_many.pop(key.backend, None)
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
        try:
            selector = compile_service(key.backend.pool, service)
        except BadPattern as error:
            self._unusable[key] = f"services[{key.number}] selects nothing: {error}"
            return
        if not selector.exact and not selector.patterns:
            return  # selects nothing; the API refuses it
        self._services[key] = selector
        self._index(key, selector)
        matches = self._matches[key] = {}
        for task_key in self._candidates(selector):
            chosen = self._chosen(selector, self._tasks[task_key])
            if chosen is not _NOTHING:
                matches[task_key] = chosen
                self._of_task.setdefault(task_key, set()).add(key)

    def _index(self, key: _ServiceKey, selector: Selector) -> None:
        """Find the selector by its most selective exact value, else by its first pattern."""
        if selector.exact:
            self._by_value.setdefault(selector.exact[0], set()).add(key)
        else:
            self._by_pattern.setdefault(selector.patterns[0], set()).add(key)

    def _drop_from_index(self, key: _ServiceKey, selector: Selector) -> None:
        if selector.exact:
            _discard(self._by_value, selector.exact[0], key)
        else:
            _discard(self._by_pattern, selector.patterns[0], key)

    def _candidates(self, selector: Selector) -> Iterable[TaskKey]:
        if selector.exact:
            field, value = selector.exact[0]
            return self._tasks_by_value[field].get(value, ())
        field, pattern = selector.patterns[0]
        hits = [keys for value, keys in self._tasks_by_value[field].items() if pattern.found_in(value)]
        return [key for keys in hits for key in keys]

    # ------------------------------------------------------------ tasks

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey], missing: Collection[TaskKey] = ()) -> Touched:
        """Take changes of tasks; the answer names what is otherwise now.

        `missing` are those of `removed` of which nobody said that they ended.
        """
        self.generation += 1
        touched = Touching()
        for key in removed:
            old = self._tasks.pop(key, None)
            if old is not None:
                self._unindex(key, old)
            for service in self._of_task.pop(key, ()):
                before = self._matches[service].pop(key)
                touched.changed(service.backend, before, _NOTHING)
                if key in missing:
                    touched.missing.setdefault(service.backend, set()).update(before.endpoints)
        for task in updated:
            self._update_task(task, touched)
        return touched.told()

    def _update_task(self, task: Task, touched: Touching) -> None:
        key = task.key
        old = self._tasks.get(key)
        if old is not None:
            self._unindex(key, old)
        self._tasks[key] = task
        values = values_of(task)
        for field, value in values.items():
            self._tasks_by_value[field].setdefault(value, set()).add(key)
        before = self._of_task.get(key, set())
        now: dict[_ServiceKey, Chosen] = {}
        for service in self._services_for(values):
            chosen = self._chosen(self._services[service], task)
            if chosen is not _NOTHING:
                now[service] = chosen
        for service in before - now.keys():
            touched.changed(service.backend, self._matches[service].pop(key), _NOTHING)
        for service, chosen in now.items():
            touched.changed(service.backend, self._matches[service].get(key, _NOTHING), chosen)
            self._matches[service][key] = chosen
        if now:
            self._of_task[key] = set(now)
        else:
            self._of_task.pop(key, None)

    def _services_for(self, values: Mapping[Field, str]) -> Iterator[_ServiceKey]:
        for field, value in values.items():
            yield from self._by_value.get((field, value), ())
        for (field, pattern), keys in self._by_pattern.items():
            if found(pattern, values.get(field, "")):
                yield from keys

    def _unindex(self, key: TaskKey, task: Task) -> None:
        for field, value in values_of(task).items():
            _discard(self._tasks_by_value[field], value, key)

    def _chosen(self, selector: Selector, task: Task) -> Chosen:
        """What the task becomes by this selector; `_NOTHING` itself when there is nothing to keep of it."""
        if not task.takes_traffic or not selected(selector, task, self._rules.own_framework):
            return _NOTHING
        chosen = task_endpoints(selector.wish, task, self._rules.servers_per_task)
        return _NOTHING if chosen == _NOTHING else chosen

    # ------------------------------------------------------------ the answer

    def endpoints(self, pool: str) -> dict[str, tuple[Endpoint, ...]]:
        """The endpoints of every backend of a pool that has any; sorted, each address and port once."""
        unique: dict[BackendKey, dict[tuple[Kind, str, int], Endpoint]] = {}
        for key in self._of_pool.get(pool, ()):
            self._collect(key, unique.setdefault(key.backend, {}))
        return {key.backend: self._bounded(key, told) for key, told in unique.items() if told}

    def endpoints_of(self, backend: BackendKey) -> tuple[Endpoint, ...]:
        """The endpoints of one backend."""
        unique: dict[tuple[Kind, str, int], Endpoint] = {}
        for key in self._of_pool.get(backend.pool, ()):
            if key.backend == backend:
                self._collect(key, unique)
        return self._bounded(backend, unique)

    def left_out(self, pool: str) -> Iterator[LeftOut]:
        """What is no server of the pool although a service of it selects it, backend by backend."""
        told: BackendKey | None = None
        for key in self._of_pool.get(pool, ()):
            name = key.backend.backend
            if key.backend != told and key.backend in self._too_many:
                yield LeftOut(name, "", self._too_many[key.backend])
            told = key.backend
            if key in self._unusable:
                yield LeftOut(name, "", self._unusable[key])
            for task, chosen in self._matches.get(key, {}).items():
                if chosen.left_out:
                    yield LeftOut(name, task.id, chosen.left_out)

    # ------------------------------------------------------------ why there are none

    def asked(self, backend: BackendKey) -> list[Asked]:
        """What the services of a backend ask of tasks; those with a fixed address ask nothing."""
        keys = [key for key in self._of_pool.get(backend.pool, ()) if key.backend == backend]
        return [self._asked(self._services[key]) for key in keys if key in self._services]

    def _asked(self, selector: Selector) -> Asked:
        return Asked(
            conditions=[
                *(Condition(field, value, False, value.__eq__) for field, value in selector.exact),
                *(Condition(field, pattern.text, True, pattern.found_in) for field, pattern in selector.patterns),
            ],
            wish=selector.wish,
            left_out=lambda task: self._why_not(selector, task),
        )

    def _why_not(self, selector: Selector, task: Task) -> str:
        """Why a task that meets the conditions is no server; empty when that is not known."""
        if selected(selector, task, self._rules.own_framework):
            return task_endpoints(selector.wish, task, self._rules.servers_per_task).left_out
        if task.framework_name == self._rules.own_framework:
            return "is a load balancer, which is selected only by the name of its framework or its task id"
        return (
            "is called like a Marathon service, but its framework is no Marathon; name it in mesos.frameworkName, or in"
            " --marathons of the listener"
        )

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field of selectors."""
        return self._tasks_by_value[Field(field)]

    def task(self, key: TaskKey) -> Task:
        """One of the tasks."""
        return self._tasks[key]

    def _collect(self, key: _ServiceKey, unique: dict[tuple[Kind, str, int], Endpoint]) -> None:
        fixed = self._fixed.get(key)
        if fixed is not None:
            unique.setdefault(fixed[:3], fixed)
        for chosen in self._matches.get(key, {}).values():
            for endpoint in chosen.endpoints:
                unique.setdefault(endpoint[:3], endpoint)

    def _bounded(self, key: BackendKey, unique: Mapping[tuple[Kind, str, int], Endpoint]) -> tuple[Endpoint, ...]:
        most = self._rules.servers_per_backend
        if len(unique) > most:
            self._too_many[key] = f"has {len(unique)} servers; the first {most} in the order of their names are used"
        else:
            self._too_many.pop(key, None)
        return tuple(sorted(unique.values())[:most])


def _discard(table: dict[_K, set[_V]], entry: _K, value: _V) -> None:
    """Take `value` out of a set in `table`, and the set out of the table with its last value."""
    table[entry].discard(value)
    if not table[entry]:
        del table[entry]
