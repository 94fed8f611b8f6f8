"""The JSON of heads and statuses; what is read is checked field by field. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from pool_executor.bundle.model import (
    INSTANCE_FILE,
    VERDICTS,
    BackendHealth,
    Death,
    HaproxyInfo,
    Head,
    InstanceStatus,
    Kind,
    Part,
)
from sdk.errors import CorruptRecord

SCHEMA = 1

_PART_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PORT_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")


def encode_head(head: Head) -> bytes:
    """The bytes of `R/rendered/<pool>`."""
    return _dump(
        {
            "schema": SCHEMA,
            "pool": head.pool,
            "epoch": head.epoch,
            "version": head.version,
            "pool_version": head.pool_version,
            "pool_uid": head.pool_uid,
            "task_revision": head.task_revision,
            "ports": dict(head.ports),
            "parts": {
                part.name: {"kind": part.kind, "sha256": part.sha256, "size": part.size}
                | ({"skeleton": part.skeleton} if part.kind == "config" else {})
                for part in head.parts.values()
            },
        }
    )


def decode_head(data: bytes) -> Head:
    """The head that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = _load(data, "head")
    schema = record.integer("schema", 1)
    if schema != SCHEMA:
        raise CorruptRecord("schema", f"is {schema}; this program reads schema {SCHEMA}, a newer one wrote it")
    parts: dict[str, Part] = {}
    declared = record.mapping("parts")
    for name in declared.names():
        if not _PART_NAME.fullmatch(name) or name == INSTANCE_FILE:
            raise CorruptRecord(
                f"parts.{name}", f"is not a name a part may have ({_PART_NAME.pattern}, not {INSTANCE_FILE})"
            )
        parts[name] = _decode_part_entry(name, declared.mapping(name))
    ports = record.mapping("ports")
    for variable in ports.names():
        if not _PORT_VARIABLE.fullmatch(variable):
            raise CorruptRecord(f"ports.{variable}", f"is not a port variable ({_PORT_VARIABLE.pattern})")
    return Head(
        pool=record.text("pool"),
        epoch=record.integer("epoch", 0),
        version=record.integer("version", 0),
        pool_version=record.integer("pool_version", 0),
        pool_uid=record.text("pool_uid") if "pool_uid" in record.names() else "",
        task_revision=record.integer("task_revision", 0),
        ports={variable: ports.text(variable) for variable in ports.names()},
        parts=parts,
    )


def _decode_part_entry(name: str, entry: "_Record") -> Part:
    kind = entry.text("kind")
    if kind not in ("config", "map"):
        raise CorruptRecord(entry.path("kind"), f"is {kind!r}; it is 'config' or 'map'")
    if kind == "config" and not name.endswith(".cfg"):
        raise CorruptRecord(
            f"parts.{name}", "is a config part whose name does not end in .cfg; HAProxy would not read it"
        )
    return Part(
        name=name,
        kind=cast(Kind, kind),
        sha256=entry.digest("sha256"),
        size=entry.integer("size", 0),
        skeleton=entry.digest("skeleton") if kind == "config" else None,
    )


def encode_status(status: InstanceStatus) -> bytes:
    """The bytes of `R/instances/<pool>/<task id>`."""
    return _dump(
        {
            "task_id": status.task_id,
            "pod": status.pod,
            "hostname": status.hostname,
            "addresses": list(status.addresses),
            "public": list(status.public),
            "ports": dict(status.ports),
            "epoch": status.epoch,
            "version": status.version,
            "verdict": status.verdict,
            "action": status.action,
            "reason": status.reason,
            "error": status.error,
            "rejected_version": status.rejected_version,
            "healthy": status.healthy,
            "since": status.since,
            "haproxy": {
                "version": status.haproxy.version,
                "master": status.haproxy.master,
                "workers": list(status.haproxy.workers),
            },
            "counters": dict(status.counters),
            "leaving": status.leaving,
            "short": None
            if status.short is None
            else [
                {"name": one.name, "servers": one.servers, "up": one.up, "reason": one.reason} for one in status.short
            ],
            "deaths": [{"at": death.at, "how": death.how} for death in status.deaths],
        }
    )


