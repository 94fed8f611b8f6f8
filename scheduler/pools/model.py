"""The pool as frozen values: what the operator wishes, every default filled in.

Knows the shape of a pool and its defaults. Does not know JSON (schema.py), rules across objects (checks.py), Mesos or
HAProxy's syntax.

A `Pool` made by schema.load_pool went through both: names are safe as path segments and HAProxy names, frontends have
distinct names none of which is `stats`, backends have distinct names, every referenced backend exists and has the mode
of its frontend, no text holds line breaks or quotes, hosts are lower case, patterns are RE2's. One that comes from
ZooKeeper was under the rules of the release that stored it: whoever makes something of a text checks what he needs.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from scheduler.pools.constraints import Constraint, read_constraints
from scheduler.pools.rewrite import RewriteHttp

STATS_PORT_NAME = "stats"
"""Name of the task port of the statistics listener; frontends may not be called so."""
#: The backend that lbmgr adds to every configuration: its one server is up unless the instance drains.
LBMGR_BACKEND = "_lbmgr"
#: Label of every load balancer's task; the value is the name of its pool.
POOL_LABEL = "EDGELB_POOL"
RESERVED_NAMES = frozenset({LBMGR_BACKEND})
"""Neither a frontend nor a backend of a pool may be called so."""


class Revision(NamedTuple):
    """Which state of which pool: `uid` is made when a pool is created, `version` counts its writes from 1.

    A pool that is deleted and created again under its name has another `uid`. `""` stands for one that was stored
    before there were uids.
    """

    uid: str
    version: int

    def __str__(self) -> str:
        return f"{self.uid}-{self.version}" if self.uid else str(self.version)


DEFAULT_ADDRESS = "0.0.0.0"
DEFAULT_CONSTRAINTS = "hostname:UNIQUE"


class ApiVersion(StrEnum):
    """The form in which a pool was written, and is shown to who wrote it; the values are the same in both."""

    V1 = "V1"
    V2 = "V2"


class Protocol(StrEnum):
    """How clients talk to a frontend, or a frontend to its servers."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    TLS = "TLS"


class EndpointType(StrEnum):
    """Which address of a task becomes the server's address."""

    AUTO_IP = "AUTO_IP"
    """`CONTAINER_IP` for a task on a virtual network of its own, else `AGENT_IP`."""
    AGENT_IP = "AGENT_IP"
    CONTAINER_IP = "CONTAINER_IP"
    ADDRESS = "ADDRESS"
    """The fixed `Endpoint.address`, an IP or a DNS name; no task is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonSelector:
    """Which Marathon app or pod; all given fields (not `""`) must match, patterns are RE2's, found anywhere."""

    service_id: str = ""
    service_id_pattern: str = ""
    container_name: str = ""
    container_name_pattern: str = ""

    @property
    def is_empty(self) -> bool:
        """True when nothing is selected by Marathon's names."""
        return self == MarathonSelector()


