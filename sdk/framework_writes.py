"""What frames of effects write into the nodes of a framework, and how that is cut into packets.

Knows the layout, which `sdk.framework_store` tells, as far as it is written; writes nothing itself.
"""

import json
import re
from collections.abc import Iterator, Sequence

from sdk.codecs import encode
from sdk.core.effects import (
    DeleteEarlier,
    DeleteFramework,
    DeletePlan,
    DeletePod,
    DeleteService,
    DeleteVersions,
    StoreEarlier,
    StoreEffect,
    StoreFramework,
    StorePlan,
    StorePod,
    StoreTarget,
    StoreVersions,
)
from sdk.door.accept import MAX_SPEC_BYTES
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.model.ids import ConfigId
from sdk.storage.connection import encode_json
from sdk.storage.persister import MAX_PACKET_BYTES, Persister, Put, Readable, Remove, Write, packet_bytes

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class FrameworkWrites:
    """The writes of one framework, whose nodes are below `path`."""

    def __init__(self, persister: Persister, path: str) -> None:
        """`persister` is only read."""
        self._persister = persister
        self.path = path

    def of(self, effects: Sequence[StoreEffect]) -> list[Write]:
        """The operations of `effects`; of several writes of one node only the last is kept."""
        puts: dict[str, int] = {}
        merged: list[Write | None] = []
        for effect in effects:
            for operation in self._operations(effect):
                below = f"{operation.path}/"
                for path in [path for path in puts if path == operation.path or path.startswith(below)]:
                    if path == operation.path or isinstance(operation, Remove):
                        merged[puts.pop(path)] = None
                if isinstance(operation, Put):
                    puts[operation.path] = len(merged)
                merged.append(operation)
        return [operation for operation in merged if operation is not None]

    def _operations(self, effect: StoreEffect) -> Iterator[Write]:
        match effect:
            case StoreFramework():
                yield _put(f"{self.path}/framework", effect.record)
            case StoreTarget():
                yield from self._target(effect)
            case StoreEarlier():
                yield _put(self._earlier(effect.service, effect.config), effect.spec)
            case DeleteEarlier():
                yield Remove(self._earlier(effect.service, effect.config))
            case StorePlan():
                yield _put(self._plan(effect.record.service, effect.record.plan), effect.record)
            case DeletePlan():
                yield Remove(self._plan(effect.service, effect.plan))
            case StoreVersions():
                yield _put(f"{self._service(effect.record.service)}/versions", effect.record)
            case DeleteVersions():
                yield Remove(f"{self._service(effect.service)}/versions")
            case StorePod():
                record = effect.record
                yield _put(f"{self._service(record.service)}/pods/{segment('pod', record.name)}", record)
            case DeletePod():
                yield Remove(f"{self._service(effect.service)}/pods/{segment('pod', effect.pod)}")
            case DeleteService():
                yield Remove(self._service(effect.service))
            case DeleteFramework():
                # The leadership node stays until the process stops: it keeps others from starting afresh meanwhile.
                yield Remove(f"{self.path}/services")
                yield Remove(f"{self.path}/framework")

    def _target(self, effect: StoreTarget) -> Iterator[Write]:
        service = self._service(effect.spec.name)
        config = _put(f"{service}/configs/{segment('config', effect.config)}", effect.spec)
        if len(config.data) > MAX_SPEC_BYTES:
            raise InvalidSpec(service, f"its {len(config.data)} bytes of JSON exceed the limit of {MAX_SPEC_BYTES}")
        yield config
        yield Put(f"{service}/target", encode_json({"config": effect.config}))
        # The one before stays for whoever wants to see what changed.
        try:
            before = target_at(self._persister, f"{service}/target")
        except CorruptRecord:
            before = None  # nobody knows which it was
        for old in self._persister.children(f"{service}/configs"):
            if old not in (effect.config, before):
                yield Remove(f"{service}/configs/{old}")

    def _earlier(self, service: str, config: ConfigId) -> str:
        return f"{self._service(service)}/earlier/{segment('config', config)}"

    def _plan(self, service: str, plan: str) -> str:
        return f"{self._service(service)}/plans/{segment('plan', plan)}"

    def _service(self, name: str) -> str:
        return f"{self.path}/services/{segment('service', name)}"


def target_at(nodes: Readable, path: str) -> ConfigId | None:
    """The id of the configuration that a target node names, None when there is no such node.

    Raises CorruptRecord.
    """
    data = nodes.get(path)
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("config"), str):
        raise CorruptRecord(path, 'must be {"config": <id>}')
    return ConfigId(value["config"])


def batches(operations: Sequence[Write], limit: int = MAX_PACKET_BYTES) -> Iterator[list[Write]]:
    """`operations` in order, cut so that each part fits into a packet of `limit` bytes.

    Cutting is safe because every record is whole in one node and effects are ordered so that stopping after any of them
    leaves a state from which recovery goes on: a configuration comes before the target that names it, and what is
    launched is only called for when all of it is stored. A single operation above the limit is a part of its own; the
    persister refuses it with its path.
    """
    # The leadership check travels along.
    left = limit - packet_bytes([Remove("/" * 256)])
    batch: list[Write] = []
    size = 0
    for operation in operations:
        bytes_here = packet_bytes([operation])
        if batch and size + bytes_here > left:
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += bytes_here
    if batch:
        yield batch


def segment(what: str, name: str) -> str:
    """`name` as a part of a path; raises InvalidSpec when it cannot be one."""
    if not _SEGMENT.fullmatch(name):
        raise InvalidSpec(what, f"{name!r} cannot be a path segment; it must match {_SEGMENT.pattern}")
    return name


def _put(path: str, value: object) -> Put:
    try:
        return Put(path, encode(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSpec(path, f"has no stored form: {error}") from error
