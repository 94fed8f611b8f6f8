"""How much clients may ask a listener for, and how long it waits for them."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require

#: The peers by which a worker that leaves hands what it knows of clients to the next, and their socket.
SUCCESSOR = "_successor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """0 means none."""

    connections: int = 0
    connections_per_client: int = 0
    request_bytes: int = 0
    requests: int = 0
    """Of one client within `period` seconds; of a TCP listener its connections."""
    period: int = 10

    def __post_init__(self) -> None:
        for name, number in (
            ("connections", self.connections),
            ("connectionsPerClient", self.connections_per_client),
            ("requestBytes", self.request_bytes),
            ("requestsPerClient.count", self.requests),
        ):
            require(0 <= number <= 1 << 40, f"limits.{name}", f"{number} is no limit")
        require(0 < self.period <= 86_400, "limits.requestsPerClient.period", f"{self.period} is no time")

    @property
    def counts_clients(self) -> bool:
        """Whether something is known of each client."""
        return bool(self.connections_per_client or self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Milliseconds by HAProxy's name; none for the usual ones."""

    named: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        for name, milliseconds in self.named:
            require(name in ("client", "http-request", "http-keep-alive"), "timeouts", f"{name!r} is no timeout")
            require(0 < milliseconds < 1 << 31, f"timeouts.{name}", f"{milliseconds} ms are no time")