@dataclass(frozen=True, slots=True, kw_only=True)
class MesosSelector:
    """Which Mesos tasks; all given fields (not `""`) must match, patterns are RE2's, found anywhere."""

    framework_name: str = ""
    framework_name_pattern: str = ""
    framework_id: str = ""
    framework_id_pattern: str = ""
    task_name: str = ""
    task_name_pattern: str = ""
    task_id: str = ""
    task_id_pattern: str = ""

    @property
    def is_empty(self) -> bool:
        """True when nothing is selected by Mesos' names."""
        return self == MesosSelector()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """HAProxy's own check of a server, a TCP connect unless the backend has another one."""

    enabled: bool = True
    custom_str: str = ""
    """Options of the check in HAProxy's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Which address and port of the selected tasks to use.

    At most one of `port`, `port_name` and `all_ports` is given; none means the first port of the task.
    """

    type: EndpointType = EndpointType.AUTO_IP
    address: str = ""
    port: int | None = None
    port_name: str = ""
    all_ports: bool = False
    check: Check = field(default_factory=Check)
    misc_str: str = ""
    """Options of the servers in HAProxy's words, as `weight 20`."""
    trust_announced: bool = False
    """Take any address that the task tells, and ports of the agent that Mesos did not give to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One selector in a backend; `marathon` and `mesos` must both match where both are given."""

    marathon: MarathonSelector = field(default_factory=MarathonSelector)
    mesos: MesosSelector = field(default_factory=MesosSelector)
    endpoint: Endpoint = field(default_factory=Endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomCheck:
    """How servers are checked instead of by a connect; at most one of these, `misc_str` may refine `httpchk`."""

    httpchk: bool = False
    httpchk_misc_str: str = ""
    """The request of `httpchk`."""
    ssl_hello_chk: bool = False
    misc_str: str = ""
    """A line of HAProxy about checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A named group of servers with a balance algorithm."""

    name: str
    protocol: Protocol = Protocol.HTTP
    balance: str = "roundrobin"
    rewrite_http: RewriteHttp = field(default_factory=RewriteHttp)
    custom_check: CustomCheck = field(default_factory=CustomCheck)
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRule:
    """Requests that meet every given condition go to `backend`; `""` means no such condition."""

    backend: str
    host_eq: str = ""
    path_beg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBackend:
    """Where a frontend sends its traffic: the first matching rule wins, else the default, else HTTP 503."""

    default_backend: str = ""
    map: tuple[MapRule, ...] = ()

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of all backends that are referred to, sorted, each once."""
        names = {rule.backend for rule in self.map} | ({self.default_backend} - {""})
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """A listening address and its routing rules; `bind_port` 0 is allocated from the offer."""

    name: str
    bind_address: str = DEFAULT_ADDRESS
    bind_port: int = 0
    protocol: Protocol = Protocol.HTTP
    link_backend: LinkBackend = field(default_factory=LinkBackend)

    @staticmethod
    def default_name(bind_address: str, bind_port: int) -> str:
        """The documented name of a frontend that was given none."""
        return f"frontend_{bind_address}_{bind_port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The statistics listener of each instance; `bind_port` 0 is allocated from the offer.

    Without a `bind_address` it listens everywhere, so that health can be asked for, and shows the rest to its own host.
    """

    bind_address: str = ""
    bind_port: int = 9090

    @property
    def listens_at(self) -> str:
        """The address of the listener."""
        return self.bind_address or DEFAULT_ADDRESS

    @property
    def for_other_hosts(self) -> bool:
        """Whether the pool says that other hosts may see statistics and metrics."""
        return self.bind_address not in ("", "localhost") and not self.bind_address.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Haproxy:
    """What the load balancers serve; a change here reloads, it does not relaunch (unless the ports change)."""

    stats: Stats = field(default_factory=Stats)
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
    `namespace`, `package_name` and `package_version` are kept for old files and have no
    effect: all pools are services of one framework.
    """

    name: str
    api_version: ApiVersion = ApiVersion.V2
    namespace: str = "dcos-edgelb/pools"
    package_name: str = "edgelb-pool"
    package_version: str = ""
    role: str = "slave_public"
    cpus: float = 0.9
    cpus_admin_overhead: float = 0.1
    mem: int = 992
    mem_admin_overhead: int = 32
    disk: int = 256
    count: int = 1
    constraints: str = DEFAULT_CONSTRAINTS
    ports: tuple[int, ...] = ()
    """When not empty, exactly these ports are allocated per instance; all listeners use one of them."""
    healthcheck: HealthCheck = field(default_factory=HealthCheck)
    haproxy: Haproxy = field(default_factory=Haproxy)

    @property
    def placement(self) -> tuple[Constraint, ...]:
        """What `constraints` means; raises BadConstraint when the API took it under other rules and it means nothing
        any more.
        """
        return read_constraints(self.constraints)

    @property
    def port_wishes(self) -> tuple[tuple[str, int], ...]:
        """Task port name and wished port (0 = any) of each frontend in the order given, then of stats."""
        listeners = [(frontend.name, frontend.bind_port) for frontend in self.haproxy.frontends]
        return (*listeners, (STATS_PORT_NAME, self.haproxy.stats.bind_port))
