"""Drives simulated agents and frameworks on one master: carries messages between them, makes tasks change at a pace.

Knows the event loop and the clock. What agents and frameworks do is theirs; the master is the ordinary server, to which
they are peers in its process.
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sdk.errors import EnvironmentProblem
from sdk.local.clock import SteadyClock
from sdk.local.core.pieces import Encoded
from sdk.local.core.wire import Json
from sdk.local.master import MasterServer
from sdk.local.simulated.agent import SimulatedAgent
from sdk.local.simulated.contents import Contents, agent_info, choose, container_id, counter, new_uuid, shares
from sdk.local.simulated.executors import Life
from sdk.local.simulated.framework import SimulatedFramework

_SLICE = 0.003
"""Seconds of CPU after which requests of others get their turn, so that a busy machine does not shorten it."""
_SOME = 20
"""Messages, and steps of tasks, between two looks at the clock: neither may keep the other waiting."""
_PAUSE = 0.01
_BATCH = 50
"""Agents that register at once: the master writes its registry once for all of them."""
_BACKLOG = 2000
"""Messages that may wait before more is launched."""
_REVIVE = 10.0
"""Seconds after which frameworks that miss tasks ask for offers again."""
_SWEEP = 5.0
"""Seconds in which every agent was looked through once for updates to send again."""
_REPLACEMENTS = 5
"""One of so many changes replaces a task, which makes four events; the others change the health of one."""
_EVENTS_OF_REPLACEMENT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is simulated."""

    agents: int
    tasks: int
    events_per_second: float = 0.0
    seed: int = 0
    life: Life = field(default_factory=Life)


class _Peer:
    """The end of a stream of the master in its own process: what is written waits for the simulation."""

    def __init__(self, deliver: Callable[[Json], None], closed: Callable[[], None]) -> None:
        self._deliver = deliver
        self._closed = closed

    @property
    def waiting(self) -> int:
        """Nothing: what is written is taken at once."""
        return 0

    def send(self, event: Json | Encoded) -> None:
        """Queue an event or a message."""
        # Only events for operators come encoded, and nobody here is one.
        if not isinstance(event, Encoded):
            self._deliver(event)

    def close(self) -> None:
        """The master ended the stream."""
        self._closed()


