"""An agent's first message on a connection: who is let in, who is told to stop, who gets an id.

Knows who is known. What an agent that has an id brings back with it stands in `reregistration`.
"""

from sdk.local.core.allocation import allocate, set_total
from sdk.local.core.connections import listen
from sdk.local.core.emit import note, persist, to_agent, to_operators
from sdk.local.core.machines import machine_key
from sdk.local.core.model import Agent, State
from sdk.local.core.outputs import CloseAgent, ToAgent
from sdk.local.core.removal import remove
from sdk.local.core.reregistration import readmit, resume
from sdk.local.core.resources import Resources
from sdk.local.core.views import agent_message, master_info
from sdk.local.core.wire import Json


def register(state: State, connection: str, message: Json, now: float) -> None:
    """A new agent: it gets an id, which the registry keeps before the agent hears of it."""
    info: Json = message["agent_info"]
    state.count("messages_register_slave")
    if _refused(state, connection, info):
        return
    state.count("slave_registrations")
    # What a real agent says of itself in a second message is part of the first here.
    state.count("messages_update_slave")
    for other in list(state.agents.values()):
        if (other.info.get("ip"), other.info["port"]) == (info.get("ip"), info["port"]):
            # The agent at that address lost its work directory: what ran there under the old id is gone.
            state.count("slave_removals/reason_registered")
            remove(state, other, f"Agent {other.hostname} removed: a new agent registered at the same address", now)
    agent_id = f"{state.config.master_id}-S{state.next_agent}"
    state.next_agent += 1
    agent = Agent(
        agent_id=agent_id,
        info=info | {"id": {"value": agent_id}},
        total=Resources(),
        # An agent whose identity was lost brings the reservations of the one before along.
        free=Resources.of(message.get("resources", info["resources"])),
        registered=now,
    )
    state.agents[agent_id] = agent
    listen(state, agent, connection, now)
    set_total(state, agent, agent.free)
    persist(state)
    content = {"type": "REGISTERED", "agent_id": {"value": agent_id}, "master_info": master_info(state)}
    to_agent(state, agent, content)
    to_operators(state, "AGENT_ADDED", {"agent": agent_message(state, agent, full=False)})
    note(state, f"agent {agent_id} at {agent.pid} ({agent.hostname}) registered")
    allocate(state, now, [agent])


def reregister(state: State, connection: str, message: Json, now: float) -> None:
    """An agent with an id: after its own restart, a cut connection, a restart of the master, or being unreachable."""
    info: Json = message["agent_info"]
    agent_id = info["id"]["value"]
    state.count("messages_reregister_slave")
    if agent_id in state.gone_agents:
        _turn_away(state, connection, "Agent has been marked gone")
        return
    if _refused(state, connection, info):
        return
    note(state, f"agent {agent_id} at {info.get('ip', '127.0.0.1')}:{info['port']} ({info['hostname']}) came back")
    state.count("slave_reregistrations")
    state.count("messages_update_slave")
    agent = state.agents.get(agent_id)
    if agent is None:
        readmit(state, connection, message, now)
    else:
        resume(state, agent, connection, message, now)
    allocate(state, now, [state.agents[agent_id]])


def _refused(state: State, connection: str, info: Json) -> bool:
    """Whether the machine is down for maintenance: its agents are told to stop."""
    if not state.maintenance.is_down(machine_key(info)):
        return False
    _turn_away(state, connection, "Machine is `DOWN`")
    return True


def _turn_away(state: State, connection: str, text: str) -> None:
    state.out.append(ToAgent(connection=connection, message={"type": "SHUTDOWN", "text": text}))
    state.out.append(CloseAgent(connection=connection))
