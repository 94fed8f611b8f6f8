"""What the offers and statuses of agents said last that later decisions need.

Only agents are kept that instances have to do with.
"""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.agenda import Agenda
from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.model.ids import AgentId
from sdk.model.leaving import Leaving
from sdk.model.resources import Range


@dataclass(kw_only=True)
class Agents(Slice):
    """See the module."""

    heard: Map[AgentId, float] = field(default_factory=Map)
    """When an agent made its last offer."""
    offered_ports: Map[tuple[AgentId, str], tuple[Range, ...]] = field(default_factory=Map)
    """What the last offer of an agent to a role held, while outdated instances there wait for offers."""
    leaving: Map[AgentId, Leaving] = field(default_factory=Map)
    """Agents that our instances have to leave, or will have to."""
    turns: Agenda[AgentId] = field(default_factory=Agenda)
    """When that changes next, for those with a window."""
    mute: Map[AgentId, None] = field(default_factory=Map)
    """Agents that take no operation with an id: they do not tell what became of it."""
    rigid: Map[AgentId, None] = field(default_factory=Map)
    """Agents that cannot change the size of volumes."""

    def leaves(self, agent_id: AgentId, leaving: Leaving, now: float) -> None:
        """An agent is to be left."""
        turn = leaving.turns(now)
        self.turns = self.turns.drop(agent_id) if turn is None else self.turns.put(agent_id, turn)
        self.leaving = self.leaving.set(agent_id, leaving)

    def stays(self, agent_id: AgentId) -> None:
        """An agent stays after all, or nobody is there any more."""
        self.leaving = without(self.leaving, agent_id)
        self.turns = self.turns.drop(agent_id)

    def forget_offers(self) -> None:
        """Nobody may tell that an agent stays, or runs another version now: each subscription begins anew."""
        self.heard, self.offered_ports = Map(), Map()
        self.mute, self.rigid = Map(), Map()

    def forget(self, agent_id: AgentId) -> None:
        """No instance has to do with it any more."""
        self.heard = without(self.heard, agent_id)
        self.stays(agent_id)
