"""What a frontend says of requests: only one that sees them can do it."""

from collections.abc import Iterator

from scheduler.pools.model import Frontend, Protocol
from scheduler.pools.problems import Problem


def frontend_problems(index: int, frontend: Frontend) -> Iterator[Problem]:
    """The fields that do not go with the frontend's protocol."""
    path = f"pool.haproxy.frontends[{index}]"
    if frontend.redirect_to_https is not None and frontend.protocol is not Protocol.HTTP:
        rule = f"is for a frontend of protocol HTTP; this one has {frontend.protocol}"
        yield Problem(path=f"{path}.redirectToHttps", rule=rule)
