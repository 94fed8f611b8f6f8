"""The state as the outside may see it: plans with their explanations, pods, offers, connection."""

from dataclasses import replace

from sdk.core.budget import room_to_end
from sdk.core.membership import refusal_sentence
from sdk.core.planning import plan_facts
from sdk.core.rollback import earlier_of, versions_of
from sdk.core.settle import around
from sdk.core.snapshot import Quarantine, ServiceView, Snapshot
from sdk.core.state import Connection, PodKey, State
from sdk.core.troubles import Kind, Part
from sdk.core.updating import failing
from sdk.model.plans import RECOVERY, UPDATE
from sdk.plan.assess import assess
from sdk.plan.candidates import Verdicts
from sdk.plan.facts import PlanFacts
from sdk.plan.need import LacksPorts, LacksTasks, MustPlace, Need, Outdated, Overdue, Rest, Stopped, Waits
from sdk.plan.policies import CUSTOMISED
from sdk.plan.progress import Progress
from sdk.plan.rollback import pins_told
from sdk.plan.steps import StepFacts, progress
from sdk.plan.views import overall, plans
from sdk.plan.wish import Target


def snapshot(state: State, now: float) -> Snapshot:
    """Everything, at the moment `now` (seconds since the epoch; the sentences tell how long things will take)."""
    names = sorted(services(state) | set(state.troubles.invalid))
    status, message = _uninstall(state, now)
    return Snapshot(
        framework=state.framework,
        connection=state.connection.value,
        master=state.link.master if state.connection is Connection.SUBSCRIBED else None,
        error=state.link.error,
        offers=state.work.offers_seen,
        suppressed=tuple(sorted(role for role, found in state.roles.offers.items() if found.suppressed)),
        services={name: _service(state, name, now) for name in names},
        uninstall=status,
        uninstall_message=message,
    )


def services(state: State) -> frozenset[str]:
    """Names of the services that are there or wanted."""
    troubles = state.troubles
    return frozenset(
        (*state.targets, *state.index.services, *troubles.targetless, *(key[0] for key in troubles.broken))
    )


def quarantined(state: State) -> tuple[str, ...]:
    """Services that are left alone because something in them fails."""
    return tuple(sorted(name for name in state.troubles.faults if name))


def problems(state: State) -> dict[str, str]:
    """What keeps single services from being as they are wished, a sentence each: the gravest when there are more."""
    found: dict[str, str] = {}
    if state.roles.membership.refused:
        for name, target in state.targets.items():
            roles = sorted({pod.role for pod in target.spec.pods})
            sentences = [sentence for role in roles if (sentence := refusal_sentence(state, role)) is not None]
            if sentences:
                found[name] = "; ".join(sentences)
    for key in sorted(state.work.stopped, reverse=True):
        need = state.work.need(key)
        if isinstance(need, Stopped | LacksTasks):
            found[key[0]] = f"{key[1]}: {need.message}"
    found |= {name: pins_told(versions) for name, versions in state.stored.versions.items() if versions.pins}
    for name in quarantined(state):
        if (quarantine := _quarantine(state, name)) is not None:
            found[name] = quarantine.why
    return {
        **found,
        **state.troubles.invalid,
        **{key[0]: _unreadable(key[1], why) for key, why in sorted(state.troubles.broken.items())},
        **{name: _unknown(why) for name, why in state.troubles.targetless.items()},
    }


def _unreadable(pod: str, why: str) -> str:
    return f"what is stored of {pod} cannot be read, so it is left as it is: {why}; repair the node, then restart"


def _unknown(why: str) -> str:
    return f"what it should be cannot be read, so it is left as it is until that is published anew: {why}"


def _facts(state: State, key: PodKey, now: float, turns: "_Turns | None" = None) -> StepFacts:
    record = state.pods[key]
    wish = state.stored.wish(key)
    need = state.work.need(key)
    if isinstance(need, Waits | LacksTasks | Overdue) or (
        state.connection is not Connection.SUBSCRIBED and isinstance(need, Rest)
    ):
        # Sentences with seconds in them are made anew.
        need = assess(record, wish, now, around(state, key))
    updated = isinstance(need, Outdated) or (isinstance(need, MustPlace) and isinstance(need.instead, Outdated))
    launch = state.stored.newest(key) if updated else wish
    killing = isinstance(need, Outdated | LacksPorts) and any(
        task.ending for task in record.tasks if task.task_id in need.tasks
    )
    return StepFacts(
        record=record,
        wish=wish,
        need=need,
        being_killed=killing,
        refusals=state.work.refusals.get(key, {}),
        updated=updated,
        obstacle=_fault(state, key[0], Part(Kind.PLACING, key[1]))
        or (None if launch is None else refusal_sentence(state, launch.spec.role))
        or (None if turns is None else turns.holds_up(key, need)),
    )


_NO_ROOM = "waits until the budget of the framework for instances that do not serve has room"


