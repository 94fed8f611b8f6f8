"""Rules that need more than one value of a pool: names that must exist or differ, fields that exclude each other.

Knows only `Pool`. A single value's own bounds are in schema.py and texts.py. Everything returns values; nothing raises.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

from scheduler.pools import health_check, texts
from scheduler.pools.model import (
    DEFAULT_ADDRESS,
    RESERVED_NAMES,
    STATS_PORT_NAME,
    Backend,
    EndpointType,
    Frontend,
    Pool,
    Protocol,
    Service,
)
from scheduler.pools.problems import Problem
from scheduler.pools.server_words import needs_http

_MODE = {Protocol.HTTP: "http", Protocol.HTTPS: "http", Protocol.TCP: "tcp", Protocol.TLS: "tcp"}
_SHOWN_NAMES = 10


def pool_problems(pool: Pool) -> Iterator[Problem]:
    """Every rule that the pool breaks, in the order of the fields. The time grows with the pool's size only."""
    backends: dict[str, Backend] = {}
    for backend in pool.haproxy.backends:
        backends.setdefault(backend.name, backend)
    yield from _port_problems(pool)
    yield from _listener_problems(pool)
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield from _frontend(backends, index, frontend)
    yield from _backend_name_problems(pool)
    for index, backend in enumerate(pool.haproxy.backends):
        yield from _backend(index, backend)


def _port_problems(pool: Pool) -> Iterator[Problem]:
    """`ports`, when given, is exactly what is allocated: everything that listens has to be in it."""
    for port, times in sorted(Counter(pool.ports).items()):
        if times > 1:
            yield Problem(path="pool.ports", value=str(port), rule="is listed more than once")
    if not pool.ports:
        return
    ports = frozenset(pool.ports)
    for path, _, port in _listeners(pool):
        if port not in ports:
            rule = "is not among pool.ports, and exactly those are allocated when pool.ports is not empty"
            yield Problem(path=f"{path}.bindPort", value=str(port), rule=rule)


def _listener_problems(pool: Pool) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, frontend in enumerate(pool.haproxy.frontends):
        path = f"pool.haproxy.frontends[{index}].name"
        if frontend.name == STATS_PORT_NAME:
            yield Problem(path=path, value=frontend.name, rule="is the name of the statistics listener")
        elif problem := _reserved(frontend.name) or texts.link_name(frontend.name):
            # The name may be the default one, which holds the bind address and can be too long.
            yield Problem(path=path, value=frontend.name, rule=problem)
        if frontend.name in names:
            rule = f"is also the name of pool.haproxy.frontends[{names[frontend.name]}]; give each one its own"
            yield Problem(path=path, value=frontend.name, rule=rule)
        names.setdefault(frontend.name, index)
    taken: dict[int, dict[str, tuple[str, str]]] = {}
    for path, address, port in _listeners(pool):
        others = taken.setdefault(port, {})
        place = _canonical(address)
        if port and others:
            first = next(iter(others.values()))
            same = others.get(place) or others.get(DEFAULT_ADDRESS) or (first if place == DEFAULT_ADDRESS else None)
            if same is not None:
                rule = f"is already bound by {same[0]} on {same[1]}"
                yield Problem(path=f"{path}.bindPort", value=str(port), rule=rule)
            elif not pool.ports:
                # Each listener gets a task port of its own, and Mesos gives one number to one port only.
                rule = f"is also the port of {first[0]}; list it once in pool.ports to share it between addresses"
                yield Problem(path=f"{path}.bindPort", value=str(port), rule=rule)
        others.setdefault(place, (path, address))


def _canonical(address: str) -> str:
    """One text for all that HAProxy would bind alike: it lets two listeners share an address and a port silently."""
    name = address.lower().removesuffix(".")
    return "127.0.0.1" if name == "localhost" else name


def _listeners(pool: Pool) -> Iterator[tuple[str, str, int]]:
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield f"pool.haproxy.frontends[{index}]", frontend.bind_address, frontend.bind_port
    yield "pool.haproxy.stats", pool.haproxy.stats.listens_at, pool.haproxy.stats.bind_port


def _frontend(backends: Mapping[str, Backend], index: int, frontend: Frontend) -> Iterator[Problem]:
    path = f"pool.haproxy.frontends[{index}].linkBackend"
    link = frontend.link_backend
    if link.default_backend:
        yield from _reference(backends, frontend, f"{path}.defaultBackend", link.default_backend)
    for place, rule in enumerate(link.map):
        at = f"{path}.map[{place}]"
        yield from _reference(backends, frontend, f"{at}.backend", rule.backend)
        if not (rule.host_eq or rule.path_beg):
            yield Problem(path=at, rule="needs at least one condition: hostEq or pathBeg")
        elif _MODE[frontend.protocol] == "tcp":
            text = f"looks at hosts or paths, which protocol {frontend.protocol} does not see; use defaultBackend"
            yield Problem(path=at, rule=text)


