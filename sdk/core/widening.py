"""Optional ports that a running instance lacks: when it is launched anew to get some of them.

    its agent offers one ────────────> it is ended, and launched where it was, with what it had and the new ones
    another agent offers all that it has, and one more ──> launched there; what runs goes on until that is ready
    neither ─────────────────────────> it goes on as it is; looked for again some minutes later

Each launch has more of the wanted ports than the one before, so it never goes to and fro. One of a pod type at a time,
none while a sibling is not of use, and only so often: who may ask for ports shall not be able to keep those that serve
from serving.
"""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.planning import plan_facts
from sdk.core.state import PodKey, agent_of
from sdk.model.ids import AgentId
from sdk.model.plans import RECOVERY
from sdk.model.records import PodRecord
from sdk.offer.algebra import intersect_ranges
from sdk.offer.pool import Pool
from sdk.offer.ports import not_offered
from sdk.plan.need import LacksPorts, MustPlace, Need, Outdated, over
from sdk.plan.wish import PodWish


def remembered(need: LacksPorts, old: Need | None) -> LacksPorts:
    """The need with what is known of the look that is under way for the same ports."""
    if isinstance(old, MustPlace) and isinstance(old.instead, LacksPorts):
        old = old.instead
    if isinstance(old, LacksPorts) and (old.tasks, old.ports) == (need.tasks, need.ports):
        return replace(need, since=old.since, why=old.why)
    return need


def is_for_ports(need: Need) -> bool:
    """Whether an instance is placed because it lacks ports where it is."""
    return isinstance(need, MustPlace) and isinstance(need.instead, LacksPorts)


def counted(frame: Frame, record: PodRecord) -> tuple[float, ...]:
    """The times at which it was launched for ports, with the present one."""
    return (*_counted(frame, record), frame.now)


def take_turns(frame: Frame, service: str, pod: str) -> None:
    """Begin and end looks for offers that hold what is lacking."""
    facts = plan_facts(frame, service)
    for key in sorted(frame.work.queued.of(service)):
        need = frame.work.needs[key]
        if not isinstance(need, LacksPorts) or frame.pods[key].pod != pod:
            continue
        if facts.interrupted(RECOVERY, key[1]) is not None:
            frame.stop_asking(key)
        else:
            _take_turn(frame, key, need)


def _take_turn(frame: Frame, key: PodKey, need: LacksPorts) -> None:
    ends = None if need.since is None else need.since + frame.settings.offer_patience
    again = None if ends is None else ends + frame.settings.widen_again
    if again is None or again <= frame.now:
        begins = _allowed_from(frame, frame.pods[key])
        if begins > frame.now:
            frame.stop_asking(key)
            frame.work.update_by(key[0], begins)
            return
        need = replace(need, since=frame.now)
        ends = again = frame.now + frame.settings.offer_patience
        frame.set_need(key, need)
    assert ends is not None
    if frame.now < ends:
        frame.ask(key)
        frame.work.update_by(key[0], ends)
    else:
        frame.stop_asking(key)
        frame.work.update_by(key[0], again or ends)


def _allowed_from(frame: Frame, record: PodRecord) -> float:
    """From when on it may be launched anew for ports."""
    times, most = _counted(frame, record), frame.settings.widen_most
    return times[-most] + frame.settings.widen_window if len(times) >= most else frame.now


def _counted(frame: Frame, record: PodRecord) -> tuple[float, ...]:
    return tuple(time for time in record.widened if time + frame.settings.widen_window > frame.now)


def look_elsewhere(frame: Frame, offered: list[Pool]) -> None:
    """Before anything is placed: those whose agent does not offer what they lack look at the others."""
    for (service, pod), keys in _looking(frame).items():
        wish = frame.targets[service].pods[pod]
        free = not _unsettled(frame, service, pod, wish) and wish.spec.role in frame.roles.membership.told
        for key in keys:
            need, home = frame.work.needs[key], agent_of(frame.pods[key])
            here = _of_agent(offered, home, wish)
            if not isinstance(need, LacksPorts) or need.since is None:
                continue
            if here:
                need = replace(need, why="; ".join(not_offered(_numbers(need, wish), here[0].offered_ports)))
                frame.set_need(key, need)
            known = here or (home, wish.spec.role) in frame.agents.offered_ports or _long_ago(frame, need.since)
            if (
                free
                and known
                and not frame.pods[key].has_data
                and not any(_holds_some(pool, need, wish) for pool in here)
            ):
                frame.set_need(key, MustPlace(elsewhere=True, message="looks for more ports elsewhere", instead=need))


