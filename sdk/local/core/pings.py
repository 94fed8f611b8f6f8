"""Who is still there: pings and their answers, and how long agents of an earlier master are waited for.

Knows when an agent is given up; what that means stands in `removal`.
"""

from sdk.local.core.emit import nanoseconds, persist, to_agent
from sdk.local.core.model import Agent, State
from sdk.local.core.removal import unreachable


def pong(agent: Agent, now: float) -> None:
    """The agent answered a ping."""
    agent.ping_open = False
    agent.pings_missed = 0
    agent.ping_at = max(agent.ping_at, now)


def tick(state: State, now: float) -> None:
    """Pings that are due, agents that missed too many, and recovered agents that never came back."""
    if state.ping_at is not None and now >= state.ping_at:
        _ping(state, now)
    if state.recover_until is not None and now >= state.recover_until:
        state.recover_until = None
        for agent_id, info in state.recovered_agents.items():
            state.unreachable_agents[agent_id] = {"info": info, "since": nanoseconds(now)}
            state.count("recovery_slave_removals")
        if state.recovered_agents:
            state.recovered_agents.clear()
            persist(state)


def _ping(state: State, now: float) -> None:
    for agent in list(state.agents.values()):
        if now < agent.ping_at:
            continue
        if agent.ping_open or agent.connection is None:
            agent.pings_missed += 1
            if agent.pings_missed >= state.config.max_agent_ping_timeouts:
                unreachable(state, agent, now)
                continue
        agent.ping_open = True
        agent.ping_at = now + state.config.agent_ping_timeout
        to_agent(state, agent, {"type": "PING"})
    state.ping_at = min((agent.ping_at for agent in state.agents.values()), default=None)
