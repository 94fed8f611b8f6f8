"""Drives simulated agents and frameworks: carries messages between them and their master, makes tasks change at a pace
and on demand.

Knows the event loop and the clock. What agents and frameworks do is theirs; the master is at the other end of a link.
"""

import asyncio
import contextlib
import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sdk.errors import EnvironmentProblem
from sdk.local.clock import SteadyClock
from sdk.local.core.wire import Json
from sdk.local.simulated.agent import SimulatedAgent
from sdk.local.simulated.contents import (
    SERVICES,
    Contents,
    agent_info,
    choose,
    container_id,
    counter,
    new_uuid,
    shares,
)
from sdk.local.simulated.demand import Demand
from sdk.local.simulated.executors import Life
from sdk.local.simulated.framework import SimulatedFramework
from sdk.local.simulated.link import REQUESTS, Uplink
from sdk.local.simulated.on_demand import FRAMEWORK

_SLICE = 0.003
"""Seconds after which the next kind of work gets its turn."""
_SOME = 20
"""Messages, and steps of tasks, between two looks at the clock: neither may keep the other waiting."""
_PAUSE = 0.01
_BATCH = 50
"""Agents that are looked through at once."""
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
    services: int = SERVICES
    """How many names the tasks share."""
    life: Life = field(default_factory=Life)


