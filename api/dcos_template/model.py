"""The HAProxy configuration of a pool as frozen values.

Knows what each value may hold: a model that exists can be printed without escaping, because everything that came from
people is checked here against a grammar without spaces, quotes, `$`, `#`, backslashes and line breaks. That the API
checked the same before is no reason to trust it: ZooKeeper lies between. Does not know the text's form (text.py) nor
how the values come about (build.py).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from api.dcos_template.rewriting import Rewriting
from api.dcos_template.routes import MapEntry
from pool_executor.contract import BackendFacts, marker_line, parse_marker, port_variable
from scheduler.pools.health_check import HttpRequest, line_problem
from scheduler.pools.model import RESERVED_NAMES
from sdk.errors import InvalidSpec
from sdk.net.names import LONGEST_NAME, NAME_RULE, is_host, is_name

STATS_SECTION = "stats"
#: Name of the sockets through which a worker hands on what clients ask over TLS.
RELAYED_TLS = "relayed-tls"

_MAP_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,58}\.map")
_MAP_WORD = re.compile(r"[!-\"$-~][!-~]{0,2047}")  # printable ASCII without spaces, not beginning like a comment
_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")
_BALANCE = re.compile(r"[a-z][a-z0-9_-]*(\([A-Za-z0-9_-]{1,64}\))?( [A-Za-z0-9_.-]{1,64}){0,6}")
_STATIC = re.compile(r"static-rr")
_HASHING = re.compile(r"source|uri|url_param|hdr|rdp-cookie")


class Mode(StrEnum):
    """HAProxy's `mode`."""

    HTTP = "http"
    TCP = "tcp"


def _require(condition: bool, path: str, rule: str) -> None:
    if not condition:
        raise InvalidSpec(path, rule)


def _require_name(name: str, path: str) -> None:
    _require(is_name(name), path, f"{name!r} is not a name for HAProxy: {NAME_RULE}, at most {LONGEST_NAME}")
    _require(name not in RESERVED_NAMES, path, f"{name!r} is the name of a part of every load balancer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Where a listener is: `port` is the name of the task port, whose number differs between instances."""

    address: str
    port: str

    def __post_init__(self) -> None:
        _require(is_host(self.address), "bind.address", f"{self.address!r} is neither an IPv4 address nor a name")
        _require(_VARIABLE.fullmatch(self.variable) is not None, "bind.port", f"{self.port!r} has no variable")

    @property
    def variable(self) -> str:
        """What lbmgr sets to the number."""
        return port_variable(self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFile:
    """A lookup file; `name` is relative to the directory of maps."""

    name: str
    entries: tuple[MapEntry, ...]

    def __post_init__(self) -> None:
        _require(_MAP_FILE.fullmatch(self.name) is not None, "map.name", f"{self.name!r} is not a name for a map file")
        for entry in self.entries:
            for word in entry:
                path = f"map {self.name}"
                _require(_MAP_WORD.fullmatch(word) is not None, path, f"{word!r} cannot stand in a map file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How an HTTP frontend finds a backend by host and path before it takes its default."""

    hosts: MapFile
    paths: MapFile
    ports_in_hosts: bool
    turns: bool
    """Whether rules of hosts have to be compared with rules without a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """A listening section."""

    name: str
    mode: Mode
    bind: Bind
    routing: Routing | None = None
    default_backend: str = ""

    def __post_init__(self) -> None:
        _require_name(self.name, "frontend.name")
        _require(self.name != STATS_SECTION, "frontend.name", f"{self.name!r} is the statistics listener's name")
        if self.default_backend:
            _require_name(self.default_backend, f"frontend {self.name} default_backend")
        _require(
            self.routing is None or self.mode is Mode.HTTP,
            f"frontend {self.name}",
            "hosts and paths are seen only by HTTP frontends",
        )

    @property
    def relay(self) -> str:
        """Name of the socket, and of the backend that leads to it, through which a worker asks its successor.

        Beside it is one for clients that use TLS, with `-tls` behind. A path of a socket is short, names are not.
        """
        return f"_relay-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A group of servers."""

    name: str
    mode: Mode
    balance: str = "roundrobin"
    forwardfor: bool = False
    x_forwarded_port: bool = False
    x_forwarded_proto: bool = False
    rewriting: Rewriting = field(default_factory=Rewriting)
    http_check: HttpRequest | None = None
    check_line: str = ""
    """A line about checks; of its own, or for an HTTP check what it expects."""
    options: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    """What servers are told, by the keys that they name."""

    def __post_init__(self) -> None:
        path = f"backend {self.name}"
        _require_name(self.name, "backend.name")
        _require(_BALANCE.fullmatch(self.balance) is not None, path, f"{self.balance!r} is not a balance algorithm")
        _require(not self.check_line or line_problem(self.check_line) is None, path, "has no line about checks")
        _require(parse_marker(self.marker) is not None, path, "has no place for its servers")

    @property
    def hashes(self) -> bool:
        """True when the algorithm hashes: consistently then, so that servers can be added at run time."""
        return _HASHING.match(self.balance) is not None

    @property
    def takes_servers(self) -> bool:
        """True when the algorithm lets servers come at run time."""
        return _STATIC.match(self.balance) is None

    @property
    def marker(self) -> str:
        """The line below which its servers stand."""
        return marker_line(BackendFacts(backend=self.name, options=self.options, takes_servers=self.takes_servers))

    @property
    def resolves(self) -> bool:
        """True when servers may be given by name."""
        return any("resolvers " in words for words in self.options.values())


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
                _require(name in modes, path, f"refers to the backend {name!r}, which does not exist")
                # HAProxy finds this out for default_backend only, not for names that come out of a map.
                _require(modes.get(name) == frontend.mode, path, f"backend {name!r} has mode {modes.get(name)}")

    @property
    def maps(self) -> tuple[MapFile, ...]:
        """All map files in the order of their names."""
        files = [file for one in self.frontends if one.routing for file in (one.routing.hosts, one.routing.paths)]
        return tuple(sorted(files, key=lambda file: file.name))


def _linked(frontend: Frontend) -> set[str]:
    names = {entry.backend for entry in frontend.routing.paths.entries} if frontend.routing else set()
    return (names | {frontend.default_backend}) - {""}


def _unique(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        _require(name not in seen, f"{what} {name}", "exists twice")
        seen.add(name)
