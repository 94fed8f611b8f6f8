"""Policies that customise the order of deploy and recovery: registered by a plugin, named by a spec, pure.

A policy is given the plan as it would be, and what is known of the instances; it gives back the same phases and steps
in another order. One that raises, or gives back something else, is the trouble of its service.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sdk.model.plans import DEPLOY, RECOVERY, Strategy
from sdk.plan.plan import Plan

CUSTOMISED = (DEPLOY, RECOVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What a policy may know of an instance."""

    pod: str
    index: int
    deployed: bool
    """It has been ready."""
    ready: bool
    """It is."""
    hostname: str | None = None
    """Where it is, or was last."""


Policy = Callable[[Plan, Mapping[str, Instance]], Plan]
"""From a plan, and the instances by name, to the same plan in another order."""


def customised(name: str, policy: Policy, plan: Plan, instances: Mapping[str, Instance]) -> Plan:
    """The plan as the policy has it. Raises whatever the policy does, and ValueError for another plan."""
    found = policy(plan, instances)
    if not isinstance(found, Plan) or _content(found) != _content(plan):
        raise ValueError(f"policy {name!r:.80} gives back something else than plan {plan.name} in another order")
    return found


def _content(plan: Plan) -> tuple[str, dict[str, frozenset[str]]]:
    return plan.name, {phase.name: frozenset(phase.steps) for phase in plan.phases}


def seeds_first(pod: str, seeds: int = 1) -> Policy:
    """The lowest instances of a pod come before its others, when they are deployed and when they are recovered."""

    def is_seed(instance: Instance) -> bool:
        return instance.pod == pod and instance.index < seeds

    def order(plan: Plan, instances: Mapping[str, Instance]) -> Plan:
        first = tuple(sorted(name for name, each in instances.items() if is_seed(each)))
        if plan.name == RECOVERY:  # each instance is a phase of its own
            others = [phase.name for phase in plan.phases if phase.pod == pod and phase.name not in first]
            there = {phase.name for phase in plan.phases}
            before = tuple(name for name in first if name in there)
            return replace(plan, strategy=Strategy.DEPENDENCY, after=dict.fromkeys(others, before))
        phases = (
            replace(
                phase,
                strategy=Strategy.DEPENDENCY,
                after={step: tuple(s for s in first if s in phase.steps) for step in phase.steps if step not in first},
            )
            if phase.pod == pod
            else phase
            for phase in plan.phases
        )
        return replace(plan, phases=tuple(phases))

    return order
