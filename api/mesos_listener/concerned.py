"""What events concerned while a snapshot of the cluster was under way on another connection. Pure.

A snapshot that comes beside a stream of events is older than some of what the stream has told since it was asked for.
Everything that no event has concerned since then is as the snapshot says; of the rest, what the events say counts. Does
not know what is done with the difference (index.py).
"""

from collections.abc import Mapping

from api.mesos_listener import messages
from api.mesos_listener.snapshot import Snapshot
from api.mesos_listener.task import Agent, Task, TaskKey


class Concerned:
    """Collects the names that stand in events."""

    def __init__(self) -> None:
        self.tasks: set[TaskKey] = set()
        self.agents: set[str] = set()
        self.frameworks: set[str] = set()
        self.everything = False
        """The stream began anew: nothing that is compared with it would be right."""

    def see(self, event: messages.Event | Snapshot) -> None:
        """One event of the stream."""
        if isinstance(event, Snapshot):
            self.everything = True
            return
        match event.type:
            case "TASK_ADDED":
                task = event.task_added.task
                self.tasks.add(TaskKey(framework_id=task.framework_id.value, id=task.task_id.value))
            case "TASK_UPDATED":
                updated = event.task_updated
                self.tasks.add(TaskKey(framework_id=updated.framework_id.value, id=updated.status.task_id.value))
            case "AGENT_ADDED":
                self.agents.add(event.agent_added.agent.agent_info.id.value)
            case "AGENT_REMOVED":
                self.agents.add(event.agent_removed.agent_id.value)
            case "FRAMEWORK_ADDED":
                self.frameworks.add(event.framework_added.framework.framework_info.id.value)
            case "FRAMEWORK_UPDATED":
                self.frameworks.add(event.framework_updated.framework.framework_info.id.value)
            case "FRAMEWORK_REMOVED":
                self.frameworks.add(event.framework_removed.framework_info.id.value)
            case _:  # it names nothing
                pass

    def names(self, key: TaskKey, agent_id: str) -> bool:
        """Whether an event concerned this task, by its own name or by those of its framework and agent."""
        return key in self.tasks or agent_id in self.agents or key.framework_id in self.frameworks

    def correct(
        self,
        told: Snapshot,
        *,
        live: Mapping[TaskKey, Task],
        agents: Mapping[str, Agent],
        frameworks: Mapping[str, str],
    ) -> None:
        """Put what events concerned into the snapshot as it is known by them."""
        for key, task in tuple(told.tasks.items()):
            if self.names(key, task.agent_id):
                del told.tasks[key]
                told.ended.add(key)
        for key, task in live.items():
            if self.names(key, task.agent_id):
                told.tasks[key] = task
                told.ended.discard(key)
        for agent_id in self.agents:
            told.agents.pop(agent_id, None)
            told.recovered.pop(agent_id, None)
            if agent_id in agents:
                told.agents[agent_id] = agents[agent_id]
        for framework_id in self.frameworks:
            told.gone.discard(framework_id)
            told.frameworks.pop(framework_id, None)
            if framework_id in frameworks:
                told.frameworks[framework_id] = frameworks[framework_id]
