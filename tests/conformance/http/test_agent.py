"""The recorded requests to an agent, but for those about sandboxes, made to one of ours in a process of its own.

What its answers say is compared in `tests/conformance/agent`; here are status lines, headers and the form of bodies.
"""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from sdk.local.agent_api import NOT_HERE
from tests.conformance.http.bystander import JSON, subscribe
from tests.conformance.http.processes import Running
from tests.conformance.http.replay import form, json_form
from tests.conformance.http.wire import Wire, ask
from tests.conformance.master.compare import numbers
from tests.conformance.master.player import lines
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Json = dict[str, Any]
_VALUES = ("Content-Type", "Allow", "WWW-Authenticate")


def asked(number: str) -> list[tuple[str, Json, Json]]:
    """The requests of a recording to an agent that need no task, each with its answer."""
    waiting: dict[tuple[str, Any], Json] = {}
    found = []
    for line in lines(number):
        key = (line["who"], line.get("id"))
        if line["kind"] == "call":
            waiting[key] = line
        elif line["kind"] == "response" and key in waiting:
            call = waiting.pop(key)
            text = unquote(call["path"]) + json.dumps(call.get("body"))
            if call.get("to") != "agent1" or "/executors/" in text or "/frameworks/" in text:
                continue
            body = call.get("body")
            kind = body.get("type", "") if isinstance(body, dict) else ""
            if kind not in NOT_HERE:
                found.append((f"{number} {call['method']} {call['path']} {kind}", call, line))
    return found


@pytest.mark.parametrize(
    ("call", "line"),
    [pytest.param(call, line, id=name) for number in ("02", "11", "12") for name, call, line in asked(number)],
)
def test_answers_as_recorded(running_agent: Running, call: Json, line: Json) -> None:
    """Status line, headers, framing, compact JSON with fractions where the recording has them, texts of errors."""
    headers = {name: value for name, value in (call.get("headers") or {}).items() if name != "Host"}
    body = json.dumps(call["body"], separators=(",", ":")) if "body" in call else call.get("text", "")
    answer = ask(running_agent.port, call["method"], call["path"], headers, body.encode())
    assert answer.status == line["status"], answer.body
    assert list(form(answer, line)) == []
    recorded = line["headers"]
    assert {name: answer.fields.get(name) for name in _VALUES} == {name: recorded.get(name) for name in _VALUES}
    if line["status"] >= 400:
        assert answer.body.decode() == line.get("text", "")
    elif "body" in line:
        assert list(numbers(json.loads(answer.body), line["body"])) == []
    elif "jsonp" in call["path"]:
        assert answer.body.startswith(line["text"].partition("(")[0].encode() + b"(")
        assert answer.body.endswith(b")")


def test_the_stream_of_an_executor(running_master: Running, running_agent: Running) -> None:
    """SUBSCRIBE has the recorded status line and headers; each event is one record in one chunk."""
    recorded = next(
        line
        for line in lines("02")
        if line["who"] == "executor" and line["kind"] == "response" and line["status"] == 200
    )
    scheduler, head, first = subscribe(running_master.port, roles=["executors"], failover_timeout=0.0)
    with scheduler:
        framework_id = first["subscribed"]["framework_id"]
        while (event := json.loads(scheduler.record() or b"{}"))["type"] != "OFFERS":
            pass
        offer = next(item for item in event["offers"]["offers"] if item["hostname"] == "agent1")
        cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}
        executor = {"executor_id": {"value": "e"}, "type": "CUSTOM", "command": {"value": "exec sleep 1000"}}
        task = {"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "resources": [cpus],
                "executor": executor}  # fmt: skip
        accept = {"offer_ids": [offer["id"]], "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]}
        call: Json = {"type": "ACCEPT", "framework_id": framework_id, "accept": accept}
        headers = {**JSON, "Mesos-Stream-Id": head.fields["Mesos-Stream-Id"]}
        assert ask(running_master.port, "POST", "/api/v1/scheduler", headers, json.dumps(call).encode()).status == 202
        identity = {"framework_id": framework_id, "executor_id": {"value": "e"}}
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": {}} | identity).encode()

        answers = []

        def subscribed() -> Wire | None:
            wire = Wire(running_agent.port)
            wire.request("POST", "/api/v1/executor", JSON, body)
            answers.append(wire.answer())
            if answers[-1].status == 200:
                return wire
            wire.close()
            return None

        stream = wait_until(subscribed, 20, "the executor to be known to its agent")
        assert stream is not None
        with stream:
            assert list(form(answers[-1], recorded)) == []
            for kind in ("SUBSCRIBED", "LAUNCH"):
                record = stream.record() or b""
                assert list(json_form(record)) == []
                assert json.loads(record)["type"] == kind
