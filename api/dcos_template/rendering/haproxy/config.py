"""A configuration as a whole."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.backend import Backend
from api.dcos_template.rendering.haproxy.bind import Bind
from api.dcos_template.rendering.haproxy.frontend import Frontend
from api.dcos_template.rendering.haproxy.grammar import require
from api.dcos_template.rendering.haproxy.routing import MapFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that HAProxy is told for one pool, apart from what differs between instances."""

    pool: str
    stats: Bind
    stats_for_other_hosts: bool
    """Whether statistics and metrics are for everybody who reaches the listener, or for its own host; health always is
    for everybody."""
    frontends: tuple[Frontend, ...]
    backends: tuple[Backend, ...]

    def __post_init__(self) -> None:
        _unique([frontend.name for frontend in self.frontends], "frontend")
        _unique([backend.name for backend in self.backends], "backend")
        modes = {backend.name: backend.mode for backend in self.backends}
        for frontend in self.frontends:
            for name in _linked(frontend):
                path = f"frontend {frontend.name}"
                require(name in modes, path, f"refers to the backend {name!r}, which does not exist")
                # HAProxy finds this out for default_backend only, not for names that come out of a map.
                require(modes.get(name) == frontend.mode, path, f"backend {name!r} has mode {modes.get(name)}")

    @property
    def counts_clients(self) -> bool:
        """Whether any listener knows something of each client, which a reload must not lose."""
        return any(frontend.limits.counts_clients for frontend in self.frontends)

    @property
    def maps(self) -> tuple[MapFile, ...]:
        """All map files in the order of their names."""
        files = [file for one in self.frontends if one.routing for file in (one.routing.hosts, one.routing.paths)]
        return tuple(sorted(files, key=lambda file: file.name))


def _linked(frontend: Frontend) -> set[str]:
    names = frontend.routing.backends if frontend.routing else set()
    return names | ({frontend.default_backend} - {""})


def _unique(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, f"{what} {name}", "exists twice")
        seen.add(name)
