"""A backend as the pool says it: how its servers are spoken to, checked and chosen."""

from dataclasses import dataclass, field

from scheduler.pools.model.connecting import ServerTls
from scheduler.pools.model.headers import HeaderRule
from scheduler.pools.model.protocol import Protocol
from scheduler.pools.model.retries import Retries
from scheduler.pools.model.rewrite import RewriteHttp
from scheduler.pools.model.service import Service
from scheduler.pools.model.timeouts import Timeouts


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
    request_headers: tuple[HeaderRule, ...] = ()
    response_headers: tuple[HeaderRule, ...] = ()
    timeouts: Timeouts = field(default=Timeouts())
    retries: Retries = field(default=Retries())
    misc_strs: tuple[str, ...] = ()
    """Lines in HAProxy's words; they stand before the servers."""
    services: tuple[Service, ...] = ()
