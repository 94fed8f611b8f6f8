"""Which port and folder each part of a local stack uses. Pure: no file is touched here."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_BASE_PORT = 15000
PORTS_PER_AGENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything follows from a directory and a base port, so that several checkouts run side by side."""

    directory: Path
    base_port: int = DEFAULT_BASE_PORT
    agents: int = 4
    masters: int = 1

    @property
    def api(self) -> int:
        """The API server."""
        return self.base_port

    @property
    def master(self) -> int:
        """The Mesos master."""
        return self.base_port + 10

    @property
    def zookeeper(self) -> int:
        """ZooKeeper's client port."""
        return self.base_port + 2

    @property
    def scheduler(self) -> int:
        """The Edge-LB scheduler's HTTP server."""
        return self.base_port + 3

    @property
    def listener(self) -> int:
        """The mesos-listener's gRPC server."""
        return self.base_port + 4

    @property
    def application(self) -> int:
        """HTTP server of the framework that runs the sample application."""
        return self.base_port + 5

    @property
    def listener_health(self) -> int:
        """HTTP server of the mesos-listener's health."""
        return self.base_port + 6

    @property
    def template_health(self) -> int:
        """HTTP server of the template process's health."""
        return self.base_port + 7

    @property
    def agent_base(self) -> int:
        """First agent's HTTP port; they follow the master's."""
        return self.master + 1

    @property
    def offers_base(self) -> int:
        """First port that the first agent offers; each agent has the next `PORTS_PER_AGENT`."""
        return self.base_port + 100

    def listening(self) -> dict[int, str]:
        """Every fixed port with the name of what listens there."""
        ports = {
            self.api: "API server",
            self.master: "Mesos master",
            self.zookeeper: "ZooKeeper",
            self.scheduler: "scheduler",
            self.listener: "mesos-listener",
            self.listener_health: "mesos-listener's health",
            self.template_health: "template's health",
            self.application: "sample application's scheduler",
        }
        ports |= {self.agent_base + i: f"agent{i + 1}" for i in range(self.agents)}
        # Where a cluster has them: after the agents.
        return ports | {self.agent_base + self.agents + i: f"master{i + 2}" for i in range(self.masters - 1)}
