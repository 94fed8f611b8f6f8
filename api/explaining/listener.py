"""Which frontend takes a request, and whether it answers it by itself. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.explaining.question import Question
from scheduler.pools.model import Frontend
from scheduler.pools.routing import Target
from scheduler.pools.words.location import prefix

Ports = Mapping[str, Sequence[int]]
"""On which ports the load balancers listen for each frontend, of those that tell; the pool says the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """An answer that sends the client elsewhere, by a field of the frontend."""

    status: int
    location: str
    by: str


def ports_of(frontend: Frontend, ports: Ports) -> tuple[int, ...]:
    """Where it listens, as far as it is known; a port of 0 differs between load balancers."""
    told = sorted(set(ports.get(frontend.name, ())))
    return tuple(told) or ((frontend.bind_port,) if frontend.bind_port else ())


def listener(frontends: Sequence[Frontend], question: Question, ports: Ports) -> Frontend | None:
    """The one that is named, or the one at the port that the client asks, rather at that very address.

    Where no port is given and none listens at the usual one, it is the only one that speaks as the URL says: what
    stands in front of load balancers has the usual port then.
    """
    if question.frontend:
        return next((one for one in frontends if one.name == question.frontend), None)
    there = [one for one in frontends if question.port in ports_of(one, ports)]
    if not there and not question.port_given:
        speaking = [one for one in frontends if one.protocol.is_http and one.protocol.is_tls == question.tls]
        return speaking[0] if len(speaking) == 1 else None
    return next((one for one in there if one.bind_address == question.address), there[0] if there else None)


def elsewhere(frontend: Frontend, question: Question) -> Elsewhere | None:
    """The redirect that the request meets: to HTTPS unless it is an exception, else the first of the others."""
    target, wish = question.target, frontend.redirect_to_https
    if wish is not None and not any(_meets(one.host, one.path_beg, target) for one in wish.except_):
        at = target.name if wish.port == 443 else f"{target.name}:{wish.port}"
        return Elsewhere(status=wish.code, location=f"https://{at}{question.url}", by="redirectToHttps")
    for number, one in enumerate(frontend.redirects):
        if _meets(one.host_eq, one.path_beg, target) and one.path_eq in ("", target.path):
            location = f"{prefix(one.location)}{question.url}" if one.keep_path else one.location
            return Elsewhere(status=one.code, location=location, by=f"redirects[{number}]")
    return None


def conditions(frontend: Frontend) -> Iterator[str]:
    """What it does and asks before, which a request does not show."""
    if len(frontend.certificates) > 1 and frontend.protocol.is_tls:
        yield "shows the first of its certificates that holds the name that is asked for (sni), else the first of all"
    if frontend.tls.client_certificates.ca and frontend.protocol.is_tls:
        yield "asks for a certificate (tls.clientCertificates): who has none that it trusts may not be let in"
    if frontend.clients.allow or frontend.clients.deny:
        yield "looks at the client's address (clients): whom it does not let in gets 403"
    if frontend.limits.requests_per_client.count:
        yield "limits the requests of each client (limits.requestsPerClient): too many get 429"
    if frontend.basic_auth is not None:
        yield "asks for name and password (basicAuth): who gives none gets 401"
    if frontend.misc_strs:
        yield "has miscStrs, lines in HAProxy's words: they are not looked at here"


def _meets(host: str, path_beg: str, target: Target) -> bool:
    return host in ("", target.name) and (target.path or "").startswith(path_beg)
