"""What a frontend says of requests: only one that sees them can do it."""

from collections.abc import Callable, Iterator

from scheduler.pools.checks.users import twice, user_problems
from scheduler.pools.model import Frontend, Protocol
from scheduler.pools.problems import Problem


def frontend_problems(index: int, frontend: Frontend) -> Iterator[Problem]:
    """The fields that do not go with the frontend's protocol, or with each other."""
    path = f"pool.haproxy.frontends[{index}]"
    if frontend.accept_proxy is not None and "accept-proxy" in frontend.bind_modifier.split():
        yield Problem(path=f"{path}.acceptProxy", rule="is what bindModifier says, too; give one of them")
    if frontend.redirect_to_https is not None and frontend.protocol is not Protocol.HTTP:
        yield _needs(f"{path}.redirectToHttps", "HTTP", frontend)
    if frontend.hsts is not None and frontend.protocol is not Protocol.HTTPS:
        yield _needs(f"{path}.hsts", "HTTPS", frontend)
    yield from twice(f"{path}.certificateHosts", "certificate", [one.certificate for one in frontend.certificate_hosts])
    for at, one in enumerate(frontend.certificate_hosts):
        if one.certificate not in frontend.certificates:
            rule = "is none of the certificates of this frontend: add it to them, or leave its hosts out"
            yield Problem(path=f"{path}.certificateHosts[{at}].certificate", value=one.certificate, rule=rule)
    yield from twice(f"{path}.errorPages", "status", [page.status for page in frontend.error_pages])
    yield from user_problems(f"{path}.basicAuth", frontend.basic_auth)
    if not frontend.protocol.is_http:
        for name, said in _OF_REQUESTS:
            if said(frontend):
                yield _needs(f"{path}.{name}", "HTTP or HTTPS", frontend)


def _needs(path: str, protocols: str, frontend: Frontend) -> Problem:
    return Problem(path=path, rule=f"is for a frontend of protocol {protocols}; this one has {frontend.protocol}")


_OF_REQUESTS: tuple[tuple[str, Callable[[Frontend], bool]], ...] = (
    ("limits.requestBytes", lambda frontend: bool(frontend.limits.request_bytes)),
    ("timeouts.httpRequest", lambda frontend: bool(frontend.timeouts.http_request)),
    ("timeouts.httpKeepAlive", lambda frontend: bool(frontend.timeouts.http_keep_alive)),
    ("redirects", lambda frontend: bool(frontend.redirects)),
    ("basicAuth", lambda frontend: frontend.basic_auth is not None),
    ("compression", lambda frontend: frontend.compression is not None),
    ("errorPages", lambda frontend: bool(frontend.error_pages)),
    ("requestHeaders", lambda frontend: bool(frontend.request_headers)),
    ("responseHeaders", lambda frontend: bool(frontend.response_headers)),
)
