"""What is counted for each backend of each pool: its servers, and what is left out of them. Pure.

Knows what a service says of a task and what that makes of the servers of its backend. Does not know which tasks a
service selects (select.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from api.dcos_template.selecting.endpoint import Chosen, Endpoint
from api.dcos_template.selecting.members import Members, Named
from api.dcos_template.selecting.shares import weights
from api.dcos_template.selecting.touched import BackendKey, Touching
from api.mesos_listener.task import TaskKey
from pool_executor.contract import State
from scheduler.pools.model import Service


class ServiceKey(NamedTuple):
    """A service of a backend."""

    backend: BackendKey
    number: int
    """Tells the services of a backend apart; another one for another service."""


class LeftOut(NamedTuple):
    """Something that is no server: of which backend, the task's id (empty: no task's fault), and why."""

    backend: str
    task: str
    reason: str


@dataclass(slots=True)
class Counted:
    """One backend: its services with their keys, the servers that they name, and the tasks that become none."""

    members: Members
    services: tuple[Service, ...] = ()
    keys: list[ServiceKey] = field(default_factory=list)
    left_out: dict[tuple[ServiceKey, TaskKey], LeftOut] = field(default_factory=dict)
    shares: bool = False
    """Whether services get shares: then a server that comes or goes is something to all of them."""
    _weights: dict[str, int] | None = None
    """By which services get their shares; None when they have to be found anew."""

    def changes(self) -> None:
        """Its servers or services are others from now on."""
        self._weights = None

    def serve(self, services: tuple[Service, ...]) -> None:
        """These are its services from now on."""
        self.services = services
        self.shares = any(service.has_share for service in services)
        self.changes()

    def get(self, name: str) -> Endpoint | None:
        """The server of that name as HAProxy shall have it, None when there is none."""
        found = self.members.get(name)
        if not self.shares or found is None or found.state is not State.READY:
            return found
        return found._replace(weight=self._shared_weights().get(name, 0))

    def all(self) -> Iterator[tuple[str, Endpoint]]:
        """Every server as HAProxy shall have it, by name."""
        if not self.shares:
            return self.members.all()
        return ((name, self.get(name) or endpoint) for name, endpoint in self.members.all())

    def _shared_weights(self) -> Mapping[str, int]:
        if self._weights is None:
            percents = {key.number: one.percent for key, one in zip(self.keys, self.services, strict=True)}
            chosen = ((name, self.members.chosen(name)) for name, _ in self.members.all())
            used = ((name, one.service) for name, one in chosen if one and one.endpoint.state is State.READY)
            self._weights = weights(used, percents)
        return self._weights


class Backends:
    """Of all pools. `most`: so many servers a backend may have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pools: dict[str, dict[str, Counted]] = {}

    def add(self, backend: BackendKey) -> Counted:
        """The backend, which is new when it was not there."""
        pool = self._pools.setdefault(backend.pool, {})
        if backend.backend not in pool:
            pool[backend.backend] = Counted(Members(self._most))
        return pool[backend.backend]

    def discard(self, backend: BackendKey) -> None:
        """Forget a backend that has no services any more."""
        pool = self._pools[backend.pool]
        del pool[backend.backend]
        if not pool:
            del self._pools[backend.pool]

    def of(self, pool: str) -> Mapping[str, Counted]:
        """The backends of a pool by name."""
        return self._pools.get(pool, {})

    def recount(
        self,
        service: ServiceKey,
        task: TaskKey | None,
        before: Chosen,
        after: Chosen,
        touching: Touching,
    ) -> None:
        """The service says something else of the task than before."""
        backend = service.backend
        counted = self._pools[backend.pool][backend.backend]
        members = counted.members
        if before.left_out != after.left_out:
            touching.told(backend.pool)
            assert task is not None  # an address that the pool names is not judged
            if after.left_out:
                counted.left_out[service, task] = LeftOut(backend.backend, task.id, after.left_out)
            else:
                counted.left_out.pop((service, task), None)
        if before.endpoints == after.endpoints:
            return
        if counted.shares:
            self.touch(backend, touching)
        named = {endpoint.name: endpoint for endpoint in after.endpoints}
        for name in [endpoint.name for endpoint in before.endpoints if endpoint.name not in named]:
            _drop(members, name, service, task, touching)
        for name, endpoint in named.items():
            touching.before(backend, name, members.get(name))
            members.put(name, Named(service.number, task, endpoint))
        if members.too_many:
            touching.told(backend.pool)

    def forget(self, service: ServiceKey, touching: Touching) -> None:
        """The service is gone with all that it said."""
        backend = service.backend
        counted = self._pools[backend.pool][backend.backend]
        for left_out in [about for about in counted.left_out if about[0] == service]:
            del counted.left_out[left_out]
            touching.told(backend.pool)
        gone = [one for one in counted.members.said() if one.service == service.number]
        if gone and counted.shares:
            self.touch(backend, touching)
        for one in gone:
            _drop(counted.members, one.endpoint.name, service, one.task, touching)
        if gone and counted.members.too_many:
            touching.told(backend.pool)

    def said_of(self, task: TaskKey) -> dict[ServiceKey, Chosen]:
        """What services say of the task; looks through all servers."""
        found: dict[ServiceKey, Chosen] = {}
        for pool in self._pools.values():
            for counted in pool.values():
                keys = {key.number: key for key in counted.keys}
                for one in counted.members.said():
                    if one.task == task and (key := keys.get(one.service)) is not None:
                        found[key] = Chosen((*found.get(key, Chosen()).endpoints, one.endpoint))
                for (key, of), left_out in counted.left_out.items():
                    if of == task:
                        found[key] = found.get(key, Chosen())._replace(left_out=left_out.reason)
        return found

    def touch(self, backend: BackendKey, touching: Touching) -> None:
        """All servers of the backend may become others than they are now."""
        counted = self._pools[backend.pool][backend.backend]
        if touching.wholly(backend):
            for name, endpoint in counted.all():
                touching.before(backend, name, endpoint)
        counted.changes()

    # ------------------------------------------------------------ the answer

    def endpoint(self, backend: BackendKey, name: str) -> Endpoint | None:
        """The server of that name as it is now; None when there is none."""
        known = self._pools.get(backend.pool, {}).get(backend.backend)
        return None if known is None else known.get(name)

    def endpoints(self, pool: str) -> Iterator[tuple[str, str, Endpoint]]:
        """Backend, name and endpoint of every server of a pool."""
        for backend, known in self._pools.get(pool, {}).items():
            for name, endpoint in known.all():
                yield backend, name, endpoint

    def endpoints_of(self, backend: BackendKey) -> tuple[Endpoint, ...]:
        """The endpoints of one backend, sorted."""
        known = self._pools.get(backend.pool, {}).get(backend.backend)
        return () if known is None else tuple(sorted(endpoint for _, endpoint in known.all()))

    def count(self, pool: str) -> int:
        """How many servers the backends of a pool have together."""
        return sum(len(known.members) for known in self._pools.get(pool, {}).values())

    def left_out(self, pool: str, unusable: Mapping[ServiceKey, str]) -> Iterator[LeftOut]:
        """What is no server of the pool although a service of it selects it, backend by backend; `unusable` are
        services that select nothing, and why."""
        for name, known in self._pools.get(pool, {}).items():
            if known.members.too_many:
                yield LeftOut(name, "", known.members.too_many)
            for number, key in enumerate(known.keys):
                if key in unusable:
                    yield LeftOut(name, "", f"services[{number}] {unusable[key]}")
            yield from known.left_out.values()


def _drop(members: Members, name: str, service: ServiceKey, task: TaskKey | None, touching: Touching) -> None:
    """The service names that server no more for the task."""
    touching.before(service.backend, name, members.get(name))
    heir = members.drop(name, service.number, task)
    if heir is not None:
        touching.before(service.backend, heir, None)
