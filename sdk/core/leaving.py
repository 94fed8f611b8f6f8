"""Agents that are about to leave: what tells of them, what is answered, and who has to move.

    an inverse offer, an offer with an unavailability ──> the agent goes into maintenance
    a status with REASON_AGENT_DRAINING ────────────────> the agent is drained
    an offer of it that tells of nothing ───────────────> it stays

Only agents that our instances have to do with are remembered; where instances move to is decided like any placement.
"""

from sdk.core.effects import AcceptInverseOffers, DeclineInverseOffers
from sdk.core.events import InverseOffer
from sdk.core.frame import Frame
from sdk.core.state import agent_of
from sdk.model.ids import AgentId, OfferId
from sdk.model.leaving import Leaving
from sdk.offer.pool import Pool
from sdk.plan.need import MustPlace, over, waits_for_agent


def inverse_offers_received(frame: Frame, inverse_offers: tuple[InverseOffer, ...]) -> None:
    """Remember which agents go, and tell the operators whether that is fine with us."""
    accepted: list[OfferId] = []
    declined: list[OfferId] = []
    for asked in inverse_offers:
        hostname = _hostname(frame, asked.agent_id)
        if hostname is not None:
            leaving = Leaving(hostname=hostname, start=asked.start, duration=asked.duration)
            if not leaving.over(frame.now):
                _set(frame, asked.agent_id, leaving)
        (accepted if _movable(frame, asked.agent_id) else declined).append(asked.offer_id)
    seconds = frame.settings.inverse_again
    if accepted:
        frame.call(AcceptInverseOffers(offer_ids=tuple(accepted), refuse_seconds=seconds))
    if declined:
        frame.call(DeclineInverseOffers(offer_ids=tuple(declined), refuse_seconds=seconds))


def _movable(frame: Frame, agent_id: AgentId) -> bool:
    """Whether all that runs there may move, and has not been refused by every other agent so far."""
    for key in frame.index.by_agent.of(agent_id):
        record, wish = frame.pods[key], frame.wish(key)
        if wish is None or agent_of(record) != agent_id or all(over(task) for task in record.tasks):
            continue
        if waits_for_agent(record, wish):
            return False
        if isinstance(frame.work.needs.get(key), MustPlace) and frame.work.refusals.get(key):
            return False
    return True


def offered(frame: Frame, pool: Pool) -> None:
    """An agent that makes offers is not drained, and each offer tells whether it goes into maintenance."""
    window = next((offer for offer in pool.offers if offer.unavailability_start is not None), None)
    leaving = None
    if window is not None:
        start, duration = window.unavailability_start, window.unavailability_duration
        leaving = Leaving(hostname=pool.hostname, start=start, duration=duration)
    # A window that has passed stays in Mesos' schedule until an operator takes it out.
    if leaving is not None and not leaving.over(frame.now):
        if pool.agent_id in frame.index.by_agent:
            _set(frame, pool.agent_id, leaving)
    elif pool.agent_id in frame.agents.leaving:
        frame.log("info", f"{pool.hostname} stays: it makes offers as before", agent_id=pool.agent_id)
        frame.agents.stays(pool.agent_id)
        _look_again(frame, pool.agent_id)


def draining(frame: Frame, agent_id: AgentId, hostname: str) -> None:
    """Mesos ends a task because its agent is drained: all others there are ended as well."""
    _set(frame, agent_id, Leaving(hostname=hostname))


def time_has_come(frame: Frame) -> None:
    """Windows that begin to matter, and those that are over."""
    due, frame.agents.turns = frame.agents.turns.by(frame.now)
    for agent_id in due:
        leaving = frame.agents.leaving[agent_id]
        if leaving.over(frame.now):
            frame.agents.stays(agent_id)
        else:
            frame.agents.leaves(agent_id, leaving, frame.now)
        _look_again(frame, agent_id)


def _set(frame: Frame, agent_id: AgentId, leaving: Leaving) -> None:
    known = frame.agents.leaving.get(agent_id)
    frame.agents.leaves(agent_id, leaving, frame.now)
    if known == leaving:
        return
    concerned = [frame.pods[key].name for key in frame.index.by_agent.of(agent_id)]
    frame.log("warning", f"{leaving.sentence}: its instances move", agent_id=agent_id, instances=sorted(concerned))
    _look_again(frame, agent_id)


def _look_again(frame: Frame, agent_id: AgentId) -> None:
    frame.dirty.update(frame.index.by_agent.of(agent_id))


def _hostname(frame: Frame, agent_id: AgentId) -> str | None:
    for key in frame.index.by_agent.of(agent_id):
        record = frame.pods[key]
        if record.holding is not None and record.holding.agent_id == agent_id:
            return record.holding.hostname
        for task in record.tasks:
            if task.agent_id == agent_id:
                return task.hostname
    return None
