"""What HAProxy serves or shall serve: the texts of a bundle, and names of servers in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.bundle import Kind, Part, Server, replace_servers, split_servers


@dataclass(frozen=True, slots=True, kw_only=True)
class PartText:
    """A part together with its text."""

    part: Part
    text: str

    @classmethod
    def of(cls, name: str, kind: Kind, text: str) -> "PartText":
        """The part that consists of `text`."""
        return cls(part=Part.of(name, kind, text), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What HAProxy serves or shall serve: the texts by file name, and the port variables they use."""

    parts: Mapping[str, PartText]
    ports: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class ServerRef:
    """A server by backend and name."""

    backend: str
    name: str

    def __str__(self) -> str:
        return f"{self.backend}/{self.name}"


def with_servers_of(running: Content, wanted: Content, *, added: bool) -> Content:
    """`running` with the servers that its backends have in `wanted`, where everything else may differ.

    Servers that both have keep their lines; those that only `wanted` has come along if `added`. A backend that only one
    of them has stays as it is.
    """
    asked = _servers(wanted)
    target: dict[str, list[Server]] = {}
    for backend, servers in _servers(running).items():
        if backend in asked:
            names = {server.name for server in asked[backend]}
            have = {server.name for server in servers}
            kept = [server for server in servers if server.name in names]
            new = [server for server in asked[backend] if added and server.name not in have]
            target[backend] = [*kept, *new]
    parts = {
        name: text if text.part.kind != "config" else PartText.of(name, "config", replace_servers(text.text, target))
        for name, text in running.parts.items()
    }
    return Content(parts=parts, ports=running.ports)


def structure_of(content: Content) -> object:
    """What of a content is not servers: equal for two that differ in nothing else."""
    return (
        sorted((name, text.part.skeleton or text.part.sha256) for name, text in content.parts.items()),
        sorted(content.ports.items()),
    )


def _servers(content: Content) -> dict[str, tuple[Server, ...]]:
    return {
        section.name: section.servers
        for text in content.parts.values()
        if text.part.kind == "config"
        for section in split_servers(text.text)
        if section.kind in ("backend", "listen")
    }