def widen_in_place(frame: Frame, left: list[Pool]) -> None:
    """Afterwards, with what is left: one of each pod type is ended whose agent offers what it lacks.

    All others go on where they are, also those for which nobody offered a better place.
    """
    for key in [key for key in frame.work.asking if is_for_ports(frame.work.need(key))]:
        need = frame.work.needs[key]
        if isinstance(need, MustPlace) and isinstance(need.instead, LacksPorts):
            frame.work.refusals = without(frame.work.refusals, key)
            frame.set_need(key, need.instead)
    for (service, pod), keys in _looking(frame).items():
        wish = frame.targets[service].pods[pod]
        if wish.spec.role not in frame.roles.membership.told or _unsettled(frame, service, pod, wish):
            continue
        for key in keys:
            need = frame.work.needs[key]
            here = _of_agent(left, agent_of(frame.pods[key]), wish)
            if isinstance(need, LacksPorts) and any(_holds_some(pool, need, wish) for pool in here):
                _end(frame, key, need)
                break


def _looking(frame: Frame) -> dict[tuple[str, str], list[PodKey]]:
    """Who looks for ports, by service and pod type."""
    found: dict[tuple[str, str], list[PodKey]] = {}
    for key in sorted(frame.work.asking):
        if frame.troubles.paused(key[0], frame.now):
            continue
        if isinstance(frame.work.need(key), LacksPorts) and frame.wish(key) is not None:
            found.setdefault((key[0], frame.pods[key].pod), []).append(key)
    return found


def _of_agent(pools: list[Pool], agent_id: AgentId | None, wish: PodWish) -> list[Pool]:
    return [pool for pool in pools if (pool.agent_id, pool.role) == (agent_id, wish.spec.role)]


def _numbers(need: LacksPorts, wish: PodWish) -> list[int]:
    return [
        port.number
        for task in wish.spec.tasks
        for port in task.ports
        if port.number and (task.name, port.name) in need.ports
    ]


def _holds_some(pool: Pool, need: LacksPorts, wish: PodWish) -> bool:
    """Whether the offers hold one of the ports, or it is one that nobody has to offer."""
    sources = pool.sources(wish.spec.prereserved_role)
    ports = () if sources is None else sources.ports
    for task in wish.spec.tasks:
        for port in task.ports:
            if (task.name, port.name) not in need.ports:
                continue
            allowed = port.ranges or ((1, 65535),)
            wanted = ((port.number, port.number),) if port.number else allowed
            if not task.container.on_agents_network or intersect_ranges(ports, wanted):
                return True
    return False


def _unsettled(frame: Frame, service: str, pod: str, wish: PodWish) -> bool:
    """Whether one of the instances has to become of use, or to prove itself, before another one is touched."""
    records = [frame.pods[key] for key in frame.index.services.of(service) if frame.pods[key].pod == pod]
    serving = sum(record.ready_since is not None for record in records)
    return any(_is_unsettled(frame, record, wish, serving) for record in records)


def _is_unsettled(frame: Frame, record: PodRecord, wish: PodWish, serving: int) -> bool:
    need = frame.work.need((record.service, record.name))
    if record.runs_twice or isinstance(need, Outdated) or any(task.ending for task in record.tasks):
        return True
    if record.ready_since is not None:
        return record.ready_since + wish.spec.update.min_ready > frame.now
    if record.deployed is None or record.excused:
        # One that never was of use says nothing about the others, unless it is about to begin.
        return any(not over(task) and _recent(frame, task.launched_at) for task in record.tasks)
    return serving < 2 or _recent(frame, record.displaced_since or frame.now)


def _recent(frame: Frame, since: float) -> bool:
    return since + frame.settings.displaced_patience > frame.now


def _long_ago(frame: Frame, since: float | None) -> bool:
    return since is not None and since + frame.settings.surge_patience <= frame.now


def _end(frame: Frame, key: PodKey, need: LacksPorts) -> None:
    record = frame.pods[key]
    frame.log("info", f"{key[0]}/{record.name} is restarted with more ports", service=key[0])
    frame.put(replace(record, widened=counted(frame, record)))
    agent = {task.task_id: task.agent_id for task in record.tasks}
    for task_id in need.tasks:
        frame.kill(task_id, agent.get(task_id))
