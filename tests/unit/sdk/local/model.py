"""A master, and agents when wanted, under a manual clock, for tests of the pure core."""

import base64
import itertools
import json
from typing import Any

from sdk.local.core import (
    Agent,
    AgentConfig,
    Answer,
    Checkpoint,
    CloseOperator,
    CloseScheduler,
    Destroy,
    Launch,
    Master,
    MasterConfig,
    Output,
    ToAgent,
    ToExecutor,
    ToMaster,
    ToOperator,
    ToScheduler,
)
from sdk.local.fault_values import AgentFaults
from sdk.local.flags import attributes, resources

Json = dict[str, Any]
CAPABILITIES = ("PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT", "TASK_KILLING_STATE")
_numbers = itertools.count(1)


def framework_info(*roles: str, **fields: Any) -> Json:
    """A FrameworkInfo with all capabilities."""
    capabilities = [{"type": name} for name in fields.pop("capabilities", CAPABILITIES)]
    base = {"user": "root", "name": "t", "roles": list(roles), "failover_timeout": 60.0, "checkpoint": True}
    return base | {"capabilities": capabilities} | fields


def uuid(number: int | None = None) -> str:
    """A uuid that differs from call to call."""
    return base64.b64encode((number or next(_numbers)).to_bytes(16, "big")).decode()


