"""Which steps of a plan may act now, and what each of the others waits for. Pure: whoever acts asks here before.

    a step is held back by ── an interrupt of its plan or phase
                           ── phases that have to be complete before its own
                           ── steps that have to be complete before it
                           ── a canary that an operator has not let pass

Complete is what has become so once, or was forced to count as such by an operator; what happens to it later is for
another plan to mend.
"""

from collections.abc import Callable, Mapping, Sequence, Set

from sdk.model.plans import PlanRecord, Strategy
from sdk.plan.plan import Plan

Verdicts = Mapping[str, str | None]
"""By step that is not complete: None when it may act, else the sentence that tells what it waits for."""


def verdicts(
    plan: Plan,
    complete: Callable[[str], bool],
    said: PlanRecord | None,
    begun: Callable[[str], bool] = lambda _: False,
) -> Verdicts:
    """What the plan says to each step that is not complete. `complete` and `begun` know instances by their names.

    What has begun before its turn came, under another target for example, takes the place of a canary.
    """
    done = _done(plan, complete, said)
    through = frozenset(phase.name for phase in plan.phases if len(done[phase.name]) == len(phase.steps))
    gates = _gates(
        [phase.name for phase in plan.phases],
        through,
        plan.strategy,
        plan.after,
        plan.canary,
        _continued(said, ""),
        "phase ",
    )
    found: dict[str, str | None] = {}
    for phase in plan.phases:
        if phase.name in through:
            continue
        held = interrupt(plan.name, phase.name, said) or gates.get(phase.name)
        steps = _gates(
            phase.steps,
            done[phase.name],
            phase.strategy,
            phase.after,
            phase.canary,
            _continued(said, phase.name),
            begun=begun,
        )
        found |= {step: held or why for step, why in steps.items()}
    return found


def candidates(plan: Plan, complete: Callable[[str], bool], said: PlanRecord | None) -> frozenset[str]:
    """The steps that may act now."""
    return frozenset(step for step, why in verdicts(plan, complete, said).items() if why is None)


def awaiting(plan: Plan, complete: Callable[[str], bool], said: PlanRecord | None) -> frozenset[str]:
    """Phases in which a canary is complete and others wait for `continue`; the empty name is the plan with its own."""
    done = _done(plan, complete, said)
    found = {
        phase.name
        for phase in plan.phases
        if _waits(len(done[phase.name]), len(phase.steps), phase.canary, _continued(said, phase.name))
    }
    through = sum(len(done[phase.name]) == len(phase.steps) for phase in plan.phases)
    if _waits(through, len(plan.phases), plan.canary, _continued(said, "")):
        found.add("")
    return frozenset(found)


def _waits(done: int, of: int, canary: int, continued: int) -> bool:
    return continued < canary and continued < done < of


def interrupt(plan: str, phase: str, said: PlanRecord | None) -> str | None:
    """Why nothing of a phase begins, None when no operator has interrupted it."""
    if said is None:
        return None
    if said.interrupted:
        return f"plan {plan} is interrupted" + (f": {said.why}" if said.why else "")
    return f"phase {phase} of plan {plan} is interrupted" if phase in said.phases else None


def _done(plan: Plan, complete: Callable[[str], bool], said: PlanRecord | None) -> dict[str, frozenset[str]]:
    """By phase the steps that are complete, or count as such."""
    forced: Set[str] = frozenset() if said is None else said.forced
    return {
        phase.name: frozenset(step for step in phase.steps if complete(step) or f"{phase.name}/{step}" in forced)
        for phase in plan.phases
    }


def _continued(said: PlanRecord | None, phase: str) -> int:
    return 0 if said is None else said.continued.get(phase, 0)


def _gates(
    names: Sequence[str],
    done: Set[str],
    strategy: Strategy,
    after: Mapping[str, Sequence[str]],
    canary: int,
    continued: int,
    word: str = "",
    begun: Callable[[str], bool] = lambda _: False,
) -> dict[str, str | None]:
    """By name of what is not done: None when it may act, else what it waits for."""
    left = [name for name in names if name not in done]
    found: dict[str, str | None] = {}
    for name in left:
        before: Sequence[str] = ()
        if strategy is Strategy.SERIAL:
            before = left[:1] if name != left[0] else ()
        elif strategy is Strategy.DEPENDENCY:
            before = [other for other in after.get(name, ()) if other in left]
        found[name] = f"waits for {word}{', '.join(before)}" if before else None
    if continued < canary:
        open_ = [name for name, why in found.items() if why is None]
        may = [name for name in open_ if begun(name)] or (open_[:1] if len(done) <= continued else [])
        waits = f"waits for canary {word}{may[0]}" if may else f"waits for `continue`: canary {len(done)} of {canary}"
        for name in open_:
            if name not in may:
                found[name] = waits
    return found