class Simulation:
    """All agents and frameworks of one master."""

    def __init__(self, master: MasterServer, clock: SteadyClock, settings: Settings) -> None:
        self._master = master
        self._clock = clock
        self._settings = settings
        self._uuids, self._ids = counter(), counter()
        self._agents: dict[str, SimulatedAgent] = {}
        self._by_id: dict[str, str] = {}
        self._frameworks: dict[str, SimulatedFramework] = {}
        self._inbox: deque[tuple[str, Json]] = deque()
        self._steps: list[tuple[float, str]] = []
        self._credit = 0.0
        self._revived = clock.now()
        self._changes = 0
        self._sweep: deque[str] = deque()

    @property
    def running(self) -> int:
        """How many tasks of the simulated frameworks run."""
        return sum(framework.running for framework in self._frameworks.values())

    @property
    def problem(self) -> str | None:
        """Why a simulated framework cannot go on, if one cannot."""
        return next((item.problem for item in self._frameworks.values() if item.problem), None)

    async def run(self, filled: Callable[[], None]) -> None:
        """Register all agents, launch all tasks, call `filled`, then go on for ever."""
        await self._register()
        self._subscribe()
        last = self._clock.now()
        swept = last
        full = False
        while True:
            now = self._clock.now()
            if full:
                self._change(now - last, time.thread_time() + _SLICE)
            last = now
            self._answer_offers(full, time.thread_time() + _SLICE)
            self._revive(now)
            swept = self._retry(now, swept)
            busy = self._work() or self._credit >= 1.0 or any(item.offers for item in self._frameworks.values())
            if not full and self.problem is not None:
                raise EnvironmentProblem(f"the simulated tasks cannot be launched: {self.problem}")
            if not full and self.running >= self._settings.tasks:
                full = True
                self._revived = -_REVIVE
                self._revive(now, everybody=True)
                filled()
            await asyncio.sleep(0 if busy else _PAUSE)

    # --- beginning ------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        settings = self._settings
        each = -(-settings.tasks // settings.agents)
        batch: list[tuple[str, Json]] = []
        for number in range(settings.agents):
            name = f"simulated-agent-{number}"
            agent = SimulatedAgent(
                agent_info(number, each), settings.life, self._new_uuid, self._new_id, now=self._clock.now()
            )
            self._agents[name] = agent
            self._sweep.append(name)
            peer = _Peer(partial(self._receive, name), partial(self._end, name))
            self._master.attach(name, peer)
            batch.append((name, agent.registration()))
            if len(batch) == _BATCH or number == settings.agents - 1:
                self._master.from_agents(batch)
                batch.clear()
                await asyncio.sleep(0)
        while self._work():
            await asyncio.sleep(0)

    def _subscribe(self) -> None:
        settings = self._settings
        for number, (profile, count) in enumerate(shares(settings.tasks)):
            per_agent = max(2, -(-count // settings.agents) + 1)
            framework = SimulatedFramework(Contents(profile, settings.seed + number), count, per_agent, settings.seed)
            name = f"simulated-framework-{number}"
            self._frameworks[name] = framework
            peer = _Peer(partial(self._receive, name), partial(self._end, name))
            self._master.attach(name, peer)
            self._master.scheduler_call(framework.subscription(), stream=None, new_stream=name)

    def _new_uuid(self) -> str:
        return new_uuid(self._settings.seed, self._uuids())

    def _new_id(self) -> str:
        return container_id(self._settings.seed + 1, self._ids())

    def _end(self, name: str) -> None:
        """The master ended the stream: it marked the agent gone, or an operator tore the framework down."""
        self._agents.pop(name, None)
        self._frameworks.pop(name, None)
        self._master.detach(name)

    def _receive(self, name: str, message: Json) -> None:
        self._inbox.append((name, message))

    # --- carrying -------------------------------------------------------------------------------------------------

    def _work(self) -> bool:
        """Carry messages and do steps that are due, for one turn; whether there is more to do."""
        until = time.thread_time() + _SLICE
        while time.thread_time() < until:
            now = self._clock.now()
            if not self._inbox and not (self._steps and self._steps[0][0] <= now):
                return False
            for _ in range(min(_SOME, len(self._inbox))):
                name, message = self._inbox.popleft()
                self._deliver(name, message, now)
            for _ in range(_SOME):
                if not self._steps or self._steps[0][0] > now:
                    break
                _, name = heapq.heappop(self._steps)
                agent = self._agents.get(name)
                if agent is not None:
                    self._say(name, agent, agent.step(now))
        return True

    def _deliver(self, name: str, message: Json, now: float) -> None:
        agent = self._agents.get(name)
        if agent is not None:
            messages = agent.receive(message, now)
            if message["type"] == "REGISTERED":
                self._by_id[message["agent_id"]["value"]] = name
            self._say(name, agent, messages)
            return
        framework = self._frameworks.get(name)
        if framework is not None:
            for call in framework.event(message):
                self._master.scheduler_call(call, stream=name)

    def _say(self, name: str, agent: SimulatedAgent, messages: list[Json]) -> None:
        if messages:
            self._master.from_agents((name, item) for item in messages)
        due = agent.next_step()
        if due is not None:
            heapq.heappush(self._steps, (due, name))

    def _retry(self, now: float, swept: float) -> float:
        """Look through the next agents for what is due there; returns until when they were looked through."""
        share = min(_BATCH, int(len(self._sweep) * (now - swept) / _SWEEP))
        if not share:
            return swept
        for _ in range(share):
            name = self._sweep[0]
            self._sweep.rotate(-1)
            agent = self._agents.get(name)
            if agent is not None:
                self._say(name, agent, agent.retry(now))
        return now

    # --- change ---------------------------------------------------------------------------------------------------

    def _answer_offers(self, full: bool, until: float) -> None:
        """Answer waiting offers: at the beginning as fast as it goes, later spread over a second."""
        for name, framework in self._frameworks.items():
            for _ in range(framework.offers if not full else -(-framework.offers // 20)):
                if len(self._inbox) > _BACKLOG or time.thread_time() > until:
                    return
                call = framework.answer()
                if call is not None:
                    self._master.scheduler_call(call, stream=name)

    def _revive(self, now: float, *, everybody: bool = False) -> None:
        if now - self._revived < _REVIVE:
            return
        self._revived = now
        for name, framework in self._frameworks.items():
            if framework.framework_id is not None and (everybody or framework.behind):
                self._master.scheduler_call(framework.revival(), stream=name)

    def _change(self, seconds: float, until: float) -> None:
        """Make as many changes as that time is worth; what could not be done for a second is not made up for."""
        rate = self._settings.events_per_second
        self._credit = min(max(rate, 1.0), self._credit + rate * seconds)
        while self._credit >= 1.0 and self.running and time.thread_time() < until:
            self._changes += 1
            self._credit -= self._replace() if self._changes % _REPLACEMENTS == 0 else self._check()

    def _drawn(self, among: list[SimulatedFramework]) -> tuple[SimulatedFramework, str, str] | None:
        running = sum(item.running for item in among)
        if not running:
            return None
        number = choose(self._settings.seed + 2, self._changes, running)
        for framework in among:
            if number < framework.running:
                drawn = framework.draw()
                if drawn is not None:
                    return framework, *drawn
            number -= framework.running
        return None

    def _replace(self) -> int:
        """End a task; its framework launches another."""
        found = self._drawn(list(self._frameworks.values()))
        if found is not None:
            framework, task_id, agent_id = found
            state = "TASK_FAILED" if self._changes % 10 == 0 else "TASK_FINISHED"
            self._act(agent_id, lambda agent, now: agent.finish(framework.framework_id or "", task_id, state, now))
        return _EVENTS_OF_REPLACEMENT

    def _check(self) -> int:
        """Change the health of a task."""
        found = self._drawn([item for item in self._frameworks.values() if item.checked])
        if found is not None:
            framework, task_id, agent_id = found
            self._act(agent_id, lambda agent, now: agent.check(framework.framework_id or "", task_id, now))
        return 1

    def _act(self, agent_id: str, action: Callable[[SimulatedAgent, float], list[Json]]) -> None:
        name = self._by_id.get(agent_id, "")
        agent = self._agents.get(name)
        if agent is not None:
            self._say(name, agent, action(agent, self._clock.now()))
