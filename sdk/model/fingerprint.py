"""Content hashes of specs: which configuration a task runs, and whether a changed wish asks for a relaunch."""

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace

from sdk.model.ids import ConfigId
from sdk.model.spec import PodSpec, RecoveryPolicy, ServiceSpec, UpdateStrategy


def service_config(spec: ServiceSpec) -> ConfigId:
    """Id of a whole service configuration; any difference gives another id."""
    return _digest(spec)


def pod_config(spec: PodSpec, service: ServiceSpec) -> ConfigId:
    """Fingerprint of what a running instance is made of.

    Number, placement, recovery and update strategy are left out, as are labels that only inform: they change what
    happens next, not what already runs. So are optional ports: an instance without them runs as it should.
    """
    return _digest(
        (
            service.task_id_prefix,
            replace(
                spec,
                count=0,
                constraints=(),
                placement=(),
                prefer=(),
                recovery=RecoveryPolicy(),
                update=UpdateStrategy(),
                tasks=tuple(
                    replace(
                        task,
                        volatile_labels=(),
                        ports=tuple(port for port in task.ports if not port.optional),
                        volumes=tuple(replace(volume, destroy=False) for volume in task.volumes),
                    )
                    for task in spec.tasks
                ),
            ),
        )
    )


def _digest(value: object) -> ConfigId:
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return ConfigId(hashlib.sha256(text.encode()).hexdigest())


def _plain(value: object) -> object:
    """JSON values only. Fields that have their default are left out: a new field changes no existing fingerprint."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = getattr(value, "KIND", None)
        return ({} if kind is None else {"kind": kind}) | {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name)
            != (field.default if field.default_factory is MISSING else field.default_factory())
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a spec")
