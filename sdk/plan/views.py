"""The three plans of a service, read from its steps: deploy, recovery, decommission.

Plans are not stored: they are what records and target say. An instance that has been ready with the wanted
configuration belongs to recovery from then on; before, to deploy; one that is not wanted, to decommission.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.plan.need import LacksPorts, Rest
from sdk.plan.progress import Progress
from sdk.plan.steps import StepFacts, StepView, step
from sdk.plan.wish import Target

DEPLOY = "deploy"
RECOVERY = "recovery"
DECOMMISSION = "decommission"

_ACTIVE = frozenset({Progress.PREPARED, Progress.STARTING, Progress.STARTED, Progress.KILLING, Progress.IN_PROGRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """Steps that share a strategy."""

    name: str
    strategy: str
    status: Progress
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """`deploy`, `recovery` or `decommission` of one service."""

    name: str
    status: Progress
    phases: tuple[PhaseView, ...]


def aggregate(children: Iterable[Progress]) -> Progress:
    """Status of a plan or phase from the statuses of its parts; COMPLETE when there are none."""
    found = list(children)
    if Progress.ERROR in found:
        return Progress.ERROR
    if all(child is Progress.COMPLETE for child in found):
        return Progress.COMPLETE
    if any(child in _ACTIVE for child in found):
        return Progress.IN_PROGRESS
    rest = [child for child in found if child is not Progress.COMPLETE]
    if all(child is Progress.DELAYED for child in rest):
        return Progress.DELAYED
    return Progress.IN_PROGRESS if Progress.COMPLETE in found else Progress.PENDING


def plans(
    target: Target | None,
    facts: Sequence[StepFacts],
    invalid: str | None = None,
    unreadable: Mapping[str, str] | None = None,
) -> tuple[PlanView, ...]:
    """Deploy, recovery and decommission plan.

    `invalid` is why the newest configuration was refused, `unreadable` are sentences about instances of which nothing
    is known, by their names.
    """
    wanted = [fact for fact in facts if fact.wish is not None]
    unwanted = [fact for fact in facts if fact.wish is None]
    broken = [fact for fact in wanted if _deployed(fact) and not _rests(fact)]
    return (
        _deploy(target, wanted, invalid),
        _plan(
            RECOVERY,
            [
                *(_phase(fact.record.name, "serial", [step(fact)]) for fact in broken),
                *(_phase(name, "serial", [_unreadable(name, why)]) for name, why in sorted((unreadable or {}).items())),
            ],
        ),
        _plan(DECOMMISSION, [_phase(fact.record.name, "parallel", [step(fact)]) for fact in unwanted]),
    )


def _deployed(fact: StepFacts) -> bool:
    record = fact.record
    return fact.wish is not None and record.earlier is None and record.deployed == fact.wish.config


def _rests(fact: StepFacts) -> bool:
    return isinstance(fact.need, Rest) or (isinstance(fact.need, LacksPorts) and not fact.being_killed)


def _deploy(target: Target | None, wanted: Sequence[StepFacts], invalid: str | None) -> PlanView:
    phases: list[PhaseView] = []
    for pod in target.spec.pods if target is not None else ():
        steps: list[StepView] = []
        for fact in sorted(wanted, key=lambda fact: fact.record.index):
            if fact.record.pod != pod.name:
                continue
            shown = step(fact)
            if _deployed(fact) and shown.status is not Progress.COMPLETE:
                shown = replace(shown, status=Progress.COMPLETE, message="was deployed; see recovery", refusals=())
            steps.append(shown)
        phases.append(_phase(pod.name, pod.update.kind.value, steps))
    plan = _plan(DEPLOY, phases)
    if invalid is None:
        return plan
    refused = StepView(name="configuration", status=Progress.ERROR, message=invalid, pod="")
    return _plan(DEPLOY, [_phase("configuration", "serial", [refused]), *phases])


def _unreadable(pod: str, why: str) -> StepView:
    return StepView(name=pod, status=Progress.ERROR, message=why, pod=pod)


def _phase(name: str, strategy: str, steps: Sequence[StepView]) -> PhaseView:
    return PhaseView(
        name=name, strategy=strategy, status=aggregate(found.status for found in steps), steps=tuple(steps)
    )


def _plan(name: str, phases: Sequence[PhaseView]) -> PlanView:
    return PlanView(name=name, status=aggregate(phase.status for phase in phases), phases=tuple(phases))
