"""What an instance should be, as the target says it: the pod spec together with its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sdk.model.fingerprint import pod_config, service_config
from sdk.model.ids import ConfigId
from sdk.model.plans import RUN, PlanRecord
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.plan.plan import Plan, on_demand, plans_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PodWish:
    """A pod spec and the fingerprint that its tasks are compared with."""

    spec: PodSpec
    config: ConfigId
    plan: str | None = None
    """The plan that has to be started for it, None for what always runs."""
    dormant: bool = False
    """That plan does not run: nothing of it is launched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The wanted configuration of one service."""

    config: ConfigId
    spec: ServiceSpec
    pods: dict[str, PodWish]
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """Deploy, update, and what the spec declares besides, by name."""
    ordered: bool = False
    """One of them may let something wait for something else."""

    def wish(self, pod: str, index: int) -> PodWish | None:
        """What instance `<pod>-<index>` should be; None when it should not be there."""
        found = self.pods.get(pod)
        return found if found is not None and index < found.spec.count else None


def kept(spec: PodSpec, config: ConfigId, newest: PodSpec) -> PodWish:
    """An earlier configuration, under the policies of the newest: they are about what happens next."""
    policies = replace(
        spec,
        count=newest.count,
        constraints=newest.constraints,
        placement=newest.placement,
        prefer=newest.prefer,
        recovery=newest.recovery,
        update=newest.update,
    )
    return PodWish(spec=policies, config=config)


def target(spec: ServiceSpec, said: Mapping[str, PlanRecord] | None = None) -> Target:
    """The target made of a spec, and of the plans that operators have started."""
    waiting = on_demand(spec)
    plans = plans_of(spec)
    return Target(
        config=service_config(spec),
        spec=spec,
        pods={pod.name: _wish(pod, spec, waiting.get(pod.name), said or {}) for pod in spec.pods},
        plans=plans,
        ordered=bool(waiting) or spec.policy is not None or any(plan.orders for plan in plans.values()),
    )


def _wish(pod: PodSpec, service: ServiceSpec, plan: str | None, said: Mapping[str, PlanRecord]) -> PodWish:
    record = None if plan is None else said.get(plan)
    if plan is None:
        return PodWish(spec=pod, config=pod_config(pod, service))
    if record is None or not record.running:
        return PodWish(spec=pod, config=pod_config(pod, service), plan=plan, dormant=True)
    variables = {**record.parameters, RUN: str(record.run)}
    tasks = tuple(replace(task, environment={**task.environment, **variables}) for task in pod.tasks)
    run = replace(pod, tasks=tasks)
    return PodWish(spec=run, config=pod_config(run, service), plan=plan)
