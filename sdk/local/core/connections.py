"""Which agent is behind which connection, and what the end of one means for offers.

Knows nothing of messages: `registration` makes a connection an agent's, `pings` finds those that are silent.
"""

from sdk.local.core import inverse
from sdk.local.core.allocation import offers_of, rescind
from sdk.local.core.model import Agent, State
from sdk.local.core.wire import Json


def by_connection(state: State, connection: str) -> Agent | None:
    """The agent behind a connection."""
    return state.agents.get(state.connections.get(connection, ""))


def connect(state: State, agent: Agent, connection: str, info: Json, now: float) -> None:
    """A known agent is behind that connection from now on, and says this of itself."""
    leave(state, agent)
    agent.info = info
    agent.reregistered = now
    listen(state, agent, connection, now)


def listen(state: State, agent: Agent, connection: str, now: float) -> None:
    """Messages for the agent go to that connection; the first ping is due one timeout from now."""
    agent.connection = connection
    state.connections[connection] = agent.agent_id
    agent.pings_missed = 0
    agent.ping_open = False
    agent.ping_at = now + state.config.agent_ping_timeout
    if state.ping_at is None or agent.ping_at < state.ping_at:
        state.ping_at = agent.ping_at


def disconnected(state: State, connection: str, now: float) -> None:
    """The connection of an agent ended: its offers are rescinded; it has the ping timeouts to come back."""
    agent = by_connection(state, connection)
    if agent is not None:
        leave(state, agent)
        rescind(state, offers_of(agent), now)
        inverse.pause(state, agent)


def leave(state: State, agent: Agent) -> None:
    """The agent is behind no connection. Harmless for one that is behind none."""
    if agent.connection is not None:
        state.connections.pop(agent.connection, None)
    agent.connection = None
