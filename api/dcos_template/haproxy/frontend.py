"""Listening sections."""

import hashlib
from dataclasses import dataclass, field

from api.dcos_template.haproxy.bind import Bind
from api.dcos_template.haproxy.clients import Clients
from api.dcos_template.haproxy.grammar import Mode, require, require_name
from api.dcos_template.haproxy.headers import Headers
from api.dcos_template.haproxy.raw import RawFrontend
from api.dcos_template.haproxy.redirect import HttpsRedirect
from api.dcos_template.haproxy.routing import Routing

STATS_SECTION = "stats"
#: Name of the sockets through which a worker hands on what clients ask over TLS.
RELAYED_TLS = "relayed-tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """A listening section."""

    name: str
    mode: Mode
    bind: Bind
    clients: Clients = field(default_factory=Clients)
    https_redirect: HttpsRedirect | None = None
    headers: Headers = field(default_factory=Headers)
    raw: RawFrontend = field(default_factory=RawFrontend)
    routing: Routing | None = None
    default_backend: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "frontend.name")
        require(self.name != STATS_SECTION, "frontend.name", f"{self.name!r} is the statistics listener's name")
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
    def has_rules(self) -> bool:
        """Whether something is done with requests beside finding a backend."""
        return bool(self.clients.refuses or self.https_redirect or self.headers.request or self.raw.rules)

    @property
    def relay(self) -> str:
        """Name of the socket, and of the backend that leads to it, through which a worker asks its successor.

        Beside it is one for clients that use TLS, with `-tls` behind. A path of a socket is short, names are not.
        """
        return f"_relay-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"
