"""Where frontends send their traffic."""

from collections.abc import Iterator, Mapping
from itertools import islice

from scheduler.pools.checks.same import Same
from scheduler.pools.model import Backend, Frontend
from scheduler.pools.problems import Problem

_SHOWN_NAMES = 10


def link_problems(backends: Mapping[str, Backend], index: int, frontend: Frontend, same: Same) -> Iterator[Problem]:
    path = f"pool.haproxy.frontends[{index}].linkBackend"
    link = frontend.link_backend
    if link.default_backend:
        yield from _reference(backends, frontend, f"{path}.defaultBackend", link.default_backend)
    sound = same.rules(frontend)
    for place, rule in enumerate(link.map):
        if id(rule) in sound and same.has(backends.get(rule.backend)):
            continue
        at = f"{path}.map[{place}]"
        yield from _reference(backends, frontend, f"{at}.backend", rule.backend)
        if rule.host_eq and rule.hosts_eq:
            yield Problem(path=f"{at}.hostsEq", rule="stands beside hostEq; give all hosts in hostsEq")
        if not rule.has_conditions:
            known = "hostEq, hostsEq, hostReg, pathBeg, pathEnd, pathReg, headers or cookies"
            yield Problem(path=at, rule=f"needs at least one condition: {known}")
        elif not frontend.protocol.is_http:
            text = f"looks at hosts or paths, which protocol {frontend.protocol} does not see; use defaultBackend"
            yield Problem(path=at, rule=text)


def _reference(backends: Mapping[str, Backend], frontend: Frontend, path: str, name: str) -> Iterator[Problem]:
    backend = backends.get(name)
    if backend is None:
        yield Problem(path=path, value=name, rule=f"is not the name of a backend; known backends: {_some(backends)}")
    elif backend.protocol.is_http != frontend.protocol.is_http:
        rule = f"has protocol {backend.protocol}, which a frontend of protocol {frontend.protocol} cannot use"
        yield Problem(path=path, value=name, rule=rule)


def _some(backends: Mapping[str, Backend]) -> str:
    more = f" and {len(backends) - _SHOWN_NAMES} more" if len(backends) > _SHOWN_NAMES else ""
    return (", ".join(sorted(islice(backends, _SHOWN_NAMES))) or "there are none") + more
