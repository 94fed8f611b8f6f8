"""Listening sections."""

import hashlib
from dataclasses import dataclass, field

from api.dcos_template.rendering.haproxy.answers import Answers
from api.dcos_template.rendering.haproxy.bind import Bind
from api.dcos_template.rendering.haproxy.clients import Clients
from api.dcos_template.rendering.haproxy.grammar import Mode, require, require_name
from api.dcos_template.rendering.haproxy.headers import Headers
from api.dcos_template.rendering.haproxy.limits import Limits, Timeouts
from api.dcos_template.rendering.haproxy.raw import RawFrontend
from api.dcos_template.rendering.haproxy.redirect import HttpsRedirect, Redirect
from api.dcos_template.rendering.haproxy.routing import Routing
from api.dcos_template.rendering.haproxy.tls import Tls
from api.dcos_template.rendering.haproxy.users import Users
from pool_executor.contract import Needs

STATS_SECTION = "stats"
#: Names of the sockets through which a worker hands on what clients ask, in the clear and over TLS.
RELAYED, RELAYED_TLS = "relayed", "relayed-tls"


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
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    answers: Answers = field(default_factory=Answers)
    users: Users | None = None
    redirects: tuple[Redirect, ...] = ()
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
        changes = self.headers != Headers() or self.answers != Answers()
        require(
            self.mode is Mode.HTTP or not (self.https_redirect or self.redirects or self.users or changes),
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
        limits = self.limits.requests or self.limits.request_bytes
        answers = self.clients.refuses or limits or self.https_redirect or self.redirects
        return bool(answers or self.users or self.headers.request or self.raw.rules)

    @property
    def userlist(self) -> str:
        """Name of the list of its users."""
        return f"_users-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    @property
    def relay(self) -> str:
        """Name of the socket, and of the backend that leads to it, through which a worker asks its successor.

        Beside it is one for clients that use TLS, with `-tls` behind. A path of a socket is short, names are not.
        """
        return f"_relay-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"
