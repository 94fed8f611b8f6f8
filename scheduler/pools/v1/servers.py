"""A server of version 1, which is what version 2 calls a service: selected by framework and task, or a VIP. Pure.

Knows what its fields mean together and which exclude each other. Does not know JSON; a broken rule comes with the path
of its field below the server.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from scheduler.pools.model import Endpoint, EndpointType, MesosSelector, Service
from scheduler.pools.v1.vip import DEFAULT_FRAMEWORK, BadVip, Place, framework_label, is_named, place_of, vip_of
from scheduler.pools.words.patterns import pattern_problem

Broken = tuple[tuple[str, ...], str]
"""The path of a field below the server, and the rule that it breaks."""


class ServerType(StrEnum):
    """Which address becomes the server's: one of the selected tasks, or the VIP's."""

    AUTO_IP = "AUTO_IP"
    AGENT_IP = "AGENT_IP"
    CONTAINER_IP = "CONTAINER_IP"
    VIP = "VIP"


class Match(StrEnum):
    """Whether a name is compared as it is, or is a regular expression of RE2 that is found anywhere."""

    EXACT = "EXACT"
    REGEX = "REGEX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A condition on a name; `value` is `""` where there is none."""

    value: str = ""
    match: Match = Match.EXACT

    @property
    def exact(self) -> str:
        """The name itself."""
        return self.value if self.match is Match.EXACT else ""

    @property
    def pattern(self) -> str:
        """The regular expression."""
        return self.value if self.match is Match.REGEX else ""

    @staticmethod
    def of(exact: str, pattern: str) -> "Name":
        """From the two fields that version 2 has."""
        return Name(value=pattern, match=Match.REGEX) if pattern else Name(value=exact)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPort:
    """Which port: by its name, all of the task, or the VIP's; without any the task's first one."""

    name: str = ""
    all: bool = False
    vip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What version 1 has in other words than version 2; the rest of a server is the endpoint's."""

    type: ServerType = ServerType.AUTO_IP
    framework: Name = field(default_factory=Name)
    task: Name = field(default_factory=Name)
    port: ServerPort = field(default_factory=ServerPort)

    def problems(self) -> Iterator[Broken]:
        """The rules that its fields break."""
        for at, name in (("framework", self.framework), ("task", self.task)):
            if problem := pattern_problem(name.pattern) if name.pattern else None:
                yield (at, "value"), problem
        if self.type is ServerType.VIP:
            yield from self._vip_problems()
            return
        if self.port.vip:
            yield ("port", "vip"), f"is only allowed when type is VIP, not {self.type}"
        if not (self.framework.value or self.task.value):
            yield (), "selects nothing: give framework.value or task.value, or type VIP with port.vip"
        if self.port.name and self.port.all:
            yield ("port",), "name and all exclude each other; give one of them"

    def _vip_problems(self) -> Iterator[Broken]:
        if self.port.name or self.port.all:
            yield ("port",), "name and all choose ports of tasks; type VIP takes only vip"
        if self.task.value:
            yield ("task", "value"), "has no effect when type is VIP; remove one of the two"
        if not self.port.vip:
            yield ("port", "vip"), "is required when type is VIP"
            return
        if not is_named(self.port.vip) and self.framework.value:
            yield ("framework", "value"), "has no effect when the VIP is an address; remove it"
        elif is_named(self.port.vip) and not self._label:
            rule = "must be the framework's EXACT name of letters, digits and -: it is a part of the VIP's address"
            yield ("framework", "value"), rule
        try:
            place_of(self.port.vip, self._label or DEFAULT_FRAMEWORK)
        except BadVip as error:
            yield ("port", "vip"), str(error)

    @property
    def _label(self) -> str | None:
        if not self.framework.value:
            return DEFAULT_FRAMEWORK
        return framework_label(self.framework.exact)

    def service(self, endpoint: Endpoint) -> Service:
        """The service; `endpoint` has the fields that both versions call alike. There must be no problems."""
        if self.type is ServerType.VIP:
            place = place_of(self.port.vip, self._label or DEFAULT_FRAMEWORK)
            fixed = replace(endpoint, type=EndpointType.ADDRESS, address=place.address, port=place.port)
            return Service(endpoint=fixed)
        return Service(
            mesos=MesosSelector(
                framework_name=self.framework.exact,
                framework_name_pattern=self.framework.pattern,
                task_name=self.task.exact,
                task_name_pattern=self.task.pattern,
            ),
            endpoint=replace(endpoint, type=EndpointType(self.type), port_name=self.port.name, all_ports=self.port.all),
        )

    @staticmethod
    def of(service: Service) -> "Server":
        """The server that the service was made of."""
        endpoint, mesos = service.endpoint, service.mesos
        if endpoint.type is EndpointType.ADDRESS:
            vip = vip_of(Place(endpoint.address, endpoint.port or 0))
            return Server(type=ServerType.VIP, framework=Name(value=vip.framework), port=ServerPort(vip=vip.text))
        return Server(
            type=ServerType(endpoint.type),
            framework=Name.of(mesos.framework_name, mesos.framework_name_pattern),
            task=Name.of(mesos.task_name, mesos.task_name_pattern),
            port=ServerPort(name=endpoint.port_name, all=endpoint.all_ports),
        )
