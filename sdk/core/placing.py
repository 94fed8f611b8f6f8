"""Launching what waits, with the pools of one batch of offers."""

from collections import deque
from collections.abc import Set
from dataclasses import dataclass, field

from sdk.core import replacing, widening
from sdk.core.budget import room_for_replacements
from sdk.core.frame import Frame
from sdk.core.launched import launched
from sdk.core.neighbours import Neighbourhood
from sdk.core.requirements import goes_elsewhere, moving, requirement_of, static_ports
from sdk.core.state import PodKey, agent_of
from sdk.core.troubles import Kind, Part
from sdk.model.ids import AgentId
from sdk.model.operations import Operation
from sdk.model.records import Holding
from sdk.offer.evaluate import Match, evaluate
from sdk.offer.pool import Pool
from sdk.offer.preference import score
from sdk.offer.requirement import Claimant, Requirement
from sdk.plan.need import LacksTasks, MustPlace, waits_for_agent


@dataclass(slots=True, kw_only=True)
class _Shape:
    """What is known about instances that differ in their index only: a pool that refused one refuses all of them."""

    positions: deque[int]
    """Pools that have not refused yet."""
    refused: dict[AgentId, tuple[str, ...]] = field(default_factory=dict)
    alike: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The same by what a pool holds, for those that may run anywhere: large clusters have many equal agents."""


@dataclass(slots=True)
class Placed:
    """What is to be done with the pools, by their position."""

    operations: dict[int, list[Operation]] = field(default_factory=dict)
    exclusive: set[int] = field(default_factory=set)
    """Pools whose ACCEPT has to carry nothing else."""
    widened: set[tuple[str, str]] = field(default_factory=set)
    """Services and pod types of which one instance goes elsewhere for more ports: the others wait until it is there."""


@dataclass(slots=True, kw_only=True)
class _Batch:
    """The offers of one batch, and what has come of them so far."""

    offered: list[Pool]
    claimant: Claimant
    neighbours: Neighbourhood
    placed: Placed
    shapes: dict[tuple[str, str], _Shape] = field(default_factory=dict)


def place(frame: Frame, offered: list[Pool]) -> Placed:
    """Launch what fits; `offered` is left with what was not used."""
    placed = Placed()
    agents = {pool.agent_id for pool in offered}
    waiting = sorted(
        (key for key in frame.work.placing if _in_question(frame, key, agents)),
        # Reservations that are held compete with nobody; placing them first leaves a true remainder to the others.
        key=lambda key: (
            widening.is_for_ports(frame.work.needs[key]),  # all others have nothing yet, or have to leave
            key in frame.work.alone,
            goes_elsewhere(frame.work.needs[key]),
            replacing.in_line(frame, key),
            key[0],
            frame.pods[key].pod,
            frame.pods[key].index,
        ),
    )
    if not waiting or frame.framework.framework_id is None:
        return placed
    claimant = Claimant(
        framework_ids=frame.framework.ids,
        framework_name=frame.framework.name,
        principal=frame.settings.principal,
        now=frame.now,
        new_id=frame.new_id,
        static_ports=static_ports(frame, waiting),
        region=frame.link.region,
        mute=frame.agents.mute,
        rigid=frame.agents.rigid,
    )
    batch = _Batch(offered=offered, claimant=claimant, neighbours=Neighbourhood(frame), placed=placed)
    for key in waiting:
        if frame.troubles.paused(key[0], frame.now):
            continue
        with frame.apart(key[0], Part(Kind.PLACING, key[1])):
            _place(frame, key, batch)
    return placed


def _in_question(frame: Frame, key: PodKey, agents: Set[AgentId]) -> bool:
    """Whether an instance may be launched on one of these agents."""
    need, home = frame.work.needs[key], frame.pods[key].holding
    if isinstance(need, LacksTasks):
        return home is not None and home.agent_id in agents
    if not isinstance(need, MustPlace):
        return False
    return need.elsewhere or home is None or home.agent_id in agents or _outgrown(frame, key, home)


def _place(frame: Frame, key: PodKey, batch: _Batch) -> None:
    wish = frame.next_launch(key)
    if wish is None:
        return
    need, placed = frame.work.needs[key], batch.placed
    counts = isinstance(need, MustPlace) and need.replacing
    if counts and not room_for_replacements(frame, key[0], wish.spec.name):
        return  # one of this batch has taken the last turn
    kind = (key[0], wish.config)
    pod_type = (key[0], wish.spec.name)
    if widening.is_for_ports(need) and pod_type in placed.widened:
        return
    requirement = requirement_of(frame, key, wish, batch.neighbours)
    if not requirement.tasks:
        return
    alone = key in frame.work.alone
    alike = not alone and requirement.holding is None and not requirement.avoid and frame.pods[key].holding is None
    shape = batch.shapes.get(kind) if alike else None
    if shape is None:
        shape = _Shape(positions=_positions(frame, key, requirement, batch.offered))
    if alike:
        batch.shapes[kind] = shape
    taken = placed.exclusive.union(placed.operations) if alone else placed.exclusive
    if taken:
        shape.positions = deque(position for position in shape.positions if position not in taken)
    if wish.spec.prefer and requirement.holding is None:
        _order(shape, requirement, batch.offered, _beside(frame, key))
    position, match = _best_match(frame, key, requirement, shape, batch)
    if match is not None and match.lacks and _waits_for_all_ports(frame, key, match):
        shape.refused[match.holding.agent_id] = match.without
        match = None
    if match is not None:
        launched(frame, key, wish, match)
        batch.offered[position] = match.rest
        placed.operations.setdefault(position, []).extend(match.operations)
        if alone:
            placed.exclusive.add(position)
        if widening.is_for_ports(need):
            placed.widened.add(pod_type)
        if not requirement.rules.growing:
            # The next of its kind meets other siblings: what was refused to this one may suit that one.
            batch.shapes.pop(kind, None)
        batch.neighbours.placed(key)
    elif shape.refused:
        frame.work.refusals = frame.work.refusals.set(key, {**frame.work.refusals.get(key, {}), **shape.refused})


def _order(shape: _Shape, requirement: Requirement, offered: list[Pool], stay: AgentId | None) -> None:
    """The pool that is preferred comes first; staying comes before."""
    pod = requirement.pod

    def rank(position: int) -> tuple[bool, tuple[float, ...]]:
        pool = offered[position]
        return (
            stay is not None and pool.agent_id != stay,
            score(pod.prefer, pool, pod.prereserved_role, requirement.neighbours),
        )

    shape.positions = deque(sorted(shape.positions, key=rank))


def _positions(frame: Frame, key: PodKey, requirement: Requirement, offered: list[Pool]) -> deque[int]:
    """Positions of the pools that come into question."""
    home = requirement.holding
    # Its reservation is offered and yet too small, and the agent cannot give the rest: it may go elsewhere.
    bound = home.agent_id if home is not None and (requirement.beside or not _outgrown(frame, key, home)) else None
    found = [
        position
        for position, pool in enumerate(offered)
        if pool.role == requirement.pod.role and bound in (None, pool.agent_id)
    ]
    # Staying comes before moving, also for what is launched beside its present task: the address stays.
    stay = home.agent_id if home is not None else _beside(frame, key)
    if stay is not None:
        found.sort(key=lambda position: offered[position].agent_id != stay)
    return deque(found)


def _beside(frame: Frame, key: PodKey) -> AgentId | None:
    need = frame.work.needs[key]
    return agent_of(frame.pods[key]) if isinstance(need, MustPlace) and need.ahead else None


def _best_match(
    frame: Frame, key: PodKey, requirement: Requirement, shape: _Shape, batch: _Batch
) -> tuple[int, Match | None]:
    """The first pool that fits, or else the one that lacks the fewest optional ports.

    Those that do not fit are taken out of `shape`, for this instance and all of its kind.
    """
    home = requirement.holding
    lacking: list[tuple[int, Match]] = []
    while shape.positions:
        position = shape.positions[0]
        pool = batch.offered[position]
        away = home is not None and home.agent_id != pool.agent_id
        known = shape.alike.get(pool.content) if requirement.anywhere and not pool.windows else None
        if known is not None:
            shape.positions.popleft()
            shape.refused[pool.agent_id] = known
            continue
        asked = moving(frame, key, requirement, batch.neighbours) if away else requirement
        verdict = evaluate(asked, pool, batch.claimant)
        if isinstance(verdict, Match) and not verdict.lacks:
            shape.positions.extendleft(found for found, _ in reversed(lacking))
            return position, verdict
        shape.positions.popleft()
        if isinstance(verdict, Match):
            lacking.append((position, verdict))
            continue
        shape.refused[pool.agent_id] = verdict.reasons
        if requirement.anywhere and not pool.windows:
            shape.alike[pool.content] = verdict.reasons
    shape.positions.extend(found for found, _ in lacking)
    return min(lacking, key=lambda found: len(found[1].lacks), default=(-1, None))


def _waits_for_all_ports(frame: Frame, key: PodKey, match: Match) -> bool:
    """Whether the place is not taken yet: another agent may have all ports, and offers of all are asked for."""
    record = frame.pods[key]
    if record.holding is not None and record.holding.resource_id == match.holding.resource_id:
        return False
    return frame.ask(key) + frame.settings.all_ports_patience > frame.now


def _outgrown(frame: Frame, key: PodKey, home: Holding) -> bool:
    # Without a reason the reservation was not offered at all, so nothing is known about its size.
    wish = frame.wish(key)
    if frame.pods[key].has_data and wish is not None and waits_for_agent(frame.pods[key], wish):
        return False
    return bool(frame.work.refusals.get(key, {}).get(home.agent_id))
