"""A recording played over sockets to masters in processes of their own, at the recorded pace.

Streams and connections of agents are read by threads into one inbox; everything else happens in the caller's thread, in
the order of the inbox. What masters of ours call themselves (their ids, those of their streams, their ports) is
translated at the socket, both ways.
"""

import json
import math
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar

from kazoo.client import KazooClient

from sdk.local.core.http import Reply, Request
from tests.conformance.http.processes import Running, master
from tests.conformance.http.wire import Answer, Wire, ask
from tests.conformance.master.double import AgentDouble
from tests.conformance.master.player import Player, Step
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

Json = dict[str, Any]
PORTS = {"master1": 15050, "master2": 15051, "master3": 15052, "zookeeper": 15181}
_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(-S\d+)?")
_JSON = {"Content-Type": "application/json"}
_BEHIND = 0.3
_SOON = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(Reply):
    """A reply as it came over the wire."""

    answer: Answer


def form(answer: Answer, line: Json) -> Iterator[str]:
    """What only the wire shows of an answer, next to the recorded one."""
    recorded = line.get("headers") or {}
    # An executor noted no reason.
    reason = line.get("reason", answer.reason)
    if (answer.version, answer.reason) != ("HTTP/1.1", reason):
        yield f"{answer.version} {answer.reason} instead of HTTP/1.1 {reason}"
    if "body_base64" not in line and sorted(name for name, _ in answer.headers) != sorted(recorded):
        yield f"headers {', '.join(sorted(answer.fields))} instead of {', '.join(sorted(recorded))}"
    sent = answer.fields.get("Date", "")
    if not sent.endswith(" GMT") or parsedate_to_datetime(sent).timestamp() <= 0:
        yield f"Date: {sent}"
    length = answer.fields.get("Content-Length")
    if length is not None and line.get("for", "").partition(" ")[0] != "HEAD" and int(length) != len(answer.body):
        yield f"Content-Length {length} of a body of {len(answer.body)} bytes"
    if "body" in line and answer.fields.get("Content-Type") == "application/json":
        yield from json_form(answer.body)


def json_form(body: bytes) -> Iterator[str]:
    """JSON is compact, its text unescaped."""
    canonical = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    if body != canonical:
        at = next((i for i, pair in enumerate(zip(body, canonical, strict=False)) if pair[0] != pair[1]), 0)
        yield f"not compact JSON: {body[max(0, at - 20) : at + 20]!r}"


