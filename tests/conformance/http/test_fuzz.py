"""Bytes, JSON, calls and messages that nobody should send, over sockets, to a running master and a running agent.

Each is answered or disconnected; another framework, both processes and all views of the master are as before.
"""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.local.core.endpoints import PATHS
from sdk.local.core.wire import MESSAGES
from tests.conformance.http.bystander import JSON, Bystander, framework_info, subscribe
from tests.conformance.http.processes import Running
from tests.conformance.http.wire import HOST, Answer, Wire, ask, request
from tests.conformance.master.test_fuzz import ANYTHING, KINDS, OPERATOR_KINDS, message
from tests.support.wait import wait_until
from tests.unit.sdk.local import agent_words

pytestmark = [pytest.mark.integration, pytest.mark.slow]
Json = dict[str, Any]
POSTED = ("/api/v1/scheduler", "/api/v1", "/internal/agent", "/internal/agent/messages", "/teardown", "/reserve")
AGENT_POSTED = ("/api/v1/executor", "/api/v1", "/internal/faults")
MANY = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture(autouse=True)
def unharmed(bystander: Bystander) -> object:
    """After every test the bystander is served as before."""
    yield
    bystander.alive()


def refused(answer: Answer) -> bool:
    """An answer that a client can do something with: no internal error."""
    return answer.status < 500 or answer.status in (501, 503)


def post(port: int, path: str, body: bytes, headers: Json | None = None) -> Answer:
    """POST that does not wait for the end of a stream."""
    return ask(port, "POST", path, {**JSON, **(headers or {})}, body)


@MANY
@given(
    path=st.sampled_from([*POSTED, *sorted(PATHS)]),
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "application/x-protobuf", "text/plain", ""]),
    encoding=st.sampled_from([None, "gzip", "deflate", "identity", "x"]),
)
def test_any_bytes(
    running_master: Running, running_agent: Running, path: str, body: bytes, kind: str, encoding: str | None
) -> None:
    """Bytes of any kind as a body of any declared kind."""
    headers = {"Content-Type": kind} | ({"Content-Encoding": encoding} if encoding else {})
    assert refused(ask(running_master.port, "POST", path, headers, body))
    for other in AGENT_POSTED:
        assert refused(ask(running_agent.port, "POST", other, headers, body))


@MANY
@given(value=ANYTHING, framed=st.booleans())
def test_any_json(running_master: Running, running_agent: Running, value: Any, framed: bool) -> None:
    """JSON of any shape, bare or as a RecordIO record."""
    body = json.dumps(value).encode()
    body = b"%d\n%s" % (len(body), body) if framed else body
    for path in POSTED:
        assert post(running_master.port, path, body).status in (400, 409)
    for path in AGENT_POSTED:
        assert refused(post(running_agent.port, path, body))


@MANY
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_scheduler_calls(running_master: Running, kind: str, data: st.DataObject) -> None:
    """Calls with mostly the right fields, and frameworks with one broken field."""
    wire, answer, first = subscribe(running_master.port)
    with wire:
        call: Json = {"type": kind, "framework_id": first["subscribed"]["framework_id"]}
        content = {field.name: field.kind for field in MESSAGES["Call"]}.get(kind.lower())
        if content is not None:
            call[kind.lower()] = data.draw(message(content))
        if kind in ("SUBSCRIBE", "UPDATE_FRAMEWORK"):
            name = data.draw(st.sampled_from([field.name for field in MESSAGES["FrameworkInfo"]]))
            info = framework_info(id=call["framework_id"]) | {name: data.draw(ANYTHING)}
            call[kind.lower()] = {"framework_info": info}
        more = {} if kind == "SUBSCRIBE" else {"Mesos-Stream-Id": answer.fields["Mesos-Stream-Id"]}
        status = post(running_master.port, "/api/v1/scheduler", json.dumps(call).encode(), more).status
    assert status in (200, 202, 400, 403)


@MANY
@given(kind=st.sampled_from([*OPERATOR_KINDS, "LIST_FILES", "READ_FILE", "SUBSCRIBE"]), data=st.data())
def test_operator_calls(running_master: Running, running_agent: Running, kind: str, data: st.DataObject) -> None:
    """Operator calls with mostly the right fields, to master and agent."""
    call: Json = {"type": kind}
    content = {field.name: field.kind for field in MESSAGES["OperatorCall"]}.get(kind.lower())
    if content is not None and content != "any":
        call[kind.lower()] = data.draw(message(content))
    body = json.dumps(call).encode()
    assert post(running_master.port, "/api/v1", body).status in (200, 202, 400, 403, 404, 409, 501)
    assert post(running_agent.port, "/api/v1", body).status in (200, 400, 404, 501)


@MANY
@given(kind=st.sampled_from(["SUBSCRIBE", "UPDATE", "MESSAGE"]), data=st.data())
def test_executor_calls(running_agent: Running, kind: str, data: st.DataObject) -> None:
    """Executor calls of executors that the agent never started."""
    call = data.draw(message("ExecutorCall")) | {"type": kind}
    assert post(running_agent.port, "/api/v1/executor", json.dumps(call).encode()).status in (400, 403)


