"""The plans of a service as they are shown: read from what acts itself asks (`sdk.plan.facts`), and from the steps.

An instance is in the plan that has to do with it now. Before it has been ready for the first time that is deploy; while
a rolling update has not reached it, or has begun with it, update; when it is not as it was, recovery. When it is wanted
no more it is decommission, or uninstall when its service is not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.model.plans import DECOMMISSION, DEPLOY, OWN, RECOVERY, UNINSTALL, UPDATE, PlanRecord
from sdk.plan.candidates import awaiting
from sdk.plan.facts import PlanFacts
from sdk.plan.need import LacksPorts, Rest
from sdk.plan.plan import Phase, Plan
from sdk.plan.progress import Progress
from sdk.plan.steps import StepFacts, StepView, step

_ACTIVE = frozenset({Progress.PREPARED, Progress.STARTING, Progress.STARTED, Progress.KILLING, Progress.IN_PROGRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """Steps that share a strategy."""

    name: str
    strategy: str
    status: Progress
    steps: tuple[StepView, ...]
    interrupted: bool = False
    """By an operator."""
    canary: int = 0
    continued: int = 0
    """How many of the canaries an operator has let pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """One plan of one service."""

    name: str
    status: Progress
    phases: tuple[PhaseView, ...]
    strategy: str = "parallel"
    message: str = ""
    """What holds it up as a whole; empty when nothing does."""
    interrupted: bool = False
    """By an operator."""
    run: int | None = None
    """Of a plan that is started: how often it was; None for those of every service."""
    running: bool = True
    """Of a plan that is started: whether it was, and is not over."""


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
    if Progress.WAITING in rest:
        return Progress.WAITING
    if all(child is Progress.DELAYED for child in rest):
        return Progress.DELAYED
    return Progress.IN_PROGRESS if Progress.COMPLETE in found else Progress.PENDING


def overall(plans: Iterable[PlanView]) -> Progress:
    """Status of a service: plans that wait to be started do not count."""
    return aggregate(plan.status for plan in plans if plan.running)


def plans(
    facts: PlanFacts,
    steps: Sequence[StepFacts],
    invalid: str | None = None,
    unreadable: Mapping[str, str] | None = None,
) -> tuple[PlanView, ...]:
    """All plans of a service.

    `invalid` is why the newest configuration was refused, `unreadable` are sentences about instances of which nothing
    is known, by their names.
    """
    by_name = {fact.record.name: fact for fact in steps}
    found = [_deploy(facts, by_name, invalid), _update(facts, by_name), _recovery(facts, steps, unreadable or {})]
    for name in (DECOMMISSION, UNINSTALL):
        if (plan := facts.plan(name)) is not None:
            unwanted = (phase for phase in plan.phases if phase.name in by_name and by_name[phase.name].wish is None)
            shown = [_phase(facts, name, phase, [step(by_name[phase.name])]) for phase in unwanted]
            found.append(_plan(facts, plan, shown))
    for name, plan in {} if facts.target is None else facts.target.plans.items():
        if name not in OWN:
            found.append(_on_demand(facts, plan, by_name))
    return tuple(found)


def _deploy(facts: PlanFacts, by_name: Mapping[str, StepFacts], invalid: str | None) -> PlanView:
    plan = facts.plan(DEPLOY) or Plan(name=DEPLOY, phases=())

    def shown(fact: StepFacts) -> StepView:
        found = step(fact)
        if fact.record.deployed is None or found.status is Progress.COMPLETE:
            return found
        plan = UPDATE if not facts.complete(UPDATE, fact.record.name) else RECOVERY
        return replace(found, status=Progress.COMPLETE, message=f"was deployed; see {plan}", refusals=(), waits="")

    phases = [_phase(facts, DEPLOY, phase, _steps(phase, by_name, shown)) for phase in plan.phases]
    if invalid is not None:
        refused = StepView(name="configuration", status=Progress.ERROR, message=invalid, pod="")
        phases.insert(0, PhaseView(name="configuration", strategy="serial", status=Progress.ERROR, steps=(refused,)))
    return _plan(facts, plan, phases)