class World:
    """One master with what it said, by stream and by connection."""

    def __init__(self, **config: Any) -> None:
        self.now = 0.0
        self.config = MasterConfig(master_id="M", **config)
        self.master = Master(self.config, now=self.now)
        self.events: dict[str, list[Json]] = {}
        self.messages: dict[str, list[Json]] = {}
        self.closed: set[str] = set()

    def take(self, outputs: tuple[Output, ...]) -> None:
        """File outputs."""
        for output in outputs:
            match output:
                case ToScheduler(stream=name, event=event) | ToOperator(stream=name, event=event):
                    self.events.setdefault(name, []).append(event)
                case ToAgent(connection=name, message=message):
                    self.messages.setdefault(name, []).append(message)
                case CloseScheduler(stream=name) | CloseOperator(stream=name):
                    self.closed.add(name)

    def at(self, now: float) -> None:
        """Let time pass, with every tick that is due on the way."""
        while (due := self.master.next_tick()) is not None and due <= now:
            self.now = max(self.now, due)
            self.take(self.master.tick(now=self.now))
        self.now = now

    # --- schedulers ---

    def subscribe(self, stream: str, *roles: str, framework_id: str | None = None, **fields: Any) -> Answer:
        """SUBSCRIBE on a new stream."""
        suppressed = fields.pop("suppressed", None)
        info = framework_info(*(roles or ("r",)), **fields)
        call: Json = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if suppressed:
            call["subscribe"]["suppressed_roles"] = suppressed
        if framework_id:
            info["id"] = {"value": framework_id}
            call["framework_id"] = {"value": framework_id}
        answer = self.master.call(call, stream=None, now=self.now, new_stream=stream)
        self.take(answer.outputs)
        return answer

    def call(self, stream: str, kind: str, content: Json | None = None, framework_id: str = "M-0000") -> Answer:
        """Another call."""
        body: Json = {"type": kind, "framework_id": {"value": framework_id}}
        if content is not None:
            body[kind.lower()] = content
        answer = self.master.call(body, stream=stream, now=self.now)
        self.take(answer.outputs)
        return answer

    def of(self, stream: str, kind: str) -> list[Json]:
        """The events of one type on a stream."""
        return [event for event in self.events.get(stream, []) if event["type"] == kind]

    def updates(self, stream: str) -> list[Json]:
        """All statuses sent to a scheduler."""
        return [event["update"]["status"] for event in self.of(stream, "UPDATE")]

    def offers(self, stream: str) -> list[Json]:
        """The offers of the newest OFFERS event, then forgotten."""
        found = self.of(stream, "OFFERS")
        self.events[stream] = [event for event in self.events.get(stream, []) if event["type"] != "OFFERS"]
        return [offer for event in found for offer in event["offers"]["offers"]]

    def accept(self, stream: str, offer: Json, *operations: Json, refuse: float | None = 0.0, **ids: str) -> Answer:
        """ACCEPT of one offer."""
        filters = {} if refuse is None else {"filters": {"refuse_seconds": refuse}}
        content = {"offer_ids": [offer["id"]], "operations": list(operations), **filters}
        return self.call(stream, "ACCEPT", content, **ids)

    def decline(self, stream: str, offer: Json, refuse: float | None = 0.0, **ids: str) -> None:
        """DECLINE of one offer."""
        filters = {} if refuse is None else {"filters": {"refuse_seconds": refuse}}
        self.call(stream, "DECLINE", {"offer_ids": [offer["id"]], **filters}, **ids)

    # --- operators ---

    def operator(self, kind: str, content: Json | None = None) -> Answer:
        """A call of the operator API."""
        call: Json = {"type": kind} if content is None else {"type": kind, kind.lower(): content}
        answer = self.master.operator_call(call, now=self.now)
        self.take(answer.outputs)
        return answer

    # --- agents ---

    def agent(self, name: str, text: str = "cpus:4;mem:1024", *, tags: str = "", port: int | None = None) -> str:
        """Register an agent; its connection has its name. Returns its id."""
        info: Json = {"hostname": name, "ip": "127.0.0.1", "port": port or 5050 + next(_numbers)}
        info |= {"resources": resources(text)}
        if tags:
            info["attributes"] = attributes(tags)
        self.say(name, {"type": "REGISTER", "agent_info": info})
        return str(self.messages[name][0]["agent_id"]["value"])

    def say(self, connection: str, message: Json) -> None:
        """A message of an agent."""
        self.take(self.master.agent_message(connection, message, now=self.now))

    def heard(self, connection: str, kind: str) -> list[Json]:
        """The messages of one type to an agent."""
        return [message for message in self.messages.get(connection, []) if message["type"] == kind]

    def report(self, connection: str, task_id: str, state: str, *, latest: str | None = None, **fields: Any) -> Json:
        """An agent forwards a status."""
        agent_id = self.messages[connection][0]["agent_id"]
        status = {
            "task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR", "agent_id": agent_id,
            "timestamp": self.now, "uuid": uuid(), **fields,
        }  # fmt: skip
        message = {"type": "UPDATE", "framework_id": {"value": "M-0000"}, "status": status}
        self.say(connection, message | {"latest_state": latest or state})
        return status

    def acknowledge(self, stream: str, status: Json) -> None:
        """ACKNOWLEDGE of a status."""
        self.call(stream, "ACKNOWLEDGE", {name: status[name] for name in ("agent_id", "task_id", "uuid")})


def amounts(offer: Json, **values: float) -> list[Json]:
    """Scalars out of an offer, with its reservations."""
    return [
        next(item for item in offer["resources"] if item["name"] == name) | {"scalar": {"value": value}}
        for name, value in values.items()
    ]


def task(offer: Json, task_id: str, cpus: float = 1.0, mem: float = 64.0, **fields: Any) -> Json:
    """A TaskInfo; a command task unless it names an executor."""
    own = {} if "executor" in fields else {"command": {"value": "true"}}
    base = {"name": task_id, "task_id": {"value": task_id}, "agent_id": offer["agent_id"]}
    return base | {"resources": amounts(offer, cpus=cpus, mem=mem)} | own | fields


def launch(*tasks: Json) -> Json:
    """A LAUNCH operation."""
    return {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}


