"""The head of a structure, `R/rendered/<pool>/structure`: everything that HAProxy is told but the servers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.contract.needs import Needs, kinds_of_files
from pool_executor.contract.parts import Part, check_part
from pool_executor.contract.record import Record, dump, load
from sdk.errors import CorruptRecord

SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """`(epoch, version)` orders heads, `parts` is the content; two of equal `parts` are the same to HAProxy."""

    pool: str
    pool_uid: str
    """Made when the pool was created."""
    pool_version: int
    """How often the pool was written, 1 after its creation."""
    epoch: int
    """The leadership under which it was written."""
    version: int
    """Counts up by one for every head of the pool, for ever."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    stamps: Mapping[str, float] = field(default_factory=dict)
    """When what happened to the change that this head carries, in epoch seconds of the clock of whoever wrote it."""

    @property
    def order(self) -> tuple[int, int]:
        """What orders the heads of a pool."""
        return (self.epoch, self.version)

    def of_kind(self, kind: str) -> tuple[Part, ...]:
        """The parts of one kind in the order of their names, which is the order HAProxy reads them in."""
        return tuple(self.parts[name] for name in sorted(self.parts) if self.parts[name].kind == kind)


def encode_structure(head: Structure) -> bytes:
    """The bytes of the node."""
    return dump(
        {
            "schema": SCHEMA,
            "pool": head.pool,
            "pool_uid": head.pool_uid,
            "pool_version": head.pool_version,
            "epoch": head.epoch,
            "version": head.version,
            "parts": {part.name: _encode_part(part) for part in head.parts.values()},
            "stamps": dict(head.stamps),
        }
    )


def decode_structure(data: bytes) -> Structure:
    """The head that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = load(data, "structure")
    if (schema := record.integer("schema", 1)) != SCHEMA:
        raise CorruptRecord("schema", f"is {schema}; this program reads schema {SCHEMA}")
    declared, stamps = record.mapping("parts"), record.mapping("stamps")
    return Structure(
        pool=record.text("pool"),
        pool_uid=record.text("pool_uid"),
        pool_version=record.integer("pool_version", 0),
        epoch=record.integer("epoch", 0),
        version=record.integer("version", 0),
        parts={name: _decode_part(name, declared.mapping(name)) for name in declared.names()},
        stamps={name: stamps.number(name) for name in stamps.names()},
    )


def _encode_part(part: Part) -> dict[str, object]:
    value: dict[str, object] = {"kind": part.kind, "sha256": part.sha256, "size": part.size}
    if part.listener:
        value["listener"] = part.listener
    if part.needs != Needs():
        files = {name: list(files) for name, files in kinds_of_files(part.needs).items() if files}
        enough = {"one_is_enough": True} if part.needs.one_is_enough else {}
        hosts = {"hosts": {name: list(hosts) for name, hosts in part.needs.hosts.items()}} if part.needs.hosts else {}
        value["needs"] = {"ports": dict(part.needs.ports)} | files | hosts | enough
    return value


def _decode_part(name: str, entry: Record) -> Part:
    part = Part(
        name=name,
        kind=entry.text("kind"),
        sha256=entry.digest("sha256"),
        size=entry.integer("size", 0),
        listener=entry.text("listener") if entry.has("listener") else "",
        needs=_decode_needs(entry.mapping("needs")) if entry.has("needs") else Needs(),
    )
    check_part(part)
    return part


def _decode_needs(entry: Record) -> Needs:
    ports = entry.mapping("ports")
    hosts = entry.mapping("hosts") if entry.has("hosts") else None
    return Needs(
        ports={variable: ports.text(variable) for variable in ports.names()},
        hosts={name: hosts.texts(name) for name in hosts.names()} if hosts is not None else {},
        **{name: entry.texts(name) for name in kinds_of_files(Needs()) if entry.has(name)},
        one_is_enough=entry.has("one_is_enough") and entry.boolean("one_is_enough"),
    )
