"""Which frontend takes a request, and whether it answers it by itself. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.explaining.question import Question
from scheduler.pools.model import Frontend
from scheduler.pools.routing import Target

Ports = Mapping[str, Sequence[int]]
"""On which ports the load balancers listen for each frontend, of those that tell; the pool says the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """An answer that sends the client elsewhere."""

    status: int
    location: str


def ports_of(frontend: Frontend, ports: Ports) -> tuple[int, ...]:
    """Where it listens, as far as it is known; a port of 0 differs between load balancers."""
    told = sorted(set(ports.get(frontend.name, ())))
    return tuple(told) or ((frontend.bind_port,) if frontend.bind_port else ())


def listener(frontends: Sequence[Frontend], question: Question, ports: Ports) -> Frontend | None:
    """The one that is named, or the one at the port that the client asks, rather at that very address."""
    if question.frontend:
        return next((one for one in frontends if one.name == question.frontend), None)
    there = [one for one in frontends if question.port in ports_of(one, ports)]
    return next((one for one in there if one.bind_address == question.address), there[0] if there else None)


def redirect(frontend: Frontend, question: Question) -> Redirect | None:
    """To HTTPS, unless the request is among the exceptions."""
    wish = frontend.redirect_to_https
    if wish is None or any(_meets(one.host, one.path_beg, question.target) for one in wish.except_):
        return None
    name = question.host.lower().partition(":")[0]
    at = name if wish.port == 443 else f"{name}:{wish.port}"
    return Redirect(status=wish.code, location=f"https://{at}{question.url}")


def _meets(host: str, path_beg: str, target: Target) -> bool:
    return host in ("", target.name) and (target.path or "").startswith(path_beg)
