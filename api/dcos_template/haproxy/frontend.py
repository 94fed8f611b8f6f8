"""Listening sections."""

import hashlib
import re
from dataclasses import dataclass

from api.dcos_template.haproxy.grammar import Mode, require, require_name
from api.dcos_template.haproxy.routing import Routing
from pool_executor.contract import port_variable
from sdk.net.names import is_host

STATS_SECTION = "stats"
#: Name of the sockets through which a worker hands on what clients ask over TLS.
RELAYED_TLS = "relayed-tls"

_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Where a listener is: `port` is the name of the task port, whose number differs between instances."""

    address: str
    port: str

    def __post_init__(self) -> None:
        require(is_host(self.address), "bind.address", f"{self.address!r} is neither an IPv4 address nor a name")
        require(_VARIABLE.fullmatch(self.variable) is not None, "bind.port", f"{self.port!r} has no variable")

    @property
    def variable(self) -> str:
        """What lbmgr sets to the number."""
        return port_variable(self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """A listening section."""

    name: str
    mode: Mode
    bind: Bind
    routing: Routing | None = None
    default_backend: str = ""

    def __post_init__(self) -> None:
        require_name(self.name, "frontend.name")
        require(self.name != STATS_SECTION, "frontend.name", f"{self.name!r} is the statistics listener's name")
        if self.default_backend:
            require_name(self.default_backend, f"frontend {self.name} default_backend")
        require(
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
