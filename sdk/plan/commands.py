"""What an operator may say about a plan, and what it leads to: another record, or the reason why not. Pure.

Each command may be given again without harm. What follows for instances is done by whoever asks the plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sdk.model.plans import DEPLOY, OWN, RECOVERY, UNINSTALL, UPDATE, PlanRecord
from sdk.plan.candidates import awaiting
from sdk.plan.plan import Phase, Plan


class Command(StrEnum):
    """Said about a plan, a phase or a step."""

    INTERRUPT = "interrupt"
    """Nothing of it begins any more; what has begun goes on."""
    CONTINUE = "continue"
    """It is interrupted no more, or what waits for it after a canary goes on."""
    RESTART = "restart"
    """What was said about it is forgotten, and what failed is tried again at once; a plan that is started runs anew."""
    FORCE_COMPLETE = "forceComplete"
    """It counts as complete for all that comes after it."""
    START = "start"
    """A run begins."""
    STOP = "stop"
    """The run ends, with all of its tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command, and what it is about: the plan, a phase, or a step of it."""

    command: Command
    phase: str | None = None
    step: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """There is no such phase or step."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """It cannot be done; a sentence."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is to be remembered from now on."""

    record: PlanRecord
    sentence: str
    """What has come of it."""
    again: tuple[str, ...] = ()
    """Instances that are tried again at once."""


Answer = Said | Impossible | Unknown


def answer(
    plan: Plan, said: PlanRecord, asked: Asked, complete: Callable[[str], bool], configs: Mapping[str, str]
) -> Answer:
    """What comes of a command. `configs` tells, by phase, which configuration of its pod the plan is about."""
    unknown = _unknown(plan, asked)
    if unknown is not None:
        return Unknown(why=unknown)
    if plan.name == UNINSTALL:
        return Impossible(why="an uninstall goes on until nothing is left; there is no way back")
    match asked.command:
        case Command.INTERRUPT | Command.CONTINUE if asked.step is not None:
            return Impossible(why=f"{asked.command} is about a plan or a phase, not about a step")
        case Command.INTERRUPT:
            return _interrupt(said, asked)
        case Command.CONTINUE:
            return _continue(plan, said, asked, complete, configs)
        case Command.FORCE_COMPLETE:
            return _force(plan, said, asked, configs)
        case Command.RESTART:
            return _restart(plan, said, asked)
        case Command.START:
            return _start(plan, said, asked)
        case Command.STOP:
            return _stop(plan, said, asked)


def _unknown(plan: Plan, asked: Asked) -> str | None:
    if asked.phase is None:
        return None if asked.step is None else "a step is named with its phase: ?phase=<phase>&step=<step>"
    phases = {phase.name: phase for phase in plan.phases}
    if asked.phase not in phases:
        return f"plan {plan.name} has no phase {asked.phase!r:.80}; it has {_names(phases)}"
    steps = phases[asked.phase].steps
    if asked.step is not None and asked.step not in steps:
        return f"phase {asked.phase} has no step {asked.step!r:.80}; it has {_names(steps)}"
    return None


def _names(found: Mapping[str, object] | tuple[str, ...]) -> str:
    names = list(found)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") if names else "none"


def _interrupt(said: PlanRecord, asked: Asked) -> Answer:
    if asked.phase is None:
        word = "is interrupted already" if said.interrupted else "is interrupted: nothing of it begins"
        return Said(record=replace(said, interrupted=True), sentence=f"plan {said.plan} {word}")
    word = "is interrupted already" if asked.phase in said.phases else "is interrupted: nothing of it begins"
    return Said(record=replace(said, phases=said.phases | {asked.phase}), sentence=f"phase {asked.phase} {word}")


def _continue(
    plan: Plan, said: PlanRecord, asked: Asked, complete: Callable[[str], bool], configs: Mapping[str, str]
) -> Answer:
    if asked.phase is None and said.interrupted:
        return Said(record=replace(said, interrupted=False, why=None), sentence=f"plan {plan.name} goes on")
    if asked.phase is not None and asked.phase in said.phases:
        return Said(record=replace(said, phases=said.phases - {asked.phase}), sentence=f"phase {asked.phase} goes on")
    waiting = awaiting(plan, complete, said)
    concerned = waiting if asked.phase is None else waiting & {asked.phase}
    if not concerned:
        return Said(record=said, sentence="nothing waits for it: no interrupt, and no canary that is complete")
    continued = {**said.continued, **{name: said.continued.get(name, 0) + 1 for name in concerned}}
    about = {**said.about, **{name: configs.get(name, "") for name in concerned}}
    names = ", ".join(sorted(name or f"plan {plan.name}" for name in concerned))
    return Said(record=replace(said, continued=continued, about=about), sentence=f"{names} goes on after its canary")


