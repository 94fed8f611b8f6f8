"""Where the instances of a pool can be reached: the V2PoolMetadata shape. Pure.

An instance tells its ports itself, in a node that lives as long as its ZooKeeper session. For one whose session is
interrupted the scheduler's record stands in: a short absence is no removal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pool_executor.contract import InstanceStatus
from scheduler.pools.model import STATS_PORT_NAME, Pool
from scheduler.pools.service import port_name

#: More of them are of no use to who wants to reach one.
_MOST_HOSTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Ports by name and addresses of one load balancer."""

    ports: Mapping[str, int]
    addresses: Sequence[str]
    public: Sequence[str] = field(default_factory=tuple)


def places(instances: Sequence[InstanceStatus], pods: Sequence[Mapping[str, Any]]) -> list[Place]:
    """Where instances serve, and what the scheduler knows of healthy tasks that say nothing at the moment.

    An instance tells its ports from its start on; before its first configuration, and when it leaves, nobody must be
    sent there.
    """
    told = {instance.task_id for instance in instances}
    serving = (one for one in instances if one.healthy and one.structure.version > 0)
    found = [Place(ports=one.ports, addresses=one.addresses, public=one.public) for one in serving]
    return found + list(_silent(pods, told))


def _silent(pods: Sequence[Mapping[str, Any]], told: set[str]) -> Iterator[Place]:
    for pod in pods:
        for task in pod.get("tasks") or ():
            serving = task.get("state") == "TASK_RUNNING" and task.get("healthy") is True
            if serving and task.get("id") not in told and task.get("ports") and task.get("addresses"):
                yield Place(ports=task["ports"], addresses=task["addresses"])


def hosts(known: Sequence[Place]) -> list[str]:
    """Where clients find the load balancers: at their public addresses, or, without any, at one that each has."""
    found = {address for place in known for address in place.public} or {
        address for place in known for address in place.addresses[:1]
    }
    return sorted(found)[:_MOST_HOSTS]


def pool_metadata(pool: Pool, known: Sequence[Place]) -> dict[str, Any]:
    """One endpoint per place for each frontend and for stats; a place without that port is left out."""
    return {
        "name": pool.name,
        "aws": {"elbs": []},
        "frontends": [
            {"name": frontend.name, "endpoints": _endpoints(port_name(pool, frontend.name), known)}
            for frontend in sorted(pool.haproxy.frontends, key=lambda frontend: frontend.name)
        ],
        "stats": _endpoints(port_name(pool, STATS_PORT_NAME), known),
    }


def _endpoints(port: str, known: Sequence[Place]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place in known:
        if port in place.ports:
            told = {"port": place.ports[port], "private": list(place.addresses), "public": list(place.public)}
            # What a killed executor said of itself lasts as long as its session, beside its successor on those ports.
            if told not in found:
                found.append(told)
    return found