def decode_status(data: bytes) -> InstanceStatus:
    """The status that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = _load(data, "status")
    verdict = record.text("verdict")
    if verdict not in VERDICTS:
        raise CorruptRecord("verdict", f"is {verdict!r}; it is one of {', '.join(VERDICTS)}")
    haproxy, ports, counters = record.mapping("haproxy"), record.mapping("ports"), record.mapping("counters")
    return InstanceStatus(
        task_id=record.text("task_id"),
        pod=record.text("pod"),
        hostname=record.text("hostname"),
        addresses=record.texts("addresses"),
        public=record.texts("public"),
        ports={name: ports.integer(name, 0) for name in ports.names()},
        epoch=record.integer("epoch", 0),
        version=record.integer("version", 0),
        verdict=verdict,
        action=record.optional_text("action"),
        reason=record.text("reason"),
        error=record.optional_text("error"),
        rejected_version=record.optional_integer("rejected_version", 0),
        healthy=record.boolean("healthy"),
        since=record.number("since"),
        haproxy=HaproxyInfo(
            version=haproxy.text("version"),
            master=haproxy.optional_integer("master", 1),
            workers=haproxy.integers("workers", 1),
        ),
        counters={name: counters.integer(name, 0) for name in counters.names()},
        # Not there in what an executor of an earlier release writes, and it may run for long.
        leaving=record.boolean("leaving") if record.has("leaving") else False,
        short=tuple(map(_decode_backend, record.mappings("short"))) if record.has("short") else None,
        deaths=tuple(map(_decode_death, record.mappings("deaths"))) if record.has("deaths") else (),
    )


def _decode_backend(entry: "_Record") -> BackendHealth:
    return BackendHealth(
        name=entry.text("name"),
        servers=entry.integer("servers", 0),
        up=entry.integer("up", 0),
        reason=entry.optional_text("reason"),
    )


def _decode_death(entry: "_Record") -> Death:
    return Death(at=entry.number("at"), how=entry.text("how"))


def _dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _load(data: bytes, what: str) -> "_Record":
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(what, f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptRecord(what, "is not a JSON object")
    return _Record(value, "")


class _Record:
    """A JSON object that is read field by field; every complaint names the path of the field."""

    def __init__(self, fields: Mapping[str, object], prefix: str) -> None:
        self._fields = fields
        self._prefix = prefix

    def path(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def names(self) -> Sequence[str]:
        return list(self._fields)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._fields.get(name) is not None

    def mappings(self, name: str) -> list["_Record"]:
        items = self._items(name)
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise CorruptRecord(f"{self.path(name)}[{number}]", "is not an object")
        return [_Record(cast(dict[str, object], item), f"{self.path(name)}[{at}].") for at, item in enumerate(items)]

    def _get(self, name: str) -> object:
        if name not in self._fields:
            raise CorruptRecord(self.path(name), "is missing")
        return self._fields[name]

    def _wrong(self, name: str, wanted: str) -> CorruptRecord:
        return CorruptRecord(self.path(name), f"is {self._fields.get(name)!r:.80}; it must be {wanted}")

    def mapping(self, name: str) -> "_Record":
        value = self._get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return _Record(value, f"{self.path(name)}.")

    def text(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._get(name) is None else self.text(name)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not _SHA256.fullmatch(value):
            raise self._wrong(name, "a sha256 in lower-case hexadecimal")
        return value

    def integer(self, name: str, least: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(name, f"an integer of at least {least}")
        return value

    def optional_integer(self, name: str, least: int) -> int | None:
        return None if self._get(name) is None else self.integer(name, least)

    def number(self, name: str) -> float:
        value = self._get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        return float(value)

    def boolean(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def _items(self, name: str) -> list[object]:
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        items = self._items(name)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of strings")
        return tuple(cast(list[str], items))

    def integers(self, name: str, least: int) -> tuple[int, ...]:
        items = self._items(name)
        if not all(isinstance(item, int) and not isinstance(item, bool) and item >= least for item in items):
            raise self._wrong(name, f"a list of integers of at least {least}")
        return tuple(cast(list[int], items))
