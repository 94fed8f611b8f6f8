"""What agents may say: real messages pass as they are, everything else is refused before the master sees it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.local.core import Master, MasterConfig, classic
from sdk.local.core.agent_reports import FIRST, LATER, check
from sdk.local.core.wire import BadMessage
from tests.unit.sdk.local.agent_words import ANYTHING, GOOD, INFO, changed, places

Json = dict[str, Any]
FAILED = next(message for message in GOOD if message["type"] == "OPERATION_STATUS" and "resources" in message)


@pytest.mark.parametrize("message", GOOD, ids=lambda message: message["type"])
def test_real_messages_pass(message: Json) -> None:
    """A message of the right shape comes back as it was."""
    assert check(message, FIRST | LATER) == json.loads(json.dumps(message))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ([], "a message of an agent is a JSON object"),
        ({"type": []}, "type: '[]' is none of"),
        ({"type": "REGISTER"}, "REGISTER.agent_info is missing"),
        ({"type": "REGISTER", "agent_info": {**INFO, "port": "1"}}, "REGISTER.agent_info.port must be a whole number"),
        (changed(GOOD[0], ("tasks", 0, "resources", 0, "scalar", "value"), -1.0), "must be from 0 to"),
        (changed(GOOD[0], ("agent_info",), {"hostname": "a", "port": 1, "resources": []}), "agent_info.id is missing"),
        (changed(FAILED, ("resources",), "cpus"), "OPERATION_STATUS.resources must be a list"),
        (changed(FAILED, ("resources", 0), {"name": "cpus"}), "OPERATION_STATUS.resources[].type is missing"),
    ],
)  # fmt: skip
def test_refusals_name_the_place(message: Any, text: str) -> None:
    """The text says which field it is and what belongs there."""
    with pytest.raises(BadMessage, match=text.replace("[", r"\[").replace(".", r"\.")):
        check(message, FIRST | LATER)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=st.sampled_from(GOOD), data=st.data())
def test_one_broken_field(message: Json, data: st.DataObject) -> None:
    """With anything in one place a message is refused, or harmless to the master and all that it shows."""
    broken = changed(message, data.draw(st.sampled_from(places(message))), data.draw(ANYTHING))
    master = Master(MasterConfig(master_id="M"), now=0.0)
    master.agent_message("c", GOOD[0], now=0.0)
    try:
        checked = check(broken, FIRST | LATER)
    except BadMessage:
        return
    master.agent_message("c", checked, now=1.0)
    info = {"user": "root", "name": "f", "roles": ["r"], "id": {"value": "M-0000"}}
    call = {"type": "SUBSCRIBE", "framework_id": info["id"], "subscribe": {"framework_info": info}}
    assert master.call(call, stream=None, now=2.0, new_stream="s").status == 200
    master.tick(now=20.0)
    for kind in ("GET_STATE", "GET_AGENTS", "GET_ROLES", "GET_OPERATIONS"):
        json.dumps(master.operator_call({"type": kind}, now=20.0).body)
    for shown in (classic.full_state, classic.summary, classic.roles):
        json.dumps(shown(master.state))
    json.dumps(classic.slaves(master.state, full=True, only=None))
