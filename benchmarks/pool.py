"""Pools as benchmarks create them: documents of the API. Pure."""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def backend(name: str, task: str, *, check: bool = True, pattern: bool = False) -> Json:
    """A backend of all tasks with that name, or with names in which the pattern is found."""
    wanted = {"taskNamePattern" if pattern else "taskName": task}
    return {"name": name, "services": [{"mesos": wanted, "endpoint": {"check": {"enabled": check}}}]}


def services_for(tasks: int) -> int:
    """How many names so many simulated tasks share: one pool has a backend for each, so there may not be too many."""
    return min(500, max(1, tasks // 10))


def service_name(number: int) -> str:
    """The name of the tasks of a simulated service."""
    return f"service-{number}.team-{number % 40}"


def probe_name(number: int) -> str:
    """The name of the tasks, on demand, of a backend that changes."""
    return f"probe-{number}"


def host_of(name: str) -> str:
    """The host that leads to a backend."""
    return f"{name}.test"


def pool(name: str, backends: Iterable[Json], *, count: int = 1, rules: Iterable[Json] | None = None) -> Json:
    """A pool with a host for each backend, or with these rules, on one frontend."""
    listed = list(backends)
    given = [{"backend": one["name"], "hostEq": host_of(one["name"])} for one in listed]
    frontend = {"name": "web", "bindPort": 0, "protocol": "HTTP", "bindAddress": "127.0.0.1"}
    return {
        "apiVersion": "V2",
        "name": name,
        "count": count,
        "haproxy": {
            "stats": {"bindPort": 0, "bindAddress": "127.0.0.1"},
            "frontends": [frontend | {"linkBackend": {"map": list(rules) if rules is not None else given}}],
            "backends": listed,
        },
    }


def with_tcp(document: Json, name: str, task: str) -> Json:
    """The pool with a frontend `tcp` and a backend of that name more, of all tasks of a name."""
    haproxy = document["haproxy"]
    frontend = {"name": "tcp", "bindPort": 0, "protocol": "TCP", "bindAddress": "127.0.0.1"}
    haproxy["frontends"].append(frontend | {"linkBackend": {"defaultBackend": name}})
    haproxy["backends"].append(backend(name, task) | {"protocol": "TCP"})
    return document


def usual(name: str, services: int, probes: int, *, count: int = 1, more: Iterable[Json] = ()) -> Json:
    """A pool of all simulated tasks, which nobody answers for and nobody checks, and of backends that change."""
    backends = [backend(f"service-{n}", service_name(n), check=False) for n in range(services)]
    return pool(name, [*backends, *(backend(probe_name(n), probe_name(n)) for n in range(probes)), *more], count=count)
