"""Which tasks are servers of which backends, kept up to date one task at a time.

Knows which services every task meets when tasks or pools change, and tells the difference. Does not know HAProxy, what
a selector means (selector.py), how candidates are found (matching.py), what a backend counts (backends.py), which
address and port a task is reached by (endpoint.py), or where tasks and pools come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import cast

from api.dcos_template.selecting.backends import Backends, Counted, LeftOut, ServiceKey
from api.dcos_template.selecting.endpoint import (
    SERVERS_PER_TASK,
    Chosen,
    Endpoint,
    Kind,
    said_of,
    standing,
    task_endpoints,
)
from api.dcos_template.selecting.matching import Services
from api.dcos_template.selecting.selector import Selector, compile_service, selected, values_of
from api.dcos_template.selecting.tasks import Tasks
from api.dcos_template.selecting.touched import BackendKey, Touched, Touching
from api.mesos_listener.task import Task, TaskKey
from pool_executor.contract import State
from scheduler.pools.model import Backend, EndpointType, Pool, Service
from sdk.pattern import BadPattern

_NOTHING = Chosen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all pools: the name of our own framework, and how many servers there may be."""

    own_framework: str = "edgelb"
    servers_per_task: int = SERVERS_PER_TASK
    servers_per_backend: int = 60_000


