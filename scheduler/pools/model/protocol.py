"""How two sides of a connection talk to each other."""

from enum import StrEnum


class Protocol(StrEnum):
    """How clients talk to a frontend, or a frontend to its servers."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    TLS = "TLS"

    @property
    def is_http(self) -> bool:
        """Whether requests are seen, and not only bytes."""
        return self in (Protocol.HTTP, Protocol.HTTPS)

    @property
    def is_tls(self) -> bool:
        """Whether what is said is within TLS."""
        return self in (Protocol.HTTPS, Protocol.TLS)
