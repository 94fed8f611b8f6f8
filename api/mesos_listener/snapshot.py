"""What SUBSCRIBED tells of the whole cluster, collected one element at a time. Pure.

Knows the lists of the event and what is kept of their elements: of a task that runs the task, of one that ended its
name. Tasks stand before frameworks and agents in the event, so they are joined only when all has been told (index.py).
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from api.mesos_listener import messages
from api.mesos_listener.parse import parse_agent, parse_task
from api.mesos_listener.reading import Reader, Unreadable
from api.mesos_listener.task import LIVE_STATES, MAX_NAME, Agent, Task, TaskKey

_STATE = ("subscribed", "get_state")
_TASKS = {name: (*_STATE, "get_tasks", name) for name in ("tasks", "orphan_tasks")}
_ENDED = {name: (*_STATE, "get_tasks", name) for name in ("unreachable_tasks", "completed_tasks")}
_FRAMEWORKS = {name: (*_STATE, "get_frameworks", name) for name in ("frameworks", "recovered_frameworks")}
_GONE = (*_STATE, "get_frameworks", "completed_frameworks")
_AGENTS = (*_STATE, "get_agents", "agents")
_RECOVERED = (*_STATE, "get_agents", "recovered_agents")

#: The lists that count, and what is in them.
KINDS: Mapping[tuple[str, ...], type[msgspec.Struct]] = {
    **dict.fromkeys(_TASKS.values(), messages.Task),
    **dict.fromkeys(_ENDED.values(), messages.EndedTask),
    **dict.fromkeys(_FRAMEWORKS.values(), messages.Framework),
    _GONE: messages.Framework,
    _AGENTS: messages.Agent,
    _RECOVERED: messages.AgentInfo,
}
#: An element, read already or not.
Element = msgspec.Raw | msgspec.Struct


class Snapshot:
    """Filled by `take`, then read."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKey, Task] = {}
        """Those that live, without what their agent and framework tell."""
        self.ended: set[TaskKey] = set()
        """Tasks that the master knows and that do not live any more."""
        self.ended_on: set[str] = set()
        """The agents of these."""
        self.agents: dict[str, Agent] = {}
        self.recovered: dict[str, Agent] = {}
        """Agents that the master has yet to hear from."""
        self.frameworks: dict[str, str] = {}
        """Names by id; empty where none was told."""
        self.gone: set[str] = set()
        """Ids of frameworks that ended."""
        self.left_out = 0
        """Elements that cannot be read, or name nothing."""
        self._task = Reader(messages.Task)
        self._ended_task = Reader(messages.EndedTask)
        self._framework = Reader(messages.Framework)
        self._agent = Reader(messages.Agent)
        self._agent_info = Reader(messages.AgentInfo)

    @property
    def odd(self) -> int:
        """Elements that are not as documented, and were read all the same."""
        readers = (self._task, self._ended_task, self._framework, self._agent, self._agent_info)
        return sum(reader.odd for reader in readers)

    def take(self, path: tuple[str, ...], elements: Iterable[Element]) -> None:
        """Some elements of one of the lists."""
        take: Callable[[Element], None]
        if path in _TASKS.values():
            take = self._take_task
        elif path in _ENDED.values():
            take = self._take_ended
        elif path in _FRAMEWORKS.values():
            take = self._take_framework
        elif path == _GONE:
            take = self._take_gone
        elif path == _AGENTS:
            take = self._take_agent
        else:
            take = self._take_recovered
        for raw in elements:
            try:
                take(raw)
            except Unreadable:
                self.left_out += 1

    def _take_task(self, raw: Element) -> None:
        task = parse_task(self._task.read(raw))
        if task is None:
            self.left_out += 1
        elif task.state in LIVE_STATES:
            self.tasks[task.key] = task
        else:  # it ended, and its last update is not acknowledged yet
            self.tasks.pop(task.key, None)
            self.ended.add(task.key)

    def _take_ended(self, raw: Element) -> None:
        ended = self._ended_task.read(raw)
        self.ended.add(TaskKey(framework_id=ended.framework_id.value, id=ended.task_id.value))
        self.ended_on.add(ended.agent_id.value)

    def _take_framework(self, raw: Element) -> None:
        info = self._framework.read(raw).framework_info
        name = info.name if len(info.name) <= MAX_NAME else ""
        self.frameworks[info.id.value] = name or self.frameworks.get(info.id.value, "")

    def _take_gone(self, raw: Element) -> None:
        self.gone.add(self._framework.read(raw).framework_info.id.value)

    def _take_agent(self, raw: Element) -> None:
        self._keep(self._agent.read(raw), self.agents)

    def _take_recovered(self, raw: Element) -> None:
        self._keep(messages.Agent(agent_info=self._agent_info.read(raw)), self.recovered)

    def _keep(self, raw: messages.Agent, agents: dict[str, Agent]) -> None:
        agent = parse_agent(raw)
        if agent is None:
            self.left_out += 1
        else:
            agents[agent.id] = agent
