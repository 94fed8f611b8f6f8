"""The story teller: a cluster and a scheduler under one manual clock, with faults to send and facts to expect."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sdk.core.events import PodActionRequested, Tick, UninstallRequested
from sdk.core.settings import Settings
from sdk.core.snapshot import Snapshot
from sdk.core.view import problems, snapshot
from sdk.local.core.authorization import parse as parse_acls
from sdk.local.core.model import MasterConfig
from sdk.local.core.resources import Resources
from sdk.model.records import PodRecord
from sdk.model.spec import ServiceSpec
from sdk.plan.steps import StepView
from sdk.testing.cluster import Cluster
from sdk.testing.executors import Behaviour
from sdk.testing.scheduler import PlayedScheduler

Json = dict[str, Any]


class StoryFailed(AssertionError):
    """What was expected did not come; the message tells what there is instead."""


class Simulation:
    """See `sdk.testing`."""

    def __init__(
        self,
        *,
        framework: str = "sim",
        settings: Settings | None = None,
        agent_ping_timeout: float = 1.0,
        max_agent_ping_timeouts: int = 3,
        start: float = 1_000_000.0,
        acls: Json | None = None,
    ) -> None:
        """`acls` are the master's, in the form of its flag `--acls`."""
        config = MasterConfig(
            master_id="sim",
            agent_ping_timeout=agent_ping_timeout,
            max_agent_ping_timeouts=max_agent_ping_timeouts,
            agent_reregister_timeout=60.0,
            acls=None if acls is None else parse_acls(acls),
        )
        self.cluster = Cluster(now=start, config=config)
        self.scheduler = PlayedScheduler(
            self.cluster,
            name=framework,
            settings=settings or Settings(principal="sim-principal"),
            new_id=lambda: f"id{self.cluster.number()}",
        )
        self._services: dict[str, ServiceSpec] = {}
        self.scheduler.start()
        self.cluster.pump()

    # Time

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.cluster.now

    def advance(self, seconds: float) -> None:
        """Let time pass; everything that is due on the way happens at its time."""
        end = self.now + seconds
        while True:
            due = [time for time in (self.cluster.next_event(), self.scheduler.wake) if time is not None]
            following = max(self.now, min(due, default=end))
            if following > end:
                break
            # Timers that ask for the very moment it is get a nudge, so that none can hold the clock.
            self._at(following if following > self.now else min(end, self.now + 0.001))
            if self.now >= end:
                break
        self._at(end)

    def _at(self, now: float) -> None:
        self.cluster.step(now)
        wake = self.scheduler.wake
        if wake is not None and wake <= now:
            self.scheduler.give(Tick())
        self.cluster.pump()

    def run_until(self, fact: Callable[[], bool], what: str, within: float = 120.0, step: float = 0.5) -> None:
        """Let time pass until `fact`; fails with what there is instead after `within` seconds."""
        end = self.now + within
        while not fact():
            if self.now >= end:
                raise StoryFailed(f"not within {within:g} s: {what}\n{self.describe()}")
            self.advance(step)

    def settle(self, seconds: float = 30.0) -> None:
        """Let everything come to rest."""
        self.advance(seconds)

    # What happens

    def publish(self, *services: ServiceSpec) -> None:
        """The plugin's wishes: exactly these services."""
        self._services = {service.name: service for service in services}
        self.scheduler.publish(self._services)
        self.cluster.pump()

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
        networks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """A new agent. With `role` all its resources are statically reserved for that role; `networks` has addresses
        by the name of a network of containers.
        """
        resources: list[Json] = [
            {"name": key, "type": "SCALAR", "scalar": {"value": amount}}
            for key, amount in (("cpus", cpus), ("mem", mem), ("disk", disk))
        ]
        ranges = [
            {"begin": int(part.partition("-")[0]), "end": int(part.rpartition("-")[2])} for part in ports.split(",")
        ]
        resources.append({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}})
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
            info["domain"] = {"fault_domain": {"region": {"name": "region"}, "zone": {"name": zone}}}
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

    def teardown(self) -> None:
        """An operator tears the framework down: Mesos ends its tasks and never takes its id again."""
        assert self.scheduler.state is not None
        framework_id = str(self.scheduler.state.framework.framework_id)
        self.cluster.operator("TEARDOWN", {"framework_id": {"value": framework_id}})
        self.cluster.pump()

    def renew(self) -> None:
        """An operator lets the removed framework go on under a new id."""
        self.scheduler.renew()
        self.cluster.pump()

    def _machine_ids(self, names: Iterable[str]) -> list[Json]:
        infos = [self.cluster.machines[name].info for name in names]
        return [{"hostname": info["hostname"], "ip": info["ip"]} for info in infos]

    def kill_task(self, instance: str, message: str = "Command exited with status 1") -> None:
        """A task of `<service>/<pod>-<index>` dies by itself."""
        for machine in self.cluster.machines.values():
            for executor in list(machine.executors.values()):
                for task in list(executor.tasks.values()):
                    if task.task_id in self._task_ids(instance):
                        executor.finish(task, "TASK_FAILED", message)
        self.cluster.pump()

    def stop_scheduler(self) -> None:
        """The scheduler's process is killed."""
        self.scheduler.die()
        self.cluster.pump()

    def start_scheduler(self) -> None:
        """Another process takes over from what is stored."""
        self.scheduler.start()
        self.cluster.pump()

    def restart_scheduler(self) -> None:
        """Kill it and start it again."""
        self.stop_scheduler()
        self.start_scheduler()

    def lose_records(self, service: str) -> None:
        """Somebody removes the stored nodes of a service by hand while the scheduler is down."""
        if self.scheduler.state is not None:
            raise StoryFailed("stop the scheduler first")
        self.scheduler.forget(service)

    def overwrite_record(self, instance: str, data: bytes | None) -> bytes | None:
        """Write other bytes into the stored node of `<service>/<pod>-<index>`, or remove it; what was there."""
        service, _, pod = instance.partition("/")
        return self.scheduler.corrupt(service, pod, data)

    def disconnect(self) -> None:
        """The scheduler's connection breaks."""
        self.scheduler.disconnect()
        self.cluster.pump()

    def master_failover(self, seconds: float = 2.0) -> None:
        """The master dies, and another one takes over after some seconds."""
        self.cluster.stop_master()
        self.scheduler.master_gone()
        self.advance(seconds)
        self.cluster.start_master()

    def allow_everything(self) -> None:
        """The operator takes the master's access rules away."""
        self.cluster.allow_everything()

    def lose_calls(self, name: str, count: int = 1) -> None:
        """The next calls `Accept`, `Kill`, `Acknowledge`, ... vanish on the way."""
        self.scheduler.lose[name] += count

    def fail_calls(self, name: str, count: int = 1) -> None:
        """The next calls fail with an error that the scheduler sees."""
        self.scheduler.fail[name] += count

    def refuse_calls(self, why: Callable[[Json], str | None]) -> None:
        """The master answers 400 to the calls for which `why` gives a reason."""
        self.scheduler.refuse = why

    def die_before(self, name: str) -> None:
        """The scheduler dies after storing, before its next call of that name."""
        self.scheduler.die_before = name

    def action(self, instance: str, action: str) -> None:
        """An operator asks for `restart` or `replace` of `<service>/<pod>-<index>`."""
        service, _, pod = instance.partition("/")
        self.scheduler.give(PodActionRequested(service=service, pod=pod, action=action))
        self.cluster.pump()

    def uninstall(self) -> None:
        """An operator asks for the end of it all."""
        self.scheduler.give(UninstallRequested())
        self.cluster.pump()

    # What there is

    def snapshot(self) -> Snapshot:
        """As the HTTP API would show it."""
        if self.scheduler.state is None:
            raise StoryFailed("the scheduler is down")
        return snapshot(self.scheduler.state, self.now)

    def problems(self) -> dict[str, str]:
        """What keeps single services from being as they are wished, sentence by service."""
        assert self.scheduler.state is not None
        return problems(self.scheduler.state)

    def record(self, instance: str) -> PodRecord:
        """The record of `<service>/<pod>-<index>`."""
        service, _, pod = instance.partition("/")
        assert self.scheduler.state is not None
        return self.scheduler.state.pods[(service, pod)]

    def step(self, instance: str, plan: str = "deploy") -> StepView:
        """The step of `<service>/<pod>-<index>` in a plan."""
        service, _, pod = instance.partition("/")
        for view in self.snapshot().services[service].plans:
            if view.name == plan:
                for phase in view.phases:
                    for step in phase.steps:
                        if step.pod == pod:
                            return step
        raise StoryFailed(f"{instance} has no step in {plan}\n{self.describe()}")

    def processes(self) -> list[tuple[str, str]]:
        """Mesos task name and machine of everything that really runs, known to anybody or not."""
        return sorted(
            (task.name, machine.name)
            for machine in self.cluster.machines.values()
            for executor in machine.executors.values()
            for task in executor.tasks.values()
        )

    def running(self) -> list[str]:
        """`<service>/<pod>-<index>` of all instances whose tasks run, as the scheduler knows it."""
        if self.scheduler.state is None:
            return []
        return sorted(
            f"{record.service}/{record.name}"
            for record in self.scheduler.state.pods.values()
            if record.lost_at is None
            and record.tasks
            and all(task.status.state == "TASK_RUNNING" for task in record.tasks)
        )

    def where(self, instance: str) -> str:
        """The host name on which an instance was launched last."""
        return self.record(instance).tasks[0].hostname

    def reservations(self) -> dict[str, set[str]]:
        """Resource ids of all dynamic reservations by machine, as the agents that are up hold them."""
        found: dict[str, set[str]] = {}
        for machine in self.cluster.machines.values():
            if machine.agent is None:
                continue
            for resource in Resources.of(machine.agent.state.resources.json()).json():
                for entry in resource.get("reservations", ()):
                    if entry["type"] == "DYNAMIC":
                        labels = {label["key"]: label["value"] for label in entry.get("labels", {}).get("labels", ())}
                        found.setdefault(machine.name, set()).add(labels.get("resource_id", "?"))
        return found

    def held(self) -> set[str]:
        """Resource ids that the records hold on purpose."""
        assert self.scheduler.state is not None
        return set(self.scheduler.state.index.by_resource)

    def kept_offers(self) -> int:
        """Offers that the scheduler has neither accepted nor declined."""
        master = self.cluster.master
        return 0 if master is None else sum(len(found.offers) for found in master.state.frameworks.values())

    def _task_ids(self, instance: str) -> set[str]:
        return {task.task_id for task in self.record(instance).tasks}

    # What is expected

    def expect_running(self, *instances: str) -> None:
        """Exactly these instances run, and one process for each of their tasks."""
        if self.running() != sorted(instances):
            raise StoryFailed(f"expected {sorted(instances)} to run\n{self.describe()}")

    def expect_reserved_exactly(self) -> None:
        """Every reservation in the cluster is held by a record, and the other way round."""
        found = set[str]().union(*self.reservations().values())
        if found != self.held():
            raise StoryFailed(f"reservations {sorted(found)}, records hold {sorted(self.held())}\n{self.describe()}")

    def expect_nothing_left(self) -> None:
        """No process, no reservation, no framework and no stored node is left."""
        if self.processes() or self.reservations() or self.scheduler.stored_anything():
            raise StoryFailed(f"something is left\n{self.describe()}")
        if self.cluster.master is not None and self.cluster.master.state.frameworks:
            raise StoryFailed("the framework is still known to the master")

    def describe(self) -> str:
        """All that matters, for the message of a failure."""
        lines = [f"at {self.now:.1f}: processes {self.processes()}", f"reservations {self.reservations()}"]
        if self.scheduler.state is not None:
            view = self.snapshot()
            lines.append(f"{view.connection}, suppressed {view.suppressed}, {view.uninstall_message}")
            for service in view.services.values():
                for plan in service.plans:
                    for phase in plan.phases:
                        lines.extend(
                            f"  {service.name} {plan.name} {step.name}: {step.status} {step.message}"
                            for step in phase.steps
                        )
        lines.extend(f"  {line}" for line in _logs(self.scheduler.effects[-200:]))
        return "\n".join(lines)


def _logs(effects: Iterable[object]) -> list[str]:
    return [str(getattr(effect, "sentence", "")) for effect in effects if type(effect).__name__ == "Log"][-15:]