@MANY
@given(data=st.data(), words=st.sampled_from(agent_words.GOOD))
def test_agent_messages(running_master: Running, data: st.DataObject, words: Json) -> None:
    """An agent that says one thing wrong gets 400 or is understood; its own connection may end, no other one does."""
    place = data.draw(st.sampled_from(agent_words.places(words)))
    broken = json.dumps(agent_words.changed(words, place, data.draw(agent_words.ANYTHING))).encode()
    with Wire(running_master.port) as wire:
        wire.request("POST", "/internal/agent", JSON, json.dumps(agent_words.GOOD[0]).encode())
        name = wire.answer().fields["Agent-Connection"]
        later = post(running_master.port, "/internal/agent/messages", b"[%s]" % broken, {"Agent-Connection": name})
        assert later.status in (202, 400, 409)
        assert post(running_master.port, "/internal/agent", broken).status in (200, 400)


def test_unknown_messages_of_agents(running_master: Running) -> None:
    """A type that is none, and a second registration on one connection, are refused with a sentence."""
    with Wire(running_master.port) as wire:
        wire.request("POST", "/internal/agent", JSON, json.dumps(agent_words.GOOD[0]).encode())
        headers = {"Agent-Connection": wire.answer().fields["Agent-Connection"]}
        for body in (b'[{"type":"NOPE"}]', json.dumps(agent_words.GOOD[:1]).encode(), b"{}", b"[1]", b"[null]"):
            answer = post(running_master.port, "/internal/agent/messages", body, headers)
            assert answer.status == 400
            assert answer.body
        assert post(running_master.port, "/internal/agent/messages", b'[{"type":"PONG"}]', headers).status == 202


@MANY
@given(
    path=st.sampled_from(POSTED), length=st.integers(0, 300), body=st.binary(max_size=100), half=st.booleans(),
)  # fmt: skip
def test_wrong_lengths_and_cuts(
    running_master: Running, running_agent: Running, path: str, length: int, body: bytes, half: bool
) -> None:
    """A body shorter or longer than announced, and a connection that ends in the middle of it."""
    for port in (running_master.port, running_agent.port):
        with Wire(port) as wire, contextlib.suppress(EOFError, ConnectionError, ValueError):
            wire.send(request("POST", path, {**JSON, "Content-Length": str(length)}) + body)
            if half:
                wire.half_close()
            if len(body) >= length:
                assert refused(wire.answer())


def test_ten_thousand_quick_connections(running_master: Running, running_agent: Running) -> None:
    """Connections that close at once, some with a byte or half a request, leave nothing behind."""
    before = len(list_descriptors(running_master))
    for number in range(10_000):
        port = running_agent.port if number % 10 == 0 else running_master.port
        with socket.create_connection((HOST, port), timeout=20) as connection:
            if number % 3:
                connection.sendall((b"G", b"POST /api/v1 HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")[number % 3 - 1])
    wait_until(lambda: len(list_descriptors(running_master)) <= before + 5, 60, "their sockets to be closed")


def list_descriptors(running: Running) -> list[str]:
    """The open files of a process."""
    return [item.name for item in Path(f"/proc/{running.process.pid}/fd").iterdir()]


def test_streams_that_nobody_reads(running_master: Running, bystander: Bystander) -> None:
    """Two hundred subscribed readers that never read stall nobody."""
    with contextlib.ExitStack() as stack:
        for number in range(200):
            wire = stack.enter_context(Wire(running_master.port))
            scheduler = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info(failover_timeout=0.0)}}
            path, call = ("/api/v1", {"type": "SUBSCRIBE"}) if number % 2 else ("/api/v1/scheduler", scheduler)
            wire.request("POST", path, JSON, json.dumps(call).encode())
        bystander.alive()


def test_a_reader_that_falls_behind(running_master: Running, bystander: Bystander) -> None:
    """One that lets 64 MiB pile up is disconnected, its framework not removed; memory stays within bounds."""
    wire, answer, first = subscribe(running_master.port, name="slow")
    framework_id = first["subscribed"]["framework_id"]
    tasks = [{"task_id": {"value": f"{number}{'x' * 100_000}"}} for number in range(100)]
    call = json.dumps({"type": "RECONCILE", "framework_id": framework_id, "reconcile": {"tasks": tasks}}).encode()
    headers = {"Mesos-Stream-Id": answer.fields["Mesos-Stream-Id"]}
    with wire:
        # Ten megabytes of answers each: the seventh call is too much, or the eighth for what the kernel took.
        statuses = [post(running_master.port, "/api/v1/scheduler", call, headers).status for _ in range(12)]
        assert statuses[:5] == [202] * 5
        assert statuses[-1] == 403

        def connected() -> bool:
            listed = json.loads(ask(running_master.port, "GET", "/frameworks").body)["frameworks"]
            return bool(next(item for item in listed if item["id"] == framework_id["value"])["connected"])

        wait_until(lambda: not connected(), 20, "the slow framework to be disconnected")
        with pytest.raises((EOFError, ConnectionError)):
            read_to_the_end(wire)
    assert "bytes behind" in running_master.log()
    bystander.alive()
    status = Path(f"/proc/{running_master.process.pid}/status").read_text()
    most = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    assert int(most) < 700_000


def read_to_the_end(wire: Wire) -> None:
    """Read the events of a stream until its zero chunk."""
    while wire.record() is not None:
        pass
