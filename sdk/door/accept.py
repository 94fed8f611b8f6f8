"""The door: a spec is checked as a whole, and what is let in is a copy of it made from its stored form.

A copy, because what a plugin keeps it may change later, and because the stored form is what the next process reads: it
has to mean the same to both. What passes fits into ZooKeeper, by its types (`sdk.door.types`), its rules and its size.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sdk.codecs import decode, encode, to_json
from sdk.door import (
    container_rules,
    limit_rules,
    placement_rules,
    plan_rules,
    pod_rules,
    service_rules,
    task_rules,
    volume_rules,
)
from sdk.door.problems import Problems
from sdk.door.rule import Rule, Rules
from sdk.door.types import Look
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.offer.placement import checked

MAX_SPEC_BYTES = 450_000
"""A spec travels in one ZooKeeper packet with its target and with pod records; half a packet leaves them room."""

_SETS: tuple[Rules[Any], ...] = (
    service_rules.rule,
    plan_rules.service,
    plan_rules.plan,
    plan_rules.phase,
    pod_rules.rule,
    pod_rules.recovery,
    pod_rules.update,
    placement_rules.all_of,
    placement_rules.any_of,
    placement_rules.has,
    placement_rules.is_,
    placement_rules.like,
    placement_rules.max_per,
    placement_rules.round_robin,
    placement_rules.together,
    placement_rules.near,
    placement_rules.away,
    placement_rules.instances,
    placement_rules.preference,
    task_rules.rule,
    task_rules.command,
    task_rules.executor,
    task_rules.port,
    container_rules.container,
    container_rules.network,
    container_rules.mount,
    container_rules.external,
    task_rules.health_check,
    task_rules.readiness_check,
    limit_rules.limits,
    limit_rules.rlimit,
    volume_rules.volume,
)
RULES: Mapping[type, tuple[Rule, ...]] = {
    kind: tuple(rule for rules in _SETS if rules.kind is kind for rule in rules)
    for kind in dict.fromkeys(rules.kind for rules in _SETS)
}
"""What the fields of each class have to be beside their types."""


def accept(spec: ServiceSpec, name: str | None = None) -> ServiceSpec:
    """The spec as it is taken, with the operators of its constraints in capitals.

    Raises `InvalidSpec` with every problem that it has. Paths begin with `name`, under which it is published.
    """
    path = "service" if name is None else name
    try:
        _look(spec, name, path)
        taken = replace(spec, pods=tuple(_with_constraints(pod) for pod in spec.pods))
        data = encode(taken)
        if len(data) > MAX_SPEC_BYTES:
            raise InvalidSpec(path, f"is {len(data)} bytes of JSON, more than the {MAX_SPEC_BYTES} that can be stored")
        copy = decode(ServiceSpec, data, path)
        if to_json(copy) != to_json(taken):
            raise InvalidSpec(path, "holds what its stored form cannot tell; use the classes of sdk.model as they are")
    except InvalidSpec:
        raise
    except CorruptRecord as error:
        raise InvalidSpec(path, f"could not be read back: {error}") from error
    except Exception as error:
        raise InvalidSpec(path, f"cannot be read: {type(error).__name__}: {error}") from error
    return copy


def _look(spec: ServiceSpec, name: str | None, path: str) -> None:
    problems = Problems()
    Look(RULES, problems).at(spec, ServiceSpec, path)
    if name is not None and isinstance(spec, ServiceSpec) and spec.name != name:
        problems.add(f"{path}.name", f"is {spec.name!r:.80}, but was published as {name!r:.80}")
    problems.complain()


def _with_constraints(pod: PodSpec) -> PodSpec:
    constraints = checked(pod.constraints)
    return pod if constraints == pod.constraints else replace(pod, constraints=constraints)
