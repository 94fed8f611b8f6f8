"""Where a framework keeps what it knows: the layout of its nodes, reading all of it, writing one frame of effects.

    <root>/frameworks/<name>/framework                             FrameworkRecord
    <root>/frameworks/<name>/leader                                leadership node (`sdk.storage.election`)
    <root>/frameworks/<name>/services/<service>/target             {"config": id}
    <root>/frameworks/<name>/services/<service>/configs/<id>       ServiceSpec
    <root>/frameworks/<name>/services/<service>/earlier/<id>       PodSpec that instances have until they are updated
    <root>/frameworks/<name>/services/<service>/plans/<plan>    PlanRecord
    <root>/frameworks/<name>/services/<service>/versions        Versions
    <root>/frameworks/<name>/services/<service>/pods/<pod>-<index> PodRecord

Does not decide anything and does not talk to Mesos.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sdk.codecs import decode
from sdk.core.effects import StoreEffect
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.door.accept import accept
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.framework_writes import FrameworkWrites, batches, segment, target_at
from sdk.model.ids import ConfigId
from sdk.model.plans import UPDATE, PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.model.versions import Versions
from sdk.storage.ahead import Ahead
from sdk.storage.persister import Check, Persister, Readable, Remove

_KEPT = ("earlier", "plans", "pods")
"""Nodes below a service whose children are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredService:
    """A service as it was stored: the target is None when the process died before the first one was complete."""

    config: ConfigId | None
    target: ServiceSpec | None
    pods: Mapping[str, PodRecord]
    """By instance name `<pod>-<index>`."""
    earlier: Mapping[ConfigId, PodSpec] = field(default_factory=dict)
    """Configurations that instances keep until a rolling update gets to them."""
    plans: Mapping[str, PlanRecord] = field(default_factory=dict)
    """What operators have said about its plans."""
    versions: Versions | None = None
    """What it has been, and what is pinned of it."""
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
            versions={name: found for name, service in named if (found := service.versions) is not None},
            plans={(name, plan): said for name, service in named for plan, said in service.plans.items()},
            targetless={name: service.unreadable for name, service in named if service.unreadable is not None},
        )