class Selection:
    """The endpoints of every backend of every pool for the tasks told so far."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self.tasks = Tasks()
        """All tasks that are known."""
        self.backends = Backends(self._rules.servers_per_backend)
        """What the backends of all pools have."""
        self.odd: dict[TaskKey, Exception] = {}
        """Tasks that could not be taken and were left out; whoever tells of them clears it."""
        self._index = Services()
        self._selectors: dict[ServiceKey, Selector] = {}
        self._unusable: dict[ServiceKey, str] = {}
        self._numbers = 0

    def known(self, task_ids: Set[str]) -> set[str]:
        """Those of the ids of which a task is known that may take traffic, of whatever framework."""
        return {task.id for task in self.tasks if task.id in task_ids and standing(task) is not None}

    # ------------------------------------------------------------ pools

    def set_pool(self, pool: Pool) -> Touched:
        """Take a new or changed pool; only services that are others than before are looked at."""
        touching = Touching()
        wanted: dict[str, Backend] = {}
        for backend in pool.haproxy.backends:
            wanted.setdefault(backend.name, backend)  # tolerated when equal: the first stands for all
        gone = [BackendKey(pool.name, name) for name in self.backends.of(pool.name) if name not in wanted]
        for key in gone:
            self._set_services(key, self.backends.add(key), (), touching)
        for name, backend in wanted.items():
            key = BackendKey(pool.name, name)
            known = self.backends.add(key)
            if known.services != backend.services:
                self._set_services(key, known, backend.services, touching)
        moves = touching.moves(self.endpoint)
        for key in gone:
            self.backends.discard(key)
        return moves

    def remove_pool(self, name: str) -> None:
        """Forget a pool."""
        for key in [BackendKey(name, backend) for backend in self.backends.of(name)]:
            self._set_services(key, self.backends.add(key), (), Touching())
            self.backends.discard(key)

    def _set_services(
        self, backend: BackendKey, known: Counted, services: Sequence[Service], touching: Touching
    ) -> None:
        before, after = known.services, tuple(services)
        if any(service.has_share for service in (*before, *after)):
            self.backends.touch(backend, touching)
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
            fresh.append(ServiceKey(backend, self._numbers))
            try:
                self._add_service(fresh[-1], service, touching)
            except Exception:
                for key in fresh:  # nothing has happened: it can be tried again
                    self._drop_service(key, touching)
                raise
        for key in gone:
            self._drop_service(key, touching)
        known.keys[start : len(before) - end] = fresh
        known.serve(after)

    def _add_service(self, key: ServiceKey, service: Service, touching: Touching) -> None:
        wish = service.endpoint
        if wish.type is EndpointType.ADDRESS:
            if wish.address and wish.port:
                fixed = Endpoint(
                    Kind.ADDRESS, wish.address, wish.port, wish.check.enabled, "", State.READY, *said_of(wish)
                )
                self.backends.recount(key, None, _NOTHING, Chosen((fixed,)), touching)
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
        for task_key in self.tasks.candidates(selector):
            try:
                chosen = self._chosen(selector, self.tasks.task(task_key))
            except Exception as error:  # noqa: BLE001 - as in update
                self.odd[task_key] = error
                continue
            if chosen is not _NOTHING:
                self.backends.recount(key, task_key, _NOTHING, chosen, touching)

    def _drop_service(self, key: ServiceKey, touching: Touching) -> None:
        self._unusable.pop(key, None)
        if (selector := self._selectors.pop(key, None)) is not None:
            self._index.discard(key, selector)
        self.backends.forget(key, touching)

    # ------------------------------------------------------------ tasks

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey], missing: Collection[TaskKey] = ()) -> Touched:
        """Take changes of tasks; the answer names what is otherwise now.

        `missing` are those of `removed` of which nobody said that they ended.
        """
        self.tasks.generation += 1
        touching = Touching()
        for key in removed:
            self._remove_task(key, key in missing, touching)
        for task in updated:
            try:
                met = self._met(task)
            except Exception as error:  # noqa: BLE001 - whatever is odd about a task, it costs no other
                self.odd[task.key] = error
                self._remove_task(task.key, False, touching)
            else:
                self._update_task(task, met, touching)
        return touching.moves(self.endpoint)

    def _remove_task(self, key: TaskKey, missing: bool, touching: Touching) -> None:
        for service, before in self._said_of(key).items():
            self.backends.recount(service, key, before, _NOTHING, touching)
            if missing:
                for endpoint in before.endpoints:
                    touching.missing(service.backend, endpoint)
        self.tasks.remove(key)

    def _said_of(self, key: TaskKey) -> Mapping[ServiceKey, Chosen]:
        """What services say of a task as it is known: the same as when it came, so that nobody has to keep it."""
        task = self.tasks.get(key)
        if task is None:
            return {}
        try:
            return self._met(task)
        except Exception:  # noqa: BLE001 - as in update; what a service could not judge it did not count
            return self.backends.said_of(key)

    def _met(self, task: Task) -> dict[ServiceKey, Chosen]:
        """The services that the task meets, and what they say of it; changes nothing."""
        found: dict[ServiceKey, Chosen] = {}
        if standing(task) is not None:
            for candidate in self._index.candidates(values_of(task)):
                service = cast(ServiceKey, candidate)
                if (chosen := self._chosen(self._selectors[service], task)) is not _NOTHING:
                    found[service] = chosen
        return found

    def _update_task(self, task: Task, now: Mapping[ServiceKey, Chosen], touching: Touching) -> None:
        key, before = task.key, self._said_of(task.key)
        self.tasks.put(task)
        for service, chosen in before.items():
            if service not in now:
                self.backends.recount(service, key, chosen, _NOTHING, touching)
        for service, chosen in now.items():
            self.backends.recount(service, key, before.get(service, _NOTHING), chosen, touching)

    def _chosen(self, selector: Selector, task: Task) -> Chosen:
        """What the task becomes by this selector; `_NOTHING` itself when there is nothing to keep of it."""
        state = standing(task)
        if state is None or not selected(selector, task, self._rules.own_framework):
            return _NOTHING
        chosen = task_endpoints(selector.wish, task, self._rules.servers_per_task, state)
        return _NOTHING if chosen == _NOTHING else chosen

    # ------------------------------------------------------------ the answer

    def endpoint(self, backend: BackendKey, name: str) -> Endpoint | None:
        """The server of that name as it is now; None when there is none."""
        return self.backends.endpoint(backend, name)

    def left_out(self, pool: str) -> Iterator[LeftOut]:
        """What is no server of the pool although a service of it selects it, backend by backend."""
        return self.backends.left_out(pool, self._unusable)

    # ------------------------------------------------------------ for explanations

    def services_of(self, task: Task) -> Iterator[tuple[ServiceKey, Selector, Chosen]]:
        """The services whose selectors the task meets, and what it becomes by each, be it nothing."""
        state = standing(task)
        for candidate in self._index.candidates(values_of(task)):
            service = cast(ServiceKey, candidate)
            selector = self._selectors[service]
            if selected(selector, task, self._rules.own_framework):
                found = task_endpoints(selector.wish, task, self._rules.servers_per_task, state) if state else _NOTHING
                yield service, selector, found

    @property
    def rules(self) -> Rules:
        """What holds for all pools."""
        return self._rules

    def selectors(self, backend: BackendKey) -> list[Selector]:
        """Those of the services of a backend that select tasks."""
        known = self.backends.of(backend.pool).get(backend.backend)
        keys = known.keys if known is not None else ()
        return [self._selectors[key] for key in keys if key in self._selectors]
