"""What happens to the machines of a story; what runs and is reserved on them, whether anybody knows of it or not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sdk.local.core.resources import Resources
from sdk.testing.cluster import Cluster
from sdk.testing.executors import Behaviour

Json = dict[str, Any]


def fault_domain(region: str, zone: str) -> Json:
    """A DomainInfo."""
    return {"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}


class Machines:
    """The part of a simulation that knows no scheduler of its own."""

    cluster: Cluster

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.cluster.now

    def add_agent(
        self,
        name: str,
        *,
        cpus: float = 4.0,
        mem: float = 4096.0,
        disk: float = 4096.0,
        ports: str = "31000-31099",
        role: str | None = None,
        attributes: Mapping[str, str] | None = None,
        zone: str | None = None,
        region: str = "region",
        networks: Mapping[str, Sequence[str]] | None = None,
        disks: Iterable[tuple[str, float]] = (),
    ) -> None:
        """A new agent. With `role` all its resources are statically reserved for that role; `networks` has addresses
        by the name of a network of containers; `disks` are of their own, each MOUNT or PATH with its MB.
        """
        resources: list[Json] = [
            {"name": key, "type": "SCALAR", "scalar": {"value": amount}}
            for key, amount in (("cpus", cpus), ("mem", mem), ("disk", disk))
        ]
        ranges = [
            {"begin": int(part.partition("-")[0]), "end": int(part.rpartition("-")[2])} for part in ports.split(",")
        ]
        resources.append({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}})
        resources.extend(
            {
                "name": "disk",
                "type": "SCALAR",
                "scalar": {"value": size},
                "disk": {"source": {"type": kind, kind.lower(): {"root": f"/disks/{number}"}}},
            }
            for number, (kind, size) in enumerate(disks)
        )
        if role is not None:
            resources = [entry | {"reservations": [{"type": "STATIC", "role": role}]} for entry in resources]
        info: Json = {
            "hostname": name,
            "ip": f"10.0.0.{len(self.cluster.machines) + 1}",
            "port": 5051,
            "resources": resources,
            "attributes": [
                {"name": key, "type": "TEXT", "text": {"value": value}} for key, value in (attributes or {}).items()
            ],
        }
        if zone is not None:
            info["domain"] = fault_domain(region, zone)
        self.cluster.add(name, info, networks or {})
        self.cluster.pump()

    def behave(self, task_name: str, behaviour: Behaviour) -> None:
        """How tasks called `<pod>-<index>-<task>` go from now on."""
        self.cluster.behave(task_name, behaviour)

    def partition(self, name: str) -> None:
        """Cut an agent off; its tasks run on."""
        self.cluster.cut(name)

    def heal(self, name: str) -> None:
        """End the partition."""
        self.cluster.mend(name)

    def kill_agent(self, name: str) -> None:
        """The machine dies with all its tasks."""
        self.cluster.stop_agent(name, tasks_too=True)

    def return_agent(self, name: str) -> None:
        """The machine is up again, with its checkpoints."""
        self.cluster.start_agent(name)

    def restart_agent(self, name: str) -> None:
        """Only the agent's process is restarted."""
        self.cluster.stop_agent(name, tasks_too=False)
        self.cluster.start_agent(name)

    def drain(self, name: str, *, mark_gone: bool = False) -> None:
        """DRAIN_AGENT: the agent kills its tasks and gets no new ones."""
        content: Json = {"agent_id": {"value": self.cluster.agent_id(name)}, "mark_gone": mark_gone}
        self.cluster.operator("DRAIN_AGENT", content)
        self.cluster.pump()

    def mark_gone(self, name: str) -> None:
        """MARK_AGENT_GONE: the agent and its tasks end; started again it has a new id and the old reservations."""
        self.cluster.operator("MARK_AGENT_GONE", {"agent_id": {"value": self.cluster.agent_id(name)}})
        self.cluster.pump()

    def deactivate(self, name: str) -> None:
        """DEACTIVATE_AGENT: tasks run on, but the agent makes no offers."""
        self.cluster.operator("DEACTIVATE_AGENT", {"agent_id": {"value": self.cluster.agent_id(name)}})
        self.cluster.pump()

    def reactivate(self, name: str) -> None:
        """REACTIVATE_AGENT: the end of a drain or a deactivation."""
        self.cluster.operator("REACTIVATE_AGENT", {"agent_id": {"value": self.cluster.agent_id(name)}})
        self.cluster.pump()

    def maintain(self, *names: str, after: float = 600.0, duration: float | None = 3600.0) -> None:
        """The maintenance schedule: one window for exactly these machines, which begins `after` seconds from now."""
        unavailability: Json = {"start": {"nanoseconds": round((self.now + after) * 1e9)}}
        if duration is not None:
            unavailability["duration"] = {"nanoseconds": round(duration * 1e9)}
        windows = [{"machine_ids": self._machine_ids(names), "unavailability": unavailability}] if names else []
        self.cluster.operator("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": windows}})
        self.cluster.pump()

    def machine_down(self, name: str) -> None:
        """START_MAINTENANCE: the agent and all its tasks are shut down."""
        self.cluster.operator("START_MAINTENANCE", {"machines": self._machine_ids([name])})
        self.cluster.pump()

    def machine_up(self, name: str) -> None:
        """STOP_MAINTENANCE: the machine may come back; `return_agent` starts its agent."""
        self.cluster.operator("STOP_MAINTENANCE", {"machines": self._machine_ids([name])})
        self.cluster.pump()

    def maintenance_answers(self, name: str) -> list[str]:
        """What frameworks answered about the maintenance of a machine, as the master shows it to operators."""
        assert self.cluster.master is not None
        known = self.cluster.master.state.maintenance.draining.get(self.cluster.agent_id(name))
        return sorted(said["status"] for said in known.statuses.values()) if known is not None else []

    def fail_operations(self, count: int = 1, kinds: Iterable[str] = ("RESERVE", "UNRESERVE")) -> None:
        """The next operations of these kinds fail on their agent (OPERATION_FAILED), which changes nothing."""
        self.cluster.fail_operations(count, kinds)

    def allow_everything(self) -> None:
        """The operator takes the master's access rules away."""
        self.cluster.allow_everything()

    def processes(self) -> list[tuple[str, str]]:
        """Mesos task name and machine of everything that really runs, known to anybody or not."""
        return sorted(
            (task.name, machine.name)
            for machine in self.cluster.machines.values()
            for executor in machine.executors.values()
            for task in executor.tasks.values()
        )

    def reservations(self, *, volumes: bool = True) -> dict[str, set[str]]:
        """Resource ids of all dynamic reservations by machine, as the agents that are up hold them.

        Without `volumes` those that are nothing but volumes are left out.
        """
        found: dict[str, set[str]] = {}
        for machine in self.cluster.machines.values():
            if machine.agent is None:
                continue
            for resource in Resources.of(machine.agent.state.resources.json()).json():
                if not volumes and "persistence" in resource.get("disk", {}):
                    continue
                for entry in resource.get("reservations", ()):
                    if entry["type"] == "DYNAMIC":
                        labels = {label["key"]: label["value"] for label in entry.get("labels", {}).get("labels", ())}
                        found.setdefault(machine.name, set()).add(labels.get("resource_id", "?"))
        return found

    def volumes(self) -> dict[str, set[str]]:
        """Ids of all persistent volumes by machine, as the agents that are up hold them."""
        found: dict[str, set[str]] = {}
        for machine in self.cluster.machines.values():
            for resource in [] if machine.agent is None else machine.agent.state.resources.json():
                if "persistence" in resource.get("disk", {}):
                    found.setdefault(machine.name, set()).add(resource["disk"]["persistence"]["id"])
        return found

    def kept_offers(self) -> int:
        """Offers that the scheduler has neither accepted nor declined."""
        master = self.cluster.master
        return 0 if master is None else sum(len(found.offers) for found in master.state.frameworks.values())

    def _machine_ids(self, names: Iterable[str]) -> list[Json]:
        infos = [self.cluster.machines[name].info for name in names]
        return [{"hostname": info["hostname"], "ip": info["ip"]} for info in infos]
