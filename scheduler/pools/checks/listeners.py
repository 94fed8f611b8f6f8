"""What listens: names, addresses and ports that must not meet."""

from collections import Counter
from collections.abc import Iterator

from scheduler.pools.checks.reserved import reserved
from scheduler.pools.model import DEFAULT_ADDRESS, STATS_PORT_NAME, Pool
from scheduler.pools.problems import Problem
from scheduler.pools.words import texts

#: `::` takes IPv4 as well, unless it is told otherwise.
_EVERYWHERE = (DEFAULT_ADDRESS, "::")


def port_problems(pool: Pool) -> Iterator[Problem]:
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


def listener_problems(pool: Pool) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, frontend in enumerate(pool.haproxy.frontends):
        path = f"pool.haproxy.frontends[{index}].name"
        if frontend.name == STATS_PORT_NAME:
            yield Problem(path=path, value=frontend.name, rule="is the name of the statistics listener")
        elif problem := reserved(frontend.name) or texts.link_name(frontend.name):
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
            everywhere = next((others[one] for one in _EVERYWHERE if one in others), None)
            same = others.get(place) or everywhere or (first if place in _EVERYWHERE else None)
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
