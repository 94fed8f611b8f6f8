"""How a frontend speaks TLS with its clients."""

from dataclasses import dataclass, field
from enum import StrEnum


class TlsPolicy(StrEnum):
    """Which versions and ciphers are spoken, as Mozilla recommends them for servers."""

    MODERN = "modern"
    INTERMEDIATE = "intermediate"
    OLD = "old"


class ClientVerify(StrEnum):
    """Whether a client may go without a certificate."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificates:
    """Clients prove who they are with a certificate that one in the file `ca` has signed; `""`: nobody asks."""

    ca: str = ""
    verify: ClientVerify = ClientVerify.REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendTls:
    """Without effect on a frontend of protocol HTTP or TCP."""

    policy: TlsPolicy = TlsPolicy.INTERMEDIATE
    http2: bool = True
    """Whether HTTP/2 is offered, by an HTTPS frontend."""
    client_certificates: ClientCertificates = field(default=ClientCertificates())
