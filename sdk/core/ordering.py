"""Instances ask their plans: what a plan does not let act is held back, and let go when its turn has come.

Rolling updates and replacements ask by themselves, where they choose (`sdk.core.updating`, `sdk.core.replacing`,
`sdk.core.widening`). Here is asked for all that is launched or ended without a choice:

    never ready before ──────────> deploy, or the plan that has to be started for it
    was as it should be ─────────> recovery
    was ended for its update ────> nobody: what has begun is brought to its end
    is wanted no more ───────────> decommission: one after the other, the highest index first
    its service is wanted no more > uninstall: nobody waits for anybody
"""

from collections.abc import Iterable, Set
from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.planning import plan_facts
from sdk.core.state import PodKey
from sdk.model.plans import DECOMMISSION, DEPLOY, RECOVERY
from sdk.plan.candidates import Verdicts
from sdk.plan.facts import PlanFacts
from sdk.plan.need import Held, LacksTasks, MustKill, MustPlace, Need, Outdated
from sdk.plan.wish import PodWish


def hold_back(frame: Frame, service: str, keys: Iterable[PodKey]) -> Set[PodKey]:
    """Ask for the instances `keys`, and for others whose turn may have come; returns all that may act now."""
    target = frame.targets.get(service)
    held = frame.work.held.of(service)
    if target is None or frame.framework.uninstalling:
        for key in held:
            _let_go(frame, key)
        return {*keys, *held}
    looked: set[PodKey] = {*held, *(key for key in keys if key in frame.pods)}
    if target.ordered or service in frame.stored.plans:
        looked.update(frame.work.unrest.of(service))
    facts = plan_facts(frame, service, by_policy=True)
    asked: dict[str, Verdicts] = {}
    unwanted = False
    for key in sorted(looked):
        need = _wanted(frame.work.need(key))
        newest = frame.newest(key)
        if need is None:
            _lacks_tasks(frame, facts, key)
            continue
        if newest is None:
            unwanted = unwanted or isinstance(need, MustKill)
        else:
            _hold(frame, key, need, _why_not(frame, facts, key, need, newest, asked))
    if unwanted:
        _decommission(frame, facts, service)
    return {key for key in looked if not isinstance(frame.work.need(key), Held)}


def _lacks_tasks(frame: Frame, facts: PlanFacts, key: PodKey) -> None:
    """Tasks are launched beside the others by recovery. When that goes on the need is found anew."""
    need = frame.work.need(key)
    if isinstance(need, LacksTasks) and need.tasks and facts.interrupted(RECOVERY, key[1]) is not None:
        frame.set_need(key, replace(need, tasks=()))


def _wanted(need: Need) -> MustPlace | MustKill | None:
    """What it would do without a plan, as far as that is asked for here."""
    if isinstance(need, Held):
        need = need.need
    return need if isinstance(need, MustPlace | MustKill) else None


def _hold(frame: Frame, key: PodKey, need: MustPlace | MustKill, why: str | None) -> None:
    if why is None:
        frame.set_need(key, need)
    else:
        frame.set_need(key, Held(need=need, why=why))
        # Nobody asks for offers of its agent, so that these do not come tells nothing.
        frame.work.waiting_since = without(frame.work.waiting_since, key)


def _let_go(frame: Frame, key: PodKey) -> None:
    if (need := _wanted(frame.work.need(key))) is not None:
        frame.set_need(key, need)


def _why_not(
    frame: Frame,
    facts: PlanFacts,
    key: PodKey,
    need: MustPlace | MustKill,
    newest: PodWish,
    asked: dict[str, Verdicts],
) -> str | None:
    """What an instance that is wanted waits for; None when it may act. `asked` are plans that were asked already."""
    record = frame.pods[key]
    if isinstance(need, MustPlace) and isinstance(need.instead, Outdated):
        return None  # chosen by the update, which asks its plan
    wish = frame.wish(key)
    if newest.plan is None and record.deployed is not None:
        recovers = wish is not None and wish.config == record.deployed
        if not recovers:
            return None
        if facts.policy is None or isinstance(need, MustKill):
            return facts.interrupted(RECOVERY, record.name)
        if RECOVERY not in asked:
            asked[RECOVERY] = facts.verdicts(RECOVERY)
        return asked[RECOVERY].get(record.name)
    if newest.dormant:
        return None
    plan = newest.plan or DEPLOY
    if isinstance(need, MustKill):
        return None  # what was launched and is not whole is launched again as a whole
    if plan not in asked:
        asked[plan] = facts.verdicts(plan)
    return asked[plan].get(record.name)


def _decommission(frame: Frame, facts: PlanFacts, service: str) -> None:
    """What is wanted no more is ended one by one; what was forced to count as gone holds up nobody."""
    said = facts.said.get(DECOMMISSION)
    forced: Set[str] = frozenset() if said is None else said.forced
    keys = [
        key
        for key in frame.work.unrest.of(service)
        if frame.newest(key) is None and isinstance(_wanted(frame.work.need(key)), MustKill)
    ]
    records = {key: frame.pods[key] for key in keys}
    ending = {key for key, record in records.items() if any(task.ending for task in record.tasks)}
    first: str | None = None
    for key in sorted(keys, key=lambda key: (key not in ending, -records[key].index, key)):
        need = _wanted(frame.work.need(key))
        assert need is not None
        name = records[key].name
        why = facts.interrupted(DECOMMISSION, name)
        if why is None and first is not None:
            why = f"is removed when {first} is gone"
        if key in ending:
            why = None
        _hold(frame, key, need, why)
        if why is None and f"{name}/{name}" not in forced:
            first = first or name
