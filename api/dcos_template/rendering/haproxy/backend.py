"""Groups of servers."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from api.dcos_template.rendering.haproxy.clients import Clients
from api.dcos_template.rendering.haproxy.cookie import Cookie
from api.dcos_template.rendering.haproxy.grammar import Mode, require, require_name
from api.dcos_template.rendering.haproxy.headers import HeaderChange
from api.dcos_template.rendering.haproxy.patience import Patience
from api.dcos_template.rendering.haproxy.server_tls import ServerTls
from api.dcos_template.rendering.haproxy.users import Users
from api.dcos_template.rendering.rewriting import Rewriting
from pool_executor.contract import BackendFacts, marker_line, parse_marker
from scheduler.pools.words.health_check import HttpRequest, line_problem

_MOST_SERVERS = 1_000_000
_BALANCE = re.compile(r"[a-z][a-z0-9_-]*(\([A-Za-z0-9_-]{1,64}\))?( [A-Za-z0-9_.-]{1,64}){0,6}")
_STATIC = re.compile(r"static-rr")
_STATIC_HASH = re.compile(r"hash-type map-based")
_HASHING = re.compile(r"source|uri|url_param|hdr|rdp-cookie")


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
    clients: Clients = field(default_factory=Clients)
    users: Users | None = None
    request_headers: tuple[HeaderChange, ...] = ()
    response_headers: tuple[HeaderChange, ...] = ()
    all_backups: bool = False
    """Whether all backup servers are used when no other one is up; HAProxy would use the first of them alone."""
    minimum_servers: int = 0
    """Without so many servers that can be used the instance is not ready."""
    patience: Patience = field(default_factory=Patience)
    tls: ServerTls | None = None
    """None: servers are spoken to in the clear."""
    cookie: Cookie | None = None
    http_check: HttpRequest | None = None
    check_line: str = ""
    """A line about checks; of its own, or for an HTTP check what it expects."""
    raw: tuple[str, ...] = ()
    """Lines in the operator's own words, as `raw_lines` prints them."""
    options: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    """What servers are told, by the keys that they name."""

    def __post_init__(self) -> None:
        path = f"backend {self.name}"
        require_name(self.name, "backend.name")
        require(_BALANCE.fullmatch(self.balance) is not None, path, f"{self.balance!r} is not a balance algorithm")
        require(not self.check_line or line_problem(self.check_line) is None, path, "has no line about checks")
        require(0 <= self.minimum_servers <= _MOST_SERVERS, f"{path}: minimumServers", f"is {self.minimum_servers}")
        require(self.users is None or self.mode is Mode.HTTP, f"{path}: basicAuth", "needs requests of HTTP")
        require(parse_marker(self.marker) is not None, path, "has no place for its servers")

    @property
    def keeper(self) -> str:
        """Name of the backend beside it that has the files of its servers loaded, if they need some."""
        return f"_files-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    @property
    def userlist(self) -> str:
        """Name of the list of its users; a frontend of the same name has one of another."""
        return f"_users-of-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    @property
    def hashes(self) -> bool:
        """True when the algorithm hashes: consistently then, so that servers can be added at run time."""
        return _HASHING.match(self.balance) is not None

    @property
    def takes_servers(self) -> bool:
        """True when the algorithm lets servers come at run time."""
        return _STATIC.match(self.balance) is None and not any(_STATIC_HASH.match(line) for line in self.raw)

    @property
    def marker(self) -> str:
        """The line below which its servers stand."""
        return marker_line(
            BackendFacts(
                backend=self.name,
                options=self.options,
                takes_servers=self.takes_servers,
                dynamic_cookie=self.cookie is not None,
            )
        )

    @property
    def resolves(self) -> bool:
        """True when servers may be given by name."""
        return any("resolvers " in words for words in self.options.values())
