"""What a change of tasks touches: backends whose endpoints are others now, and why. Pure."""

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from api.dcos_template.endpoint import Chosen, Endpoint


class BackendKey(NamedTuple):
    """A backend of a pool."""

    pool: str
    backend: str


class Touched(NamedTuple):
    """Backends whose endpoints changed; `lost` ones have at least one server that must not get new requests.

    `told`: pools of which something else is left out now. `missing`: the endpoints of tasks of which nobody said that
    they ended.
    """

    gained: frozenset[BackendKey]
    lost: frozenset[BackendKey]
    told: frozenset[str] = frozenset()
    missing: Mapping[BackendKey, Set[Endpoint]] = MappingProxyType({})

    @property
    def backends(self) -> frozenset[BackendKey]:
        """Both."""
        return self.gained | self.lost


class Touching:
    """What a change touches, while it is being taken."""

    def __init__(self) -> None:
        self._gained: set[BackendKey] = set()
        self._lost: set[BackendKey] = set()
        self._told: set[str] = set()
        self.missing: dict[BackendKey, set[Endpoint]] = {}

    def changed(self, backend: BackendKey, before: Chosen, after: Chosen) -> None:
        if before.endpoints != after.endpoints:
            grows = set(before.endpoints) <= set(after.endpoints)
            (self._gained if grows else self._lost).add(backend)
        if before.left_out != after.left_out:
            self._told.add(backend.pool)

    def told(self) -> Touched:
        return Touched(
            gained=frozenset(self._gained),
            lost=frozenset(self._lost),
            told=frozenset(self._told),
            missing=self.missing,
        )
