"""After every event: look again at the instances that changed or whose time has come, and do what can be done now.

What is done then with the instances of one service is in `sdk.core.coordinating`; placing needs offers and happens in
`sdk.core.offers`. Only services in which something changed are looked at.
"""

import math

from sdk.core import budget, keeping, leaving, replacing, succession, widening
from sdk.core.coordinating import coordinate
from sdk.core.frame import Frame
from sdk.core.holdings import outgrow_role
from sdk.core.maps import without
from sdk.core.releasing import end_releases, forget_old
from sdk.core.state import PodKey, State, agent_of
from sdk.core.troubles import Kind, Part
from sdk.model.records import PodRecord
from sdk.model.values import replace
from sdk.plan.assess import assess, finished
from sdk.plan.need import (
    Around,
    LacksPorts,
    LacksTasks,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Waits,
    ready,
    waits_for_agent,
)

ROUNDS = 20
"""More rounds than any chain of needs is long; reaching it is a bug, not a busy cluster."""


def settle(frame: Frame) -> None:
    """Bring needs up to date and act on them until nothing changes any more."""
    _time_has_come(frame)
    for _ in range(ROUNDS):
        budget.wake_the_others(frame)
        if not frame.dirty and not frame.touched:
            return
        dirty, frame.dirty = frame.dirty, set()
        for key in sorted(dirty):
            if frame.troubles.paused(key[0], frame.now):
                continue
            with frame.apart(key[0], Part(Kind.LOOKING, key[1])):
                _assess(frame, key)
            frame.touched.setdefault(key[0], set()).add(key)
        touched, frame.touched = frame.touched, {}
        for service, keys in sorted(touched.items()):
            if frame.troubles.paused(service, frame.now):
                continue
            with frame.apart(service, Part(Kind.COORDINATING)):
                coordinate(frame, service, keys)
    for service in sorted({*frame.touched, *(key[0] for key in frame.dirty)}):
        frame.fault(service, Part(Kind.SETTLING), f"{Part(Kind.SETTLING)} comes to no end: {sorted(frame.dirty)[:5]}")
    frame.dirty, frame.touched = set(), {}


def _time_has_come(frame: Frame) -> None:
    keys, frame.work.again = frame.work.again.by(frame.now)
    for key in keys:
        need = frame.work.need(key)
        if isinstance(need, Waits | LacksTasks) and need.until is not None and need.until <= frame.now:
            for task_id in need.reconcile:
                frame.reconcile(task_id)
        _agent_silent(frame, key)
        replacing.out_of_patience(frame, key)
        frame.dirty.add(key)
    services, frame.work.updates = frame.work.updates.by(frame.now)
    for service in services:
        frame.touched.setdefault(service, set())
    leaving.time_has_come(frame)
    if frame.subscribed:
        end_releases(frame)
        if frame.roles.sweep_due <= frame.now:
            frame.sweep(frame.settings.sweep)
            forget_old(frame)


def _agent_silent(frame: Frame, key: PodKey) -> None:
    """An agent that does not offer what we hold on it, nor anything else, is as lost as one that Mesos reports."""
    record, due = frame.pods[key], _silence_ends(frame, key)
    if due <= frame.now and record.holding is not None:
        since = frame.work.waiting_since[key]
        host = record.holding.hostname
        frame.log("warning", f"{record.name}: no offer of {host} for {frame.now - since:.0f} s, taken for lost")
        frame.work.waiting_since = frame.work.waiting_since.delete(key)
        frame.put(replace(record, lost_at=since))


def _silence_ends(frame: Frame, key: PodKey) -> float:
    """When the agent of an instance that waits for its reservation counts as lost; infinity when never."""
    since = frame.work.waiting_since.get(key)
    if since is None or not frame.subscribed:
        return math.inf
    record, wish = frame.pods[key], frame.wish(key)
    waits = wish is not None and waits_for_agent(record, wish)
    if record.holding is None or record.lost_at is not None or waits:
        return math.inf
    return since + frame.settings.silent_agent


def _again(frame: Frame, key: PodKey) -> float:
    """When the instance is looked at again, whatever happens; infinity when never."""
    need = frame.work.need(key)
    until = need.until if isinstance(need, Waits | LacksTasks | MustRelease) else None
    return min(
        math.inf if until is None else until,
        _silence_ends(frame, key),
        succession.ends(frame, key),
        replacing.patience_ends(frame, key),
    )


