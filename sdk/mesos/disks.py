"""DiskInfo as a value, and back: what is read and written again is the same to Mesos. Pure.

Mesos compares disks by all that it says of their source, so what is not interpreted here is kept.
"""

import json
from collections.abc import Mapping
from typing import Any

from sdk.mesos import fields
from sdk.model.resources import Disk, DiskSource

Json = Mapping[str, Any]


def read(raw: Json) -> Disk | None:
    """None for a DiskInfo that says nothing. Raises what `sdk.mesos.fields` raises."""
    persistence, volume, source = raw.get("persistence"), raw.get("volume") or {}, raw.get("source")
    found = Disk(
        source=None if source is None else _source(source),
        persistence=None if persistence is None else fields.identity(persistence["id"]),
        principal=fields.optional((persistence or {}).get("principal"), fields.text),
        path=fields.optional(volume.get("container_path"), fields.text),
        mode=fields.text(volume.get("mode", "RW")),
        more=_rest({key: item for key, item in volume.items() if key not in ("container_path", "mode")}),
    )
    return None if found == Disk() else found


def _source(raw: Json) -> DiskSource:
    kind = fields.text(raw["type"])
    place = raw.get(kind.lower()) or {}
    root = fields.optional(place.get("root"), fields.text)
    known = {"type", "profile"} | ({kind.lower()} if set(place) == {"root"} else set())
    return DiskSource(
        type=kind,
        root=root,
        profile=fields.optional(raw.get("profile"), fields.text),
        more=_rest({key: item for key, item in raw.items() if key not in known}),
    )


def _rest(found: Json) -> str | None:
    """What is not interpreted, in one form for equal contents."""
    return json.dumps(found, sort_keys=True, separators=(",", ":")) if found else None


def write(disk: Disk) -> dict[str, Any]:
    """DiskInfo."""
    wire: dict[str, Any] = {}
    if disk.persistence is not None:
        wire["persistence"] = {"id": disk.persistence}
        if disk.principal is not None:
            wire["persistence"]["principal"] = disk.principal
    if disk.path is not None:
        more = {} if disk.more is None else json.loads(disk.more)
        wire["volume"] = {"mode": disk.mode, "container_path": disk.path, **more}
    if disk.source is not None:
        wire["source"] = _written(disk.source)
    return wire


def _written(source: DiskSource) -> dict[str, Any]:
    wire: dict[str, Any] = {"type": source.type}
    if source.root is not None:
        wire[source.type.lower()] = {"root": source.root}
    if source.profile is not None:
        wire["profile"] = source.profile
    return wire | ({} if source.more is None else json.loads(source.more))
