"""The played cluster: the embedded Mesos' master and agents, connected by a network that can be cut."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sdk.errors import NotConnected
from sdk.local.core import agent as agents
from sdk.local.core import agent_model, classic
from sdk.local.core.master import Master
from sdk.local.core.model import MasterConfig
from sdk.local.core.outputs import CloseAgent, CloseScheduler, Output, Persist, ToAgent, ToScheduler
from sdk.testing.agenda import Agenda
from sdk.testing.containers import Containers
from sdk.testing.executors import Behaviour, PlayedExecutor, PlayedTask
from sdk.testing.machine import Machine

Json = dict[str, Any]


class Cluster(Agenda):
    """One master, and any number of agents and subscriptions."""

    def __init__(self, *, now: float, config: MasterConfig) -> None:
        super().__init__(now)
        self._config = config
        self._registry: Json | None = None
        self._containers = Containers(self, self._from_agent)
        self.machines: dict[str, Machine] = {}
        self.master: Master | None = Master(config, now=now)
        self._listeners: dict[str, tuple[Callable[[Json], None], Callable[[], None]]] = {}
        """Of the streams of schedulers."""
        self._operations_fail = 0
        self._failing_kinds: frozenset[str] = frozenset()

    # Time

    def next_event(self) -> float | None:
        """When something happens next."""
        times = [time] if (time := self.next_timer()) is not None else []
        sources = [self.master, *(machine.agent for machine in self.machines.values())]
        times.extend(due for source in sources if source is not None and (due := source.next_tick()) is not None)
        return min(times, default=None)

    def step(self, now: float) -> None:
        """Let it be `now`: everything that is due happens."""
        self.move_to(now)
        if self.master is not None:
            self._from_master(self.master.tick(now=now))
        for machine in self.machines.values():
            if machine.agent is not None:
                self._from_agent(machine, machine.agent.tick(now=now))
        self.pump()

    # The scheduler's side

    def listen(self, stream: str, on_event: Callable[[Json], None], on_closed: Callable[[], None]) -> None:
        """Who hears what the master says on a stream, and that it ended it."""
        self._listeners[stream] = on_event, on_closed

    def call(self, call: Json, stream: str | None, new_stream: str = "") -> tuple[int, str]:
        """One call of a scheduler; HTTP status and text."""
        if self.master is None:
            return 503, "there is no master"
        answer = self.master.call(call, stream=stream, now=self.now, new_stream=new_stream)
        self._from_master(answer.outputs)
        return answer.status, answer.text or ""

    def operator(self, kind: str, content: Json) -> None:
        """One call of the operator API; anything but success is a mistake of the story."""
        if self.master is None:
            raise AssertionError(f"{kind}: there is no master")
        answer = self.master.operator_call({"type": kind, kind.lower(): content}, now=self.now)
        self._from_master(answer.outputs)
        if answer.status not in (200, 202):
            raise AssertionError(f"{kind}: HTTP {answer.status}: {answer.text}")

    def slaves(self) -> Json:
        """The master's /slaves."""
        if self.master is None:
            raise NotConnected("there is no master")
        return classic.slaves(self.master.state, full=True)

    def agent_id(self, name: str) -> str:
        """The id that the master gave the agent of a machine."""
        assert self.master is not None
        hostname = self.machines[name].info["hostname"]
        return next(
            agent_id for agent_id, agent in self.master.state.agents.items() if agent.info["hostname"] == hostname
        )

    def scheduler_gone(self, stream: str) -> None:
        """The scheduler's process or connection is gone."""
        self._listeners.pop(stream, None)
        if self.master is not None:
            self._from_master(self.master.scheduler_disconnected(stream, now=self.now))

    # Master

    def stop_master(self) -> None:
        """The master's process dies; its registry stays."""
        if self.master is not None:
            self._registry = self.master.registry()
            self.master = None
        for machine in self.machines.values():
            if machine.connection is not None:
                machine.connection = None
                if machine.agent is not None:
                    machine.agent.master_disconnected()

    def start_master(self) -> None:
        """Another master takes over with the registry; agents find it."""
        config = MasterConfig(
            **{name: getattr(self._config, name) for name in self._config.__slots__}
            | {"master_id": f"{self._config.master_id}-{self.number()}"}
        )
        self.master = Master(config, now=self.now, registry=self._registry)
        for machine in self.machines.values():
            self._connect(machine)
        self.pump()

    def allow_everything(self) -> None:
        """No access rules any more, for this master and the next ones."""
        self._config = replace(self._config, acls=None)
        if self.master is not None:
            self.master.state.config = self._config

    def _from_master(self, outputs: tuple[Output, ...]) -> None:
        for output in outputs:
            match output:
                case ToScheduler(stream=stream, event=event):
                    self.soon(partial(self._to_scheduler, stream, event))
                case CloseScheduler(stream=stream):
                    self.soon(partial(self._to_scheduler, stream, None))
                case ToAgent(connection=connection, message=message):
                    self.soon(partial(self._to_agent, connection, message))
                case CloseAgent(connection=connection):
                    self.soon(partial(self._closed, connection))
                case Persist(registry=registry):
                    self._registry = registry
                case _:
                    pass  # no operator listens here

    def _to_scheduler(self, stream: str, event: Json | None) -> None:
        """None: the stream ends."""
        on_event, on_closed = self._listeners.get(stream, (None, None))
        if event is not None and on_event is not None:
            on_event(event)
        elif event is None and on_closed is not None:
            del self._listeners[stream]
            on_closed()

    def fail_operations(self, count: int, kinds: Iterable[str]) -> None:
        """The next operations of these kinds fail on their agents."""
        self._operations_fail, self._failing_kinds = count, frozenset(kinds)

    def _at(self, connection: str) -> Machine | None:
        return next((machine for machine in self.machines.values() if machine.connection == connection), None)

    def _to_agent(self, connection: str, message: Json) -> None:
        machine = self._at(connection)
        if machine is not None and machine.agent is not None and not machine.cut:
            if self._operations_fail and message.get("operation", {}).get("type") in self._failing_kinds:
                self._operations_fail -= 1
                message = {**message, "failure": "the story says so"}
            self._from_agent(machine, machine.agent.master_message(message, now=self.now))

    def _closed(self, connection: str) -> None:
        machine = self._at(connection)
        if machine is None:
            return
        machine.connection = None
        if machine.agent is not None:
            machine.agent.master_disconnected()
        if not machine.cut:
            self.later(1.0, lambda: self._connect(machine))

    # Agents

    def add(self, name: str, info: Json, networks: Mapping[str, Sequence[str]]) -> None:
        """A new machine joins, with addresses on networks of containers."""
        self.machines[name] = Machine(
            name=name,
            info=info,
            networks={
                network: tuple(agent_model.ContainerAddress(ip=ip) for ip in addresses)
                for network, addresses in networks.items()
            },
        )
        self.start_agent(name)

    def start_agent(self, name: str) -> None:
        """The agent's process starts, with what an earlier one checkpointed."""
        machine = self.machines[name]
        config = agent_model.AgentConfig(
            info=machine.info,
            new_uuid=self.new_uuid,
            new_container_id=lambda: f"container-{self.number()}",
            networks=machine.networks,
        )
        machine.agent = agents.Agent(config, now=self.now, checkpoints=dict(machine.checkpoints))
        for executor in list(machine.executors.values()):
            executor.subscribe()
        self._lost_containers(machine)
        self._connect(machine)
        self.pump()

    def _lost_containers(self, machine: Machine) -> None:
        """Containers of the checkpoints that died while the agent was away."""
        assert machine.agent is not None
        for run in list(machine.agent.state.runs.values()):
            if run.container_id not in machine.executors:
                self._from_agent(machine, machine.agent.exited(run.container_id, None, now=self.now))

    def stop_agent(self, name: str, *, tasks_too: bool) -> None:
        """The agent's process dies, with or without its executors."""
        machine = self.machines[name]
        machine.agent = None
        machine.streams.clear()
        if tasks_too:
            machine.executors.clear()
        connection, machine.connection = machine.connection, None
        if connection is not None and self.master is not None and not machine.cut:
            self._from_master(self.master.agent_disconnected(connection, now=self.now))
        self.pump()

    def cut(self, name: str) -> None:
        """Pull the cable."""
        self.machines[name].cut = True

    def mend(self, name: str) -> None:
        """Plug it in again: the agent connects anew."""
        machine = self.machines[name]
        machine.cut = False
        old, machine.connection = machine.connection, None
        if old is not None and self.master is not None:
            self._from_master(self.master.agent_disconnected(old, now=self.now))
        if machine.agent is not None:
            machine.agent.master_disconnected()
            self._connect(machine)
        self.pump()

    def _connect(self, machine: Machine) -> None:
        if self.master is None or machine.agent is None or machine.cut or machine.connection is not None:
            return
        if machine.agent.recovering:
            self.later(1.0, lambda: self._connect(machine))
            return
        machine.connection = f"{machine.name}-{self.number()}"
        self._to_master(machine, machine.agent.registration())

    def _to_master(self, machine: Machine, message: Json) -> None:
        if self.master is not None and machine.connection is not None and not machine.cut:
            self._from_master(self.master.agent_message(machine.connection, message, now=self.now))

    def _from_agent(self, machine: Machine, outputs: tuple[agent_model.AgentOutput, ...]) -> None:
        for output in outputs:
            match output:
                case agent_model.ToMaster(message=message):
                    self._to_master(machine, message)
                case agent_model.ToExecutor(stream=stream, event=event):
                    container = machine.streams.get(stream)
                    executor = machine.executors.get(container) if container is not None else None
                    if executor is not None:
                        self.soon(partial(executor.event, event))
                case agent_model.CloseExecutor(stream=stream):
                    machine.streams.pop(stream, None)
                case agent_model.Launch():
                    self._containers.start(machine, output)
                case agent_model.Destroy(container_id=container_id):
                    self.soon(partial(self._containers.end, machine, container_id, 9))
                case agent_model.Checkpoint(name=name, content=content):
                    if content is None:
                        machine.checkpoints.pop(name, None)
                    else:
                        machine.checkpoints[name] = content
                case agent_model.Terminate():
                    assert machine.agent is not None
                    machine.checkpoints = machine.agent.left_behind()
                    machine.agent = None

    # Tasks

    def tasks(self, task_ids: Collection[str]) -> list[tuple[PlayedExecutor, PlayedTask]]:
        """Those of these tasks that run, each with its executor."""
        return [
            (executor, task)
            for machine in self.machines.values()
            for executor in machine.executors.values()
            for task in executor.tasks.values()
            if task.task_id in task_ids
        ]

    def behave(self, task_name: str, behaviour: Behaviour) -> None:
        """How tasks of this Mesos task name go from now on."""
        self._containers.behave(task_name, behaviour)
