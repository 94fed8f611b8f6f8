"""A pool whose configuration is kept, with its servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Pool


@dataclass(frozen=True, kw_only=True)
class Case:
    """A pool and the endpoints of its backends."""

    pool: Pool
    endpoints: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)


def agent(*hosts: str, port: int = 10001) -> tuple[Endpoint, ...]:
    """Checked servers on agents."""
    return tuple(Endpoint(Kind.AGENT_IP, host, port) for host in hosts)
