"""How long an answer of servers is waited for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """In seconds, of one backend."""

    connect: float = 3.0
    """For a connection."""
    server: float = 30.0
    """For a server that says nothing."""
    queue: float = 30.0
    """For a server that has room, where all have as many connections as they may."""
    tunnel: float = 3600.0
    """For either side of a connection that is none of requests any more (WebSocket, TCP), while both say nothing."""
    check: float = 3.0
    """For the answer to a check, once it is connected."""
