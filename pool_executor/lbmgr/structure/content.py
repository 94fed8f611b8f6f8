"""What HAProxy serves or shall serve beside the servers: the texts of a structure and their facts of backends. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from pool_executor.contract import KINDS, BackendFacts, Needs, Part, Structure, Waiting, markers


class ServerRef(NamedTuple):
    """A server by backend and name."""

    backend: str
    name: str

    def __str__(self) -> str:
        return f"{self.backend}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartText:
    """A part together with its text, and with the facts of the backends in it. Raises CorruptRecord when made."""

    part: Part
    text: str
    backends: tuple[BackendFacts, ...]

    @classmethod
    def of(cls, part: Part, text: str) -> "PartText":
        """The part, whose text this is."""
        return cls(part=part, text=text, backends=tuple(markers(text)) if KINDS[part.kind].has_servers else ())

    @classmethod
    def made(cls, name: str, kind: str, text: str, listener: str = "", needs: Needs | None = None) -> "PartText":
        """The part that consists of `text`."""
        return cls.of(Part.of(name, kind, text, listener, needs), text)


@dataclass(frozen=True, kw_only=True)
class Content:
    """The texts by file name; servers are not in them."""

    parts: Mapping[str, PartText] = field(default_factory=dict)

    @property
    def ports(self) -> Mapping[str, str]:
        """The task port behind each port variable that is used."""
        return {variable: port for text in self.parts.values() for variable, port in text.part.needs.ports.items()}

    @cached_property
    def backends(self) -> Mapping[str, BackendFacts]:
        """The facts of all backends by name."""
        return {facts.backend: facts for text in self.parts.values() for facts in text.backends}

    def without(self, names: Collection[str]) -> "Content":
        """The same without these files."""
        return Content(parts={name: text for name, text in self.parts.items() if name not in names}) if names else self

    def beside(self, others: "Content") -> "Content":
        """These, and the listeners of others that are not among them."""
        absent = {
            name: text
            for name, text in others.parts.items()
            if text.part.listener and name not in self.parts and not self.listens_for(text.part.listener)
        }
        return Content(parts=dict(sorted({**self.parts, **absent}.items()))) if absent else self

    def listens_for(self, listener: str) -> bool:
        """Whether it has this listener."""
        return _listener(self, listener) is not None

    def same(self, other: "Content") -> bool:
        """Whether HAProxy would see no difference."""
        return self.key == other.key

    @property
    def key(self) -> object:
        """Equal for two that are the same to HAProxy."""
        return sorted((name, text.part.kind, text.part.sha256) for name, text in self.parts.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What an instance can serve of a structure: `waiting` are the listeners that lack something."""

    content: Content
    whole: Content = field(default_factory=Content)
    """What was published, with the listeners that wait."""
    waiting: tuple[Waiting, ...] = ()
    blocked: bool = False
    """Whether one of them lacks what may be there at any moment."""

    @property
    def lacks(self) -> str:
        """What the listeners that wait lack, as a phrase."""
        return "; ".join(f"{one.listener} lacks {' and '.join(one.missing)}" for one in self.waiting)

    @property
    def listens(self) -> bool:
        """Whether anything is left that takes requests."""
        return any(text.part.listener for text in self.content.parts.values())


def fit(
    texts: Mapping[str, PartText],
    ports: Mapping[str, int],
    running: Content | None,
    *,
    keep: bool,
    obstacles: Mapping[str, str] = MappingProxyType({}),
) -> Fitted:
    """What an instance with these ports serves of the parts; `obstacles` are what parts lack beside ports, in words.

    A listener whose needs are not met waits alone. With `keep` it stays as it is in `running`, if it is there.
    """
    parts = dict(texts)
    waiting: list[Waiting] = []
    for name, text in texts.items():
        missing = (*_missing(text.part, ports), *([obstacles[name]] if name in obstacles else []))
        if not missing:
            continue
        del parts[name]
        waiting.append(Waiting(listener=text.part.listener or name, missing=missing))
        present = _listener(running, text.part.listener) if keep and running is not None else None
        if present is not None and not _missing(present.part, ports) and present.part.name not in parts:
            parts[present.part.name] = present
    return Fitted(
        content=Content(parts={name: parts[name] for name in sorted(parts)}),
        whole=Content(parts=texts),
        waiting=tuple(sorted(waiting, key=lambda one: one.listener)),
        blocked=bool(obstacles),
    )


def served(head: Structure, content: Content) -> Structure:
    """The head that describes `content`, which an instance serves of `head`."""
    return Structure(
        pool=head.pool,
        pool_uid=head.pool_uid,
        pool_version=head.pool_version,
        epoch=head.epoch,
        version=head.version,
        parts={name: text.part for name, text in content.parts.items()},
        stamps=head.stamps,
    )


def _missing(part: Part, ports: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"the port {name}" for name in sorted(set(part.needs.ports.values())) if name not in ports)


def _listener(content: Content, listener: str) -> PartText | None:
    return next((text for text in content.parts.values() if listener and text.part.listener == listener), None)
