"""What an instance that is to be launched needs from an offer, read from its record and its wish."""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.neighbours import Neighbourhood
from sdk.core.state import PodKey, agent_of
from sdk.model.records import PodRecord
from sdk.model.spec import TaskSpec
from sdk.offer.requirement import Requirement
from sdk.plan.need import LacksPorts, LacksTasks, MustPlace, Need, Outdated, done, given_ports, over
from sdk.plan.wish import PodWish


def goes_elsewhere(need: Need) -> bool:
    """Whether it is launched wherever it fits, and not in its holding."""
    return isinstance(need, MustPlace) and need.elsewhere


def moving(frame: Frame, key: PodKey, requirement: Requirement, neighbours: Neighbourhood) -> Requirement:
    """The same instance, to be placed on another agent."""
    return replace(
        requirement,
        holding=None,
        ports={},
        neighbours=neighbours.around(key),
        avoid=_avoided(frame, frame.pods[key]),
    )


def static_ports(frame: Frame, waiting: Iterable[PodKey]) -> frozenset[int]:
    """Fixed numbers that somebody who waits wants: nobody is given them for a dynamic port."""
    numbers: set[int] = set()
    wishes = {(key[0], wish.config): wish for key in waiting if (wish := frame.next_launch(key)) is not None}
    for wish in wishes.values():
        tasks = (task for task in wish.spec.tasks if task.container.on_agents_network)
        numbers.update(port.number for task in tasks for port in task.ports if port.number)
    return frozenset(numbers)


def requirement_of(frame: Frame, key: PodKey, wish: PodWish, neighbours: Neighbourhood) -> Requirement:
    """What the instance asks for, now."""
    record = frame.pods[key]
    target = frame.targets[key[0]]
    need = frame.work.needs[key]
    elsewhere = goes_elsewhere(need)
    instead = need.instead if isinstance(need, MustPlace) else None
    return Requirement(
        service=record.service,
        pod=wish.spec,
        index=record.index,
        config=wish.config,
        prefix=target.spec.task_id_prefix or target.spec.name,
        tasks=_tasks(record, wish, need),
        paused=frozenset(record.paused),
        holding=None if elsewhere else record.holding,
        beside=isinstance(need, LacksTasks),
        executor_id=next((task.executor_id for task in record.tasks if not over(task)), None),
        ports={} if elsewhere else {task.name: task.ports for task in record.tasks},
        neighbours=neighbours.around(key),
        avoid=_avoided(frame, record) if elsewhere else {},
        # Whoever serves where it is does not go where it would serve less.
        keep=given_ports(record, wish) if isinstance(instead, Outdated | LacksPorts) else frozenset(),
        gain=instead.ports if isinstance(instead, LacksPorts) else frozenset(),
    )


def _tasks(record: PodRecord, wish: PodWish, need: Need) -> tuple[TaskSpec, ...]:
    """Those that are launched: all that have something to do yet, or some of them beside the others."""
    if isinstance(need, LacksTasks):
        return tuple(spec for spec in wish.spec.tasks if spec.name in need.tasks)
    by_name = {task.name: task for task in record.tasks}
    return tuple(
        spec for spec in wish.spec.tasks if (task := by_name.get(spec.name)) is None or not done(task, spec, wish)
    )


def _avoided(frame: Frame, record: PodRecord) -> dict[str, str]:
    avoided: dict[str, str] = {}
    if record.lost_at is not None and record.holding is not None:
        avoided[record.holding.hostname] = f"{record.holding.hostname} is lost"
    agent_id = agent_of(record)
    leaves = frame.agents.leaving.get(agent_id) if agent_id is not None else None
    if leaves is not None and leaves.acts(frame.now):
        avoided[leaves.hostname] = leaves.sentence
    for each in record.avoid:
        if frame.now < each.until:
            avoided[each.hostname] = (
                f"{each.hostname} was left by a replacement; considered again in {each.until - frame.now:.0f} s"
            )
    return avoided
