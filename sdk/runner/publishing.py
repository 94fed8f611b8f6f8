"""What a plugin publishes in one term of leadership, through the door and on to the runner.

Knows what was given last, so that an unchanged spec costs nothing, and that everything is void when the term is over.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping

from sdk.core.events import TargetChanged, TargetRefused, TargetsListed, TargetWithdrawn
from sdk.door.accept import accept
from sdk.door.problems import shown
from sdk.errors import InvalidSpec
from sdk.model.spec import ServiceSpec

TargetEvent = TargetChanged | TargetRefused | TargetWithdrawn
"""About one service."""
Post = Callable[[Iterable[TargetEvent], TargetsListed | None], None]
"""Takes events of single services, which come after the list when there is one."""


class PublishedTargets:
    """See `sdk.plugin.Targets`."""

    def __init__(self, post: Post) -> None:
        """What follows from each call goes to `post`, in the order of the calls."""
        self._post = post
        self._lock = threading.Lock()
        self._given: dict[str, ServiceSpec] = {}
        """Objects as they were given, of those that were let in."""
        self._listed: frozenset[str] | None = None

    def publish(self, spec: ServiceSpec) -> None:
        """One service."""
        name = getattr(spec, "name", None)
        if not isinstance(name, str):
            accept(spec)  # raises: there is no name to tell it by
            return
        with self._lock:
            if self._given.get(name) is spec:
                return
            event, error = _through_the_door(name, spec)
            self._remember(event, spec)
            if self._listed is not None:
                self._listed |= {event.service}
            self._post([event], None)
        if error is not None:
            raise error

    def withdraw(self, name: str) -> None:
        """One service less."""
        with self._lock:
            self._given.pop(name, None)
            if self._listed is not None:
                self._listed -= {name}
            self._post([TargetWithdrawn(service=name)], None)

    def publish_all(
        self, services: Mapping[str, ServiceSpec], *, keep: Collection[str] = ()
    ) -> Mapping[str, InvalidSpec]:
        """All services at once."""
        refused: dict[str, InvalidSpec] = {}
        with self._lock:
            events: list[TargetEvent] = []
            names = set(keep)
            for key, spec in services.items():
                name = key if isinstance(key, str) else shown(key)
                names.add(name)
                if self._given.get(name) is spec:
                    continue
                event, error = _through_the_door(name, spec)
                self._remember(event, spec)
                events.append(event)
                if error is not None:
                    refused[name] = error
            self._given = {name: spec for name, spec in self._given.items() if name in names}
            listed, self._listed = self._listed, frozenset(names)
            self._post(events, TargetsListed(services=self._listed) if listed != self._listed else None)
        return refused

    def _remember(self, event: TargetEvent, spec: ServiceSpec) -> None:
        if isinstance(event, TargetChanged):
            self._given[event.service] = spec
        else:
            self._given.pop(event.service, None)


def _through_the_door(name: str, spec: ServiceSpec) -> tuple[TargetEvent, InvalidSpec | None]:
    try:
        return TargetChanged(service=name, spec=accept(spec, name)), None
    except InvalidSpec as error:
        return TargetRefused(service=name, why=str(error)), error
