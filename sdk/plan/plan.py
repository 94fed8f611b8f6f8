"""Plan > phase > step as values, made from a spec. Knows the order of things, and not how far they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from sdk.model.plans import ORDERED, UPDATE, PhaseSpec, PlanSpec, Strategy
from sdk.model.spec import PodSpec, ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Steps that share a strategy. A step is an instance, and has its name."""

    name: str
    pod: str
    steps: tuple[str, ...]
    strategy: Strategy = Strategy.PARALLEL
    canary: int = 0
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By step: those that have to be complete before, when the strategy is DEPENDENCY."""
    at_once: str | None = None
    """Word of how many may be on their way at once, where that is told by something else than the strategy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Phases that share a strategy."""

    name: str
    phases: tuple[Phase, ...]
    strategy: Strategy = Strategy.PARALLEL
    canary: int = 0
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By phase: those that have to be complete before, when the strategy is DEPENDENCY."""
    parameters: tuple[str, ...] = ()

    def only(self, keep: Callable[[str], bool]) -> "Plan":
        """The plan of some steps."""
        phases = (replace(phase, steps=tuple(step for step in phase.steps if keep(step))) for phase in self.phases)
        return replace(self, phases=tuple(phases))

    @property
    def orders(self) -> bool:
        """Whether something may have to wait for something else, whatever operators say."""
        return (
            self.strategy is not Strategy.PARALLEL
            or bool(self.canary)
            or any(phase.canary or phase.strategy is not Strategy.PARALLEL for phase in self.phases)
        )


def instance(pod: str, index: int) -> str:
    """The name of an instance."""
    return f"{pod}-{index}"


def on_demand(spec: ServiceSpec) -> Mapping[str, str]:
    """The plan that has to be started before anything of a pod is launched, by the names of such pods."""
    return {phase.pod: plan.name for plan in spec.plans if plan.name not in ORDERED for phase in plan.phases}


def plans_of(spec: ServiceSpec) -> Mapping[str, Plan]:
    """Deploy, update, and what the spec declares besides, by name."""
    declared = {plan.name: plan for plan in spec.plans}
    waiting = on_demand(spec)
    pods = {pod.name: pod for pod in spec.pods if pod.name not in waiting}
    found = {name: _ordered(name, declared.get(name), pods) for name in ORDERED}
    every = {pod.name: pod for pod in spec.pods}
    found |= {
        plan.name: _made(plan, tuple(_declared(phase, every) for phase in plan.phases if phase.pod in every))
        for plan in spec.plans
        if plan.name not in ORDERED
    }
    return found


def _ordered(name: str, declared: PlanSpec | None, pods: Mapping[str, PodSpec]) -> Plan:
    """Deploy or update: pods that no phase names have one of their own, which waits for nothing."""
    if declared is None:
        return Plan(name=name, phases=tuple(_own(name, pod) for pod in pods.values()))
    phases = tuple(
        _of_update(_declared(phase, pods), pods[phase.pod]) if name == UPDATE else _declared(phase, pods)
        for phase in declared.phases
        if phase.pod in pods
    )
    named = {phase.pod for phase in phases}
    plan = _made(declared, phases)
    rest = tuple(_own(name, pod) for pod in pods.values() if pod.name not in named)
    if not rest:
        return plan
    # What the spec says nothing about is not held up: all that waits is named by dependencies.
    after = plan.after
    if plan.strategy is Strategy.SERIAL:
        names = [phase.name for phase in phases]
        after = {name: (before,) for before, name in pairwise(names)}
    elif plan.strategy is Strategy.PARALLEL:
        after = {}
    return Plan(name=plan.name, phases=(*phases, *rest), strategy=Strategy.DEPENDENCY, canary=plan.canary, after=after)


def _own(name: str, pod: PodSpec) -> Phase:
    phase = Phase(name=pod.name, pod=pod.name, steps=tuple(instance(pod.name, index) for index in range(pod.count)))
    return _of_update(phase, pod) if name == UPDATE else phase


def _of_update(phase: Phase, pod: PodSpec) -> Phase:
    """How many are updated at once is told by the pod's `UpdateStrategy`, whose canaries come first."""
    return Phase(
        name=phase.name,
        pod=phase.pod,
        steps=phase.steps,
        strategy=phase.strategy if phase.strategy is Strategy.DEPENDENCY else Strategy.PARALLEL,
        canary=phase.canary or pod.update.canary,
        after=phase.after,
        at_once=pod.update.kind.value,
    )


def _made(plan: PlanSpec, phases: tuple[Phase, ...]) -> Plan:
    there = {phase.name for phase in phases}
    after = {phase.name: tuple(name for name in phase.depends_on if name in there) for phase in plan.phases}
    return Plan(
        name=plan.name,
        phases=phases,
        strategy=plan.strategy,
        canary=plan.canary,
        after=after if plan.strategy is Strategy.DEPENDENCY else {},
        parameters=plan.parameters,
    )


def _declared(phase: PhaseSpec, pods: Mapping[str, PodSpec]) -> Phase:
    count = pods[phase.pod].count
    indexes = phase.indexes or tuple(range(count))
    after = {
        instance(phase.pod, int(index)): tuple(instance(phase.pod, each) for each in before if each < count)
        for index, before in phase.after.items()
    }
    return Phase(
        name=phase.name,
        pod=phase.pod,
        steps=tuple(instance(phase.pod, index) for index in indexes if index < count),
        strategy=phase.strategy,
        canary=phase.canary,
        after=after if phase.strategy is Strategy.DEPENDENCY else {},
    )
