"""A recorded conversation with a real master, played to one of ours, wherever that one runs.

Requests go in as recorded and at the recorded time; what agents and executors did is told by doubles of agents as the
recording implies it. Every answer and event is compared; differences are collected by kind of request or event. Knows
neither master nor clock: how requests, messages and time get to a master is said by what derives from `Player`. To all
of this module ids are those of the recording; only offers have their own numbers.
"""

import gzip
import json
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from sdk.local.core.http import Reply, Request
from sdk.local.core.resources import Resources
from tests.conformance.master.compare import differences, numbers
from tests.conformance.master.double import TERMINAL, AgentDouble

Json = dict[str, Any]
TRACES = Path(__file__).parents[2] / "data" / "mesos-traces"
_MASTER_ID = re.compile(r'"id":"([0-9a-f-]{36})","ip":16777343,"port":(\d+)')
_OFFER_ID = re.compile(r"[0-9a-f-]{36}-O\d+")
_HEADERS = ("Content-Type", "Location", "Allow", "WWW-Authenticate", "Content-Encoding", "Mesos-Stream-Id")


def lines(number: str) -> list[Json]:
    """The lines of one recording."""
    with next(TRACES.glob(f"{number}-*.jsonl")).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens to an agent or a master just before a line of the recording."""

    line: int
    what: str
    who: str = "agent1.mesos.test"


@dataclass
class Player(ABC):
    """One recording against our master."""

    number: str
    steps: tuple[Step, ...] = ()
    config: Json = field(default_factory=dict)
    credentials: dict[str, str] | None = None
    skipped: frozenset[int] = frozenset()
    """Lines with requests that are not made."""
    now: float = 0.0
    """When the master started: it decides when its allocation cycles are due."""
    late: ClassVar[float] = 1.6
    """Seconds that an event may be late: the allocator's cycle has another phase than the recorded one."""
    wire: ClassVar[bool] = False
    """Whether files and the page are there: they are the shell's."""
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    compared: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.recorded = lines(self.number)
        self.queues: dict[str, list[Json]] = defaultdict(list)
        self.opened: dict[str, str] = {}
        self.framework_of: dict[str, str] = {}
        self.waiting: dict[tuple[str, str], list[tuple[str, Reply]]] = defaultdict(list)
        self.offers: dict[str, str] = {}
        self.pool: list[tuple[str, Json]] = []
        self.fed: set[str] = set()
        """Updates, by uuid, that the master was told of."""
        self.told: set[str] = set()
        """Updates that a scheduler was told of."""
        self.agents: dict[str, AgentDouble] = {}
        self.latest: dict[str, str] = {}
        self.ids = self._master_ids()

    # --- the world ------------------------------------------------------------------------------------------------

    def _master_ids(self) -> dict[int, list[str]]:
        result: dict[int, list[str]] = defaultdict(list)
        for line in self.recorded:
            for master_id, port in _MASTER_ID.findall(json.dumps(line.get("body"), separators=(",", ":"))):
                if master_id not in result[int(port)]:
                    result[int(port)].append(master_id)
        return result

    @abstractmethod
    def _start(self, name: str) -> None:
        """Start a master, from now on the leading one."""

    @abstractmethod
    def _ask(self, line: Json, request: Request, stream: str) -> Reply | None:
        """The answer to a request; events of what it opens arrive as those of `stream`. None when it is not made."""

    def _form(self, reply: Reply, line: Json) -> Iterable[str]:
        """Differences of form, where a reply has one beyond its content."""
        return ()

    @abstractmethod
    def _hang_up(self, stream: str) -> None:
        """The client of a stream is gone."""

    @abstractmethod
    def _ended(self, stream: str) -> bool:
        """Whether the master has ended a stream."""

    @abstractmethod
    def _say(self, agent: AgentDouble, message: Json) -> None:
        """An agent tells the master something."""

    @abstractmethod
    def _cut(self, agent: AgentDouble) -> None:
        """The connection of an agent is lost."""

    @abstractmethod
    def _to(self, now: float) -> None:
        """Time passes, and whatever happens by then."""

    @abstractmethod
    def _wait(self, deadline: float) -> bool:
        """The next thing happens; False when nothing does by the deadline."""

    def _until(self, condition: Callable[[], object]) -> None:  # noqa: B027 - in memory it has arrived already
        """What the master has sent arrives."""

    @abstractmethod
    def _outstanding(self, offer_id: str) -> bool:
        """Whether an offer of ours can still be used."""

    @abstractmethod
    def _other_step(self, step: Step) -> None:
        """What happens to a master."""

    def _other_line(self, number: int, line: Json) -> None:  # noqa: B027 - there is nothing else to see in memory
        """A line that is no request, answer or event."""

    @abstractmethod
    def _number(self, agent_id: str) -> None:
        """The next agent gets this id."""

    def _hear(self, stream: str, event: Json) -> None:
        self.queues[stream].append(event)
        if event["type"] == "OFFERS":
            self.pool += [(stream, offer) for offer in event["offers"]["offers"]]

    def _connect(self, agent: AgentDouble) -> None:
        agent.connections += 1
        agent.connected, agent.silent = True, False
        self._say(agent, agent.registration())

    def _step(self, step: Step) -> None:
        agent = self.agents.get(step.who)
        if agent is None:
            self._other_step(step)
            return
        match step.what:
            case "disconnect":
                agent.connected = False
                self._cut(agent)
            case "connect":
                self._connect(agent)
            case "silence":
                agent.silent = True
            case "forget":
                # Its work directory is lost: the next that is heard of it is a new agent.
                del self.agents[step.who]
            case "unregister":
                self._say(agent, {"type": "UNREGISTER"})
            case what:
                # A task of that id, and its executor, ended while the agent was away.
                for key, task in agent.tasks.items():
                    if key[1] == what:
                        task |= {"state": "TASK_FAILED", "kept": True}
                        task["statuses"] = [*task["statuses"], self._end_of(what)]
                        agent.executors.pop((key[0], task["executor_id"]["value"]), None)

    def _end_of(self, task_id: str) -> Json:
        """The status with which the recording's agent told of the end of a task."""
        bodies = (line["body"] for line in self.recorded if isinstance(line.get("body"), dict))
        told = (body["update"]["status"] for body in bodies if body.get("type") == "UPDATE")
        found: Json = next(
            status
            for status in told
            if status["task_id"]["value"] == task_id and status["state"] == "TASK_FAILED" and "uuid" in status
        )
        return found

    def _meet(self, line: Json) -> None:
        """Register the agents of which this line is the first to tell."""
        if line["kind"] not in ("event", "response") or not isinstance(line.get("body"), dict):
            return
        for agent_id, info in _agents_in(line["body"]):
            if any(agent.agent_id == agent_id for agent in self.agents.values()):
                continue
            full = next(_infos(self.recorded, agent_id), info)
            agent = AgentDouble(info={name: part for name, part in full.items() if name != "id"} | {"ip": "127.0.0.1"})
            agent.info.pop("checkpoint", None)
            self.agents[full["hostname"]] = agent
            self._number(agent_id)
            self._connect(agent)

    # --- playing --------------------------------------------------------------------------------------------------

    def run(self) -> Self:
        """Play all lines."""
        self._start("master1")
        for number, line in enumerate(self.recorded, 1):
            # Agents that are away come back before the line that shows it, hence after its time.
            self._to(line["t"])
            for step in self.steps:
                if step.line == number:
                    self._step(step)
            self._meet(line)
            match line["kind"]:
                case "call" if line["who"] == "executor":
                    self._executor_call(line)
                case "call" if line["to"].startswith("master"):
                    self._call(number, line)
                case "response":
                    self._response(line)
                case "event" if line["who"] in ("scheduler", "operator"):
                    self._event(number, line)
                case "disconnect" if line["id"] in self.opened:
                    self._hang_up(self.opened.pop(line["id"]))
                case "eof" if line.get("how") == "zero chunk" and line["id"] in self.opened:
                    stream = self.opened.pop(line["id"])
                    if not self._ended(stream):
                        self.found["eof"].append(f"line {number}: the stream is still open")
                    self._hang_up(stream)
                    self._leftover(number, stream)
                case _:
                    self._other_line(number, line)
        return self

    def _executor_call(self, line: Json) -> None:
        if line["body"]["type"] == "UPDATE":
            status = line["body"]["update"]["status"]
            self.latest[status["task_id"]["value"]] = status["state"]

    def _call(self, number: int, line: Json) -> None:
        parts = urlsplit(line["path"])
        headers = {name.lower(): value for name, value in (line.get("headers") or {}).items()}
        if headers.get("accept") == "application/x-protobuf":
            # Not spoken here: asked in JSON, so that the numbers of frameworks stay those of the recording.
            headers["accept"] = "application/json"
        body = self._translate(line["body"]) if line.get("body") is not None else line.get("text", "").encode()
        request = Request(
            method=line["method"], path=parts.path, query=tuple(parse_qsl(parts.query)), headers=headers, body=body
        )
        group = f"{line['method']} {parts.path}"
        if isinstance(line.get("body"), dict) and line["body"].get("type"):
            group += f" {line['body']['type']}"
        if "jsonp" in parts.query:
            group += " jsonp"
        expected = self._next_response(number, line)
        stream = ((expected or {}).get("headers") or {}).get("Mesos-Stream-Id") or f"stream-{number}"
        reply = None if number in self.skipped else self._ask(line, request, stream)
        if reply is None:
            return
        if reply.stream is not None:
            self.opened[line["id"]] = reply.stream
        self.waiting[(line["who"], line.get("id", ""))].append((group, reply))

    def _translate(self, body: Any) -> bytes:
        # In one pass: the numbers of our offers are numbers of other offers in the recording.
        return _OFFER_ID.sub(lambda found: self.offers.get(found[0], found[0]), json.dumps(body)).encode()

    def _next_response(self, number: int, line: Json) -> Json | None:
        same = (
            item for item in self.recorded[number:] if item["who"] == line["who"] and item.get("id") == line.get("id")
        )
        return next((item for item in same if item["kind"] == "response"), None)

    def _response(self, line: Json) -> None:
        waiting = self.waiting[(line["who"], line.get("id", ""))]
        if line["who"] == "executor" or not waiting:
            return
        group, reply = waiting.pop(0)
        shell = "/files/" in group or group.endswith(("LIST_FILES", "READ_FILE")) or group in ("GET /", "GET /master/")
        if shell and not self.wire:
            return
        self.compared[group] += 1
        found = self.found[group]
        if reply.status != line["status"]:
            found.append(f"status {reply.status} ({reply.body[:100]!r}) instead of {line['status']}")
            return
        headers = line.get("headers") or {}
        for name in () if "body_base64" in line else _HEADERS:
            ours, theirs = reply.headers.get(name), headers.get(name)
            same = _location(ours) == _location(theirs) if name == "Location" and ours and theirs else ours == theirs
            if not same:
                found.append(f"header {name}: {ours} instead of {theirs}")
        found += self._form(reply, line)
        if reply.stream is not None:
            return
        body = gzip.decompress(reply.body) if reply.headers.get("Content-Encoding") == "gzip" else reply.body
        if "body_base64" in line or shell:
            # What is in a file, and what the page looks like, is our own.
            return
        if "body" in line:
            content = json.loads(body)
            found += [*differences(content, line["body"]), *numbers(content, line["body"])]
        elif "text" in line and "jsonp" in group:
            head = line["text"].split("(")[0]
            if not body.decode().startswith(f"{head}(") or not body.endswith(b")"):
                found.append("not wrapped as recorded")
        elif "text" in line or "body_omitted" not in line:
            found += differences(body.decode(), line.get("text", ""), "text")

    # --- events ---------------------------------------------------------------------------------------------------

    def _event(self, number: int, line: Json) -> None:
        body = line.get("body")
        stream = self.opened.get(line["id"])
        if stream is None or not isinstance(body, dict) or body["type"] == "HEARTBEAT":
            return
        kind = body["type"]
        group = f"event {kind}" if line["who"] == "scheduler" else f"operator event {kind}"
        if kind == "SUBSCRIBED" and line["who"] == "scheduler":
            self.framework_of[line["id"]] = body["subscribed"]["framework_id"]["value"]
        self.compared[group] += 1
        if kind == "OFFERS":
            for offer in body["offers"]["offers"]:
                self._offer(number, stream, offer)
            return
        if kind in ("UPDATE", "TASK_UPDATED"):
            self._feed(stream, line, body)
        elif kind == "FAILURE" and "executor_id" in body["failure"]:
            failure = body["failure"]
            for agent in self.agents.values():
                if agent.agent_id == failure["agent_id"]["value"]:
                    owner = {"value": self.framework_of[line["id"]]}
                    agent.executors.pop((owner["value"], failure["executor_id"]["value"]), None)
                    content = {name: failure[name] for name in ("executor_id", "status")}
                    self._say(agent, {"type": "EXITED_EXECUTOR", "framework_id": owner} | content)
        elif kind == "MESSAGE":
            for agent in self.agents.values():
                if agent.agent_id == body["message"]["agent_id"]["value"]:
                    owner = {"value": self.framework_of[line["id"]]}
                    self._say(agent, body["message"] | {"type": "MESSAGE", "framework_id": owner})
        elif kind == "UPDATE_OPERATION_STATUS":
            self._feed_operation(stream, body["update_operation_status"]["status"])
        ours = self._next(stream, body, line["t"])
        if ours is None:
            self.found[group].append(f"missing: {json.dumps(body)[:240]} (line {number})")
        else:
            found = [*differences(ours, body), *numbers(ours, body)]
            self.found[group] += [f"{text} (line {number})" for text in found]

    def _next(self, stream: str, body: Json, now: float) -> Json | None:
        """Our event that answers to a recorded one: the same type and subject; it may come a little later."""
        wanted = _subject(body, self.offers)
        while True:
            queue = self.queues[stream]
            for index, event in enumerate(queue):
                if _subject(event, {}) == wanted:
                    return queue.pop(index)
            if not self._wait(now + self.late):
                return None

    def _feed(self, stream: str, line: Json, body: Json) -> None:
        """The agent reports the status that the master forwarded."""
        status = body[body["type"].lower()]["status"]
        uuid = status.get("uuid")
        if uuid is None:
            return
        again = line["who"] == "scheduler" and uuid in self.told
        if line["who"] == "scheduler":
            self.told.add(uuid)
        again = again and not any(_subject(event, {}) == _subject(body, {}) for event in self.queues[stream])
        if uuid in self.fed and not again:
            return
        self.fed.add(uuid)
        owner = self.framework_of.get(line["id"]) or body["task_updated"]["framework_id"]["value"]
        for agent in self.agents.values():
            if agent.agent_id == status["agent_id"]["value"] and agent.connected:
                self._until(lambda agent=agent: (owner, status["task_id"]["value"]) in agent.tasks)  # type: ignore[misc]
                latest = None if status["state"] in TERMINAL else self.latest.get(status["task_id"]["value"])
                self._say(agent, agent.status(owner, status, latest))

    def _feed_operation(self, stream: str, status: Json) -> None:
        if "uuid" not in status or any(_subject(event, {}) ==
                                       _subject({"type": "UPDATE_OPERATION_STATUS",
                                                 "update_operation_status": {"status": status}}, {})
                                       for event in self.queues[stream]):  # fmt: skip
            return

        def applied() -> list[tuple[AgentDouble, Json]]:
            return [
                (agent, message)
                for agent in self.agents.values()
                for message in agent.operations.values()
                if message["operation"].get("id") == status["operation_id"]
            ]

        self._until(applied)
        for agent, message in applied()[:1]:
            content = {name: part for name, part in status.items() if name != "agent_id"}
            self._say(agent, agent.finished(message, content))

    def _offer(self, number: int, stream: str, theirs: Json) -> None:
        found = self.found["event OFFERS"]
        deadline = self.recorded[number - 1]["t"] + self.late
        while True:
            same = [
                offer
                for name, offer in self.pool
                if name == stream and offer["agent_id"] == theirs["agent_id"]
                and offer.get("allocation_info") == theirs.get("allocation_info")
                and self._outstanding(offer["id"]["value"])
            ]  # fmt: skip
            exact = [offer for offer in same if Resources.of(offer["resources"]) == Resources.of(theirs["resources"])]
            if exact or not self._wait(deadline):
                break
        # A call that ended it may stand before it in the recording.
        place = theirs["agent_id"]
        same = same or [offer for name, offer in self.pool if name == stream and offer["agent_id"] == place]
        if not same:
            found.append(f"missing offer of {theirs['hostname']} (line {number})")
            return
        ours = (exact or same)[0]
        self.pool = [pair for pair in self.pool if pair[1] is not ours]
        self.offers[theirs["id"]["value"]] = ours["id"]["value"]
        found += [f"{text} (line {number})" for text in differences(ours, theirs, "offer")]

    def _leftover(self, number: int, stream: str) -> None:
        for event in self.queues.pop(stream, []):
            if event["type"] not in ("HEARTBEAT", "OFFERS"):
                self.found[f"event {event['type']}"].append(
                    f"not sent by Mesos: {json.dumps(event)[:240]} (line {number})"
                )


