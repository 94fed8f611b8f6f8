"""How much clients of a frontend may ask for, and how long HAProxy waits for them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRate:
    """A client's requests within `period` seconds, or of a TCP frontend its connections; 0: as many as it wants."""

    count: int = 0
    period: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one instance; 0 means none beside that of the instance's memory."""

    connections: int = 0
    connections_per_client: int = 0
    request_bytes: int = 0
    """Of the body."""
    requests_per_client: RequestRate = field(default=RequestRate())


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendTimeouts:
    """Seconds; 0 means HAProxy's usual ones of every load balancer."""

    client: float = 0.0
    """In which a client says or takes nothing."""
    http_request: float = 0.0
    """From the first byte of a request to the end of its headers."""
    http_keep_alive: float = 0.0
    """From an answer to the next request."""