def _update(facts: PlanFacts, by_name: Mapping[str, StepFacts]) -> PlanView:
    """Phases in which something is left to be updated; what runs as it should need not be told again."""
    plan = facts.plan(UPDATE) or Plan(name=UPDATE, phases=())

    def shown(fact: StepFacts) -> StepView:
        found = step(fact)
        if facts.complete(UPDATE, fact.record.name):
            return replace(found, status=Progress.COMPLETE, message="has it; see recovery", refusals=(), waits="")
        if _as_it_was(fact) and not _rests(fact) and not fact.updated:
            message = "keeps its old configuration until its turn; see recovery"
            return replace(found, status=Progress.PENDING, message=message, refusals=(), waits="")
        return found

    open_ = [phase for phase in plan.phases if not all(facts.complete(UPDATE, name) for name in phase.steps)]
    return _plan(facts, plan, [_phase(facts, UPDATE, phase, _steps(phase, by_name, shown)) for phase in open_])


def _recovery(facts: PlanFacts, steps: Sequence[StepFacts], unreadable: Mapping[str, str]) -> PlanView:
    broken = [fact for fact in steps if fact.wish is not None and _as_it_was(fact) and not _rests(fact)]
    phases = [
        _phase(facts, RECOVERY, _of(fact.record.name, fact.record.pod), [step(fact)])
        for fact in broken
        if not _updated_now(facts, fact)
    ]
    for name, why in sorted(unreadable.items()):
        found = StepView(name=name, status=Progress.ERROR, message=why, pod=name)
        phases.append(_phase(facts, RECOVERY, _of(name, name), [found]))
    plan = Plan(name=RECOVERY, phases=())
    return _plan(facts, plan, phases)


def _on_demand(facts: PlanFacts, plan: Plan, by_name: Mapping[str, StepFacts]) -> PlanView:
    said = facts.said.get(plan.name) or PlanRecord(service=facts.service, plan=plan.name)
    view = _plan(facts, plan, [_phase(facts, plan.name, phase, _steps(phase, by_name, step)) for phase in plan.phases])
    if said.running:
        return replace(view, run=said.run)
    message = f"run {said.run} is over" if said.run else "was never started"
    return replace(view, run=said.run, running=False, message=message)


def _of(name: str, pod: str) -> Phase:
    return Phase(name=name, pod=pod, steps=(name,))


def _as_it_was(fact: StepFacts) -> bool:
    """It has been ready with the configuration that it is launched with for now."""
    return fact.wish is not None and fact.record.deployed == fact.wish.config


def _rests(fact: StepFacts) -> bool:
    return isinstance(fact.need, Rest) or (isinstance(fact.need, LacksPorts) and not fact.being_killed)


def _updated_now(facts: PlanFacts, fact: StepFacts) -> bool:
    """What is seen of it is its turn in an update, or that it waits for it."""
    return fact.updated and not facts.complete(UPDATE, fact.record.name)


def _steps(phase: Phase, by_name: Mapping[str, StepFacts], shown: Callable[[StepFacts], StepView]) -> list[StepView]:
    return [shown(by_name[name]) for name in phase.steps if name in by_name]


def _phase(facts: PlanFacts, plan: str, phase: Phase, steps: Sequence[StepView]) -> PhaseView:
    said = facts.said.get(plan)
    forced = frozenset[str]() if said is None else said.forced
    found = tuple(
        replace(each, status=Progress.COMPLETE, message=f"counts as complete; {each.message}")
        if f"{phase.name}/{each.name}" in forced and each.status is not Progress.COMPLETE
        else each
        for each in steps
    )
    return PhaseView(
        name=phase.name,
        strategy=phase.at_once or phase.strategy.value,
        status=aggregate(each.status for each in found),
        steps=found,
        interrupted=said is not None and phase.name in said.phases,
        canary=phase.canary,
        continued=0 if said is None else min(phase.canary, said.continued.get(phase.name, 0)),
    )


def _plan(facts: PlanFacts, plan: Plan, phases: Sequence[PhaseView]) -> PlanView:
    said = facts.said.get(plan.name)
    status = aggregate(phase.status for phase in phases)
    message = ""
    if status is not Progress.COMPLETE:
        names = {phase.name for phase in phases} | {""}
        waits = sorted(awaiting(plan, lambda name: facts.complete(plan.name, name), said) & names)
        if waits:
            status = Progress.WAITING
            which = ", ".join(f"phase {name}" if name else "the plan" for name in waits)
            message = f"{which} waits for `continue`: the canary is complete"
        held = facts.interrupted(plan.name, "") or next(
            (f"phase {phase.name} is interrupted" for phase in phases if phase.interrupted), None
        )
        message = held or message
    return PlanView(
        name=plan.name,
        status=status,
        phases=tuple(phases),
        strategy=plan.strategy.value,
        message=message,
        interrupted=said is not None and said.interrupted,
    )
