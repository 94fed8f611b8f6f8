"""Under which URLs the backends of a pool can be reached. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from scheduler.pools.model import Frontend, MapRule, Pool

_MOST_URLS = 20
_USUAL = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Where a load balancer listens."""

    address: str
    port: int


def urls_of(pool: Pool, places: Mapping[str, Sequence[Place]]) -> dict[str, list[str]]:
    """By backend; `places` are those of each frontend, by its name."""
    found: dict[str, dict[str, None]] = {}
    for frontend in pool.haproxy.frontends:
        there = sorted(set(places.get(frontend.name, ())))
        link = frontend.link_backend
        anything = (MapRule(backend=link.default_backend),) if link.default_backend else ()
        for rule in (*link.map, *anything):
            found.setdefault(rule.backend, {}).update(dict.fromkeys(_urls(frontend, rule, there)))
    return {backend: list(urls)[:_MOST_URLS] for backend, urls in found.items()}


def _urls(frontend: Frontend, rule: MapRule, places: Sequence[Place]) -> Iterator[str]:
    scheme = frontend.protocol.lower()
    path = (rule.path_beg or "/") if frontend.protocol.is_http else ""
    if not (rule.hosts or rule.host_reg):
        for address, port in places:
            host = f"[{address}]" if ":" in address else address
            yield f"{scheme}://{host}{_port(scheme, port)}{path}"
    for host in (host for host in rule.hosts if not host.startswith("*")):
        for port in dict.fromkeys(place.port for place in places):
            # A host that a rule names with a port is asked at that one.
            yield f"{scheme}://{host}{'' if ':' in host else _port(scheme, port)}{path}"


def _port(scheme: str, port: int) -> str:
    return "" if _USUAL.get(scheme) == port else f":{port}"
