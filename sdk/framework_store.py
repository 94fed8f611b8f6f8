"""Where a framework keeps what it knows: the layout of its nodes, reading all of it, writing one frame of effects.

    <root>/frameworks/<name>/framework                             FrameworkRecord
    <root>/frameworks/<name>/leader                                leadership node (`sdk.storage.election`)
    <root>/frameworks/<name>/services/<service>/target             {"config": id}
    <root>/frameworks/<name>/services/<service>/configs/<id>       ServiceSpec
    <root>/frameworks/<name>/services/<service>/earlier/<id>       PodSpec that instances have until they are updated
    <root>/frameworks/<name>/services/<service>/pods/<pod>-<index> PodRecord

Does not decide anything and does not talk to Mesos.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sdk.codecs import decode, encode
from sdk.core.effects import (
    DeleteEarlier,
    DeleteFramework,
    DeletePod,
    DeleteService,
    StoreEarlier,
    StoreEffect,
    StoreFramework,
    StorePod,
    StoreTarget,
)
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.door.accept import MAX_SPEC_BYTES, accept
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.model.ids import ConfigId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec, ServiceSpec
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
    earlier: Mapping[ConfigId, PodSpec] = field(default_factory=dict)
    """Configurations that instances keep until a rolling update gets to them."""
    unreadable: str | None = None
    """Why its target cannot be read: the node and what is wrong with it."""
    unreadable_pods: Mapping[str, str] = field(default_factory=dict)
    """The same of single instances, of which nobody knows what they run and hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Everything a framework had stored; `framework` is None for one that never subscribed."""

    framework: FrameworkRecord | None = None
    services: Mapping[str, StoredService] = field(default_factory=dict)

    def state(self, framework: FrameworkRecord, settings: Settings) -> State:
        """What a scheduler of this framework begins with."""
        named = self.services.items()
        return State.restore(
            framework,
            {name: service.target for name, service in named if service.target is not None},
            [record for service in self.services.values() for record in service.pods.values()],
            settings,
            broken={(name, pod): why for name, service in named for pod, why in service.unreadable_pods.items()},
            earlier={(name, config): spec for name, service in named for config, spec in service.earlier.items()},
            targetless={name: service.unreadable for name, service in named if service.unreadable is not None},
        )


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
        names = self._persister.children(f"{self.path}/services")
        return Stored(framework=self.load_framework(), services={name: self._load_service(name) for name in names})

    def load_framework(self) -> FrameworkRecord | None:
        """The framework's identity alone."""
        data = self._persister.get(self.record_path)
        return None if data is None else decode(FrameworkRecord, data, self.record_path)

    def _load_service(self, service: str) -> StoredService:
        config: ConfigId | None = None
        spec: ServiceSpec | None = None
        unreadable: str | None = None
        try:
            config = self._load_target(f"{self.path}/services/{service}/target")
            spec = None if config is None else self._load_config(service, config)
        except CorruptRecord as error:
            unreadable = str(error)
        earlier: dict[ConfigId, PodSpec] = {}
        for name in self._persister.children(f"{self.path}/services/{service}/earlier"):
            try:
                earlier[ConfigId(name)] = self._load_earlier(service, name)
            except CorruptRecord as error:
                unreadable = str(error)
        pods: dict[str, PodRecord] = {}
        unreadable_pods: dict[str, str] = {}
        for name in self._persister.children(f"{self.path}/services/{service}/pods"):
            try:
                record = self._load_pod(service, name)
            except CorruptRecord as error:
                unreadable_pods[name] = str(error)
            else:
                if record is not None:
                    pods[name] = record
        return StoredService(
            config=config,
            target=None if unreadable else spec,
            pods=pods,
            earlier=earlier,
            unreadable=unreadable,
            unreadable_pods=unreadable_pods,
        )

    def _load_earlier(self, service: str, config: str) -> PodSpec:
        path = f"{self.path}/services/{service}/earlier/{config}"
        data = self._persister.get(path) or b""
        try:
            return accept(ServiceSpec(name=service, pods=(decode(PodSpec, data, path),))).pods[0]
        except InvalidSpec as error:
            raise CorruptRecord(path, f"breaks rules: {error}") from error

    def _load_config(self, service: str, config: ConfigId) -> ServiceSpec:
        path = f"{self.path}/services/{service}/configs/{config}"
        data = self._persister.get(path)
        if data is None:
            raise CorruptRecord(path, "is missing, although the target names it")
        try:
            return accept(decode(ServiceSpec, data, path), service)
        except InvalidSpec as error:
            raise CorruptRecord(path, f"breaks rules: {error}") from error

    def _load_pod(self, service: str, name: str) -> PodRecord | None:
        path = f"{self.path}/services/{service}/pods/{name}"
        data = self._persister.get(path)
        if data is None:
            return None
        record = decode(PodRecord, data, path)
        if (record.service, record.name) != (service, name):
            raise CorruptRecord(path, f"holds the record of {record.service}/{record.name}")
        return record

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
                yield _put(self.record_path, effect.record)
            case StoreTarget():
                yield from self._target(effect)
            case StoreEarlier():
                yield _put(self._earlier(effect.service, effect.config), effect.spec)
            case DeleteEarlier():
                yield Remove(self._earlier(effect.service, effect.config))
            case StorePod():
                record = effect.record
                yield _put(f"{self._service(record.service)}/pods/{_segment('pod', record.name)}", record)
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
        config = _put(f"{service}/configs/{_segment('config', effect.config)}", effect.spec)
        if len(config.data) > MAX_SPEC_BYTES:
            raise InvalidSpec(service, f"its {len(config.data)} bytes of JSON exceed the limit of {MAX_SPEC_BYTES}")
        yield config
        yield Put(f"{service}/target", encode_json({"config": effect.config}))
        # The one before stays for whoever wants to see what changed.
        try:
            before = self._load_target(f"{service}/target")
        except CorruptRecord:
            before = None  # nobody knows which it was
        for old in self._persister.children(f"{service}/configs"):
            if old not in (effect.config, before):
                yield Remove(f"{service}/configs/{old}")

    def _earlier(self, service: str, config: ConfigId) -> str:
        return f"{self._service(service)}/earlier/{_segment('config', config)}"

    def service_at(self, path: str) -> str | None:
        """The service that a node belongs to, None for a node of another kind."""
        below = path.removeprefix(f"{self.path}/services/")
        return None if below == path else below.partition("/")[0]

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


def _put(path: str, value: object) -> Put:
    try:
        return Put(path, encode(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSpec(path, f"has no stored form: {error}") from error


def _segment(what: str, name: str) -> str:
    if not _SEGMENT.fullmatch(name):
        raise InvalidSpec(what, f"{name!r} cannot be a path segment; it must match {_SEGMENT.pattern}")
    return name
