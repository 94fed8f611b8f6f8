"""What one instance of lbmgr is told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pool_executor.lbmgr.haproxy.old_workers import WorkerLimits
from pool_executor.lbmgr.haproxy.resources import Resources
from pool_executor.lbmgr.status.health import HealthPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one instance is: who, where, which ports, how its health counts."""

    task_id: str
    pod: str
    pool: str
    hostname: str
    addresses: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    resources: Resources = field(default_factory=Resources)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that HAProxy sees."""
    sandbox: Path
    sockets: Path