def _scope(plan: Plan, asked: Asked) -> list[tuple[Phase, str]]:
    return [
        (phase, step)
        for phase in plan.phases
        if asked.phase in (None, phase.name)
        for step in phase.steps
        if asked.step in (None, step)
    ]


def _force(plan: Plan, said: PlanRecord, asked: Asked, configs: Mapping[str, str]) -> Answer:
    if plan.name == RECOVERY:
        return Impossible(why="nothing waits for a recovery to be complete; `replace` an instance to have it elsewhere")
    scope = _scope(plan, asked)
    forced = said.forced | {f"{phase.name}/{step}" for phase, step in scope}
    about = {**said.about, **{phase.name: configs.get(phase.name, "") for phase, _ in scope}}
    return Said(record=replace(said, forced=forced, about=about), sentence=f"{len(scope)} steps count as complete")


def _restart(plan: Plan, said: PlanRecord, asked: Asked) -> Answer:
    if plan.name not in OWN and asked.phase is None:
        if not said.run:
            return Impossible(why=f"plan {plan.name} was never started; start it")
        return _run(said, said.parameters)
    scope = _scope(plan, asked)
    phases = {phase.name for phase, _ in scope}
    forced = said.forced - {f"{phase.name}/{step}" for phase, step in scope}
    continued = said.continued
    if asked.step is None:
        continued = {name: count for name, count in continued.items() if name and name not in phases}
    record = replace(said, forced=forced, continued=continued)
    tried = tuple(step for _, step in scope) if plan.name in (DEPLOY, UPDATE, RECOVERY) or plan.name not in OWN else ()
    return Said(record=_told(record), sentence=f"{len(scope)} steps begin again, as far as they wait", again=tried)


def _start(plan: Plan, said: PlanRecord, asked: Asked) -> Answer:
    if (why := _not_by_hand(plan, asked)) is not None:
        return Impossible(why=why)
    odd = sorted(set(asked.parameters) - set(plan.parameters))
    if odd:
        known = ", ".join(plan.parameters) or "none"
        return Impossible(why=f"plan {plan.name} has no parameter {', '.join(odd)[:200]}; it has {known}")
    if said.running and dict(said.parameters) != dict(asked.parameters):
        return Impossible(why=f"plan {plan.name} runs with other parameters; stop it first")
    if said.running:
        return Said(record=said, sentence=f"run {said.run} of plan {plan.name} is under way")
    return _run(said, asked.parameters)


def _run(said: PlanRecord, parameters: Mapping[str, str]) -> Said:
    record = PlanRecord(
        service=said.service, plan=said.plan, running=True, run=said.run + 1, parameters=dict(parameters)
    )
    return Said(record=record, sentence=f"run {record.run} of plan {said.plan} begins")


def _stop(plan: Plan, said: PlanRecord, asked: Asked) -> Answer:
    if (why := _not_by_hand(plan, asked)) is not None:
        return Impossible(why=why)
    if not said.running:
        return Said(record=said, sentence=f"plan {plan.name} does not run")
    record = PlanRecord(service=said.service, plan=said.plan, run=said.run)
    return Said(record=record, sentence=f"run {said.run} of plan {plan.name} ends")


def _not_by_hand(plan: Plan, asked: Asked) -> str | None:
    if plan.name in OWN:
        return f"plan {plan.name} runs whenever it has something to do; {asked.command} is for those of a spec"
    return None if asked.phase is None else f"{asked.command} is about a whole plan"


def _told(record: PlanRecord) -> PlanRecord:
    """Without what `about` tells of phases about which nothing is said any more."""
    named = {*record.continued, *(name.partition("/")[0] for name in record.forced)}
    return replace(record, about={name: config for name, config in record.about.items() if name in named})


def current(record: PlanRecord, phases: Mapping[str, str]) -> PlanRecord:
    """What of it still holds: `phases` are those that there are, each with the configuration that it is about."""

    def holds(phase: str) -> bool:
        return phase in phases and record.about.get(phase, "") == phases[phase]

    return _told(
        replace(
            record,
            phases=frozenset(name for name in record.phases if name in phases),
            continued={name: count for name, count in record.continued.items() if holds(name)},
            forced=frozenset(name for name in record.forced if holds(name.partition("/")[0])),
        )
    )
