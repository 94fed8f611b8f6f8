"""Where a framework keeps what it knows: the layout of its nodes, reading all of it, writing one frame of effects.

    <root>/frameworks/<name>/framework                             FrameworkRecord
    <root>/frameworks/<name>/leader                                leadership node (`sdk.storage.election`)
    <root>/frameworks/<name>/services/<service>/target             {"config": id}
    <root>/frameworks/<name>/services/<service>/configs/<id>       ServiceSpec
    <root>/frameworks/<name>/services/<service>/pods/<pod>-<index> PodRecord

Does not decide anything and does not talk to Mesos.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sdk.codecs import decode, encode
from sdk.core.effects import (
    DeleteFramework,
    DeletePod,
    DeleteService,
    StoreEffect,
    StoreFramework,
    StorePod,
    StoreTarget,
)
from sdk.door.accept import MAX_SPEC_BYTES
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.model.ids import ConfigId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import ServiceSpec
from sdk.storage.connection import encode_json
from sdk.storage.persister import MAX_PACKET_BYTES, Check, Persister, Put, Remove, Write, packet_bytes

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredService:
    """A service as it was stored: the target is None when the process died before the first one was complete."""

    config: ConfigId | None
    target: ServiceSpec | None
    pods: Mapping[str, PodRecord]
    """By instance name `<pod>-<index>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Everything a framework had stored; `framework` is None for one that never subscribed."""

    framework: FrameworkRecord | None = None
    services: Mapping[str, StoredService] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    """Services of which a node cannot be read: which, and why. Nobody knows what they run and hold."""


class FrameworkStore:
    """The nodes of one framework."""

    def __init__(self, persister: Persister, root: str, name: str) -> None:
        self._persister = persister
        self.path = framework_path(root, name)

    @property
    def leader_path(self) -> str:
        """The leadership node."""
        return f"{self.path}/leader"

    @property
    def record_path(self) -> str:
        """The node of the framework's identity."""
        return f"{self.path}/framework"

    def load(self) -> Stored:
        """Read all of it. Raises CorruptRecord when the framework's own node cannot be read."""
        services: dict[str, StoredService] = {}
        broken: dict[str, str] = {}
        for name in self._persister.children(f"{self.path}/services"):
            try:
                services[name] = self._load_service(name)
            except CorruptRecord as error:
                broken[name] = str(error)
        return Stored(framework=self.load_framework(), services=services, broken=broken)

    def load_framework(self) -> FrameworkRecord | None:
        """The framework's identity alone."""
        data = self._persister.get(self.record_path)
        return None if data is None else decode(FrameworkRecord, data, self.record_path)

    def _load_service(self, service: str) -> StoredService:
        path = f"{self.path}/services/{service}"
        config = self._load_target(f"{path}/target")
        spec: ServiceSpec | None = None
        if config is not None:
            config_path = f"{path}/configs/{config}"
            data = self._persister.get(config_path)
            if data is None:
                raise CorruptRecord(config_path, f"is missing, although {path}/target names it")
            spec = decode(ServiceSpec, data, config_path)
        pods: dict[str, PodRecord] = {}
        for name in self._persister.children(f"{path}/pods"):
            pod_path = f"{path}/pods/{name}"
            data = self._persister.get(pod_path)
            if data is None:
                continue
            record = decode(PodRecord, data, pod_path)
            if (record.service, record.name) != (service, name):
                raise CorruptRecord(pod_path, f"holds the record of {record.service}/{record.name}")
            pods[name] = record
        return StoredService(config=config, target=spec, pods=pods)

    def _load_target(self, path: str) -> ConfigId | None:
        data = self._persister.get(path)
        if data is None:
            return None
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise CorruptRecord(path, f"is not JSON: {error}") from error
        if not isinstance(value, dict) or not isinstance(value.get("config"), str):
            raise CorruptRecord(path, 'must be {"config": <id>}')
        return ConfigId(value["config"])

    def apply(self, effects: Sequence[StoreEffect], check: Check | None = None) -> None:
        """Write one frame: one multi as long as it fits into a packet, else several, each of them safe on its own.

        Raises LeadershipLost, StorageUnavailable (do it again), or InvalidSpec for what can never be stored.
        """
        for batch in batches(self._merged(effects)):
            self._persister.apply(batch, check)

    def remove_leader(self) -> None:
        """Remove the leadership node and what is left above it: the last trace of an uninstalled framework."""
        self._persister.apply([Remove(self.path)])

    def _merged(self, effects: Sequence[StoreEffect]) -> list[Write]:
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
                yield Put(self.record_path, encode(effect.record))
            case StoreTarget():
                yield from self._target(effect)
            case StorePod():
                record = effect.record
                yield Put(f"{self._service(record.service)}/pods/{_segment('pod', record.name)}", encode(record))
            case DeletePod():
                yield Remove(f"{self._service(effect.service)}/pods/{_segment('pod', effect.pod)}")
            case DeleteService():
                yield Remove(self._service(effect.service))
            case DeleteFramework():
                # The leadership node stays until the process stops: it keeps others from starting afresh meanwhile.
                yield Remove(f"{self.path}/services")
                yield Remove(self.record_path)

    def _target(self, effect: StoreTarget) -> Iterator[Write]:
        service = self._service(effect.spec.name)
        data = encode(effect.spec)
        if len(data) > MAX_SPEC_BYTES:
            raise InvalidSpec(effect.spec.name, f"its {len(data)} bytes of JSON exceed the limit of {MAX_SPEC_BYTES}")
        yield Put(f"{service}/configs/{_segment('config', effect.config)}", data)
        yield Put(f"{service}/target", encode_json({"config": effect.config}))
        # The one before stays for whoever wants to see what changed.
        before = self._load_target(f"{service}/target")
        for old in self._persister.children(f"{service}/configs"):
            if old not in (effect.config, before):
                yield Remove(f"{service}/configs/{old}")

    def _service(self, name: str) -> str:
        return f"{self.path}/services/{_segment('service', name)}"


def framework_path(root: str, name: str) -> str:
    """The node below which everything of framework `name` is kept."""
    return f"{root.rstrip('/')}/frameworks/{_segment('framework', name)}"


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


def _segment(what: str, name: str) -> str:
    if not _SEGMENT.fullmatch(name):
        raise InvalidSpec(what, f"{name!r} cannot be a path segment; it must match {_SEGMENT.pattern}")
    return name
