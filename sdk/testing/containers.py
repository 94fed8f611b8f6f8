"""What agents launch: a container for each executor, which runs on whatever happens to its agent.

Knows how calls and events pass between the two. What an executor does is in `sdk.testing.executors`.
"""

from collections.abc import Callable
from typing import Any

from sdk.local.core import agent_model
from sdk.testing.agenda import Agenda
from sdk.testing.executors import Behaviour, PlayedExecutor
from sdk.testing.machine import Machine

Json = dict[str, Any]


class Containers:
    """Of all machines."""

    def __init__(self, agenda: Agenda, told: Callable[[Machine, tuple[agent_model.AgentOutput, ...]], None]) -> None:
        """`told` gets what an agent wants done."""
        self._agenda = agenda
        self._told = told
        self._behaviours: dict[str, Behaviour] = {}

    def behave(self, task_name: str, behaviour: Behaviour) -> None:
        """How tasks of this Mesos task name go from now on."""
        self._behaviours[task_name] = behaviour

    def _behaviour(self, task_name: str) -> Behaviour:
        return self._behaviours.get(task_name, Behaviour())

    def start(self, machine: Machine, launch: agent_model.Launch) -> None:
        """What an agent has to be launched."""
        container = launch.container_id
        assert machine.agent is not None
        if launch.refusal is not None:
            self._told(machine, machine.agent.launch_failed(container, launch.refusal, now=self._agenda.now))
            return

        def say(call: Json) -> None:
            self._agenda.soon(lambda: self._call(machine, container, call))

        def later(seconds: float, action: Callable[[], None]) -> None:
            self._agenda.later(seconds, lambda: action() if container in machine.executors else None)

        executor = PlayedExecutor(
            container_id=container,
            framework_id=launch.framework_id,
            executor_id=launch.executor_id,
            say=say,
            later=later,
            end=lambda status: self.end(machine, container, status),
            behaviour=self._behaviour,
            new_uuid=self._agenda.new_uuid,
        )
        machine.executors[container] = executor
        self._told(machine, machine.agent.launched(container, self._agenda.number(), now=self._agenda.now))
        # The name of a custom executor's first task is not known yet: what keeps it from registering is its own name.
        first = launch.task["name"] if launch.task is not None else launch.executor_id.split("__")[-2]
        if self._behaviour(first).registers:
            executor.subscribe()

    def _call(self, machine: Machine, container: str, call: Json) -> None:
        if machine.agent is None or container not in machine.executors:
            return
        stream = ""
        if call["type"] == "SUBSCRIBE":
            stream = f"executor-{self._agenda.number()}"
            machine.streams[stream] = container
        machine.agent.executor_call(call, now=self._agenda.now, new_stream=stream)
        self._told(machine, machine.agent.outputs())

    def end(self, machine: Machine, container: str, status: int) -> None:
        """A container ends with a wait status, or is ended."""
        if machine.executors.pop(container, None) is None and status == 0:
            return
        if machine.agent is not None:
            self._told(machine, machine.agent.exited(container, status, now=self._agenda.now))