@dataclass
class WireReplay(Player):
    """One recording against processes."""

    late: ClassVar[float] = 5.0
    wire: ClassVar[bool] = True
    directory: Path = field(kw_only=True, default=Path())
    elected: bool = field(kw_only=True, default=False)
    """Whether masters are elected, in a ZooKeeper that the step `elect` starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.running: dict[str, Running] = {}
        self.ports = {name: free_port() for name in PORTS}
        self.zookeeper = ZooKeeperServer(self.directory / "zookeeper", self.ports["zookeeper"])
        self.names: dict[str, str] = {}
        """Recorded ids and ours."""
        self.back: dict[str, str] = {}
        self.inbox: queue.Queue[tuple[str, AgentDouble | None, bytes | str]] = queue.Queue()
        self.wires: dict[str, Wire] = {}
        self.threads: list[threading.Thread] = []
        self.connections: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.gone: set[str] = set()
        self.epoch = time.monotonic()
        self.leading = "master1"
        self.next_agent = ""

    # --- names ----------------------------------------------------------------------------------------------------

    def _same(self, recorded: str, ours: str) -> None:
        self.names[recorded] = ours
        self.back[ours] = recorded

    def _ours(self, text: str) -> str:
        return _translate(text, self.names)

    def _theirs(self, text: str) -> str:
        text = _translate(text, self.back)
        for name, port in self.ports.items():
            text = re.sub(rf"(?<![\d.]){port}(?!\d)", str(PORTS[name]), text)
        return text

    # --- masters --------------------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        self._begin(name)
        if not self.elected:
            self._lead(name)

    def _begin(self, name: str) -> None:
        options = ["--registry-file", str(self.directory / "registry.json")]
        if self.elected:
            options += ["--zk", f"zk://{self.zookeeper.address}/mesos", "--zk-session-timeout", "4"]
        if self.credentials:
            secrets = self.directory / "credentials"
            secrets.write_text("".join(f"{who} {secret}\n" for who, secret in self.credentials.items()))
            options += ["--credentials", str(secrets)]
        if "acls" in self.config:
            rules = self.directory / "acls"
            rules.write_text(json.dumps(self.config["acls"].document))
            options += ["--acls", str(rules)]
        for key in ("quorum", "allocation_interval", "agent_ping_timeout", "max_agent_ping_timeouts"):
            if key in self.config:
                options += [f"--{key.replace('_', '-')}", str(self.config[key])]
        if "domain" in self.config:
            options += ["--domain", json.dumps(self.config["domain"])]
        self.directory.mkdir(parents=True, exist_ok=True)
        self.running[name] = master(self.directory / name, *options, port=self.ports[name])
        self.running[name].__enter__()

    def _lead(self, name: str) -> None:
        """It is known by its id from now on."""
        self.leading = name
        headers = {"Authorization": "Basic b3BzOm9wc3NlY3JldA=="} if self.credentials else {}

        def state() -> Json:
            answer = ask(self.ports[name], "GET", "/state", headers)
            return json.loads(answer.body) if answer.status == 200 else {}

        found = wait_until(state, 30, f"{name} to lead")
        if not self.names:
            # Its allocation cycles fall where those of the recording fall.
            self.epoch = time.monotonic() - (time.time() - found["start_time"]) - self.now
        recorded = self.ids[PORTS[name]]
        if recorded:
            self._same(recorded.pop(0), found["id"])

    def _other_step(self, step: Step) -> None:
        match step.what:
            case "kill":
                self._kill(step.who)
            case "start":
                self._kill(step.who)
                self._start(step.who)
            case "join":
                self._begin(step.who)
                address = f'"port":{self.ports[step.who]}'
                wait_until(lambda: any(address in text for text in self._nodes().values()), 30, f"{step.who}'s node")
            case "lead":
                self._lead(step.who)
            case "elect":
                self.zookeeper.start()
                self._lead(step.who)
            case what:
                leader = f"//127.0.0.1:{self.ports[what.removeprefix('follow ')]}"
                port = self.ports[step.who]
                wait_until(lambda: ask(port, "GET", "/redirect").fields.get("Location") == leader, 30, f"{step}")

    def _kill(self, name: str) -> None:
        """SIGKILL; whoever was connected sees nothing but the end of the connection."""
        self.running[name].kill()
        for stream in self.opened.values():
            if self._end(stream) != "connection closed":
                self.found["eof"].append(f"{stream} ended with {self._end(stream)} when its master was killed")
        for agent in self.agents.values():
            agent.connected = False
        self.opened.clear()

    def _nodes(self) -> dict[str, str]:
        """What masters have published, by name."""
        client = KazooClient(self.zookeeper.address)
        client.start()
        try:
            names = client.get_children("/mesos")
            return {name: client.get(f"/mesos/{name}")[0].decode() for name in names}
        finally:
            client.stop()
            client.close()

    def _other_line(self, number: int, line: Json) -> None:
        """A node of a master, as recorded but for its number."""
        if line["kind"] != "znode" or "raw" not in line:
            return
        self.compared["znode"] += 1
        port = self.ports[{port: name for name, port in PORTS.items()}[line["body"]["port"]]]
        nodes = sorted(item for item in self._nodes().items() if f'"port":{port}' in item[1])
        if not nodes or not re.fullmatch(r"json\.info_\d{10}", nodes[0][0]):
            self.found["znode"].append(f"missing: {line['path']} (line {number})")
            return
        self._same(line["body"]["id"], json.loads(nodes[0][1])["id"])
        if self._theirs(nodes[0][1]) != line["raw"]:
            self.found["znode"].append(f"{self._theirs(nodes[0][1])} instead of {line['raw']} (line {number})")

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _ask(self, line: Json, request: Request, stream: str) -> Reply | None:
        if line["to"] not in self.running:
            return None
        headers = {name: self._ours(value) for name, value in (line.get("headers") or {}).items() if name != "Host"}
        headers = {name: request.headers["accept"] if name == "Accept" else value for name, value in headers.items()}
        body = json.loads(request.body) if isinstance(line.get("body"), dict) else {}
        if body.get("type") != "SUBSCRIBE" and "Connection" not in headers:
            headers["Connection"] = "close"
        for kind in ("accept", "decline"):
            if isinstance(body.get(kind), dict):
                self.gone |= {item["value"] for item in body[kind].get("offer_ids", ())}
        wire = Wire(self.ports[line["to"]])
        text = json.dumps(body, separators=(",", ":")) if body else request.body.decode()
        wire.request(line["method"], self._ours(line["path"]), headers, self._ours(text).encode())
        answer = wire.answer(line["method"])
        given = {name: self._theirs(value) for name, value in answer.headers}
        if not answer.chunked:
            wire.close()
            packed = "Content-Encoding" in given
            content = answer.body if packed else self._theirs(answer.body.decode()).encode()
            return Received(status=answer.status, headers=given, body=content, answer=answer)
        if "Mesos-Stream-Id" in answer.fields:
            self._same(stream, answer.fields["Mesos-Stream-Id"])
            given["Mesos-Stream-Id"] = stream
        self._read(stream, wire, None)
        return Received(status=answer.status, headers=given, stream=stream, answer=answer)

    def _form(self, reply: Reply, line: Json) -> Iterator[str]:
        assert isinstance(reply, Received)
        return form(reply.answer, line)

    def _read(self, name: str, wire: Wire, agent: AgentDouble | None) -> None:
        self.wires[name] = wire
        wire.socket.settimeout(None)

        def read() -> None:
            try:
                while (record := wire.record()) is not None:
                    self.inbox.put((name, agent, record))
                self.inbox.put((name, agent, "zero chunk"))
            except (EOFError, OSError):
                self.inbox.put((name, agent, "connection closed"))
            except ValueError as error:
                self.inbox.put((name, agent, str(error)))
            finally:
                wire.close()

        self.threads.append(threading.Thread(target=read, daemon=True))
        self.threads[-1].start()

    def _take(self, timeout: float) -> bool:
        """One item of the inbox; False when none comes in time."""
        try:
            name, agent, item = self.inbox.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return False
        self._handle(name, agent, item)
        return True

    def _handle(self, name: str, agent: AgentDouble | None, item: bytes | str) -> None:
        if isinstance(item, str):
            self.ends[name] = item
            if item not in ("zero chunk", "connection closed"):
                self.found["records"].append(f"{name}: {item}")
            if agent is not None and agent.connection == name:
                agent.connected = False
            return
        self.found["records"] += json_form(item)
        message = json.loads(self._theirs(item.decode()))
        if agent is None:
            if message["type"] == "RESCIND":
                self.gone.add(message["rescind"]["offer_id"]["value"])
            self._hear(name, message)
        elif agent.connection == name:
            if message["type"] == "REGISTERED" and message["agent_id"]["value"] != self.next_agent:
                self._same(self.next_agent, _translate(message["agent_id"]["value"], self.names))
                message["agent_id"]["value"] = self.next_agent
            for answer in agent.hear(message):
                self._say(agent, answer)

    def _hang_up(self, stream: str) -> None:
        self.wires[stream].hang_up()

    def _ended(self, stream: str) -> bool:
        return self._end(stream) == "zero chunk"

    def _end(self, stream: str) -> str:
        """How a stream that is to end ended."""
        deadline = time.monotonic() + self.late
        while stream not in self.ends and self._take(deadline - time.monotonic()):
            pass
        return self.ends.get(stream, "nothing")

    def _say(self, agent: AgentDouble, message: Json) -> None:
        name, port = agent.connection, self.ports[self.leading]
        if message["type"] not in ("REGISTER", "REREGISTER"):
            headers = {**_JSON, "Agent-Connection": self.connections[name]}
            body = self._ours(json.dumps([message])).encode()
            ask(port, "POST", "/internal/agent/messages", headers, body)
            return
        wire = Wire(port)
        wire.request("POST", "/internal/agent", _JSON, self._ours(json.dumps(message)).encode())
        self.connections[name] = wire.answer().fields["Agent-Connection"]
        self._read(name, wire, agent)
        # Before its id is known, nothing that names it can be understood.
        held = []
        while (item := self.inbox.get(timeout=self.late))[0] != name:
            held.append(item)
        for found in (item, *held):
            self._handle(*found)

    def _cut(self, agent: AgentDouble) -> None:
        self.wires[agent.connection].hang_up()

    # --- time -----------------------------------------------------------------------------------------------------

    def _to(self, now: float) -> None:
        behind = time.monotonic() - self.epoch - now
        if behind > _BEHIND:
            # By whole cycles: allocation goes on where it does in the recording.
            interval = self.config.get("allocation_interval", 1.0)
            self.epoch += interval * math.ceil((behind - _BEHIND) / interval)
        while (left := self.epoch + now - time.monotonic()) > 0:
            self._take(left)
        while self._take(0):
            pass

    def _wait(self, deadline: float) -> bool:
        return self._take(self.epoch + deadline - time.monotonic())

    def _until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _SOON
        while not condition() and self._take(deadline - time.monotonic()):
            pass

    def _outstanding(self, offer_id: str) -> bool:
        return offer_id not in self.gone

    def _number(self, agent_id: str) -> None:
        self.next_agent = agent_id

    def stop(self) -> None:
        """End everything."""
        for wire in self.wires.values():
            wire.hang_up()
        for thread in self.threads:
            thread.join(5)
        for item in self.running.values():
            item.stop()
        self.zookeeper.stop()


def _translate(text: str, names: Mapping[str, str]) -> str:
    def name(found: re.Match[str]) -> str:
        return names.get(found[0]) or names.get(found[1], found[1]) + (found[2] or "")

    return _NAME.sub(name, text)