class Pair:
    """A master and one agent core, connected: what one says the other hears at once. Executors are the test's."""

    def __init__(self, text: str = "cpus:4;mem:1024") -> None:
        self.world = World()
        self.checkpoints: dict[str, Json] = {}
        self.launches: list[Launch] = []
        self.executor_events: dict[str, list[Json]] = {}
        self.destroyed: list[str] = []
        info = {"hostname": "a1", "ip": "127.0.0.1", "port": 5051, "resources": resources(text)}
        self.agent_config = AgentConfig(
            info=info, new_uuid=uuid, new_container_id=lambda: f"c{next(_numbers)}", update_retry_min=10.0
        )
        self.agent = Agent(self.agent_config, now=0.0)
        self.connection = 0
        self._seen = 0
        self.linked = False
        self.faults = AgentFaults()

    @property
    def name(self) -> str:
        """The current connection."""
        return f"a1-{self.connection}"

    def connect(self) -> None:
        """A new connection of the agent to the master."""
        self.connection += 1
        self._seen = 0
        self.linked = True
        self.world.say(self.name, self.agent.registration())
        self.pump()

    def disconnect(self) -> None:
        """Cut the connection."""
        self.linked = False
        self.agent.master_disconnected()
        self.world.take(self.world.master.agent_disconnected(self.name, now=self.world.now))

    def restart(self) -> None:
        """A new process of the agent on the same checkpoints."""
        if self.linked:
            self.disconnect()
        self.agent = Agent(self.agent_config, now=self.world.now, checkpoints=self.checkpoints)
        self.do(self.agent.tick(now=self.world.now))

    def pump(self) -> None:
        """Hand the master's messages to the agent."""
        while self.linked and self._seen < len(self.world.messages.get(self.name, [])):
            message = self.faults.from_master(self.world.messages[self.name][self._seen])
            self._seen += 1
            if message is not None:
                self.do(self.agent.master_message(message, now=self.world.now))

    def do(self, outputs: Any) -> None:
        """Carry out what the agent says."""
        for output in outputs:
            match output:
                case ToMaster(message=message) if self.linked and self.faults.to_master(message):
                    self.world.say(self.name, message)
                case ToExecutor(stream=name, event=event):
                    self.executor_events.setdefault(name, []).append(event)
                case Launch():
                    self.launches.append(output)
                case Destroy(container_id=container_id):
                    self.destroyed.append(container_id)
                case Checkpoint(name=name, content=None):
                    self.checkpoints.pop(name, None)
                case Checkpoint(name=name, content=content):
                    # As a file would: later changes of the model must not reach it.
                    self.checkpoints[name] = json.loads(json.dumps(content))
        self.pump()

    def at(self, now: float) -> None:
        """Let time pass for both."""
        while True:
            due = [item for item in (self.agent.next_tick(), self.world.master.next_tick()) if item is not None]
            if not due or min(due) > now:
                break
            self.world.at(min(due))
            self.pump()
            self.do(self.agent.tick(now=self.world.now))
        self.world.at(now)
        self.pump()

    def scheduler(self, stream: str, kind: str, content: Json | None = None) -> Answer:
        """A call of the scheduler, with what it causes on the agent."""
        answer = self.world.call(stream, kind, content)
        self.pump()
        return answer

    def executor(self, stream: str, kind: str, executor_id: str = "t1", **content: Any) -> Answer:
        """A call of an executor."""
        call = {
            "type": kind, "framework_id": {"value": "M-0000"}, "executor_id": {"value": executor_id},
            kind.lower(): content,
        }  # fmt: skip
        answer = self.agent.executor_call(call, now=self.world.now, new_stream=stream)
        self.do(self.agent.outputs())
        return answer

    def update(self, task_id: str, state: str, executor_id: str | None = None, **fields: Any) -> str:
        """An executor reports a state; returns the uuid."""
        name = uuid()
        status = {"task_id": {"value": task_id}, "state": state, "uuid": name, "timestamp": self.world.now, **fields}
        self.executor("", "UPDATE", executor_id or task_id, status=status)
        return name
