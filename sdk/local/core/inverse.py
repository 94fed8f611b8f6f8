"""Inverse offers: asking frameworks whether an agent may become unavailable, and taking the question back.

Works on what `machines` records; called by allocations and by whatever ends an agent, a framework or a schedule.
"""

from collections.abc import Iterable

from sdk.local.core.emit import to_scheduler
from sdk.local.core.machines import Draining, InverseOffer
from sdk.local.core.model import Agent, Framework, State
from sdk.local.core.wire import Json


def _users(state: State, scheduled: dict[str, Agent]) -> dict[str, set[str]]:
    """The frameworks that use or are offered something, by agent."""
    found: dict[str, set[str]] = {}
    for agent in scheduled.values():
        found[agent.agent_id] = {offer.framework_id for offer in agent.offers.values()}
        found[agent.agent_id] |= {framework_id for framework_id, _ in agent.executors}
        found[agent.agent_id] |= {task.framework_id for task in state.tasks_on(agent.agent_id) if task.charged}
    return found


def make(state: State, agents: Iterable[Agent], now: float) -> float | None:
    """Ask everybody who has something of the scheduled ones among these agents and was not asked yet.

    Returns when the first of those who did not want to be asked again is to be asked.
    """
    maintenance = state.maintenance
    if not maintenance.machines:
        return None
    scheduled = {
        agent.agent_id: agent
        for agent in agents
        if agent.connection is not None
        and not agent.deactivated
        and maintenance.unavailability(agent.machine) is not None
    }
    if not scheduled:
        return None
    made: dict[str, list[Json]] = {}
    due: list[float] = []
    for agent_id, users in _users(state, scheduled).items():
        agent = scheduled[agent_id]
        draining = maintenance.draining.setdefault(agent_id, Draining())
        for framework_id in sorted(users):
            framework = state.frameworks.get(framework_id)
            if framework is None or not framework.connected or framework_id in draining.outstanding:
                continue
            until = draining.refused.get(framework_id, 0.0)
            if until > now:
                due.append(until)
                continue
            offer = InverseOffer(offer_id=state.offer_id(), framework_id=framework_id, agent_id=agent_id)
            draining.outstanding[framework_id] = maintenance.inverse_offers[offer.offer_id] = offer
            made.setdefault(framework_id, []).append(
                {
                    "id": {"value": offer.offer_id},
                    "url": agent.url,
                    "framework_id": {"value": framework_id},
                    "agent_id": {"value": agent_id},
                    "unavailability": maintenance.unavailability(agent.machine),
                }
            )
    for framework_id, offers in made.items():
        event = {"type": "INVERSE_OFFERS", "inverse_offers": {"inverse_offers": offers}}
        to_scheduler(state, state.frameworks[framework_id], event)
    return min(due, default=None)


def answer_inverse(state: State, framework: Framework, offer_id: str, said: Json, seconds: float, now: float) -> None:
    """A framework answered; it is asked again when its filter ends, at the next cycle if it wants that."""
    offer = state.maintenance.inverse_offers.get(offer_id)
    if offer is None or offer.framework_id != framework.framework_id:
        return
    draining = _end(state, offer)
    draining.statuses[framework.framework_id] = said
    draining.refused[framework.framework_id] = now + seconds


def _end(state: State, offer: InverseOffer) -> Draining:
    del state.maintenance.inverse_offers[offer.offer_id]
    draining = state.maintenance.draining[offer.agent_id]
    del draining.outstanding[offer.framework_id]
    return draining


def _rescind(state: State, offer: InverseOffer) -> None:
    framework = state.frameworks.get(offer.framework_id)
    if framework is not None:
        content = {"inverse_offer_id": {"value": offer.offer_id}}
        to_scheduler(state, framework, {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": content})


def pause(state: State, agent: Agent) -> None:
    """The agent gets no offers for now: outstanding questions are taken back, answers are kept."""
    draining = state.maintenance.draining.get(agent.agent_id)
    for offer in list(draining.outstanding.values()) if draining is not None else ():
        _end(state, offer)
        _rescind(state, offer)


def withdraw(state: State, agents: Iterable[Agent]) -> None:
    """Outstanding questions about these agents are taken back, answers are forgotten."""
    for agent in agents:
        pause(state, agent)
        state.maintenance.draining.pop(agent.agent_id, None)


def forget(state: State, framework: Framework, *, answers: bool) -> None:
    """The scheduler went, and does not know of its questions any more; with `answers` it is gone for good."""
    for draining in state.maintenance.draining.values():
        offer = draining.outstanding.get(framework.framework_id)
        if offer is not None:
            _end(state, offer)
        draining.refused.pop(framework.framework_id, None)
        if answers:
            draining.statuses.pop(framework.framework_id, None)


def revive(state: State, framework: Framework) -> None:
    """REVIVE also ends what the framework said about not being asked again."""
    for draining in state.maintenance.draining.values():
        draining.refused.pop(framework.framework_id, None)