def _assess(frame: Frame, key: PodKey) -> None:
    record = frame.pods.get(key)
    if record is None or (key[0] in frame.troubles.targetless and not frame.framework.uninstalling):
        return
    if _has_no_use_for_the_past(frame, key, record):
        record = replace(record, earlier=None)
        frame.put(record)
    wished = keeping.as_wished(record, frame.newest(key))
    if wished is not record:
        frame.put(wished)
        record = wished
    need = assess(record, frame.wish(key), frame.now, around(frame, key))
    known = _remembered(frame, key, record, need)
    if known is not record:
        again = key in frame.dirty
        frame.put(known)
        record = known
        if not again:
            frame.dirty.discard(key)  # what is remembered changes no need
    if isinstance(need, MustPlace) and outgrow_role(frame, record):
        return  # looked at again in the next round, as it is now
    budget.count(frame, record, frame.wish(key))
    old = frame.work.need(key)
    if isinstance(need, LacksPorts):
        need = widening.remembered(need, old)
    elif isinstance(need, Overdue | Outdated) and isinstance(old, MustPlace) and type(old.instead) is type(need):
        need = replace(old, instead=need)  # it is looking for a place already; whether it goes on is decided below
    frame.set_need(key, need)
    held = isinstance(need, MustRelease) or (isinstance(need, MustPlace) and not need.elsewhere)
    if held:
        if key not in frame.work.waiting_since:
            frame.work.waiting_since = frame.work.waiting_since.set(key, frame.now)
    else:
        frame.work.waiting_since = without(frame.work.waiting_since, key)
    if key not in frame.work.placing or isinstance(need, MustRelease):
        frame.troubles.well(key[0], Part(Kind.PLACING, key[1]))
        frame.work.refusals = without(frame.work.refusals, key)
    frame.changed.add(key)
    frame.work.again = frame.work.again.put(key, _again(frame, key))


def _has_no_use_for_the_past(frame: Frame, key: PodKey, record: PodRecord) -> bool:
    """It has run to its end as it was, or nobody knows any more how it was: it is to be as the target says at once."""
    if record.earlier is None:
        return False
    wish = frame.wish(key)
    return (key[0], record.earlier) not in frame.stored.earlier or (wish is not None and finished(record, wish))


def around(state: State, key: PodKey) -> Around:
    """What instance `key` needs to know beside its record and its wish."""
    record = state.pods[key]
    agent_id = agent_of(record)
    since = state.work.waiting_since.get(key)
    quiet = (
        {}
        if since is None
        else {left.agent_id: max(since, state.agents.heard.get(left.agent_id, 0.0)) for left in record.superseded}
    )
    return Around(
        patience=state.settings.removal_patience,
        behind=record.earlier is not None,
        leaving=state.agents.leaving.get(agent_id) if agent_id is not None else None,
        quiet_since=quiet,
        told_since=state.link.since,
    )


def _remembered(frame: Frame, key: PodKey, record: PodRecord, need: Need) -> PodRecord:
    """The record with the facts about now that later decisions need; what served at the old place is ended."""
    wish = frame.wish(key)
    is_ready = wish is not None and ready(record, wish)
    elsewhere = isinstance(need, MustPlace) and need.elsewhere and need.instead is None
    displaced = record.deployed is not None and (elsewhere or record.lost_at is not None)
    since = (record.displaced_since or record.lost_at or frame.now) if displaced else None
    ready_since = (record.ready_since or frame.now) if is_ready else None
    succeeded = wish is None or succession.proven(frame, wish, ready_since)
    if succeeded:
        for left in record.superseded:
            if not left.ended and (left.serving or wish is None):
                frame.kill(left.task_id, left.agent_id)
    avoid = record.avoid
    if is_ready and avoid:
        avoid = tuple(each for each in avoid if each.until > frame.now)
    superseded = record.superseded
    if succeeded and superseded:
        superseded = tuple(replace(each, serving=False) for each in superseded)
    replacing_since = None if is_ready else record.replacing_since
    excused = record.excused and not is_ready
    known = (ready_since, since, replacing_since, excused, avoid, superseded)
    if known == (
        record.ready_since,
        record.displaced_since,
        record.replacing_since,
        record.excused,
        record.avoid,
        record.superseded,
    ):
        return record  # as nearly always
    return replace(
        record,
        ready_since=ready_since,
        displaced_since=since,
        replacing_since=replacing_since,
        excused=excused,
        avoid=avoid,
        superseded=superseded,
    )
