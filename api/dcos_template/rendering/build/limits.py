"""From what a pool says of limits and timeouts to those of a listener."""

from api.dcos_template.rendering.haproxy.limits import Limits, Timeouts
from scheduler.pools import model as pools


def build_limits(frontend: pools.Frontend) -> Limits:
    """How much clients may ask for."""
    wish, http = frontend.limits, frontend.protocol.is_http
    return Limits(
        connections=wish.connections,
        connections_per_client=wish.connections_per_client,
        request_bytes=wish.request_bytes if http else 0,
        requests=wish.requests_per_client.count,
        period=wish.requests_per_client.period,
    )


def build_timeouts(frontend: pools.Frontend) -> Timeouts:
    """Those that differ from the usual ones."""
    wish = frontend.timeouts
    seconds = {"client": wish.client}
    if frontend.protocol.is_http:
        seconds |= {"http-request": wish.http_request, "http-keep-alive": wish.http_keep_alive}
    return Timeouts(named=tuple((name, round(time * 1000)) for name, time in seconds.items() if time))
