"""Under which URLs the backends of a pool can be reached. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from scheduler.pools.model import Frontend, MapRule, Pool

_MOST_URLS = 20
_USUAL = {"http": 80, "https": 443}


def urls_of(pool: Pool, addresses: Sequence[str], ports: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """By backend; `ports` are those at which frontends really listen, by their names."""
    found: dict[str, dict[str, None]] = {}
    for frontend in pool.haproxy.frontends:
        at = [frontend.bind_port] if frontend.bind_port else sorted(set(ports.get(frontend.name, ())))
        link = frontend.link_backend
        for rule in link.map:
            found.setdefault(rule.backend, {}).update(dict.fromkeys(_urls(frontend, rule, addresses, at)))
        if link.default_backend:
            anything = MapRule(backend=link.default_backend)
            found.setdefault(link.default_backend, {}).update(dict.fromkeys(_urls(frontend, anything, addresses, at)))
    return {backend: list(urls)[:_MOST_URLS] for backend, urls in found.items()}


def _urls(frontend: Frontend, rule: MapRule, addresses: Sequence[str], ports: Sequence[int]) -> Iterator[str]:
    scheme = frontend.protocol.lower()
    hosts = [host for host in rule.hosts if not host.startswith("*")]
    if not hosts and not (rule.hosts or rule.host_reg):
        hosts = list(addresses)
    path = (rule.path_beg or "/") if frontend.protocol.is_http else ""
    for host in hosts:
        for port in ports:
            # A host that a rule names with a port is asked at that one.
            usual = ":" in host.strip("[]") or _USUAL.get(scheme) == port
            yield f"{scheme}://{host}{path}" if usual else f"{scheme}://{host}:{port}{path}"
