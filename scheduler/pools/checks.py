"""Rules that need more than one value of a pool: names that must exist or differ, fields that exclude each other.

Knows only `Pool`. A single value's own bounds are in schema.py and texts.py. Everything returns values; nothing raises.
"""

from collections import Counter
from collections.abc import Iterator

from scheduler.pools import texts
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
from scheduler.pools.patterns import pattern_problem
from scheduler.pools.problems import Problem

_MODE = {Protocol.HTTP: "http", Protocol.HTTPS: "http", Protocol.TCP: "tcp", Protocol.TLS: "tcp"}
_DOCUMENTED_NAMESPACE = "dcos-edgelb/pools"


def pool_problems(pool: Pool) -> tuple[Problem, ...]:
    """Every rule that the pool breaks, in the order of the fields."""
    return (
        *_port_problems(pool),
        *_listener_problems(pool),
        *(problem for index, item in enumerate(pool.haproxy.frontends) for problem in _frontend(pool, index, item)),
        *_backend_name_problems(pool),
        *(problem for index, item in enumerate(pool.haproxy.backends) for problem in _backend(index, item)),
    )


def pattern_problems(pool: Pool) -> tuple[Problem, ...]:
    """Selectors' patterns that RE2 does not take. Apart from the other rules: stored pools may have some."""
    return tuple(
        Problem(path=f"{path}.{name}", value=pattern, rule=problem)
        for index, backend in enumerate(pool.haproxy.backends)
        for place, service in enumerate(backend.services)
        for path, patterns in _patterns(f"pool.haproxy.backends[{index}].services[{place}]", service)
        for name, pattern in patterns
        if pattern and (problem := pattern_problem(pattern))
    )


def _patterns(path: str, service: Service) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    marathon, mesos = service.marathon, service.mesos
    yield (
        f"{path}.marathon",
        (
            ("serviceIDPattern", marathon.service_id_pattern),
            ("containerNamePattern", marathon.container_name_pattern),
        ),
    )
    yield (
        f"{path}.mesos",
        (
            ("frameworkNamePattern", mesos.framework_name_pattern),
            ("frameworkIDPattern", mesos.framework_id_pattern),
            ("taskNamePattern", mesos.task_name_pattern),
            ("taskIDPattern", mesos.task_id_pattern),
        ),
    )


def pool_warnings(pool: Pool) -> tuple[str, ...]:
    """Sentences about what is accepted and kept but has no effect."""
    found = []
    if pool.namespace.strip("/") != _DOCUMENTED_NAMESPACE:
        found.append("pool.namespace is kept but has no effect: all pools are services of one framework")
    if pool.package_name != "edgelb-pool" or pool.package_version:
        found.append("pool.packageName and pool.packageVersion are kept but have no effect: no package is launched")
    if not pool.haproxy.frontends:
        found.append("pool.haproxy.frontends is empty: the load balancers will serve statistics only")
    if pool.count > 1 and any(constraint.operator == "IS" for constraint in pool.placement):
        found.append("pool.constraints pins all instances with IS; they may not fit on one agent")
    return tuple(found)


def _port_problems(pool: Pool) -> Iterator[Problem]:
    """`ports`, when given, is exactly what is allocated: everything that listens has to be in it."""
    for port, times in sorted(Counter(pool.ports).items()):
        if times > 1:
            yield Problem(path="pool.ports", value=str(port), rule="is listed more than once")
    if not pool.ports:
        return
    for path, _, port in _listeners(pool):
        if port not in pool.ports:
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
    taken: list[tuple[str, str, int]] = []
    for path, address, port in _listeners(pool):
        for other_path, other_address, other_port in taken:
            if port != other_port or port == 0:
                continue
            if address == other_address or DEFAULT_ADDRESS in (address, other_address):
                rule = f"is already bound by {other_path} on {other_address}"
            elif not pool.ports:
                # Each listener gets a task port of its own, and Mesos gives one number to one port only.
                rule = f"is also the port of {other_path}; list it once in pool.ports to share it between addresses"
            else:
                continue
            yield Problem(path=f"{path}.bindPort", value=str(port), rule=rule)
            break
        taken.append((path, address, port))


def _listeners(pool: Pool) -> Iterator[tuple[str, str, int]]:
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield f"pool.haproxy.frontends[{index}]", frontend.bind_address, frontend.bind_port
    yield "pool.haproxy.stats", pool.haproxy.stats.bind_address, pool.haproxy.stats.bind_port


def _frontend(pool: Pool, index: int, frontend: Frontend) -> Iterator[Problem]:
    path = f"pool.haproxy.frontends[{index}].linkBackend"
    link = frontend.link_backend
    if link.default_backend:
        yield from _reference(pool, frontend, f"{path}.defaultBackend", link.default_backend)
    for place, rule in enumerate(link.map):
        at = f"{path}.map[{place}]"
        yield from _reference(pool, frontend, f"{at}.backend", rule.backend)
        if not (rule.host_eq or rule.path_beg):
            yield Problem(path=at, rule="needs at least one condition: hostEq or pathBeg")
        elif _MODE[frontend.protocol] == "tcp":
            text = f"looks at hosts or paths, which protocol {frontend.protocol} does not see; use defaultBackend"
            yield Problem(path=at, rule=text)


def _reference(pool: Pool, frontend: Frontend, path: str, name: str) -> Iterator[Problem]:
    backend = pool.haproxy.backend(name)
    if backend is None:
        known = ", ".join(sorted({item.name for item in pool.haproxy.backends})) or "there are none"
        yield Problem(path=path, value=name, rule=f"is not the name of a backend; known backends: {known}")
    elif _MODE[backend.protocol] != _MODE[frontend.protocol]:
        rule = f"has protocol {backend.protocol}, which a frontend of protocol {frontend.protocol} cannot use"
        yield Problem(path=path, value=name, rule=rule)


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
    for place, service in enumerate(backend.services):
        yield from _service(f"{path}.services[{place}]", service)


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
