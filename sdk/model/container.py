"""The container of a task: whose files it sees, and which networks it joins. Values only; `sdk.door` has rules.

By default a task sees the files of its agent and uses the agent's network, so that its ports are ports of the agent.
"""

from dataclasses import dataclass
from enum import StrEnum

from sdk.model.resources import Label


class Containerizer(StrEnum):
    """Who makes the container."""

    MESOS = "MESOS"
    """Mesos itself, also from Docker images."""
    DOCKER = "DOCKER"
    """Docker's daemon on the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network of containers (CNI) that the task joins, with an address of its own.

    With Docker's containerizer `bridge` is that of its daemon.
    """

    name: str
    """As the agents know it."""
    labels: tuple[Label, ...] = ()
    """Handed to the plugin of the network."""
    mapped: bool = False
    """Whether ports of the agent lead to those of the container (`PortSpec.container_port`): the agent has to offer
    them, as it does without a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalVolumeSpec:
    """A volume that a driver of Docker's kind brings from elsewhere, and that outlives task and agent."""

    name: str
    """As the driver knows it."""
    driver: str | None = None
    """The agent's default when None."""
    options: tuple[Label, ...] = ()
    """Handed to the driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSpec:
    """Something that a container sees beside its own files. Exactly one of the three sources is given.

    What is on an agent is there for whoever runs on it; for data of one instance see `VolumeSpec`.
    """

    path: str
    """Where: below the sandbox, or, with an image, anywhere in the container."""
    host_path: str | None = None
    """A file or directory of the agent."""
    sandbox_path: str | None = None
    """A directory below the sandbox, which is made if need be."""
    external: ExternalVolumeSpec | None = None
    """What a driver brings."""
    read_only: bool = False
    """Whether it can only be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What the containerizer gives the task."""

    image: str | None = None
    """Name of a Docker image that holds its files; None: those of the agent."""
    networks: tuple[NetworkSpec, ...] = ()
    """Without any: that of the agent."""
    type: Containerizer = Containerizer.MESOS
    """Who makes it."""
    mounts: tuple[MountSpec, ...] = ()
    """What it sees beside its own files."""
    force_pull: bool = False
    """Whether the image is pulled for each launch, though the agent has it."""
    privileged: bool = False
    """With Docker's containerizer: whether it may do what the agent's root may."""
    parameters: tuple[Label, ...] = ()
    """With Docker's containerizer: further options of `docker run`, without the dashes."""

    @property
    def on_agents_network(self) -> bool:
        """Whether ports are ports of the agent, which has to offer them: its own, or mapped to the container's."""
        return all(network.mapped for network in self.networks)

    @property
    def maps_ports(self) -> bool:
        """Whether ports of the agent lead to others of the container."""
        return any(network.mapped for network in self.networks)
