"""The services of a backend: which tasks are its servers, and at which address and port."""

from dataclasses import dataclass, field
from enum import StrEnum

NO_PERCENT = -1


class EndpointType(StrEnum):
    """Which address of a task becomes the server's address."""

    AUTO_IP = "AUTO_IP"
    """`CONTAINER_IP` for a task on a virtual network of its own, else `AGENT_IP`."""
    AGENT_IP = "AGENT_IP"
    CONTAINER_IP = "CONTAINER_IP"
    ADDRESS = "ADDRESS"
    """The fixed `Endpoint.address`, an IP or a DNS name; no task is looked up."""


class ProxyProtocol(StrEnum):
    """Whether servers are told at the beginning of a connection whose it is, and in which form."""

    NONE = "NONE"
    V1 = "V1"
    V2 = "V2"


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
    check: Check = field(default=Check())
    weight: int = 1
    backup: bool = False
    """Whether the servers are used only while no other one of the backend is up."""
    max_connections: int = 0
    """Of each server; what comes on top waits. 0: as many as come."""
    slow_start: float = 0.0
    """Seconds in which a server that came up gets its whole share."""
    proxy_protocol: ProxyProtocol = ProxyProtocol.NONE
    misc_str: str = ""
    """Options of the servers in HAProxy's words, as `weight 20`."""
    trust_announced: bool = False
    """Take any address that the task tells, and ports of the agent that Mesos did not give to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One selector in a backend; `marathon` and `mesos` must both match where both are given."""

    marathon: MarathonSelector = field(default=MarathonSelector())
    mesos: MesosSelector = field(default=MesosSelector())
    endpoint: Endpoint = field(default=Endpoint())
    percent: int = NO_PERCENT
    """Its share of the backend's requests, however many servers it has."""

    @property
    def has_share(self) -> bool:
        """Whether it gets one; else servers share by their weights."""
        return self.percent != NO_PERCENT
