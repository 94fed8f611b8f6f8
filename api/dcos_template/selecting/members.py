"""The servers of one backend, each name once, however many services and tasks stand behind it. Pure.

Knows whose word counts when several say something of one address and port, and that a backend takes so many servers
and no more. A change costs the same whatever the size of the backend.
"""

from collections.abc import Iterator
from typing import NamedTuple

from api.dcos_template.selecting.endpoint import Endpoint
from api.mesos_listener.task import TaskKey
from pool_executor.contract import State


class Named(NamedTuple):
    """A server as a service names it for a task that it selects; no task: the pool names the address."""

    service: int
    task: TaskKey | None
    endpoint: Endpoint


class Members:
    """Of one backend; `most` servers are used, those that come later wait until there is room."""

    __slots__ = ("_most", "_names", "_shared", "_waiting")

    def __init__(self, most: int) -> None:
        self._most = most
        # Nearly every server is named once: only for the others a table is kept of all that name it.
        self._names: dict[str, Named | None] = {}
        self._shared: dict[str, dict[tuple[int, TaskKey | None], Named]] = {}
        self._waiting: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._names) - len(self._waiting)

    @property
    def too_many(self) -> str:
        """The end of a sentence; empty when all are used."""
        return f"has {len(self._names)} servers; {len(self)} of them are used" if self._waiting else ""

    @property
    def empty(self) -> bool:
        """Whether nobody names a server."""
        return not self._names

    def get(self, name: str) -> Endpoint | None:
        """The server of that name, None when there is none."""
        found = self.chosen(name)
        return None if found is None else found.endpoint

    def chosen(self, name: str) -> Named | None:
        """The server of that name in the words that count, None when there is none."""
        if name in self._waiting:
            return None
        found = self._names.get(name)
        if found is not None:
            return found
        shared = self._shared.get(name)
        return min(shared.values(), key=lambda one: _precedence(one.endpoint)) if shared else None

    def all(self) -> Iterator[tuple[str, Endpoint]]:
        """Every server that is used, by name."""
        for name in self._names:
            if (endpoint := self.get(name)) is not None:
                yield name, endpoint

    def said(self) -> Iterator[Named]:
        """All that services name, used or not."""
        for name, only in self._names.items():
            if only is not None:
                yield only
            else:
                yield from self._shared[name].values()

    def put(self, name: str, said: Named) -> None:
        """A service says how the server is."""
        if name not in self._names:
            if len(self) >= self._most:
                self._waiting[name] = None
            self._names[name] = said
            return
        only = self._names[name]
        if only is None:
            self._shared[name][_by(said)] = said
        elif _by(only) == _by(said):
            self._names[name] = said
        else:
            self._shared[name] = {_by(only): only, _by(said): said}
            self._names[name] = None

    def drop(self, name: str, service: int, task: TaskKey | None) -> str | None:
        """The service names the server no more for the task; the answer is the name of one that has got its place."""
        shared = self._shared.get(name)
        if shared is not None:
            shared.pop((service, task), None)
            if len(shared) == 1:
                [self._names[name]] = shared.values()
                del self._shared[name]
            return None
        only = self._names.get(name)
        if only is None or _by(only) != (service, task):
            return None
        del self._names[name]
        if name in self._waiting:
            del self._waiting[name]
            return None
        for heir in self._waiting:
            del self._waiting[heir]
            return heir
        return None


def _by(said: Named) -> tuple[int, TaskKey | None]:
    """Whose word it is."""
    return said.service, said.task


def _precedence(endpoint: Endpoint) -> tuple[bool, Endpoint]:
    """Who may be asked comes before who may not: a task that ends and its successor may have the same port."""
    return (endpoint.state is not State.READY, endpoint)
