"""The plans of one service with what is known of their steps: what everything that acts asks, and what is shown.

Reads records and target; knows neither offers nor time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sdk.model.plans import DECOMMISSION, DEPLOY, RECOVERY, UNINSTALL, UPDATE, PlanRecord
from sdk.model.records import PodGoal, PodRecord
from sdk.model.spec import Goal
from sdk.plan.candidates import Verdicts, interrupt, verdicts
from sdk.plan.need import done
from sdk.plan.plan import Phase, Plan
from sdk.plan.policies import Instance, Policy, customised
from sdk.plan.wish import PodWish, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """See the module."""

    service: str
    target: Target | None
    """None while the service is removed."""
    record: Callable[[str], PodRecord | None]
    """The record of an instance."""
    names: Callable[[], Iterable[str]]
    """All instances."""
    said: Mapping[str, PlanRecord]
    """By plan, what operators have said."""
    policy: Policy | None = None
    """What orders deploy and recovery besides; raises what it will."""

    def newest(self, name: str) -> PodWish | None:
        """What the target says of an instance; None when it is not wanted."""
        record = self.record(name)
        if self.target is None or record is None or record.goal is PodGoal.DECOMMISSION:
            return None
        return self.target.wish(record.pod, record.index)

    def plan(self, name: str) -> Plan | None:
        """A plan as it is now, None when the service has none of that name."""
        if name == RECOVERY:
            return self._customised(self._of_instances(name, lambda step: self.newest(step) is not None))
        if name in (DECOMMISSION, UNINSTALL):
            if (self.target is None) is (name == DECOMMISSION):
                return None
            return self._of_instances(name, lambda step: self.newest(step) is None)
        plan = None if self.target is None else self.target.plans.get(name)
        if plan is not None and name == UPDATE:
            return plan.only(self._has_served)
        return self._customised(plan) if plan is not None and name == DEPLOY else plan

    def _customised(self, plan: Plan) -> Plan:
        if self.policy is None or self.target is None:
            return plan
        names = [step for phase in plan.phases for step in phase.steps]
        instances = {name: _instance(record) for name in names if (record := self.record(name)) is not None}
        return customised(self.target.spec.policy or "", self.policy, plan, instances)

    def _of_instances(self, name: str, part: Callable[[str], bool]) -> Plan:
        found: list[Phase] = []
        for step in sorted(self.names()):
            record = self.record(step)
            if record is not None and part(step):
                found.append(Phase(name=step, pod=record.pod, steps=(step,)))
        return Plan(name=name, phases=tuple(found))

    def _has_served(self, step: str) -> bool:
        record = self.record(step)
        return record is not None and record.deployed is not None

    def _is_updated(self, step: str) -> bool:
        """It was ended for its update, which is not complete."""
        record = self.record(step)
        return record is not None and record.earlier is None

    def complete(self, plan: str, step: str) -> bool:
        """Whether a plan has nothing more to do for an instance, whatever happens to it later."""
        record, newest = self.record(step), self.newest(step)
        if record is None or newest is None:
            return record is None
        if plan == RECOVERY:
            return record.deployed is None or record.ready_since is not None
        if plan == DEPLOY and record.deployed != newest.config:
            return record.deployed is not None
        return record.deployed == newest.config and record.earlier is None and _has_run(record, newest)

    def verdicts(self, plan: str) -> Verdicts:
        """What a plan says to each step that is not complete."""
        found = self.plan(plan)
        if found is None:
            return {}
        begun = self._is_updated if plan == UPDATE else lambda _: False
        return verdicts(found, lambda step: self.complete(plan, step), self.said.get(plan), begun)

    def interrupted(self, plan: str, phase: str) -> str | None:
        """Why nothing of a phase begins, None when no operator has interrupted it."""
        return interrupt(plan, phase, self.said.get(plan))

    def waits(self, plan: str, step: str) -> str | None:
        """What an instance of recovery waits for; None when it may act."""
        if self.policy is None:
            return self.interrupted(plan, step)
        return self.verdicts(plan).get(step)

    def configs(self, plan: Plan) -> dict[str, str]:
        """By phase what is said about it holds for; the empty name is the plan itself."""
        if self.target is None or plan.name in (RECOVERY, DECOMMISSION, UNINSTALL):
            return {"": "", **{phase.name: "" for phase in plan.phases}}
        pods = self.target.pods
        return {"": self.target.config, **{phase.name: pods[phase.pod].config for phase in plan.phases}}


def _instance(record: PodRecord) -> Instance:
    host = record.holding.hostname if record.holding is not None else None
    return Instance(
        pod=record.pod,
        index=record.index,
        deployed=record.deployed is not None,
        ready=record.ready_since is not None,
        hostname=host or (record.tasks[0].hostname if record.tasks else None),
    )


def _has_run(record: PodRecord, wish: PodWish) -> bool:
    """What is to run to its end has done so."""
    to_their_end = {spec.name: spec for spec in wish.spec.tasks if spec.essential and spec.goal is not Goal.RUNNING}
    over = {
        task.name for task in record.tasks if task.name in to_their_end and done(task, to_their_end[task.name], wish)
    }
    return len(over) == len(to_their_end)
