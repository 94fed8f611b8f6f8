"""The recorded requests to an agent, but for those about sandboxes, made to one of ours in a process of its own.

What its answers say is compared in `tests/conformance/agent`; here are status lines, headers and the form of bodies.
"""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from sdk.local.agent_api import NOT_HERE
from tests.conformance.http.processes import Running
from tests.conformance.http.replay import form
from tests.conformance.http.wire import ask
from tests.conformance.master.compare import numbers
from tests.conformance.master.player import lines

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
