"""A backend as the pool says it: how its servers are spoken to, checked and chosen."""

from dataclasses import dataclass, field

from scheduler.pools.model.basic_auth import BasicAuth
from scheduler.pools.model.clients import Clients
from scheduler.pools.model.connecting import ServerTls
from scheduler.pools.model.headers import HeaderRule
from scheduler.pools.model.protocol import Protocol
from scheduler.pools.model.retries import Retries
from scheduler.pools.model.rewrite import RewriteHttp
from scheduler.pools.model.service import Service
from scheduler.pools.model.timeouts import Timeouts
from sdk.net.address import is_address


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomCheck:
    """How servers are checked instead of by a connect; at most one of these, `misc_str` may refine `httpchk`."""

    httpchk: bool = False
    httpchk_misc_str: str = ""
    """The request of `httpchk`."""
    ssl_hello_chk: bool = False
    misc_str: str = ""
    """A line of HAProxy about checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A named group of servers with a balance algorithm."""

    name: str
    protocol: Protocol = Protocol.HTTP
    balance: str = "roundrobin"
    http2: bool = False
    """Whether HTTP/2 is spoken to servers, by TLS where they take it."""
    tls: ServerTls = field(default=ServerTls())
    rewrite_http: RewriteHttp = field(default=RewriteHttp())
    custom_check: CustomCheck = field(default=CustomCheck())
    minimum_servers: int = 0
    """The instance is ready only while so many of the servers can be used."""
    clients: Clients = field(default=Clients())
    """Whose requests its servers are asked; those of others are refused."""
    basic_auth: BasicAuth | None = None
    request_headers: tuple[HeaderRule, ...] = ()
    response_headers: tuple[HeaderRule, ...] = ()
    timeouts: Timeouts = field(default=Timeouts())
    retries: Retries = field(default=Retries())
    misc_strs: tuple[str, ...] = ()
    """Lines in HAProxy's words; they stand before the servers."""
    services: tuple[Service, ...] = ()

    @property
    def server_name(self) -> str:
        """The name by which servers are asked in TLS; `""` where the pool says none."""
        if self.tls.server_name:
            return self.tls.server_name
        rewrite = self.rewrite_http
        told = rewrite.request.set_host_header and self.protocol.is_http
        host = rewrite.host.partition(":")[0] if told else ""
        return "" if is_address(host) else host
