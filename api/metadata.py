"""Where the instances of a pool can be reached: the V2PoolMetadata shape. Pure."""

from collections.abc import Sequence
from typing import Any

from pool_executor.bundle import InstanceStatus
from scheduler.pools.model import STATS_PORT_NAME, Pool
from scheduler.pools.service import port_name


def pool_metadata(pool: Pool, instances: Sequence[InstanceStatus]) -> dict[str, Any]:
    """One endpoint per instance for each frontend and for stats; an instance without that port is left out."""
    return {
        "name": pool.name,
        "aws": {"elbs": []},
        "frontends": [
            {"name": frontend.name, "endpoints": _endpoints(port_name(pool, frontend.name), instances)}
            for frontend in sorted(pool.haproxy.frontends, key=lambda frontend: frontend.name)
        ],
        "stats": _endpoints(port_name(pool, STATS_PORT_NAME), instances),
    }


def _endpoints(port: str, instances: Sequence[InstanceStatus]) -> list[dict[str, Any]]:
    return [
        {
            "port": instance.ports[port],
            "private": list(instance.addresses),
            "public": list(instance.public),
        }
        for instance in instances
        if port in instance.ports
    ]
