"""The container of a task: whose files it sees, and which networks it joins. Values only; `sdk.door` has rules.

By default a task sees the files of its agent and uses the agent's network, so that its ports are ports of the agent.
"""

from dataclasses import dataclass

from sdk.model.resources import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network of containers (CNI) that the task joins, with an address of its own."""

    name: str
    """As the agents know it."""
    labels: tuple[Label, ...] = ()
    """Handed to the plugin of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What the Mesos containerizer gives the task."""

    image: str | None = None
    """Name of a Docker image that holds its files; None: those of the agent."""
    networks: tuple[NetworkSpec, ...] = ()
    """Without any: that of the agent."""

    @property
    def on_agents_network(self) -> bool:
        """Whether ports are ports of the agent, which has to offer them."""
        return not self.networks
