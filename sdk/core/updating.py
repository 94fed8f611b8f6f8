"""Rolling updates: which instances with an old configuration are ended now.

An instance is ended only when its place can be used again: its agent has made an offer just now, with the fixed ports
that the new configuration needs besides, or the instance is of no use anyway. Agents are asked for offers first. One
that says nothing may be deactivated or full, which nobody tells us: it keeps its instance until another agent offers a
place, and for some minutes only, since a full one, or a role at its limit, offers nothing before the instance is ended.
A guess that was wrong is not repeated: while a sibling that was ended has no place, no other is ended on one.
In a role that Mesos has not given us nothing could be launched, so nothing that serves is ended for it.
Before anything that serves is ended, another place is looked for where the strategy says so (`sdk.core.surging`).
Which instances come into question at all is told by the plan `update`. When one fails with the new configuration no
other is ended for it before that is mended: by itself, by another target, or by going back.
"""

from collections.abc import Mapping
from dataclasses import replace

from sdk.core.budget import ended, room_to_end
from sdk.core.frame import Frame
from sdk.core.planning import plan_facts
from sdk.core.state import PodKey, State, agent_of
from sdk.core.surging import look_for_places
from sdk.model.plans import UPDATE
from sdk.model.records import PodRecord
from sdk.offer.algebra import covers
from sdk.offer.pool import ranges_of
from sdk.plan.need import MustPlace, Outdated, as_wished, fails_until, over
from sdk.plan.plan import instance
from sdk.plan.strategy import update_now
from sdk.plan.wish import PodWish


def update(frame: Frame, service: str, pod: str) -> None:
    """End as many outdated instances as the strategy allows."""
    wish = frame.targets[service].pods[pod]
    behind = frame.index.behind.of(service)
    waiting: dict[int, Outdated] = {}
    keys: dict[int, PodKey] = {}
    displaced: list[PodRecord] = []
    unavailable = in_progress = 0
    for key, record, need in _unrest(frame, service, pod):
        if frame.wish(key) is None:
            continue
        outdated = _outdated(need)
        if outdated is None and key in behind and _is_of_no_use(frame, key, record):
            outdated = _of_no_use(record)
        if outdated is not None and any(task.ending for task in record.tasks if task.task_id in outdated.tasks):
            unavailable += 1
            in_progress += key not in behind
        elif outdated is not None:
            waiting[record.index] = outdated
            keys[record.index] = key
            unavailable += record.deployed is not None and not outdated.ready
        elif record.deployed is not None and record.displaced_since is not None:
            displaced.append(record)
        elif record.deployed is not None and record.ready_since is None and not record.excused:
            unavailable += 1
            # One that was ready for a moment has not shown that the others may follow.
            in_progress += record.deployed != wish.config or bool(behind)
    if not waiting:
        return
    serving = sum(need.ready for need in waiting.values()) + sum(
        frame.pods[key].pod == pod for key in _at_rest(frame, service)
    )
    for record in displaced:
        if not _left_out(frame, record, serving):
            unavailable += 1
            in_progress += record.deployed != wish.config and record.lost_at is None and record.earlier is None
    proving = _proving(frame, service, pod, wish)
    if proving:
        frame.work.update_by(service, min(proving))
    unavailable += len(proving)
    in_progress += len(proving)
    admitted = wish.spec.role in frame.roles.membership.told
    may_guess = admitted and not any(_never_came_back(record) for record in displaced)
    turns = _in_turn(frame, service, pod, wish, waiting)
    chosen = update_now(wish.spec.update, turns, unavailable, in_progress)
    ahead = look_for_places(frame, wish, {keys[index]: waiting[index] for index in chosen}) if admitted else frozenset()
    usable = {
        index: need
        for index, need in turns.items()
        if keys[index] not in ahead
        and (
            not need.ready
            or (admitted and _offers(frame, keys[index], wish))
            or (may_guess and _asked_for_long(frame, keys[index]) and not _lacking(frame, keys[index], wish))
        )
    }
    for index in update_now(wish.spec.update, usable, unavailable + len(ahead), in_progress + len(ahead)):
        if not usable[index].ready or room_to_end(frame) != 0:
            _end(frame, keys[index], usable[index])
    for index, key in keys.items():
        if key in ahead:
            continue
        if index in chosen and index not in usable and admitted:
            _ask(frame, key, waiting[index], wish, may_guess=may_guess)
        else:
            frame.stop_asking(key)
            present = frame.work.need(key)
            if _outdated(present) is not None:
                frame.set_need(key, waiting[index])


def _in_turn(
    frame: Frame, service: str, pod: str, wish: PodWish, waiting: Mapping[int, Outdated]
) -> Mapping[int, Outdated]:
    """Those that the plan lets be updated. While one fails with the new configuration none that serves is."""
    if wish.spec.update.canary or frame.targets[service].ordered or service in frame.stored.plans:
        verdicts = plan_facts(frame, service).verdicts(UPDATE)
        waiting = {index: need for index, need in waiting.items() if verdicts.get(instance(pod, index)) is None}
    bad = failing(frame, service, pod, wish, frame.now)
    if bad is not None:
        frame.work.update_by(service, fails_until(bad, wish) or frame.now)
        waiting = {index: need for index, need in waiting.items() if not need.ready}
    return waiting


def failing(state: State, service: str, pod: str, wish: PodWish, now: float) -> PodRecord | None:
    """An instance that has got the new configuration, and fails with it."""
    for key in sorted(state.index.services.of(service)):
        record = state.pods[key]
        if record.pod == pod and (fails_until(record, wish) or now) > now:
            return record
    return None


