"""A recorded conversation between one or more executors, their agent and a scheduler, played to the pure agent core.

What Mesos' agent received (from the master, from executors, from the kernel) is fed in as recorded and at the recorded
time; what the core says to executors and to the master is kept, next to what the real one said. The master is not
played: its part is reduced to what crosses to the agent (tasks, kills, acknowledgements).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdk.local.core import (
    Agent,
    AgentConfig,
    AgentOutput,
    Checkpoint,
    CloseExecutor,
    Destroy,
    Launch,
    ToExecutor,
    ToMaster,
)
from sdk.local.flags import resources

Json = dict[str, Any]
TRACES = Path(__file__).parents[2] / "data" / "mesos-traces"
ZERO = "AAAAAAAAAAAAAAAAAAAAAA=="


def lines(number: str) -> Iterator[Json]:
    """The lines of one recording."""
    with next(TRACES.glob(f"{number}-*.jsonl")).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def scheduler_statuses(recorded: list[Json]) -> list[Json]:
    """All statuses that went to the schedulers of a recording."""
    return [
        line["body"]["update"]["status"]
        for line in recorded
        if line["who"] == "scheduler" and line["kind"] == "event" and line["body"]["type"] == "UPDATE"
    ]


@dataclass
class Replay:
    """One agent core under the clock of a recording."""

    agent_id: str
    containers: list[str]
    """Ids for containers in order of their launch."""
    uuids: list[str] = field(default_factory=list)
    """For the statuses that the agent makes, in their order; zero when there are no more."""
    resources: list[Json] = field(default_factory=lambda: resources("cpus:4;mem:4096"))
    info: Json = field(default_factory=dict)
    """What its AgentInfo has besides."""
    now: float = 0.0
    agent: Agent = field(init=False)
    checkpoints: dict[str, Json] = field(default_factory=dict)
    events: dict[str, list[Json]] = field(default_factory=dict)
    """By executor id, over all its streams."""
    closed: set[str] = field(default_factory=set)
    messages: list[Json] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()
        self.register()

    def start(self) -> None:
        """The agent's process (again), with what it stored."""
        config = AgentConfig(
            info={"hostname": "a", "ip": "127.0.0.1", "port": 15061, "resources": self.resources, **self.info},
            new_uuid=lambda: self.uuids.pop(0) if self.uuids else ZERO,
            new_container_id=lambda: self.containers.pop(0),
        )
        self.agent = Agent(config, now=self.now, checkpoints=dict(self.checkpoints))

    def register(self) -> None:
        """The master takes the agent."""
        kind = "REGISTERED" if self.agent.registration()["type"] == "REGISTER" else "REREGISTERED"
        self.master({"type": kind, "agent_id": {"value": self.agent_id}})

    def at(self, now: float) -> None:
        """Let time pass."""
        while (due := self.agent.next_tick()) is not None and due <= now:
            self.now = max(self.now, due)
            self.do(self.agent.tick(now=self.now))
        self.now = now

    def do(self, outputs: tuple[AgentOutput, ...]) -> None:
        """Keep outputs."""
        for output in outputs:
            match output:
                case ToExecutor(stream=stream, event=event):
                    self.events.setdefault(stream, []).append(event)
                case CloseExecutor(stream=stream):
                    self.closed.add(stream)
                case ToMaster(message=message):
                    self.messages.append(message)
                case Launch():
                    self.launches.append(output)
                case Destroy(container_id=container_id):
                    self.destroyed.append(container_id)
                case Checkpoint(name=name, content=None):
                    self.checkpoints.pop(name, None)
                case Checkpoint(name=name, content=content):
                    self.checkpoints[name] = json.loads(json.dumps(content))

    def master(self, message: Json) -> None:
        """A message of the master."""
        self.do(self.agent.master_message(message, now=self.now))

    def executor(self, call: Any, stream: str = "") -> tuple[int, str]:
        """A call of an executor; returns status and text."""
        answer = self.agent.executor_call(call, now=self.now, new_stream=stream)
        self.do(self.agent.outputs())
        return answer.status, answer.text

    def statuses(self) -> list[Json]:
        """All statuses sent to the master, retries too."""
        return [message["status"] for message in self.messages if message["type"] == "UPDATE"]


def shape(value: Any, *without: str) -> Any:
    """Fields in order with the types of their values; of lists the shapes of their items."""
    if isinstance(value, dict):
        return [(name, shape(part, *without)) for name, part in value.items() if name not in without]
    if isinstance(value, list):
        return [shape(item, *without) for item in value]
    return type(value).__name__
