"""What listens: frontends, and the statistics."""

from dataclasses import dataclass, field

from scheduler.pools.model.answers import Compression, ErrorPage
from scheduler.pools.model.basic_auth import BasicAuth
from scheduler.pools.model.certificate import CertificateHosts
from scheduler.pools.model.clients import AcceptProxy, Clients
from scheduler.pools.model.headers import HeaderRule, Hsts
from scheduler.pools.model.limits import FrontendTimeouts, Limits
from scheduler.pools.model.link import LinkBackend
from scheduler.pools.model.protocol import Protocol
from scheduler.pools.model.redirect import Redirect, RedirectToHttps
from scheduler.pools.model.tls import FrontendTls
from sdk.net.address import Reach, parse, reach

DEFAULT_ADDRESS = "0.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """A listening address and its routing rules; `bind_port` 0 is allocated from the offer."""

    name: str
    bind_address: str = DEFAULT_ADDRESS
    bind_port: int = 0
    protocol: Protocol = Protocol.HTTP
    certificates: tuple[str, ...] = ()
    """Files with a certificate and its key; the first is for clients that ask for none of them by name."""
    certificate_hosts: tuple[CertificateHosts, ...] = ()
    """Others are shown for the names that they have themselves, unless one of these is for them."""
    tls: FrontendTls = field(default=FrontendTls())
    clients: Clients = field(default=Clients())
    accept_proxy: AcceptProxy | None = None
    redirect_to_https: RedirectToHttps | None = None
    limits: Limits = field(default=Limits())
    timeouts: FrontendTimeouts = field(default=FrontendTimeouts())
    redirects: tuple[Redirect, ...] = ()
    basic_auth: BasicAuth | None = None
    request_headers: tuple[HeaderRule, ...] = ()
    response_headers: tuple[HeaderRule, ...] = ()
    hsts: Hsts | None = None
    compression: Compression | None = None
    error_pages: tuple[ErrorPage, ...] = ()
    bind_modifier: str = ""
    """Options of the `bind` line in HAProxy's words."""
    misc_strs: tuple[str, ...] = ()
    """Lines in HAProxy's words."""
    link_backend: LinkBackend = field(default=LinkBackend())

    @staticmethod
    def default_name(bind_address: str, bind_port: int) -> str:
        """The documented name of a frontend that was given none."""
        return f"frontend_{bind_address}_{bind_port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The statistics listener of each instance; `bind_port` 0 is allocated from the offer.

    Without a `bind_address` it listens everywhere, so that health can be asked for, and shows the rest to its own host.
    """

    bind_address: str = ""
    bind_port: int = 9090

    @property
    def listens_at(self) -> str:
        """The address of the listener."""
        return self.bind_address or DEFAULT_ADDRESS

    @property
    def for_other_hosts(self) -> bool:
        """Whether the pool says that other hosts may see statistics and metrics."""
        if self.bind_address in ("", "localhost"):
            return False
        address = parse(self.bind_address)
        return address is None or reach(address) is not Reach.LOOPBACK