def _reference(backends: Mapping[str, Backend], frontend: Frontend, path: str, name: str) -> Iterator[Problem]:
    backend = backends.get(name)
    if backend is None:
        yield Problem(path=path, value=name, rule=f"is not the name of a backend; known backends: {_some(backends)}")
    elif _MODE[backend.protocol] != _MODE[frontend.protocol]:
        rule = f"has protocol {backend.protocol}, which a frontend of protocol {frontend.protocol} cannot use"
        yield Problem(path=path, value=name, rule=rule)


def _some(backends: Mapping[str, Backend]) -> str:
    more = f" and {len(backends) - _SHOWN_NAMES} more" if len(backends) > _SHOWN_NAMES else ""
    return (", ".join(sorted(islice(backends, _SHOWN_NAMES))) or "there are none") + more


def _backend_name_problems(pool: Pool) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, backend in enumerate(pool.haproxy.backends):
        if problem := _reserved(backend.name):
            yield Problem(path=f"pool.haproxy.backends[{index}].name", value=backend.name, rule=problem)
        if backend.name in first:
            path, known = f"pool.haproxy.backends[{index}].name", f"pool.haproxy.backends[{first[backend.name]}]"
            yield Problem(path=path, value=backend.name, rule=f"is also the name of {known}, which has other content")
        first.setdefault(backend.name, index)


def _reserved(name: str) -> str | None:
    return "is the name of a part of every load balancer; choose another one" if name in RESERVED_NAMES else None


def _backend(index: int, backend: Backend) -> Iterator[Problem]:
    path = f"pool.haproxy.backends[{index}]"
    if _MODE[backend.protocol] == "tcp" and texts.balance_needs_http(backend.balance):
        rule = f"looks at HTTP requests, which a backend of protocol {backend.protocol} does not see"
        yield Problem(path=f"{path}.balance", value=backend.balance, rule=rule)
    yield from _custom_check(f"{path}.customCheck", backend)
    for place, service in enumerate(backend.services):
        if _MODE[backend.protocol] == "tcp" and needs_http(service.endpoint.misc_str):
            rule = f"names a protocol of HTTP, which a backend of protocol {backend.protocol} does not speak"
            value = service.endpoint.misc_str
            yield Problem(path=f"{path}.services[{place}].endpoint.miscStr", value=value, rule=rule)
        yield from _service(f"{path}.services[{place}]", service)


def _custom_check(path: str, backend: Backend) -> Iterator[Problem]:
    check = backend.custom_check
    refines = health_check.needs_http(check.misc_str)
    if refines and not check.httpchk:
        yield Problem(path=f"{path}.miscStr", value=check.misc_str, rule="refines an HTTP check; set httpchk to true")
    given = [
        name
        for name, value in (
            ("httpchk", check.httpchk),
            ("sslHelloChk", check.ssl_hello_chk),
            ("miscStr", check.misc_str and not refines),
        )
        if value
    ]
    if len(given) > 1:
        yield Problem(path=path, rule=f"{' and '.join(given)} are each a check of their own; give one of them")


def _service(path: str, service: Service) -> Iterator[Problem]:
    endpoint = service.endpoint
    selects = not (service.marathon.is_empty and service.mesos.is_empty)
    if endpoint.type is EndpointType.ADDRESS:
        if not endpoint.address:
            yield Problem(path=f"{path}.endpoint.address", rule="is required when endpoint.type is ADDRESS")
        if endpoint.port is None:
            yield Problem(path=f"{path}.endpoint.port", rule="is required when endpoint.type is ADDRESS")
        if endpoint.port_name or endpoint.all_ports:
            yield Problem(
                path=f"{path}.endpoint", rule="portName and allPorts name ports of tasks; ADDRESS takes only port"
            )
        if selects:
            rule = "a task selector has no effect when endpoint.type is ADDRESS; remove one of the two"
            yield Problem(path=path, rule=rule)
        return
    if endpoint.address:
        rule = f"is only allowed when endpoint.type is ADDRESS, not {endpoint.type}"
        yield Problem(path=f"{path}.endpoint.address", value=endpoint.address, rule=rule)
    if not selects:
        rule = "selects nothing: give a field of marathon or mesos, or endpoint.type ADDRESS with an address"
        yield Problem(path=path, rule=rule)
    given = [
        name
        for name, value in (("port", endpoint.port), ("portName", endpoint.port_name), ("allPorts", endpoint.all_ports))
        if value
    ]
    if len(given) > 1:
        yield Problem(path=f"{path}.endpoint", rule=f"{' and '.join(given)} exclude each other; give one of them")
