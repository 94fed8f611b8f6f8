"""The index of a cluster's tasks, kept from the events of the Mesos operator API: one event in, one delta out.

Knows: what each event means for the set of running tasks, and what to believe while a new master is still learning.
Does not know: where events come from, who reads deltas, the clock. An event costs O(1), except those that name an agent
or a framework (its tasks) and SUBSCRIBED (all tasks).

A master that has just taken over knows only the agents that registered with it again. Tasks of the others run on, so
they are *carried over* until their agent is back (then the master's list of it is complete), is removed, or is overdue.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec.structs import replace

from api.mesos_listener import messages
from api.mesos_listener.concerned import Concerned
from api.mesos_listener.delta import Delta
from api.mesos_listener.marathon import DEFAULT_FRAMEWORKS
from api.mesos_listener.parse import after_status, joined, of_framework, on_agent, parse_agent, parse_task
from api.mesos_listener.snapshot import Snapshot
from api.mesos_listener.task import LIVE_STATES, MAX_NAME, RUNNING, Agent, Task, TaskKey
from api.mesos_listener.unheard import RollCall
from sdk.pattern import Pattern

#: Mesos' agent_reregister_timeout is 10 minutes: an agent that is later is TASK_UNREACHABLE to its frameworks too.
RECOVERED_PATIENCE = 600.0
#: Agents register again with a backoff of at most one minute. Used where the master does not promise that they will.
UNKNOWN_PATIENCE = 75.0

_UNKNOWN = Agent(id="")


class TaskIndex:
    """All live tasks of one Mesos cluster; `running` is what readers see.

    `marathons` is found in the names of the frameworks that count as Marathons.
    """

    def __init__(self, marathons: Pattern | None = None) -> None:
        # Few frameworks, many tasks.
        self._is_marathon = lru_cache(maxsize=1024)((marathons or Pattern(DEFAULT_FRAMEWORKS)).found_in)
        self.revision = 0
        #: True from the first moment at which the view was complete, for ever: later gaps are bridged by carrying over.
        self.complete = False
        self._running: dict[TaskKey, Task] = {}
        self._live: dict[TaskKey, Task] = {}
        self._by_agent: dict[str, set[TaskKey]] = {}
        self._by_framework: dict[str, set[TaskKey]] = {}
        self._agents: dict[str, Agent] = {}
        self._frameworks: dict[str, str] = {}
        # Agents that the master has yet to hear from, with the time until which that is believed.
        self._awaited: dict[str, float] = {}
        self._overdue = 0.0
        """The earliest of these times, or an earlier one."""
        self._carried: dict[str, set[TaskKey]] = {}
        # Of the event that is being taken: tasks that are not named any more, and nothing says that they ended.
        self._missing: set[TaskKey] = set()
        self._roll = RollCall(recovered=RECOVERED_PATIENCE, unknown=UNKNOWN_PATIENCE)

    @property
    def running(self) -> Mapping[TaskKey, Task]:
        """The running tasks as they are now."""
        return self._running

    @property
    def agents(self) -> int:
        """How many agents are known."""
        return len(self._agents)

    @property
    def carried(self) -> int:
        """How many tasks are believed to run although the present master has not named them yet."""
        return sum(map(len, self._carried.values()))

    def apply(self, event: messages.Event | Snapshot, now: float) -> Delta:
        """Take one event of the operator stream; `now` in seconds of a clock that does not jump."""
        touched: set[TaskKey] = set()
        if isinstance(event, Snapshot):
            self._subscribed(event, now, touched)
            return self._after(touched, now)
        match event.type:
            case "TASK_ADDED":
                self._put(event.task_added.task, touched)
            case "TASK_UPDATED":
                self._task_updated(event.task_updated, touched)
            case "AGENT_ADDED":
                self._agent_added(parse_agent(event.agent_added.agent), touched)
            case "AGENT_REMOVED":
                agent_id = event.agent_removed.agent_id.value
                self._agents.pop(agent_id, None)
                self._roll.answered(agent_id)
                self._settle(agent_id, touched)
                self._drop_all(self._by_agent.get(agent_id, ()), touched)
            case "FRAMEWORK_ADDED":
                self._framework(event.framework_added.framework.framework_info, touched)
            case "FRAMEWORK_UPDATED":
                self._framework(event.framework_updated.framework.framework_info, touched)
            case "FRAMEWORK_REMOVED":
                framework_id = event.framework_removed.framework_info.id.value
                self._drop_all(self._by_framework.get(framework_id, ()), touched)
                self._frameworks.pop(framework_id, None)
            case _:  # HEARTBEAT and whatever later versions of Mesos add: only time passes
                pass
        return self._after(touched, now)

    def differs(self, told: Snapshot, concerned: Concerned) -> int:
        """How many tasks run or do not run otherwise than a snapshot says that came beside the events.

        Another thread may apply events meanwhile: what it changes is then among what it told to `concerned`.
        """
        number = 0
        for key, task in told.tasks.items():
            if not concerned.names(key, task.agent_id):
                old = self._running.get(key)
                new = self._joined(task, old)
                # One that does not run yet has to be known as well, or the event that it runs would say nothing.
                number += new != old if _is_told(new) else old is not None or key not in self._live
        for key, task in tuple(self._running.items()):
            waited_for = key in self._carried.get(task.agent_id, ())
            number += key not in told.tasks and not waited_for and not concerned.names(key, task.agent_id)
        return number

    def heal(self, told: Snapshot, concerned: Concerned, now: float) -> Delta:
        """Believe a snapshot that came beside the events in all that they did not concern."""
        concerned.correct(told, live=self._live, agents=self._agents, frameworks=self._frameworks)
        return self.apply(told, now)

    def tick(self, now: float) -> Delta:
        """Let time pass without an event, while Mesos is away."""
        return self._after(set(), now)

    # ------------------------------------------------------------ events

    def _subscribed(self, told: Snapshot, now: float, touched: set[TaskKey]) -> None:
        known = self._agents
        # A recovered agent has no pid: what the old master said of its address still holds.
        self._agents = {agent_id: known.get(agent_id, agent) for agent_id, agent in told.recovered.items()}
        self._agents |= told.agents
        for framework_id, name in told.frameworks.items():
            self._name_framework(framework_id, name, touched)

        before, self._live = self._live, {}
        self._by_agent, self._by_framework = {}, {}
        touched.update(before)
        for key, task in told.tasks.items():
            touched.add(key)
            self._store(self._joined(task, before.get(key)))

        promised = told.recovered.keys() - told.agents.keys()
        # An agent that is awaited already keeps its deadline, or masters that change often would keep it for ever.
        self._awaited = {agent_id: self._awaited.get(agent_id, now + RECOVERED_PATIENCE) for agent_id in promised}
        self._carried = {}
        for key, task in before.items():
            if key in told.tasks or key in told.ended or task.framework_id in told.gone:
                continue
            self._missing.add(key)
            if task.agent_id in told.agents:
                continue
            self._awaited.setdefault(task.agent_id, now + UNKNOWN_PATIENCE)
            if task.agent_id in known:
                self._agents.setdefault(task.agent_id, known[task.agent_id])
            self._carried.setdefault(task.agent_id, set()).add(key)
            self._store(task)
        self._overdue = min(self._awaited.values(), default=now)
        named = self._by_framework.keys() | told.frameworks.keys()
        self._frameworks = {key: name for key, name in self._frameworks.items() if key in named}
        # An agent on which the master knows of an ended task was heard before.
        self._roll.called(told.agents.keys() | (told.ended_on - promised), promised, now)

    def _task_updated(self, update: messages.TaskUpdated, touched: set[TaskKey]) -> None:
        key = TaskKey(framework_id=update.framework_id.value, id=update.status.task_id.value)
        task = self._live.get(key)
        if task is None:
            return
        # `state` is the newest the agent knows; `status` may be an older update that is still being delivered.
        state = update.state or update.status.state
        if state not in LIVE_STATES:
            self._drop(key, touched)
            return
        self._live[key] = after_status(task, state, update.status)
        self._confirm(key, task.agent_id)
        touched.add(key)

    def _agent_added(self, agent: Agent | None, touched: set[TaskKey]) -> None:
        if agent is None:
            return
        self._roll.answered(agent.id)
        self._settle(agent.id, touched)
        if self._agents.get(agent.id) == agent:
            return
        self._agents[agent.id] = agent
        for key in self._by_agent.get(agent.id, ()):
            self._live[key] = on_agent(self._live[key], agent)
            touched.add(key)

    def _framework(self, info: messages.FrameworkInfo, touched: set[TaskKey]) -> None:
        self._name_framework(info.id.value, info.name if len(info.name) <= MAX_NAME else "", touched)

    def _name_framework(self, framework_id: str, name: str, touched: set[TaskKey]) -> None:
        # A framework that was recovered from an agent's memory may be told without its name: what is known stays.
        if not framework_id or not name or self._frameworks.get(framework_id) == name:
            return
        self._frameworks[framework_id] = name
        for key in self._by_framework.get(framework_id, ()):
            self._live[key] = of_framework(self._live[key], name, marathon=self._is_marathon(name))
            touched.add(key)

    # ------------------------------------------------------------ the tables

    def _put(self, raw: messages.Task, touched: set[TaskKey]) -> None:
        task = parse_task(raw)
        if task is None:
            return
        key = task.key
        old = self._live.get(key)
        self._drop(key, touched)
        if task.state in LIVE_STATES:  # not one that ended, but whose last update is not acknowledged yet
            self._store(self._joined(task, old))
            touched.add(key)

    def _joined(self, task: Task, old: Task | None) -> Task:
        """The task with what is known of its framework and agent, and since when it has been running."""
        name = self._frameworks.get(task.framework_id, "")
        agent = self._agents.get(task.agent_id, _UNKNOWN)
        return joined(
            task,
            framework_name=name,
            marathon=bool(name) and self._is_marathon(name),
            agent=agent,
            started=old.started if old is not None and old.started else task.started,
        )

    def _store(self, task: Task) -> None:
        key = task.key
        self._live[key] = task
        self._by_agent.setdefault(task.agent_id, set()).add(key)
        self._by_framework.setdefault(task.framework_id, set()).add(key)

    def _drop(self, key: TaskKey, touched: set[TaskKey]) -> None:
        task = self._live.pop(key, None)
        if task is None:
            return
        touched.add(key)
        for table, name in ((self._by_agent, task.agent_id), (self._by_framework, task.framework_id)):
            keys = table[name]
            keys.discard(key)
            if not keys:
                del table[name]
        self._confirm(key, task.agent_id)

    def _drop_all(self, keys: Iterable[TaskKey], touched: set[TaskKey]) -> None:
        for key in tuple(keys):
            self._drop(key, touched)

    def _confirm(self, key: TaskKey, agent_id: str) -> None:
        """The present master named this task: it is no longer only carried over."""
        carried = self._carried.get(agent_id)
        if carried is not None:
            carried.discard(key)

    def _settle(self, agent_id: str, touched: set[TaskKey]) -> None:
        """The agent has registered again, is gone or is overdue: what the master has not named by now does not run."""
        self._awaited.pop(agent_id, None)
        self._drop_all(self._carried.pop(agent_id, set()), touched)

    def _after(self, touched: set[TaskKey], now: float) -> Delta:
        if self._awaited and now >= self._overdue:
            for agent_id in [agent_id for agent_id, until in self._awaited.items() if until <= now]:
                self._missing |= self._carried.get(agent_id, set())
                self._settle(agent_id, touched)
            self._overdue = min(self._awaited.values(), default=now)
        begun, news = self._roll.news(now)
        self.complete = self.complete or self._roll.complete
        updated, removed = [], []
        for key in touched:
            new, old = self._live.get(key), self._running.get(key)
            if new is not None and _is_told(new):
                if new != old:
                    updated.append(new)
            elif old is not None:
                removed.append(key)
        if updated or removed or news or begun is not None:
            self.revision += 1
        stamped = tuple(replace(task, revision=self.revision) for task in updated)
        for task in stamped:
            self._running[task.key] = self._live[task.key] = task
        for key in removed:
            del self._running[key]
        missing = self._missing.intersection(removed)
        self._missing.clear()
        gone, lost = tuple(removed), frozenset(missing)
        return Delta(revision=self.revision, updated=stamped, removed=gone, missing=lost, unheard=begun, news=news)


def _is_told(task: Task) -> bool:
    """Whether readers are told of a live task: one that was killed before it ran has no requests to finish."""
    return task.state == RUNNING or (task.leaving and bool(task.started))