def _unrest(frame: Frame, service: str, pod: str) -> list[tuple[PodKey, PodRecord, object]]:
    keys = sorted(frame.work.unrest.of(service))
    return [(key, frame.pods[key], frame.work.needs[key]) for key in keys if frame.pods[key].pod == pod]


def _at_rest(frame: Frame, service: str) -> list[PodKey]:
    unrest = frame.work.unrest.of(service)
    return [key for key in frame.index.services.of(service) if key not in unrest]


def _outdated(need: object) -> Outdated | None:
    if isinstance(need, MustPlace):
        need = need.instead
    return need if isinstance(need, Outdated) else None


def _is_of_no_use(frame: Frame, key: PodKey, record: PodRecord) -> bool:
    """It does not serve, and it does not come back by itself at a place that it has."""
    return record.ready_since is None and (record.displaced_since is None or key in frame.work.refusals)


def _of_no_use(record: PodRecord) -> Outdated:
    """It is about to run again as it was, or nobody offers a place for that: neither need be waited for."""
    there = record.tasks if record.lost_at is None else ()
    return Outdated(tasks=tuple(task.task_id for task in there if not over(task)), ready=False)


def _left_out(frame: Frame, record: PodRecord, serving: int) -> bool:
    """Whether the update goes on without an instance that has lost its place.

    By itself only when it has been without a place for long, and one that serves is left beside the one that is ended.
    """
    if record.excused:
        return True
    assert record.displaced_since is not None
    due = record.displaced_since + frame.settings.displaced_patience
    if serving < 2:
        return False
    if due > frame.now:
        frame.work.update_by(record.service, due)
        return False
    return True


def _never_came_back(record: PodRecord) -> bool:
    """It was ended, and its agent did not take it again; one whose agent was lost before says nothing about others."""
    return not record.excused and any(task.ending for task in record.tasks)


def _offers(frame: Frame, key: PodKey, wish: PodWish) -> bool:
    """The agent has made an offer just now: it can take the next task."""
    agent_id = agent_of(frame.pods[key])
    if agent_id is None or frame.agents.heard.get(agent_id, 0.0) + frame.settings.offer_fresh < frame.now:
        return False
    return _lacking(frame, key, wish) == ()


def _lacking(frame: Frame, key: PodKey, wish: PodWish) -> tuple[int, ...] | None:
    """Fixed ports of the new configuration that the agent's last offer does not hold, nor the instance; None where that
    is not known.
    """
    record = frame.pods[key]
    tasks = (task for task in wish.spec.tasks if task.container.on_agents_network)
    needed = {port.number for task in tasks for port in task.ports if port.number and not port.optional}
    needed -= {number for task in record.tasks for number in task.ports.values()}
    if record.holding is not None:
        held = ranges_of(record.holding.resources, "ports")
        needed = {number for number in needed if not covers(held, number)}
    if not needed:
        return ()
    agent_id = agent_of(record)
    offered = None if agent_id is None else frame.agents.offered_ports.get((agent_id, wish.spec.role))
    return None if offered is None else tuple(sorted(number for number in needed if not covers(offered, number)))


def _end(frame: Frame, key: PodKey, need: Outdated) -> None:
    record = frame.pods[key]
    ended(frame, key)
    if need.tasks:
        frame.set_need(key, need)
    frame.put(replace(record, earlier=None, not_before=0.0, failures=0))
    frame.log("info", f"{key[0]}/{record.name} is restarted with its new configuration", service=key[0])
    agent = {task.task_id: task.agent_id for task in record.tasks}
    for task_id in need.tasks:
        frame.kill(task_id, agent.get(task_id))


def _asked_for_long(frame: Frame, key: PodKey) -> bool:
    since = frame.work.asking.get(key)
    return since is not None and since + frame.settings.update_regardless <= frame.now


def _ask(frame: Frame, key: PodKey, need: Outdated, wish: PodWish, *, may_guess: bool) -> None:
    """Ask for offers; when the agent stays silent, those of others are taken as well."""
    since = frame.ask(key)
    elsewhere, regardless = since + frame.settings.offer_patience, since + frame.settings.update_regardless
    for due in (elsewhere, regardless) if may_guess else (elsewhere,):
        if due > frame.now:
            frame.work.update_by(key[0], due)
    present = frame.work.needs[key]
    if elsewhere <= frame.now and not (isinstance(present, MustPlace) and not present.ahead):
        record = frame.pods[key]
        host = record.tasks[0].hostname if record.tasks else "its agent"
        message = _lacks(host, lacking) if (lacking := _lacking(frame, key, wish)) else _is_silent(frame, host)
        frame.set_need(key, MustPlace(elsewhere=True, message=message, instead=need))


def _lacks(host: str, ports: tuple[int, ...]) -> str:
    named = f"port{'' if len(ports) == 1 else 's'} {', '.join(map(str, ports))}"
    return (
        f"{host} does not offer {named}, without which the new configuration cannot be launched: the old one goes on"
        " until it does, or another agent has a place; restart ends it at once"
    )


def _is_silent(frame: Frame, host: str) -> str:
    return (
        f"{host} offers nothing, so it may not take the next task (is it deactivated, or full?): the old one goes "
        f"on until it does, or another agent has a place, for {frame.settings.update_regardless / 60:.0f} minutes "
        "at most unless a sibling that was ended has no place; restart ends it at once"
    )


def _proving(frame: Frame, service: str, pod: str, wish: PodWish) -> list[float]:
    """Until when the instances that have just become ready with the new configuration have to prove themselves."""
    found: list[float] = []
    for key in _at_rest(frame, service):
        record = frame.pods[key]
        if record.pod == pod and record.tasks and as_wished(record, wish):
            until = (record.ready_since or 0.0) + wish.spec.update.min_ready
            if until > frame.now:
                found.append(until)
    return found
