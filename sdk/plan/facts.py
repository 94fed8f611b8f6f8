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

    def newest(self, name: str) -> PodWish | None:
        """What the target says of an instance; None when it is not wanted."""
        record = self.record(name)
        if self.target is None or record is None or record.goal is PodGoal.DECOMMISSION:
            return None
        return self.target.wish(record.pod, record.index)

    def plan(self, name: str) -> Plan | None:
        """A plan as it is now, None when the service has none of that name."""
        if name == RECOVERY:
            return self._of_instances(name, lambda step: self.newest(step) is not None)
        if name in (DECOMMISSION, UNINSTALL):
            if (self.target is None) is (name == DECOMMISSION):
                return None
            return self._of_instances(name, lambda step: self.newest(step) is None)
        plan = None if self.target is None else self.target.plans.get(name)
        return plan.only(self._has_served) if plan is not None and name == UPDATE else plan

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

    def configs(self, plan: Plan) -> dict[str, str]:
        """By phase what is said about it holds for; the empty name is the plan itself."""
        if self.target is None or plan.name in (RECOVERY, DECOMMISSION, UNINSTALL):
            return {"": "", **{phase.name: "" for phase in plan.phases}}
        pods = self.target.pods
        return {"": self.target.config, **{phase.name: pods[phase.pod].config for phase in plan.phases}}


def _has_run(record: PodRecord, wish: PodWish) -> bool:
    """What is to run to its end has done so."""
    to_their_end = {spec.name: spec for spec in wish.spec.tasks if spec.essential and spec.goal is not Goal.RUNNING}
    over = {
        task.name for task in record.tasks if task.name in to_their_end and done(task, to_their_end[task.name], wish)
    }
    return len(over) == len(to_their_end)
