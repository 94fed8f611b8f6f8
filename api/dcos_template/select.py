"""Which tasks are servers of which backends, kept up to date one task at a time.

Knows what is counted for each backend when tasks or pools change, and tells the difference. Does not know HAProxy, what
a selector means (selector.py), how candidates are found (matching.py), which address and port a task is reached by
(endpoint.py), or where tasks and pools come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from api.dcos_template.endpoint import SERVERS_PER_TASK, Chosen, Endpoint, Kind, standing, task_endpoints
from api.dcos_template.matching import Services, Tasks
from api.dcos_template.members import Holder, Members
from api.dcos_template.selector import Field, Selector, compile_service, selected, values_of
from api.dcos_template.touched import BackendKey, Touched, Touching
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.model import Backend, EndpointType, Pool, Service
from sdk.pattern import BadPattern

_NOTHING = Chosen()


class _ServiceKey(NamedTuple):
    backend: BackendKey
    number: int
    """Tells the services of a backend apart; another one for another service."""


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
    servers_per_backend: int = 60_000


@dataclass(slots=True)
class _Backend:
    services: tuple[Service, ...]
    keys: list[_ServiceKey]
    members: Members
    left_out: dict[tuple["_ServiceKey", TaskKey], LeftOut] = field(default_factory=dict)


class Selection:
    """The endpoints of every backend of every pool for the tasks told so far."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._tasks: dict[TaskKey, Task] = {}
        self._by_value = Tasks()
        self._index = Services()
        self._pools: dict[str, dict[str, _Backend]] = {}
        self._selectors: dict[_ServiceKey, Selector] = {}
        self._fixed: dict[_ServiceKey, Endpoint] = {}
        self._unusable: dict[_ServiceKey, str] = {}
        self._matches: dict[_ServiceKey, dict[TaskKey, Chosen]] = {}
        self._of_task: dict[TaskKey, tuple[_ServiceKey, ...]] = {}
        self._numbers = 0
        self.generation = 0
        """Another one after every change of tasks."""

    @property
    def tasks(self) -> Collection[Task]:
        """All tasks that are known."""
        return self._tasks.values()

    def knows(self, task_id: str) -> bool:
        """Whether a task of that id is known that may take traffic, of whatever framework."""
        keys = self._by_value.of(Field.TASK_ID).get(task_id, ())
        return any(standing(self._tasks[key]) is not None for key in keys)

    # ------------------------------------------------------------ pools

    def set_pool(self, pool: Pool) -> Touched:
        """Take a new or changed pool; only services that are others than before are looked at."""
        touching = Touching()
        wanted: dict[str, Backend] = {}
        for backend in pool.haproxy.backends:
            wanted.setdefault(backend.name, backend)  # tolerated when equal: the first stands for all
        known = self._pools.setdefault(pool.name, {})
        for name in known.keys() - wanted.keys():
            self._set_services(BackendKey(pool.name, name), known[name], (), touching)
        for name, backend in wanted.items():
            if name not in known:
                known[name] = _Backend((), [], Members(self._rules.servers_per_backend))
            if known[name].services != backend.services:
                self._set_services(BackendKey(pool.name, name), known[name], backend.services, touching)
        moves = touching.moves(self.endpoint)
        for name in known.keys() - wanted.keys():
            del known[name]
        return moves

    def remove_pool(self, name: str) -> None:
        """Forget a pool."""
        for backend, known in self._pools.get(name, {}).items():
            self._set_services(BackendKey(name, backend), known, (), Touching())
        self._pools.pop(name, None)

    def _set_services(
        self, backend: BackendKey, known: _Backend, services: Sequence[Service], touching: Touching
    ) -> None:
        before, after = known.services, tuple(services)
        start = 0
        while start < min(len(before), len(after)) and before[start] == after[start]:
            start += 1
        end = 0
        while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
            end += 1
        gone = known.keys[start : len(before) - end]
        fresh = []
        for service in after[start : len(after) - end]:
            self._numbers += 1
            fresh.append(_ServiceKey(backend, self._numbers))
            self._add_service(fresh[-1], service, known.members, touching)
        for key in gone:
            self._drop_service(key, known.members, touching)
        known.services = after
        known.keys[start : len(before) - end] = fresh

    def _add_service(self, key: _ServiceKey, service: Service, members: Members, touching: Touching) -> None:
        wish = service.endpoint
        if wish.type is EndpointType.ADDRESS:
            if wish.address and wish.port:
                fixed = self._fixed[key] = Endpoint(Kind.ADDRESS, wish.address, wish.port, wish.check.enabled)
                self._recount(key, None, members, _NOTHING, Chosen((fixed,)), touching)
            return
        try:
            selector = compile_service(key.backend.pool, service)
        except BadPattern as error:
            self._unusable[key] = f"selects nothing: {error}"
            return
        if not selector.exact and not selector.patterns:
            return  # selects nothing; the API refuses it
        self._selectors[key] = selector
        self._index.add(key, selector)
        matches = self._matches[key] = {}
        for task_key in self._by_value.candidates(selector):
            chosen = self._chosen(selector, self._tasks[task_key])
            if chosen is not _NOTHING:
                matches[task_key] = chosen
                self._of_task[task_key] = (*self._of_task.get(task_key, ()), key)
                self._recount(key, task_key, members, _NOTHING, chosen, touching)

    def _drop_service(self, key: _ServiceKey, members: Members, touching: Touching) -> None:
        if (fixed := self._fixed.pop(key, None)) is not None:
            self._recount(key, None, members, Chosen((fixed,)), _NOTHING, touching)
        self._unusable.pop(key, None)
        selector = self._selectors.pop(key, None)
        if selector is None:
            return
        self._index.discard(key, selector)
        for task_key, chosen in self._matches.pop(key).items():
            self._forget_match(task_key, key)
            self._recount(key, task_key, members, chosen, _NOTHING, touching)

    def _forget_match(self, task: TaskKey, service: _ServiceKey) -> None:
        left = tuple(one for one in self._of_task[task] if one != service)
        if left:
            self._of_task[task] = left
        else:
            del self._of_task[task]

    # ------------------------------------------------------------ tasks

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey], missing: Collection[TaskKey] = ()) -> Touched:
        """Take changes of tasks; the answer names what is otherwise now.

        `missing` are those of `removed` of which nobody said that they ended.
        """
        self.generation += 1
        touching = Touching()
        for key in removed:
            self._remove_task(key, key in missing, touching)
        for task in updated:
            self._update_task(task, touching)
        return touching.moves(self.endpoint)

    def _remove_task(self, key: TaskKey, missing: bool, touching: Touching) -> None:
        old = self._tasks.pop(key, None)
        if old is not None:
            self._by_value.discard(key, values_of(old))
        for service in self._of_task.pop(key, ()):
            before = self._matches[service].pop(key)
            self._recount(service, key, self._members(service.backend), before, _NOTHING, touching)
            if missing:
                for endpoint in before.endpoints:
                    touching.missing(service.backend, endpoint)

    def _update_task(self, task: Task, touching: Touching) -> None:
        key = task.key
        old = self._tasks.get(key)
        values = values_of(task)
        before = values_of(old) if old is not None else {}
        if before != values:
            self._by_value.discard(key, before)
            self._by_value.add(key, values)
        self._tasks[key] = task
        now: dict[_ServiceKey, Chosen] = {}
        if standing(task) is not None:
            for found in self._index.candidates(values):
                service = cast(_ServiceKey, found)
                if (chosen := self._chosen(self._selectors[service], task)) is not _NOTHING:
                    now[service] = chosen
        services = self._of_task.get(key, ())
        for service in services:
            if service not in now:
                gone = self._matches[service].pop(key)
                self._recount(service, key, self._members(service.backend), gone, _NOTHING, touching)
        for service, chosen in now.items():
            matches = self._matches[service]
            self._recount(service, key, self._members(service.backend), matches.get(key, _NOTHING), chosen, touching)
            matches[key] = chosen
        if now:
            self._of_task[key] = tuple(now)
        elif services:
            del self._of_task[key]

    def _chosen(self, selector: Selector, task: Task) -> Chosen:
        """What the task becomes by this selector; `_NOTHING` itself when there is nothing to keep of it."""
        state = standing(task)
        if state is None or not selected(selector, task, self._rules.own_framework):
            return _NOTHING
        chosen = task_endpoints(selector.wish, task, self._rules.servers_per_task, state)
        return _NOTHING if chosen == _NOTHING else chosen

    def _recount(
        self,
        service: _ServiceKey,
        task: TaskKey | None,
        members: Members,
        before: Chosen,
        after: Chosen,
        touching: Touching,
    ) -> None:
        """The service says something else of the task than before."""
        backend = service.backend
        if before.left_out != after.left_out:
            touching.told(backend.pool)
            left_out = self._pools[backend.pool][backend.backend].left_out
            assert task is not None  # an address that the pool names is not judged
            if after.left_out:
                left_out[service, task] = LeftOut(backend.backend, task.id, after.left_out)
            else:
                left_out.pop((service, task), None)
        if before.endpoints == after.endpoints:
            return
        holder = Holder(service.number, task)
        named = {endpoint.name: endpoint for endpoint in after.endpoints}
        for name in [endpoint.name for endpoint in before.endpoints if endpoint.name not in named]:
            touching.before(backend, name, members.get(name))
            heir = members.drop(name, holder)
            if heir is not None:
                touching.before(backend, heir, None)
        for name, endpoint in named.items():
            touching.before(backend, name, members.get(name))
            members.put(name, holder, endpoint)
        if members.too_many:
            touching.told(backend.pool)

    # ------------------------------------------------------------ the answer

    def endpoint(self, backend: BackendKey, name: str) -> Endpoint | None:
        """The server of that name as it is now; None when there is none."""
        known = self._pools.get(backend.pool, {}).get(backend.backend)
        return None if known is None else known.members.get(name)

    def endpoints(self, pool: str) -> Iterator[tuple[str, str, Endpoint]]:
        """Backend, name and endpoint of every server of a pool."""
        for backend, known in self._pools.get(pool, {}).items():
            for name, endpoint in known.members.all():
                yield backend, name, endpoint

    def endpoints_of(self, backend: BackendKey) -> tuple[Endpoint, ...]:
        """The endpoints of one backend, sorted."""
        known = self._pools.get(backend.pool, {}).get(backend.backend)
        return () if known is None else tuple(sorted(endpoint for _, endpoint in known.members.all()))

    def count(self, pool: str) -> int:
        """How many servers the backends of a pool have together."""
        return sum(len(known.members) for known in self._pools.get(pool, {}).values())

    def without_servers(self, pool: str) -> list[str]:
        """The backends of a pool that have none."""
        return [name for name, known in self._pools.get(pool, {}).items() if not len(known.members)]

    def left_out(self, pool: str) -> Iterator[LeftOut]:
        """What is no server of the pool although a service of it selects it, backend by backend."""
        for name, known in self._pools.get(pool, {}).items():
            if known.members.too_many:
                yield LeftOut(name, "", known.members.too_many)
            for number, key in enumerate(known.keys):
                if key in self._unusable:
                    yield LeftOut(name, "", f"services[{number}] {self._unusable[key]}")
            yield from known.left_out.values()

    def _members(self, backend: BackendKey) -> Members:
        return self._pools[backend.pool][backend.backend].members

    # ------------------------------------------------------------ for explanations

    @property
    def rules(self) -> Rules:
        """What holds for all pools."""
        return self._rules

    def selectors(self, backend: BackendKey) -> list[Selector]:
        """Those of the services of a backend that select tasks."""
        known = self._pools.get(backend.pool, {}).get(backend.backend)
        keys = known.keys if known is not None else ()
        return [self._selectors[key] for key in keys if key in self._selectors]

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field of selectors."""
        return self._by_value.of(Field(field))

    def task(self, key: TaskKey) -> Task:
        """One of the tasks."""
        return self._tasks[key]
