"""The index of a cluster's tasks, kept from the events of the Mesos operator API: one event in, one delta out.

Knows: what each event means for the set of running tasks, and what to believe while a new master is still learning.
Does not know: where events come from, who reads deltas, the clock. An event costs O(1), except those that name an agent
or a framework (its tasks) and SUBSCRIBED (all tasks).

A master that has just taken over knows only the agents that registered with it again. Tasks of the others run on, so
they are *carried over* until their agent is back (then the master's list of it is complete), is removed, or is overdue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from api.mesos_listener.marathon import DEFAULT_FRAMEWORKS
from api.mesos_listener.parse import parse_agent, parse_task, ports_on, status_changes
from api.mesos_listener.reading import id_of, items, mapping, text
from api.mesos_listener.task import LIVE_STATES, MAX_NAME, RUNNING, Agent, Task, TaskKey
from sdk.pattern import Pattern

#: Mesos' agent_reregister_timeout is 10 minutes: an agent that is later is TASK_UNREACHABLE to its frameworks too.
RECOVERED_PATIENCE = 600.0
#: Agents register again with a backoff of at most one minute. Used where the master does not promise that they will.
UNKNOWN_PATIENCE = 75.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What changed in the set of running tasks; `revision` is the index's revision after it.

    `missing` are those of `removed` that the master stopped naming, without an event that says that the task ended or
    that its agent or framework is gone.
    """

    revision: int
    updated: tuple[Task, ...] = ()
    removed: tuple[TaskKey, ...] = ()
    missing: frozenset[TaskKey] = frozenset()

    @property
    def is_empty(self) -> bool:
        """True when nothing that readers see changed."""
        return not self.updated and not self.removed


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
        self._carried: dict[str, set[TaskKey]] = {}
        # Of the event that is being taken: tasks that are not named any more, and nothing says that they ended.
        self._missing: set[TaskKey] = set()
        self._ready_by: float | None = None

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

    def apply(self, event: Mapping[str, object], now: float) -> Delta:
        """Take one event of the operator stream; `now` in seconds of a clock that does not jump."""
        touched: set[TaskKey] = set()
        match event.get("type"):
            case "SUBSCRIBED":
                self._subscribed(mapping(mapping(event.get("subscribed")).get("get_state")), now, touched)
            case "TASK_ADDED":
                self._put(mapping(event.get("task_added")).get("task"), touched)
            case "TASK_UPDATED":
                self._task_updated(mapping(event.get("task_updated")), touched)
            case "AGENT_ADDED":
                self._agent_added(parse_agent(mapping(event.get("agent_added")).get("agent")), touched)
            case "AGENT_REMOVED":
                agent_id = id_of(mapping(event.get("agent_removed")).get("agent_id"))
                self._agents.pop(agent_id, None)
                self._settle(agent_id, touched)
                self._drop_all(self._by_agent.get(agent_id, ()), touched)
            case "FRAMEWORK_ADDED" | "FRAMEWORK_UPDATED" as kind:
                self._framework(mapping(event.get(kind.lower())).get("framework"), touched)
            case "FRAMEWORK_REMOVED":
                info = mapping(mapping(event.get("framework_removed")).get("framework_info"))
                framework_id = id_of(info.get("id"))
                self._drop_all(self._by_framework.get(framework_id, ()), touched)
                self._frameworks.pop(framework_id, None)
            case _:  # HEARTBEAT and whatever later versions of Mesos add: only time passes
                pass
        return self._after(touched, now)

    def tick(self, now: float) -> Delta:
        """Let time pass without an event, while Mesos is away."""
        return self._after(set(), now)

    # ------------------------------------------------------------ events

    def _subscribed(self, state: Mapping[str, object], now: float, touched: set[TaskKey]) -> None:
        agents = mapping(state.get("get_agents"))
        frameworks = mapping(state.get("get_frameworks"))
        tasks = mapping(state.get("get_tasks"))

        present = [agent for raw in items(agents.get("agents")) if (agent := parse_agent(raw))]
        recovered = [agent for raw in items(agents.get("recovered_agents")) if (agent := parse_agent(raw))]
        known = self._agents
        # A recovered agent has no pid: what the old master said of its address still holds.
        self._agents = {agent.id: known.get(agent.id, agent) for agent in recovered}
        self._agents |= {agent.id: agent for agent in present}

        for raw in (*items(frameworks.get("frameworks")), *items(frameworks.get("recovered_frameworks"))):
            self._framework(raw, touched)
        gone = {
            id_of(mapping(mapping(raw).get("framework_info")).get("id"))
            for raw in items(frameworks.get("completed_frameworks"))
        }

        before, self._live = self._live, {}
        self._by_agent, self._by_framework = {}, {}
        touched.update(before)
        for raw in (*items(tasks.get("tasks")), *items(tasks.get("orphan_tasks"))):
            self._put(raw, touched, before)
        ended = {
            TaskKey(framework_id=id_of(mapping(raw).get("framework_id")), id=id_of(mapping(raw).get("task_id")))
            for source in ("tasks", "unreachable_tasks", "completed_tasks")
            for raw in items(tasks.get(source))
        }

        reported = {agent.id for agent in present}
        promised = {agent.id for agent in recovered} - reported
        # An agent that is awaited already keeps its deadline, or masters that change often would keep it for ever.
        self._awaited = {agent_id: self._awaited.get(agent_id, now + RECOVERED_PATIENCE) for agent_id in promised}
        self._carried = {}
        for key, task in before.items():
            if key in self._live or key in ended or task.framework_id in gone or task.agent_id in reported:
                continue
            self._awaited.setdefault(task.agent_id, now + UNKNOWN_PATIENCE)
            if task.agent_id in known:
                self._agents.setdefault(task.agent_id, known[task.agent_id])
            self._carried.setdefault(task.agent_id, set()).add(key)
            self._store(task)
        self._missing |= {
            key
            for key, task in before.items()
            if key not in self._live and key not in ended and task.framework_id not in gone
        }
        named = {task.framework_id for task in self._live.values()}
        listed = {
            id_of(mapping(mapping(raw).get("framework_info")).get("id"))
            for source in ("frameworks", "recovered_frameworks")
            for raw in items(frameworks.get(source))
        }
        self._frameworks = {key: name for key, name in self._frameworks.items() if key in named or key in listed}
        if self._ready_by is None:
            # Of what agents run that are not back yet, a listener that starts now knows nothing at all.
            self._ready_by = now + RECOVERED_PATIENCE

    def _task_updated(self, update: Mapping[str, object], touched: set[TaskKey]) -> None:
        status = mapping(update.get("status"))
        key = TaskKey(framework_id=id_of(update.get("framework_id")), id=id_of(status.get("task_id")))
        task = self._live.get(key)
        if task is None:
            return
        # `state` is the newest the agent knows; `status` may be an older update that is still being delivered.
        state = text(update.get("state")) or text(status.get("state"))
        if state not in LIVE_STATES:
            self._drop(key, touched)
            return
        self._live[key] = replace(task, **status_changes(task, state, status))  # type: ignore[arg-type]
        self._confirm(key, task.agent_id)
        touched.add(key)

    def _agent_added(self, agent: Agent | None, touched: set[TaskKey]) -> None:
        if agent is None:
            return
        self._settle(agent.id, touched)
        if self._agents.get(agent.id) == agent:
            return
        self._agents[agent.id] = agent
        for key in self._by_agent.get(agent.id, ()):
            task = self._live[key]
            self._live[key] = replace(
                task, agent_hostname=agent.hostname, agent_address=agent.address, ports=ports_on(task, agent)
            )
            touched.add(key)

    def _framework(self, raw: object, touched: set[TaskKey]) -> None:
        info = mapping(mapping(raw).get("framework_info"))
        framework_id, name = id_of(info.get("id")), text(info.get("name"), MAX_NAME)
        # A framework that was recovered from an agent's memory may be told without its name: what is known stays.
        if not framework_id or not name or self._frameworks.get(framework_id) == name:
            return
        self._frameworks[framework_id] = name
        for key in self._by_framework.get(framework_id, ()):
            self._live[key] = replace(self._live[key], framework_name=name, marathon=self._is_marathon(name))
            touched.add(key)

    # ------------------------------------------------------------ the tables

    def _put(self, raw: object, touched: set[TaskKey], before: Mapping[TaskKey, Task] | None = None) -> None:
        data = mapping(raw)
        agent_id, framework_id = id_of(data.get("agent_id")), id_of(data.get("framework_id"))
        framework = self._frameworks.get(framework_id, "")
        marathon = bool(framework) and self._is_marathon(framework)
        task = parse_task(data, framework, self._agents.get(agent_id), marathon=marathon)
        if task is None:
            return
        key = task.key
        if task.state not in LIVE_STATES:  # also a task that ended but whose last update is not acknowledged yet
            self._drop(key, touched)
            return
        old = (self._live if before is None else before).get(key)
        if old is not None and old.started:
            task = replace(task, started=old.started)
        self._drop(key, touched)
        self._store(task)
        touched.add(key)

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

    def _drop_all(self, keys: "set[TaskKey] | tuple[()]", touched: set[TaskKey]) -> None:
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
        for agent_id in [agent_id for agent_id, until in self._awaited.items() if until <= now]:
            self._missing |= self._carried.get(agent_id, set())
            self._settle(agent_id, touched)
        if not self.complete and self._ready_by is not None:
            self.complete = not self._awaited or now >= self._ready_by
        updated, removed = [], []
        for key in touched:
            new, old = self._live.get(key), self._running.get(key)
            if new is not None and new.state == RUNNING:
                if new != old:
                    updated.append(new)
            elif old is not None:
                removed.append(key)
        if updated or removed:
            self.revision += 1
        stamped = tuple(replace(task, revision=self.revision) for task in updated)
        for task in stamped:
            self._running[task.key] = task
        for key in removed:
            del self._running[key]
        missing = self._missing.intersection(removed)
        self._missing.clear()
        return Delta(revision=self.revision, updated=stamped, removed=tuple(removed), missing=frozenset(missing))
