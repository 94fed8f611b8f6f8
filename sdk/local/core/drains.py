"""Agents that get no work: deactivated by an operator, draining, drained, and active again.

Knows nothing of killing: a draining agent kills its own tasks.
"""

from sdk.local.core import inverse
from sdk.local.core.allocation import offers_of, rescind
from sdk.local.core.emit import to_agent
from sdk.local.core.model import State
from sdk.local.core.removal import mark_gone
from sdk.local.core.wire import Json


def deactivate(state: State, agent_id: str, drain: Json | None, now: float) -> None:
    """No more offers of an agent; with `drain` the agent kills its tasks."""
    state.deactivated[agent_id] = drain
    agent = state.agents.get(agent_id)
    if agent is None:
        return
    agent.deactivated, agent.drain, agent.drained = True, drain, False
    rescind(state, offers_of(agent), now)
    inverse.pause(state, agent)
    if drain is None:
        return
    to_agent(state, agent, {"type": "DRAIN", "config": drain["config"]})


def reactivate(state: State, agent_id: str) -> None:
    """Offers of an agent again."""
    drain = state.deactivated.pop(agent_id)
    agent = state.agents.get(agent_id)
    if agent is not None:
        agent.deactivated, agent.drain, agent.drained = False, None, False
    if drain is None:
        return
    if agent is not None and agent.connection is not None:
        to_agent(state, agent, {"type": "REACTIVATE"})
    else:
        state.reactivated.add(agent_id)


def settle(state: State, now: float) -> None:
    """Agents whose drain has nothing more to wait for are drained, and gone if that was asked."""
    # After every input: only agents that an operator deactivated are looked at.
    for agent_id in list(state.deactivated):
        agent = state.agents.get(agent_id)
        if agent is None or agent.drain is None or agent.drained or agent.executors or agent.operations:
            continue
        if any(framework.tasks.on(agent_id) for framework in state.frameworks.values()):
            continue
        agent.drained = True
        if agent.drain["config"]["mark_gone"]:
            mark_gone(state, agent.agent_id, now)
