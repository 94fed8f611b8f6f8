"""Which configurations the instances of a service have, and which they should have.

A configuration is that of one pod type; its id is the fingerprint (`sdk.model.fingerprint`) that tasks are compared by.
Knows what is stored of one service, and not where.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdk.model.ids import ConfigId
from sdk.model.records import PodRecord
from sdk.model.spec import PodSpec
from sdk.plan.wish import PodWish, Target, kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Having:
    """An instance that was launched with a configuration, or keeps it."""

    instance: str
    since: float | None
    """When its task was launched with it, seconds since the epoch; None when it has no task of it at present."""
    keeps: bool
    """Whatever happens to it, it is launched with this one until a rolling update gets to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One of them."""

    id: ConfigId
    pod: str
    wanted: bool
    """It is what the target says."""
    spec: PodSpec | None
    """Under the policies (count, constraints, recovery, update) of the target, which hold for all instances. None: it
    is not stored any more, because no instance is launched with it again."""
    instances: tuple[Having, ...]


def configurations(
    target: Target | None,
    records: Iterable[PodRecord],
    earlier: Mapping[ConfigId, PodSpec],
    past: Mapping[ConfigId, PodSpec] | None = None,
) -> tuple[Configuration, ...]:
    """Of each pod type the wanted one first, then the others by id.

    `earlier` are those that instances keep, `past` others that are stored, whether an instance has them or not.
    """
    pods = {} if target is None else target.pods
    found: dict[tuple[str, ConfigId], list[Having]] = {(name, wish.config): [] for name, wish in pods.items()}
    found |= {(spec.name, config): [] for config, spec in (past or {}).items() if spec.name in pods}
    for record in sorted(records, key=lambda record: (record.pod, record.index)):
        for having, config in _of(record):
            found.setdefault((record.pod, config), []).append(having)
    return tuple(
        Configuration(
            id=config,
            pod=pod,
            wanted=_wanted(pods.get(pod), config),
            spec=_spec(pods.get(pod), config, {**(past or {}), **earlier}),
            instances=tuple(instances),
        )
        for (pod, config), instances in sorted(
            found.items(), key=lambda item: (item[0][0], not _wanted(pods.get(item[0][0]), item[0][1]), item[0][1])
        )
    )


def _of(record: PodRecord) -> Iterable[tuple[Having, ConfigId]]:
    since: dict[ConfigId, float | None] = {} if record.earlier is None else {record.earlier: None}
    for task in record.tasks:
        present = since.get(task.config)
        since[task.config] = task.launched_at if present is None else min(present, task.launched_at)
    for config, when in since.items():
        yield Having(instance=record.name, since=when, keeps=config == record.earlier), config


def _wanted(wish: PodWish | None, config: ConfigId) -> bool:
    return wish is not None and wish.config == config


def _spec(wish: PodWish | None, config: ConfigId, earlier: Mapping[ConfigId, PodSpec]) -> PodSpec | None:
    if wish is not None and wish.config == config:
        return wish.spec
    spec = earlier.get(config)
    return spec if spec is None or wish is None else kept(spec, config, wish.spec).spec