class Simulation:
    """All agents and frameworks of one master."""

    def __init__(self, master: Uplink, clock: SteadyClock, settings: Settings) -> None:
        self._master = master
        self._clock = clock
        self._settings = settings
        self._uuids, self._ids = counter(), counter()
        self._agents: dict[str, SimulatedAgent] = {}
        self._by_id: dict[str, str] = {}
        self._frameworks: dict[str, SimulatedFramework] = {}
        self._inbox: deque[tuple[str, Json | None]] = deque()
        self._wake = asyncio.Event()
        self._steps: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        """When the next step of an agent is due, as far as it has one."""
        self._credit = 0.0
        self._revived = clock.now()
        self._changes = 0
        self._sweep: deque[str] = deque()
        self._demand = Demand(master, settings.seed + 3, self._add, self._act)

    @property
    def running(self) -> int:
        """How many tasks of the simulated frameworks run."""
        return sum(framework.running for framework in self._frameworks.values())

    @property
    def problem(self) -> str | None:
        """Why a simulated framework cannot go on, if one cannot."""
        return next((item.problem for item in self._frameworks.values() if item.problem), None)

    def receive(self, name: str, message: Json | None) -> None:
        """What the master wrote to that agent or framework, None when it ended the stream; or a request."""
        self._inbox.append((name, message))
        self._wake.set()

    async def run(self, filled: Callable[[], None]) -> None:
        """Register all agents, launch all tasks, call `filled`, then go on for ever."""
        await self._register()
        self._subscribe()
        last = self._clock.now()
        swept = last
        full = False
        while True:
            now = self._clock.now()
            if not self._master.behind:
                if full:
                    self._change(now - last, time.monotonic() + _SLICE)
                self._answer_offers(full, time.monotonic() + _SLICE)
            last = now
            self._revive(now)
            swept = self._retry(now, swept)
            busy = self._work()
            if not full and self.problem is not None:
                raise EnvironmentProblem(f"the simulated tasks cannot be launched: {self.problem}")
            if not full and self.running >= self._settings.tasks:
                full = True
                self._revived = -_REVIVE
                self._revive(now, everybody=True)
                filled()
            await self._rest(busy or (not self._master.behind and self._more(full)))

    def _more(self, full: bool) -> bool:
        """Whether there is more to do at once. Offers are answered step by step once all tasks run."""
        return self._credit >= 1.0 if full else any(item.offers for item in self._frameworks.values())

    async def _rest(self, busy: bool) -> None:
        """Let messages come and go; without anything to do, until one comes or it is time to look again."""
        if busy:
            await asyncio.sleep(0)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _PAUSE)
        self._wake.clear()

    # --- beginning ------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        settings = self._settings
        each = -(-settings.tasks // settings.agents)
        for number in range(settings.agents):
            self._add(f"simulated-agent-{number}", agent_info(number, each), settings.life)
        while len(self._by_id) < len(self._agents):
            await self._rest(self._work())

    def _subscribe(self) -> None:
        settings = self._settings
        for number, (profile, count) in enumerate(shares(settings.tasks)):
            per_agent = max(2, -(-count // settings.agents) + 1)
            contents = Contents(profile, settings.seed + number, settings.services)
            framework = SimulatedFramework(contents, count, per_agent, settings.seed)
            name = f"simulated-framework-{number}"
            self._frameworks[name] = framework
            self._master.framework(name, framework.subscription())

    def _new_uuid(self) -> str:
        return new_uuid(self._settings.seed, self._uuids())

    def _new_id(self) -> str:
        return container_id(self._settings.seed + 1, self._ids())

    def _end(self, name: str) -> None:
        """The master ended the stream: it marked the agent gone, or an operator tore the framework down."""
        self._agents.pop(name, None)
        self._frameworks.pop(name, None)
        self._due.pop(name, None)
        self._master.gone(name)

    # --- carrying -------------------------------------------------------------------------------------------------

    def _work(self) -> bool:
        """Carry messages and do steps that are due, for one turn; whether there is more to do."""
        until = time.monotonic() + _SLICE
        while time.monotonic() < until:
            now = self._clock.now()
            if not self._inbox and not (self._steps and self._steps[0][0] <= now):
                return False
            for _ in range(min(_SOME, len(self._inbox))):
                name, message = self._inbox.popleft()
                self._deliver(name, message, now)
            for _ in range(_SOME):
                if not self._steps or self._steps[0][0] > now:
                    break
                due, name = heapq.heappop(self._steps)
                agent = self._agents.get(name)
                if agent is not None and self._due.get(name) == due:
                    del self._due[name]
                    self._say(name, agent, agent.step(now))
        return True

    def _deliver(self, name: str, message: Json | None, now: float) -> None:
        if message is None:
            self._end(name)
            return
        if name == REQUESTS:
            self._demand.ask(message["request"], message["content"])
            return
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
                self._master.framework(name, call)
        elif name == FRAMEWORK:
            self._demand.event(message)

    def _say(self, name: str, agent: SimulatedAgent, messages: list[Json]) -> None:
        for message in messages:
            self._master.agent(name, message)
        due = agent.next_step()
        if due is not None and due < self._due.get(name, math.inf):
            self._due[name] = due
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
                if len(self._inbox) > _BACKLOG or time.monotonic() > until:
                    return
                call = framework.answer()
                if call is not None:
                    self._master.framework(name, call)

    def _revive(self, now: float, *, everybody: bool = False) -> None:
        if now - self._revived < _REVIVE:
            return
        self._revived = now
        for name, framework in self._frameworks.items():
            if framework.framework_id is not None and (everybody or framework.behind):
                self._master.framework(name, framework.revival())

    def _change(self, seconds: float, until: float) -> None:
        """Make as many changes as that time is worth; what could not be done for a second is not made up for."""
        rate = self._settings.events_per_second
        self._credit = min(max(rate, 1.0), self._credit + rate * seconds)
        while self._credit >= 1.0 and self.running and time.monotonic() < until:
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
            self._act(agent_id, lambda agent, now: agent.become(framework.framework_id or "", task_id, state, now))
        return _EVENTS_OF_REPLACEMENT

    def _check(self) -> int:
        """Change the health of a task."""
        found = self._drawn([item for item in self._frameworks.values() if item.checked])
        if found is not None:
            framework, task_id, agent_id = found
            self._act(agent_id, lambda agent, now: agent.check(framework.framework_id or "", task_id, now))
        return 1

    def _add(self, name: str, info: Json, life: Life) -> None:
        """Another agent, unless it is there."""
        if name in self._agents:
            return
        agent = SimulatedAgent(info, life, self._new_uuid, self._new_id, now=self._clock.now())
        self._agents[name] = agent
        self._sweep.append(name)
        self._master.agent(name, agent.registration())

    def _act(self, agent_id: str, action: Callable[[SimulatedAgent, float], list[Json]]) -> None:
        name = self._by_id.get(agent_id, "")
        agent = self._agents.get(name)
        if agent is not None:
            self._say(name, agent, action(agent, self._clock.now()))