class FrameworkStore:
    """The nodes of one framework."""

    def __init__(self, persister: Persister, root: str, name: str) -> None:
        self._persister = persister
        self.path = framework_path(root, name)
        self._writes = FrameworkWrites(persister, self.path)

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
        nodes = self._read_ahead(names)
        services = {name: self._load_service(nodes, name) for name in names}
        return Stored(framework=self.load_framework(), services=services)

    def _read_ahead(self, names: Sequence[str]) -> Ahead:
        """The nodes of these services."""
        nodes, services = Ahead(self._persister), [f"{self.path}/services/{name}" for name in names]
        kept = [f"{service}/{kind}" for service in services for kind in _KEPT]
        nodes.ask(data=[f"{service}/{node}" for service in services for node in ("target", "versions")], children=kept)
        wanted = [f"{path}/{name}" for path in kept for name in nodes.children(path)]
        for service in services:
            with suppress(CorruptRecord):  # told where it is read
                config = target_at(nodes, f"{service}/target")
                wanted += [f"{service}/configs/{config}"] if config is not None and config.isalnum() else []
        nodes.ask(data=wanted)
        return nodes

    def load_framework(self) -> FrameworkRecord | None:
        """The framework's identity alone."""
        data = self._persister.get(self.record_path)
        return None if data is None else decode(FrameworkRecord, data, self.record_path)

    def _load_service(self, nodes: Readable, service: str) -> StoredService:
        config: ConfigId | None = None
        spec: ServiceSpec | None = None
        unreadable: str | None = None
        try:
            config = target_at(nodes, f"{self.path}/services/{service}/target")
            spec = None if config is None else self._load_config(nodes, service, config)
        except CorruptRecord as error:
            unreadable = str(error)
        earlier: dict[ConfigId, PodSpec] = {}
        for name in nodes.children(f"{self.path}/services/{service}/earlier"):
            try:
                earlier[ConfigId(name)] = self._load_earlier(nodes, service, name)
            except CorruptRecord as error:
                unreadable = str(error)
        plans: dict[str, PlanRecord] = {}
        for name in nodes.children(f"{self.path}/services/{service}/plans"):
            try:
                plans[name] = self._load_plan(nodes, service, name)
            except CorruptRecord as error:
                plans[name] = _not_read(service, name, error)
        versions: Versions | None = None
        try:
            versions = self._load_versions(nodes, service)
        except CorruptRecord as error:  # something may have been pinned
            plans[UPDATE] = _not_read(service, UPDATE, error)
        pods: dict[str, PodRecord] = {}
        unreadable_pods: dict[str, str] = {}
        for name in nodes.children(f"{self.path}/services/{service}/pods"):
            try:
                record = self._load_pod(nodes, service, name)
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
            plans=plans,
            versions=versions,
            unreadable=unreadable,
            unreadable_pods=unreadable_pods,
        )

    def _load_earlier(self, nodes: Readable, service: str, config: str) -> PodSpec:
        path = f"{self.path}/services/{service}/earlier/{config}"
        data = nodes.get(path) or b""
        try:
            return accept(ServiceSpec(name=service, pods=(decode(PodSpec, data, path),))).pods[0]
        except InvalidSpec as error:
            raise CorruptRecord(path, f"breaks rules: {error}") from error

    def _load_config(self, nodes: Readable, service: str, config: ConfigId) -> ServiceSpec:
        path = f"{self.path}/services/{service}/configs/{config}"
        data = nodes.get(path)
        if data is None:
            raise CorruptRecord(path, "is missing, although the target names it")
        try:
            return accept(decode(ServiceSpec, data, path), service)
        except InvalidSpec as error:
            raise CorruptRecord(path, f"breaks rules: {error}") from error

    def _load_versions(self, nodes: Readable, service: str) -> Versions | None:
        path = f"{self.path}/services/{service}/versions"
        data = nodes.get(path)
        if data is None:
            return None
        found = decode(Versions, data, path)
        if found.service != service:
            raise CorruptRecord(path, f"holds those of {found.service}")
        return found

    def _load_plan(self, nodes: Readable, service: str, name: str) -> PlanRecord:
        path = f"{self.path}/services/{service}/plans/{name}"
        record = decode(PlanRecord, nodes.get(path) or b"", path)
        if (record.service, record.plan) != (service, name):
            raise CorruptRecord(path, f"holds what was said about {record.service}/{record.plan}")
        return record

    def _load_pod(self, nodes: Readable, service: str, name: str) -> PodRecord | None:
        path = f"{self.path}/services/{service}/pods/{name}"
        data = nodes.get(path)
        if data is None:
            return None
        record = decode(PodRecord, data, path)
        if (record.service, record.name) != (service, name):
            raise CorruptRecord(path, f"holds the record of {record.service}/{record.name}")
        return record

    def apply(self, effects: Sequence[StoreEffect], check: Check | None = None) -> None:
        """Write one frame: one multi as long as it fits into a packet, else several, each of them safe on its own.

        Raises LeadershipLost, StorageUnavailable (do it again), or InvalidSpec for what can never be stored.
        """
        for batch in batches(self._writes.of(effects)):
            self._persister.apply(batch, check)

    def remove_leader(self) -> None:
        """Remove the leadership node and what is left above it: the last trace of an uninstalled framework."""
        self._persister.apply([Remove(self.path)])

    def service_at(self, path: str) -> str | None:
        """The service that a node belongs to, None for a node of another kind."""
        below = path.removeprefix(f"{self.path}/services/")
        return None if below == path else below.partition("/")[0]


def _not_read(service: str, plan: str, error: CorruptRecord) -> PlanRecord:
    """It may have been an interrupt: nothing begins before an operator says so."""
    why = f"what was said about it cannot be read, so nothing of it begins before `continue`: {error}"
    return PlanRecord(service=service, plan=plan, interrupted=True, why=why)


def framework_path(root: str, name: str) -> str:
    """The node below which everything of framework `name` is kept."""
    return f"{root.rstrip('/')}/frameworks/{segment('framework', name)}"
