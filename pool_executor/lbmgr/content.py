"""What HAProxy serves or shall serve: the texts of a bundle, and names of servers in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.bundle import Kind, Part


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
