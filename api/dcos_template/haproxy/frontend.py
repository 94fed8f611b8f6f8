"""Listening sections, and the maps by which they find a backend."""

import hashlib
import re
from dataclasses import dataclass, field

from api.dcos_template.haproxy.bind import Bind
from api.dcos_template.haproxy.clients import Clients
from api.dcos_template.haproxy.grammar import Mode, require, require_name
from api.dcos_template.haproxy.headers import Headers
from api.dcos_template.haproxy.raw import RawFrontend
from api.dcos_template.haproxy.redirect import HttpsRedirect
from api.dcos_template.haproxy.tls import Tls
from api.dcos_template.routes import MapEntry
from pool_executor.contract import Needs

STATS_SECTION = "stats"
#: Name of the sockets through which a worker hands on what clients ask over TLS.
RELAYED_TLS = "relayed-tls"

_MAP_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,58}\.map")
_MAP_WORD = re.compile(r"[!-\"$-~][!-~]{0,2047}")  # printable ASCII without spaces, not beginning like a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFile:
    """A lookup file; `name` is relative to the directory of maps."""

    name: str
    entries: tuple[MapEntry, ...]

    def __post_init__(self) -> None:
        require(_MAP_FILE.fullmatch(self.name) is not None, "map.name", f"{self.name!r} is not a name for a map file")
        for entry in self.entries:
            for word in entry:
                path = f"map {self.name}"
                require(_MAP_WORD.fullmatch(word) is not None, path, f"{word!r} cannot stand in a map file")


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
    tls: Tls | None = None
    """None: what is said there is in the clear."""
    clients: Clients = field(default_factory=Clients)
    https_redirect: HttpsRedirect | None = None
    headers: Headers = field(default_factory=Headers)
    raw: RawFrontend = field(default_factory=RawFrontend)
    routing: Routing | None = None
    default_backend: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "frontend.name")
        require(self.name != STATS_SECTION, "frontend.name", f"{self.name!r} is the statistics listener's name")
        if self.tls is not None:
            self.tls.check_mode(self.mode, f"frontend {self.name}")
        if self.default_backend:
            require_name(self.default_backend, f"frontend {self.name} default_backend")
        require(
            self.mode is Mode.HTTP or not (self.https_redirect or self.headers != Headers()),
            f"frontend {self.name}",
            "says what is done with requests, which only HTTP frontends see",
        )
        require(
            self.routing is None or self.mode is Mode.HTTP,
            f"frontend {self.name}",
            "hosts and paths are seen only by HTTP frontends",
        )

    @property
    def needs(self) -> Needs:
        """What an instance must have to serve it."""
        needs = self.bind.needs
        return needs if self.tls is None else self.tls.needs(needs.ports)

    @property
    def has_rules(self) -> bool:
        """Whether something is done with requests beside finding a backend."""
        return bool(self.clients.refuses or self.https_redirect or self.headers.request or self.raw.rules)

    @property
    def relay(self) -> str:
        """Name of the socket, and of the backend that leads to it, through which a worker asks its successor.

        Beside it is one for clients that use TLS, with `-tls` behind. A path of a socket is short, names are not.
        """
        return f"_relay-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"
