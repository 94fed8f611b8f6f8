"""Ports of a pool at which no load balancer of it listens yet, told to the tasks that would be reached there. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pool_executor.contract import InstanceStatus
from scheduler.pools.model import Pool

Json = dict[str, Any]
_USUAL = {"http": 80, "https": 443}


def closed_ports(pool: Pool, instances: Sequence[InstanceStatus]) -> dict[int, str]:
    """By port what its listener lacks; nothing where there is no instance that could say it."""
    closed: list[dict[str, str]] = [
        {one.listener: ", ".join(one.missing) for one in instance.structure.waiting} for instance in instances
    ]
    return {
        frontend.bind_port: closed[0][frontend.name].replace(
            f"the port port-{frontend.bind_port}", f"an agent that offers port {frontend.bind_port}"
        )
        for frontend in pool.haproxy.frontends
        if closed and all(frontend.name in listeners for listeners in closed)
    }


def with_closed_ports(statuses: Mapping[str, Mapping[str, Json]], closed: Mapping[int, str]) -> dict[str, Json]:
    """The statuses of tasks, by framework, with what is lacking where nothing listens at any of their URIs."""
    return {
        framework: {task: _told(one, closed) for task, one in tasks.items()} for framework, tasks in statuses.items()
    }


def _told(status: Json, closed: Mapping[int, str]) -> Json:
    ports = {_port(uri) for uri in status.get("uris") or ()}
    if status.get("status") != "OK" or not ports or not ports <= closed.keys():
        return status
    port = min(ports)
    return {**status, "message": f"{status['message']}; nothing listens at port {port} yet: it lacks {closed[port]}"}


def _port(uri: str) -> int:
    split = urlsplit(uri)
    return split.port or _USUAL.get(split.scheme, 0)
