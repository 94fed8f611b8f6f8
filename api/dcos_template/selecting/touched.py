"""What a change of tasks or pools touches: servers that are others now, pool by pool. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from api.dcos_template.selecting.endpoint import Endpoint


class BackendKey(NamedTuple):
    """A backend of a pool."""

    pool: str
    backend: str


class Spot(NamedTuple):
    """A server by its backend and its name, whether it is there or not."""

    backend: str
    name: str


@dataclass(slots=True)
class Moves:
    """What is otherwise in one pool. Whoever wants to know how a spot is now asks the selection.

    `lost` are spots whose server is gone or is not the same any more, so that it must not wait; `missing` those of them
    whose task is not named any more although nobody said that it ended. `told`: something else is left out now.
    """

    gained: set[Spot] = field(default_factory=set)
    lost: set[Spot] = field(default_factory=set)
    missing: dict[Spot, Endpoint] = field(default_factory=dict)
    told: bool = False


Touched = Mapping[str, Moves]
"""By pool."""


class Touching:
    """What a change touches, while it is being taken."""

    def __init__(self) -> None:
        self._before: dict[BackendKey, dict[str, Endpoint | None]] = {}
        self._missing: dict[BackendKey, dict[str, Endpoint]] = {}
        self._told: set[str] = set()
        self._whole: set[BackendKey] = set()

    def before(self, backend: BackendKey, name: str, endpoint: Endpoint | None) -> None:
        """How the server was before it was touched; only the first word counts."""
        self._before.setdefault(backend, {}).setdefault(name, endpoint)

    def wholly(self, backend: BackendKey) -> bool:
        """All servers of the backend are touched; whether that is new."""
        if backend in self._whole:
            return False
        self._whole.add(backend)
        return True

    def missing(self, backend: BackendKey, endpoint: Endpoint) -> None:
        """Nobody said that the task of this endpoint ended."""
        self._missing.setdefault(backend, {})[endpoint.name] = endpoint

    def told(self, pool: str) -> None:
        """Something else is left out of the pool."""
        self._told.add(pool)

    def moves(self, now: Callable[[BackendKey, str], Endpoint | None]) -> dict[str, Moves]:
        """The difference to how it is now."""
        found: dict[str, Moves] = {}
        for backend, names in self._before.items():
            missing = self._missing.get(backend, {})
            for name, before in names.items():
                after = now(backend, name)
                if before == after:
                    continue
                moves = found.setdefault(backend.pool, Moves())
                spot = Spot(backend.backend, name)
                (moves.gained if before is None else moves.lost).add(spot)
                if after is None and name in missing:
                    moves.missing[spot] = missing[name]
        for pool in self._told:
            found.setdefault(pool, Moves()).told = True
        return found
