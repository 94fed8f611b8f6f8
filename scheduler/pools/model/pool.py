"""A pool as a whole, and which of its states is meant."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from scheduler.pools.model.backend import Backend
from scheduler.pools.model.frontend import Frontend, Stats
from scheduler.pools.model.material import AUTOCERT, EnvironmentVariable, Secret
from scheduler.pools.model.names import STATS_PORT_NAME
from scheduler.pools.model.network import VirtualNetwork
from scheduler.pools.model.relaunch import Relaunch
from scheduler.pools.words.constraints import Constraint, read_constraints

DEFAULT_CONSTRAINTS = "hostname:UNIQUE"


class Revision(NamedTuple):
    """Which state of which pool: `uid` is made when a pool is created, `version` counts its writes from 1.

    A pool that is deleted and created again under its name has another `uid`. `""` stands for one that was stored
    before there were uids.
    """

    uid: str
    version: int

    def __str__(self) -> str:
        return f"{self.uid}-{self.version}" if self.uid else str(self.version)


class ApiVersion(StrEnum):
    """The form in which a pool was written, and is shown to who wrote it; the values are the same in both."""

    V1 = "V1"
    V2 = "V2"


class PoolType(StrEnum):
    """Who writes a pool; people see it and cannot choose it."""

    STATIC = "static"
    """People do."""
    DYNAMIC = "template-dynamic"
    """It is made from the labels of applications, by a pool template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Haproxy:
    """What the load balancers serve; a change here reloads, it does not relaunch (unless the ports change)."""

    stats: Stats = field(default=Stats())
    frontends: tuple[Frontend, ...] = ()
    backends: tuple[Backend, ...] = ()

    def backend(self, name: str) -> Backend | None:
        """The backend of that name."""
        return next((backend for backend in self.backends if backend.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """The check of an instance as a whole; seconds, and consecutive failures before it is ended."""

    grace_period: int = 180
    interval: int = 12
    max_fail: int = 5
    timeout: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A named group of identical load balancers.

    `cpus`, `mem` (MB) and `disk` (MB) are per instance, the overheads come on top. `constraints` is the text as given,
    `namespace`, `package_name`, `package_version` and `secret_name` are kept for old files and have no effect: all
    pools are services of one framework.
    """

    name: str
    api_version: ApiVersion = ApiVersion.V2
    type: PoolType = PoolType.STATIC
    namespace: str = "dcos-edgelb/pools"
    package_name: str = "edgelb-pool"
    package_version: str = ""
    role: str = "slave_public"
    principal: str = ""
    """When given, the framework has to have this one."""
    secret_name: str = ""
    cpus: float = 0.9
    cpus_admin_overhead: float = 0.1
    mem: int = 992
    mem_admin_overhead: int = 32
    disk: int = 256
    count: int = 1
    constraints: str = DEFAULT_CONSTRAINTS
    container_image: str = ""
    """A Docker image in which instances run; empty: among the files of their agents."""
    networks: tuple[VirtualNetwork, ...] = ()
    """Without any, instances use the network of their agents."""
    relaunch: Relaunch = Relaunch.AUTO
    drain_time: int = 0
    """Seconds in which an instance that leaves lets connections finish; 0: as long as those of all pools."""
    ports: tuple[int, ...] = ()
    """When not empty, exactly these ports are allocated per instance; all listeners use one of them."""
    secrets: tuple[Secret, ...] = ()
    environment: tuple[EnvironmentVariable, ...] = ()
    """In the order of their names."""
    auto_certificate: bool = False
    healthcheck: HealthCheck = field(default=HealthCheck())
    haproxy: Haproxy = field(default=Haproxy())

    @property
    def placement(self) -> tuple[Constraint, ...]:
        """What `constraints` means; raises BadConstraint when the API took it under other rules and it means nothing
        any more.
        """
        return read_constraints(self.constraints)

    @property
    def has_own_certificate(self) -> bool:
        """Whether its instances show one that they have by themselves, to clients or to servers."""
        shown = [name for frontend in self.haproxy.frontends for name in frontend.certificates]
        return AUTOCERT in (*shown, *(backend.tls.certificate for backend in self.haproxy.backends))

    @property
    def port_wishes(self) -> tuple[tuple[str, int], ...]:
        """Task port name and wished port (0 = any) of each frontend in the order given, then of stats."""
        listeners = [(frontend.name, frontend.bind_port) for frontend in self.haproxy.frontends]
        return (*listeners, (STATS_PORT_NAME, self.haproxy.stats.bind_port))
