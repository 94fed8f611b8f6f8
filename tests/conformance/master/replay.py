"""A recording played to the pure endpoints of our master under a manual clock.

Ids are the same as recorded, because our master is given the recorded ids.
"""

import gzip
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from sdk.local.core import CloseScheduler, Master, MasterConfig, Output, Persist, ToAgent, ToOperator, ToScheduler
from sdk.local.core.endpoints import Endpoints
from sdk.local.core.http import Reply, Request
from sdk.local.core.leadership import Leadership
from sdk.local.core.metrics import Measured
from sdk.local.core.outputs import CloseAgent
from tests.conformance.master.double import AgentDouble
from tests.conformance.master.player import Player
from tests.conformance.master.player import Step as Step

Json = dict[str, Any]


@dataclass
class MasterUnderTest:
    """One of the masters of a recording."""

    port: int
    leadership: Leadership
    endpoints: Endpoints = field(init=False)


@dataclass
class Replay(Player):
    """One recording against our master's core."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.registry: Json | None = None
        self.closed: set[str] = set()
        self.masters: dict[str, MasterUnderTest] = {}

    def _start(self, name: str) -> None:
        port = {"master1": 15050, "master2": 15051, "master3": 15052}[name]
        master_id = self.ids[port].pop(0) if self.ids[port] else name
        config = MasterConfig(master_id=master_id, port=port, **self.config)
        master = Master(config, now=self.now, registry=json.loads(json.dumps(self.registry)))
        item = MasterUnderTest(leadership=Leadership(leader=f"127.0.0.1:{port}", mine=True), port=port)
        item.endpoints = Endpoints(
            master,
            leadership=lambda: item.leadership,
            credentials=self.credentials,
            machine=_machine,
            measured=_measured,
        )
        self.masters[name] = item
        self.leading = name
        self.master = master

    def _take(self, outputs: tuple[Output, ...]) -> None:
        answers: list[tuple[AgentDouble, Json]] = []
        for output in outputs:
            match output:
                case ToScheduler(stream=name, event=event) | ToOperator(stream=name, event=event):
                    self._hear(name, json.loads(json.dumps(event)))
                case CloseScheduler(stream=name):
                    self.closed.add(name)
                case ToAgent(connection=name, message=message):
                    for agent in self.agents.values():
                        if agent.connected and agent.connection == name:
                            answers += [(agent, answer) for answer in agent.hear(json.loads(json.dumps(message)))]
                case Persist(registry=registry):
                    self.registry = registry
                case CloseAgent(connection=name):
                    for agent in self.agents.values():
                        if agent.connection == name:
                            agent.connected = False
        for agent, answer in answers:
            self._say(agent, answer)

    def _say(self, agent: AgentDouble, message: Json) -> None:
        self._take(self.master.agent_message(agent.connection, message, now=self.now))

    def _ask(self, line: Json, request: Request, stream: str) -> Reply | None:
        item = self.masters.get(line["to"])
        if item is None:
            return None
        reply = _whole(item.endpoints.handle(request, now=self.now, new_stream=stream))
        self._take(reply.outputs)
        return reply

    def _hang_up(self, stream: str) -> None:
        self._take(self.master.scheduler_disconnected(stream, now=self.now))
        self.master.operator_disconnected(stream)

    def _ended(self, stream: str) -> bool:
        return stream in self.closed

    def _cut(self, agent: AgentDouble) -> None:
        self._take(self.master.agent_disconnected(agent.connection, now=self.now))

    def _to(self, now: float) -> None:
        while (due := self.master.next_tick()) is not None and due <= now:
            self.now = max(self.now, due)
            self._take(self.master.tick(now=self.now))
        self.now = max(self.now, now)

    def _wait(self, deadline: float) -> bool:
        due = self.master.next_tick()
        if due is None or due > deadline:
            return False
        self._to(due)
        return True

    def _outstanding(self, offer_id: str) -> bool:
        return offer_id in self.master.state.offers

    def _number(self, agent_id: str) -> None:
        if agent_id.startswith(f"{self.master.state.config.master_id}-S"):
            self.master.state.next_agent = int(agent_id.rpartition("-S")[2])

    def _other_step(self, step: Step) -> None:
        match step.what:
            case "start":
                for agent in self.agents.values():
                    agent.connected = False
                self._start(step.who)
            case "join":
                leading, master = self.leading, self.master
                known, self.ids = self.ids, defaultdict(list)
                self._start(step.who)
                self.leading, self.master, self.ids = leading, master, known
            case "electing":
                self.masters[step.who].leadership = Leadership(leader=None, mine=False)
            case "recovering":
                address = f"127.0.0.1:{self.masters[step.who].port}"
                self.masters[step.who].leadership = Leadership(leader=address, mine=True, recovered=False)
            case "lead":
                address = f"127.0.0.1:{self.masters[step.who].port}"
                self.masters[step.who].leadership = Leadership(leader=address, mine=True)
            case what:
                leader = f"127.0.0.1:{self.masters[what.removeprefix('follow ')].port}"
                self.masters[step.who].leadership = Leadership(leader=leader, mine=False)


def _whole(reply: Reply) -> Reply:
    """The reply with its body, which comes in pieces when it is large, packed as its headers say."""
    if reply.pieces is None:
        return reply
    body = b"".join(reply.pieces)
    packed = gzip.compress(body) if reply.headers.get("Content-Encoding") == "gzip" else body
    return replace(reply, body=packed, pieces=None)


def _machine() -> Json:
    load = {"avg_load_15min": 0.5, "avg_load_1min": 0.5, "avg_load_5min": 0.5}
    return load | {"cpus_total": 2, "mem_free_bytes": 1, "mem_total_bytes": 2}


def _measured() -> Measured:
    found = Measured(state_fetch_ms=1.0, registry_bytes=1)
    for series in (found.allocation_run_ms, found.allocation_run_latency_ms, found.state_store_ms):
        series.add(1.0)
    return found