class _Turns:
    """What holds up those of a service that wait for their turn, as far as it is not said by themselves."""

    def __init__(self, state: State, service: str, now: float) -> None:
        self._state = state
        self._now = now
        self._service = service
        self._plans = _ordered(state, service)
        self._verdicts: Verdicts | None = None

    def holds_up(self, key: PodKey, need: Need) -> str | None:
        if isinstance(need, Overdue | LacksTasks):
            return self._plans.waits(RECOVERY, key[1])
        if not isinstance(need, Outdated):
            return None
        if self._verdicts is None:
            self._verdicts = self._plans.verdicts(UPDATE)
        why = self._verdicts.get(key[1])
        wish = self._state.stored.newest(key)
        if why is not None or wish is None:
            return why
        bad = failing(self._state, self._service, wish.spec.name, wish, self._now)
        if bad is None:
            return None if room_to_end(self._state) != 0 else _NO_ROOM
        return f"the update stops at {bad.name}, which fails with the new one: {bad.last_failure}"


def _fault(state: State, service: str, part: Part) -> str | None:
    faults = state.troubles.faults.get(service)
    fault = None if faults is None else faults.get(part)
    return None if fault is None else fault.sentence


def _service(state: State, name: str, now: float) -> ServiceView:
    keys = sorted(state.index.services.of(name), key=lambda key: (state.pods[key].pod, state.pods[key].index))
    target = state.targets.get(name)
    broken = {key[1]: _unreadable(key[1], why) for key, why in state.troubles.broken.items() if key[0] == name}
    unknown = name in state.troubles.targetless
    turns = _Turns(state, name, now)
    facts = [] if unknown else [_facts(state, key, now, turns) for key in keys]
    found = plans(_ordered(state, name), facts, _refusal(state, name), broken)
    if told := pins_told(versions_of(state, name)):
        found = tuple(replace(plan, message=told) if plan.name == UPDATE else plan for plan in found)
    quarantine = _quarantine(state, name)
    removing = (target is None and not unknown and not broken) or state.framework.uninstalling
    return ServiceView(
        name=name,
        status=Progress.ERROR if quarantine is not None else overall(found),
        removing=removing,
        plans=found,
        pods=tuple(state.pods[key] for key in keys),
        labels={} if target is None else _told(target),
        wanted=frozenset(each.record.name for each in facts if each.wish is not None),
        quarantine=quarantine,
        target=None if removing else target,
        earlier=earlier_of(state, name),
        versions=versions_of(state, name),
        said=state.stored.plans.get(name, {}),
    )


def _ordered(state: State, name: str) -> PlanFacts:
    """The plans as they are acted on; as the spec has them where a policy fails, which is told by the quarantine."""
    target = state.targets.get(name)
    if target is None or target.spec.policy is None:
        return plan_facts(state, name)
    try:
        found = plan_facts(state, name, by_policy=True)
        for plan in CUSTOMISED:
            found.plan(plan)
    except Exception:  # noqa: BLE001 - foreign code
        return plan_facts(state, name)
    return found


def _quarantine(state: State, name: str) -> Quarantine | None:
    faults = state.troubles.faults.get(name)
    if faults is None:
        return None
    return Quarantine(
        why="; ".join(sorted(fault.sentence for fault in faults.values())),
        since=min(fault.since for fault in faults.values()),
        until=max(fault.retry.due for fault in faults.values()),
    )


def _refusal(state: State, name: str) -> str | None:
    why = state.troubles.targetless.get(name)
    return state.troubles.invalid.get(name) if why is None else _unknown(why)


def _told(target: Target) -> dict[str, str]:
    return {key: value for pod in target.spec.pods for task in pod.tasks for key, value in task.volatile_labels}


def _uninstall(state: State, now: float) -> tuple[Progress | None, str]:
    left = f"; left behind: {'; '.join(state.removal.sentences())}" if state.removal.notes else ""
    if state.removal.uninstalled:
        rest = "the framework is gone" if left else "no task, no reservation and no stored node is left"
        return Progress.COMPLETE, f"{rest}{left}"
    if not state.framework.uninstalling:
        return None, ""
    if state.troubles.broken:
        names = ", ".join(sorted("/".join(key) for key in state.troubles.broken))
        return Progress.ERROR, f"what {names} run and hold cannot be read, so the framework is not ended; see problems"
    if state.pods:
        waits = [f"{key[0]}/{key[1]}: {progress(_facts(state, key, now))[1]}" for key in sorted(state.pods)[:5]]
        more = f" and {len(state.pods) - 5} more" if len(state.pods) > 5 else ""
        return Progress.IN_PROGRESS, f"{len(state.pods)} instances are left: {'; '.join(waits)}{more}{left}"
    if state.removal.teardown_due is None:
        return Progress.IN_PROGRESS, f"looks through all offers for reservations that nobody holds any more{left}"
    return Progress.IN_PROGRESS, f"waits for Mesos to confirm the end of the framework{left}"
