"""Every recorded answer that is not a plain success, given to our clients: which error they raise, where they go on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sdk.errors import NotConnected, Refused, UnexpectedAnswer
from sdk.mesos.driver import MesosDriver
from sdk.mesos.operator import OperatorClient
from tests.conformance.clients.player import Gate, Player
from tests.conformance.clients.recording import Answer, Call, Stream, answered, conversations, stream
from tests.contracts.mesos import traces
from tests.contracts.mesos.recorder import Recorder
from tests.support.wait import wait_until

GOOD = stream("scheduler", "01-scheduler1")
GOOD_OPERATOR = stream("operator", "11-op2")
REFUSALS = (400, 401, 403, 404, 405, 406, 409, 415, 503)
# The master has forgotten us though our stream may look alive: a new subscription is what helps.
FORGOTTEN = ("Framework is not subscribed", "didn't match the stream ID")


def name_of(call: Call) -> str:
    assert call.answer is not None
    return f"{call.kind or 'no_call'}-{call.answer.status}-{(call.note or '').replace(' ', '_')[:40]}"


def one_of_each(calls: list[Call]) -> list[Call]:
    """Without those that got the same answer as one before."""
    seen: dict[tuple[int, str], Call] = {}
    for call in calls:
        assert call.answer is not None
        seen.setdefault((call.answer.status, call.answer.text), call)
    return list(seen.values())


REFUSED_SUBSCRIPTIONS = one_of_each([call for call in answered("scheduler", *REFUSALS) if call.kind == "SUBSCRIBE"])
REFUSED_CALLS = one_of_each([call for call in answered("scheduler", *REFUSALS) if call.kind != "SUBSCRIBE"])
REFUSED_OPERATORS = one_of_each(answered("operator", *REFUSALS))
REFUSED_ERRORS = [
    each
    for each in (stream("scheduler", f"09-bad{number}") for number in (2, 3, 4, 5, 6, 7, 9, 10, 12, 23))
    if each.events[0].body["type"] == "ERROR"
]


@contextmanager
def driver_of(address: str) -> Iterator[tuple[MesosDriver, Recorder, Gate]]:
    recorder, gate = Recorder(), Gate()
    driver = MesosDriver(recorder, GOOD.subscribe.body["subscribe"]["framework_info"], address, backoff=gate)
    driver.start()
    try:
        yield driver, recorder, gate
    finally:
        gate.close()
        driver.stop()
        assert driver.join(10)


def subscribe(player: Player, recorded: Stream, events: int = 2) -> None:
    """Take the next subscription and begin the recorded stream."""
    held = player.subscription()
    assert recorded.subscribe.answer is not None
    held.answer(recorded.subscribe.answer)
    for event in recorded.events[:events]:
        held.event(event)


def text_of(answer: Answer) -> str:
    """As an error quotes it: some answers have no body, only the reason in the status line."""
    return answer.text.strip() or answer.reason


@pytest.mark.parametrize("recorded", REFUSED_SUBSCRIPTIONS, ids=name_of)
def test_a_refused_subscription_says_why_and_is_tried_again(recorded: Call) -> None:
    """No status ends the driver; its text is in `trouble`, and the next try works."""
    answer = recorded.answer
    assert answer is not None
    with Player() as player, driver_of(player.address) as (driver, recorder, gate):
        held = player.subscription()
        held.answer(answer)
        held.end("refused")
        wait_until(lambda: text_of(answer) in str(driver.trouble), what="the trouble", every=1e-3)
        assert not driver.connected
        with pytest.raises(NotConnected, match="not sent"):
            driver.reviveOffers()
        gate.open()
        subscribe(player, GOOD)
        wait_until(lambda: driver.connected, what="the subscription", every=1e-3)
        assert driver.trouble is None
        assert driver.failure is None
        assert "error" not in dict(recorder.seen)
    assert player.calls == []


@pytest.mark.parametrize("recorded", REFUSED_ERRORS, ids=str)
def test_a_framework_that_mesos_refuses_is_told_and_tried_again(recorded: Stream) -> None:
    """200, ERROR and the end of the stream: an operator may repair what is wrong."""
    message = recorded.events[0].body["error"]["message"]
    with Player() as player, driver_of(player.address) as (driver, recorder, gate):
        held = player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        held.event(recorded.events[0])
        held.end("zero chunk")
        wait_until(lambda: recorder.seen == [("error", message)], what="the error", every=1e-3)
        assert driver.failure is None
        gate.open()
        subscribe(player, GOOD)
        wait_until(lambda: driver.connected, what="the subscription", every=1e-3)


@pytest.mark.parametrize("recorded", REFUSED_CALLS, ids=name_of)
def test_a_refused_call_is_an_error_with_mesos_text(recorded: Call) -> None:
    """4xx is for good, 503 may be tried again, and a master that forgot us is subscribed to again."""
    answer = recorded.answer
    assert answer is not None
    with Player() as player, driver_of(player.address) as (driver, _, gate):
        subscribe(player, GOOD)
        wait_until(lambda: driver.connected, what="the subscription", every=1e-3)
        player.answers.append(answer)
        if any(text in answer.text for text in FORGOTTEN):
            with pytest.raises(NotConnected, match="does not know this subscription"):
                driver.reviveOffers()
            gate.open()
            subscribe(player, GOOD)
            wait_until(lambda: driver.connected, what="the new subscription", every=1e-3)
        elif answer.status == 503:
            with pytest.raises(UnexpectedAnswer) as unexpected:
                driver.reviveOffers()
            assert unexpected.value.status == 503
            assert text_of(answer) in str(unexpected.value)
        else:
            with pytest.raises(Refused) as refused:
                driver.reviveOffers()
            assert (refused.value.status, refused.value.text) == (answer.status, text_of(answer))
        driver.reviveOffers()
        assert driver.connected


REDIRECTS = [call for call in answered("scheduler", 307) if call.kind in ("SUBSCRIBE", "REVIVE")]


def leader_of(call: Call) -> str:
    """The address in the recorded Location."""
    assert call.answer is not None
    return call.answer.headers["Location"].split("/")[2]


@pytest.mark.parametrize("recorded", REDIRECTS, ids=name_of)
def test_a_recorded_redirect_is_followed(recorded: Call) -> None:
    """`//host:port/master/api/v1/scheduler`, for a subscription as for a call."""
    assert recorded.answer is not None
    with Player() as leader, Player() as standby:
        standby.addresses[leader_of(recorded)] = leader.address
        with driver_of(standby.address) as (driver, _, _):
            held = standby.subscription()
            if recorded.kind == "SUBSCRIBE":
                held.answer(recorded.answer, standby.addresses)
                held.end("redirected")
                subscribe(leader, GOOD)
                wait_until(lambda: driver.connected, what="the subscription", every=1e-3)
                assert driver.master == leader.address
            else:
                assert GOOD.subscribe.answer is not None
                held.answer(GOOD.subscribe.answer)
                held.event(GOOD.events[0])
                wait_until(lambda: driver.connected, what="the subscription", every=1e-3)
                standby.answers.append(recorded.answer)
            driver.reviveOffers()
            assert leader.call(1).headers["mesos-stream-id"] == GOOD.stream_id
            assert leader.call(1).path == "/api/v1/scheduler"


@pytest.mark.parametrize("recorded", REFUSED_OPERATORS, ids=name_of)
def test_a_refused_operator_call_is_an_error_with_mesos_text(recorded: Call) -> None:
    """Single calls and the stream; the client goes on working."""
    answer = recorded.answer
    assert answer is not None
    error: type[Refused] | type[UnexpectedAnswer] = UnexpectedAnswer if answer.status == 503 else Refused
    with Player() as player:
        client = OperatorClient(player.address)
        player.answers.append(answer)
        with pytest.raises(error) as raised:
            client.call("GET_AGENTS", idempotent=False)
        assert isinstance(raised.value, Refused | UnexpectedAnswer)
        assert raised.value.status == answer.status
        assert text_of(answer)[:200] in str(raised.value)
        assert client.call("GET_AGENTS") == {}
        client.close()


@pytest.mark.parametrize("kind", ["GET_HEALTH", "GET_STATE", "GET_FLAGS"])
def test_a_standby_master_leads_operators_to_the_leader(kind: str) -> None:
    """All calls are redirected, also those about the process itself."""
    recorded = next(
        call
        for call in conversations("10-master-failover", "operator")[""]
        if isinstance(call, Call) and call.kind == kind and call.answer is not None and call.answer.status == 307
    )
    assert recorded.answer is not None
    with Player() as leader, Player() as standby:
        standby.addresses[leader_of(recorded)] = leader.address
        standby.answers.append(recorded.answer)
        client = OperatorClient(standby.address)
        assert client.call(kind) == {}
        assert [call.kind for call in leader.calls] == [kind]
        client.close()


def operator_subscription(status: int) -> Call:
    """The recorded operator SUBSCRIBE that got this status."""
    return next(call for call in answered("operator", status) if call.kind == "SUBSCRIBE")


def test_an_operator_stream_is_led_to_the_leader() -> None:
    """The recorded 307 of a standby master."""
    recorded = operator_subscription(307)
    assert recorded.answer is not None
    with Player() as leader, Player() as standby:
        standby.addresses[leader_of(recorded)] = leader.address
        client = OperatorClient(standby.address)
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(next(iter(client.stream()))), daemon=True)
        thread.start()
        held = standby.subscription()
        held.answer(recorded.answer, standby.addresses)
        held.end("redirected")
        subscribe(leader, GOOD_OPERATOR, events=1)
        thread.join(10)
        client.close()
    assert seen == [GOOD_OPERATOR.events[0].body]


def test_an_operator_stream_without_credentials_is_refused() -> None:
    """The recorded 401."""
    recorded = operator_subscription(401)
    assert recorded.answer is not None
    refused: list[Refused] = []

    def follow(client: OperatorClient) -> None:
        with pytest.raises(Refused) as raised:
            next(iter(client.stream()))
        refused.append(raised.value)

    with Player() as player:
        client = OperatorClient(player.address)
        thread = threading.Thread(target=follow, args=(client,), daemon=True)
        thread.start()
        held = player.subscription()
        held.answer(recorded.answer)
        held.end("refused")
        thread.join(10)
        client.close()
    assert [(error.status, error.text) for error in refused] == [(401, "401 Unauthorized.")]


def test_the_answers_of_the_recordings_are_all_here() -> None:
    """A parametrized list that became empty would fail nothing."""
    statuses: dict[str, Any] = {
        "subscriptions": {call.answer.status for call in REFUSED_SUBSCRIPTIONS if call.answer},
        "calls": {call.answer.status for call in REFUSED_CALLS if call.answer},
        "operators": {call.answer.status for call in REFUSED_OPERATORS if call.answer},
    }
    assert statuses == {
        "subscriptions": {400, 401, 406, 415, 503},
        "calls": {400, 401, 403, 405, 503},
        "operators": {400, 401, 403, 404, 405, 406, 409, 415, 503},
    }
    assert len(REFUSED_ERRORS) == 10
    assert len(REDIRECTS) >= 5
    assert all(name in traces.NAMES for name in ("09-framework-failover-and-errors", "13-authentication"))
