"""The plans of a service within the state, and what operators say about them."""

from collections.abc import Mapping
from dataclasses import replace

from sdk.core.events import PlanCommandRequested
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.state import State
from sdk.model.plans import OWN, UPDATE, PlanRecord
from sdk.plan.assess import finished
from sdk.plan.commands import Asked, Command, Impossible, Said, Unknown, answer, current
from sdk.plan.facts import PlanFacts
from sdk.plan.policies import Policy
from sdk.plan.wish import target

_NOTHING: Mapping[str, PlanRecord] = {}


def plan_facts(state: State, service: str, *, by_policy: bool = False) -> PlanFacts:
    """What the plans of a service are made of, as it is now; `by_policy`: in the order in which it is acted.

    That raises what a policy raises, and ValueError for one that nobody registered.
    """
    return PlanFacts(
        policy=_policy(state, service) if by_policy else None,
        service=service,
        target=None if state.framework.uninstalling else state.targets.get(service),
        record=lambda name: state.pods.get((service, name)),
        names=lambda: [key[1] for key in state.index.services.of(service)],
        said=state.stored.plans.get(service, _NOTHING),
    )


def _policy(state: State, service: str) -> Policy | None:
    found = state.targets.get(service)
    name = None if found is None else found.spec.policy
    if name is None:
        return None
    policy = state.settings.policies.get(name)
    if policy is None:
        known = ", ".join(sorted(state.settings.policies)) or "none"
        raise ValueError(f"this process has no policy {name!r:.80} for plans; the plugin registers {known}")
    return policy


def command_requested(frame: Frame, event: PlanCommandRequested) -> None:
    """Remember what an operator says, and do at once what follows from it."""
    service, name, asked = event.service, event.plan, event.asked
    facts = plan_facts(frame, service)
    plan = facts.plan(name)
    if plan is None:
        frame.log("warning", f"{asked.command} of plan {name} of {service}: there is no such plan", service=service)
        return
    said = facts.said.get(name, PlanRecord(service=service, plan=name))
    found = answer(plan, said, asked, lambda step: facts.complete(name, step), facts.configs(plan))
    match found:
        case Impossible(why=why) | Unknown(why=why):
            frame.log("warning", f"{asked.command} of plan {name} of {service}: {why}", service=service)
        case Said(record=record, sentence=sentence, again=again):
            frame.troubles.release(service, frame.now)
            frame.say(record)
            if name not in OWN:
                _run(frame, service)
            for step in again:
                _try_again(frame, service, step)
            if name == UPDATE and asked.command is Command.FORCE_COMPLETE:
                _excuse(frame, service, asked, [step for phase in plan.phases for step in phase.steps])
            frame.touch(service)
            frame.log("info", f"Service {service}: {sentence}, on request", service=service, plan=name)


def _run(frame: Frame, service: str) -> None:
    """What a plan runs is a part of what the service should be."""
    present = frame.targets[service]
    frame.stored.targets = frame.targets.set(service, target(present.spec, frame.stored.plans.get(service, _NOTHING)))
    frame.touch(service)


def _try_again(frame: Frame, service: str, step: str) -> None:
    record = frame.pods.get((service, step))
    if record is not None and record.ready_since is None and (record.failures or record.not_before > frame.now):
        frame.put(replace(record, failures=0, not_before=0.0))


def _excuse(frame: Frame, service: str, asked: Asked, steps: list[str]) -> None:
    """An update goes on although these are not ready with what they should be."""
    for step in steps if asked.step is None else [asked.step]:
        record = frame.pods.get((service, step))
        if record is not None and record.ready_since is None:
            frame.put(replace(record, excused=True))


def forget_outdated(frame: Frame, service: str) -> None:
    """What was said about something that is there no more does not hold for what comes in its place."""
    facts = plan_facts(frame, service)
    for name, said in sorted(facts.said.items()):
        plan = facts.plan(name)
        if plan is None:
            frame.say(PlanRecord(service=service, plan=name))
        else:
            frame.say(current(said, facts.configs(plan)))


def end_runs(frame: Frame, service: str) -> None:
    """A run is over when all that it launched has run to its end."""
    found = frame.targets.get(service)
    for name, said in sorted(frame.stored.plans.get(service, _NOTHING).items()):
        plan = None if found is None else found.plans.get(name)
        if name in OWN or plan is None or not said.running:
            continue
        steps = [step for phase in plan.phases for step in phase.steps]
        if all(_over(frame, service, step) for step in steps):
            frame.log("info", f"Service {service}: run {said.run} of plan {name} is complete", service=service)
            frame.say(PlanRecord(service=service, plan=name, run=said.run))
            _run(frame, service)


def _over(frame: Frame, service: str, step: str) -> bool:
    record, wish = frame.pods.get((service, step)), frame.newest((service, step))
    return record is not None and wish is not None and finished(record, wish)


def forget_service(frame: Frame, service: str) -> None:
    """No instance of it is left; its nodes go with it."""
    for name in frame.stored.plans.get(service, _NOTHING):
        frame.store_nothing(("plan", service, name))
    frame.stored.plans = without(frame.stored.plans, service)
