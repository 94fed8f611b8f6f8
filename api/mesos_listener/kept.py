"""Tasks in a reader's copy that nobody names, because the master has yet to hear from their agents. Pure.

Knows for how long they are kept: until they are named, their agent is heard of or given up, something else is named at
the place of one, or PATIENCE has passed, whichever comes first. A listener that dies, or another one, changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping

from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.unheard import News, Unheard

#: As long as Mesos waits for an agent to register again; listeners that start again and again do not prolong it.
PATIENCE = 600.0

Place = tuple[str, int]


class Kept:
    """Times are the caller's, in seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._tasks: dict[TaskKey, Task] = {}
        self._by_agent: dict[str, set[TaskKey]] = {}
        self._by_place: dict[Place, TaskKey] = {}
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def tasks(self) -> Mapping[TaskKey, Task]:
        """The tasks."""
        return self._tasks

    def begin(self, left: Iterable[Task], unheard: Unheard, now: float) -> None:
        """Of tasks that a whole new view does not name, keep those of agents that were not heard, and no others."""
        until = self._until
        self._tasks, self._by_agent, self._by_place, self._until = {}, {}, {}, {}
        for task in left:
            agent = task.agent_id
            if agent not in unheard or until.get(agent, now + PATIENCE) <= now:
                continue
            self._until[agent] = until.get(agent, now + PATIENCE)
            self._tasks[task.key] = task
            self._by_agent.setdefault(agent, set()).add(task.key)
            self._by_place.update((place, task.key) for place in _places(task))

    def named(self, tasks: Iterable[Task]) -> set[TaskKey]:
        """These tasks are named; gives those that are not kept any more because one of these has their place."""
        if not self._tasks:
            return set()
        named, displaced = list(tasks), set()
        for task in named:
            self.drop(task.key)
        for task in named:
            for place in _places(task):
                key = self._by_place.get(place)
                if key is not None:
                    displaced.add(key)
                    self.drop(key)
        return displaced

    def drop(self, key: TaskKey) -> None:
        """It is known what became of the task."""
        task = self._tasks.pop(key, None)
        if task is None:
            return
        for place in _places(task):
            if self._by_place.get(place) == key:
                del self._by_place[place]
        there = self._by_agent[task.agent_id]
        there.discard(key)
        if not there:
            del self._by_agent[task.agent_id], self._until[task.agent_id]

    def hear(self, news: News, unheard: Unheard) -> tuple[set[TaskKey], set[TaskKey]]:
        """What is not kept any more after news of agents, with which `unheard` is as it is: tasks that ended, and tasks
        that went missing."""
        ended = self._let_go(agent for agent in news.heard if agent in self._by_agent)
        return ended, self._let_go(agent for agent in tuple(self._by_agent) if agent not in unheard)

    def overdue(self, now: float) -> set[TaskKey]:
        """Tasks that have been kept for too long."""
        return self._let_go(agent for agent, until in tuple(self._until.items()) if until <= now)

    def _let_go(self, agents: Iterable[str]) -> set[TaskKey]:
        gone = {key for agent in agents for key in self._by_agent[agent]}
        for key in gone:
            self.drop(key)
        return gone


def _places(task: Task) -> Iterator[Place]:
    """The ports of the agent that Mesos gave to the task; it may name any others."""
    return ((task.agent_address, port.number) for port in task.ports if port.number and not port.unallocated)