def _subject(event: Json, offers: dict[str, str]) -> tuple[Any, ...]:
    kind = event["type"]
    match kind:
        case "UPDATE" | "TASK_UPDATED":
            status = event[kind.lower()]["status"]
            return kind, status["task_id"]["value"], status["state"], status.get("uuid"), status.get("reason")
        case "RESCIND":
            offer_id = event["rescind"]["offer_id"]["value"]
            return kind, offers.get(offer_id, offer_id)
        case "UPDATE_OPERATION_STATUS":
            status = event[kind.lower()]["status"]
            return kind, status["operation_id"]["value"], status["state"], str(status.get("uuid"))
        case "FAILURE":
            failure = event["failure"]
            return kind, failure["agent_id"]["value"], failure.get("executor_id", {}).get("value")
        case "TASK_ADDED":
            return kind, event["task_added"]["task"]["task_id"]["value"]
        case _:
            return (kind,)


def _location(text: str) -> tuple[str, frozenset[tuple[str, str]]]:
    parts = urlsplit(text)
    return f"{parts.netloc}{parts.path}", frozenset(parse_qsl(parts.query))


def _agents_in(body: Json) -> Iterator[tuple[str, Json]]:
    kind = body.get("type")
    if kind == "AGENT_ADDED":
        info = body["agent_added"]["agent"]["agent_info"]
        yield info["id"]["value"], info
    elif kind == "GET_AGENTS":
        for agent in body["get_agents"].get("agents", []):
            yield agent["agent_info"]["id"]["value"], agent["agent_info"]
    elif kind == "OFFERS":
        for offer in body["offers"]["offers"]:
            info = {
                "hostname": offer["hostname"],
                "port": offer["url"]["address"]["port"],
                "resources": [
                    {name: part for name, part in item.items() if name not in ("allocation_info", "role")}
                    for item in offer["resources"]
                ],
            }
            info |= {name: offer[name] for name in ("attributes", "domain") if name in offer}
            yield offer["agent_id"]["value"], info


def _infos(recorded: list[Json], agent_id: str) -> Iterator[Json]:
    """What the recording tells of an agent, complete infos first."""
    for only in (("AGENT_ADDED", "GET_AGENTS"), ("OFFERS",)):
        for line in recorded:
            body = line.get("body")
            if isinstance(body, dict) and body.get("type") in only and line["kind"] in ("event", "response"):
                yield from (info for found, info in _agents_in(body) if found == agent_id)
