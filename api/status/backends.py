"""The backends of a pool as `edgelb status` shows them: servers that there should be, and how many can be used. Pure.

How many there should be is what the template published. How many can be used is what the instances report of
their HAProxy; of several instances the worst counts, because each has its own traffic. Why there is none is what the
template says that chose the servers, or what HAProxy's checks say.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pool_executor.contract import BackendHealth, InstanceStatus
from scheduler.pools.model import Pool

Json = Mapping[str, Any]


def backend_rows(
    pool: Pool, servers: Mapping[str, int] | None, instances: Sequence[InstanceStatus], told: Sequence[Json]
) -> list[dict[str, Any]]:
    """One row for each backend: `name`, the `frontends` that use it, `servers`, `up` and `reason`, each None when it is
    not known. `servers` is None when nothing is rendered, `told` the backends of which the template says something.
    """
    users = _users(pool)
    serving = [one for one in instances if _serves(one)]
    reasons = {str(one.get("backend")): str(one.get("reason")) for one in told if one.get("reason")}
    return [
        _row(name, users.get(name, []), None if servers is None else servers.get(name, 0), serving, reasons.get(name))
        for name in dict.fromkeys(backend.name for backend in pool.haproxy.backends)
    ]


def _serves(instance: InstanceStatus) -> bool:
    return instance.structure.verdict == "applied" and instance.structure.version > 0 and not instance.leaving


def _users(pool: Pool) -> Mapping[str, list[str]]:
    users: dict[str, list[str]] = {}
    for frontend in pool.haproxy.frontends:
        for name in frontend.link_backend.backends:
            users.setdefault(name, []).append(frontend.name)
    return users


def _row(
    name: str, frontends: list[str], servers: int | None, serving: Sequence[InstanceStatus], told: str | None
) -> dict[str, Any]:
    up, reason = None, None
    if servers == 0:
        up, reason = 0, told or "no servers were found for it"
    elif servers is not None:
        up, reason = _usable(name, servers, serving)
    return {"name": name, "frontends": frontends, "servers": servers, "up": up, "reason": reason}


def _usable(name: str, servers: int, serving: Iterable[InstanceStatus]) -> tuple[int | None, str | None]:
    """How many servers the worst instance can use; None when no instance tells."""
    found = [(_short(name, one.short), one.pod) for one in serving if one.short is not None]
    if not found:
        return None, None
    least, pod = min(found, key=lambda entry: servers if entry[0] is None else entry[0].up)
    if least is None or least.up >= servers:
        return servers, None
    if least.up:
        return least.up, None
    which = "its server" if servers == 1 else f"any of its {servers} servers"
    return 0, f"{pod} cannot use {which}: {least.reason or 'they are down'}"


def _short(name: str, short: Iterable[BackendHealth]) -> BackendHealth | None:
    return next((one for one in short if one.name == name), None)


def without_servers(rows: Iterable[Json]) -> Iterator[str]:
    """A sentence for each backend that some frontend uses and that has no server which can be used."""
    for row in rows:
        if row["frontends"] and row["up"] == 0:
            yield f"backend {row['name']} has no servers: {row['reason']}"
