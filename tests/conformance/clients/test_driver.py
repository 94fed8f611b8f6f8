"""Every recorded scheduler stream, played to our driver."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.errors import Refused
from sdk.mesos.driver import FRAMEWORK_FAILED_OVER, FRAMEWORK_REMOVED, MesosDriver
from tests.conformance.clients.fold import callbacks, expected
from tests.conformance.clients.framework import intent
from tests.conformance.clients.player import Gate, Held, Player, Split, bytewise, whole
from tests.conformance.clients.recording import Call, End, Event, Stream, stream, streams
from tests.contracts.mesos.recorder import Recorder
from tests.support.wait import wait_until

Json = dict[str, Any]

# A driver that reconnects by itself after its master died is one client of several recorded streams.
CHAINS = (("10-scheduler1", "10-scheduler1b"), ("10b-scheduler1", "10b-scheduler1b"))
_CHAINED = {name for chain in CHAINS for name in chain}
SESSIONS = [
    *(tuple(stream("scheduler", name) for name in chain) for chain in CHAINS),
    *((each,) for each in streams("scheduler") if str(each) not in _CHAINED),
]


# Calls that were malformed on purpose, or made with headers or at a moment that a client of ours does not have. What
# Mesos answered to them is in test_answers.py.
LEFT_OUT = {
    "05-scheduler1": 1,
    "06-scheduler1": 7,
    "07-scheduler1": 2,
    "09-scheduler1": 15,
    "09-scheduler1b": 2,
    "09-scheduler1d": 2,
    "13-scheduler1": 2,
}


def name_of(session: Sequence[Stream]) -> str:
    return "+".join(map(str, session))


class Session:
    """A driver of ours and the recorded master."""

    def __init__(self, player: Player, driver: MesosDriver, recorder: Recorder, gate: Gate) -> None:
        self.player, self.driver, self.recorder, self.gate = player, driver, recorder, gate
        self.expected: list[tuple[str, Any]] = []
        """Callbacks so far."""
        self.left_out = 0
        """Recorded calls that no scheduler of ours can be asked for."""

    def subscribe(self, recorded: Stream) -> Held:
        """Take the next subscription and begin to answer it."""
        held = self.player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        return held

    def event(self, held: Held, event: Event, split: Split = whole) -> None:
        """Send one, and wait until the scheduler was told."""
        again = any(name == "registered" for name, _ in self.expected)
        self.expected += callbacks(event.body, again=again)
        held.event(event, split)
        wait_until(lambda: len(self.recorder.seen) >= len(self.expected), what=str(self.expected[-1])[:200], every=1e-3)

    def call(self, recorded: Call) -> None:
        """Let the scheduler do what the recorded one did, and compare what went out."""
        act = None
        if wanted(recorded) and self.driver.connected:
            act = intent(self.driver, recorded.body, self.recorder.told("update"), self.recorder.told("operation"))
        if act is None or recorded.answer is None:
            self.left_out += 1
            return
        self.player.answers.append(recorded.answer)
        before = len(self.player.calls)
        if recorded.answer.status < 300:
            act()
        else:
            with pytest.raises(Refused) as refused:
                act()
            assert (refused.value.status, refused.value.text) == (recorded.answer.status, recorded.answer.text.strip())
        sent = self.player.call(before + 1)
        assert sent.body == as_we_send_it(recorded.body)
        assert sent.headers["mesos-stream-id"] == recorded.headers["Mesos-Stream-Id"]
        assert sent.path == "/api/v1/scheduler"

    def end(self, held: Held, end: End) -> None:
        """As recorded."""
        if end.how == "disconnect":
            self.driver.stop()
            held.wait_closed()
        else:
            held.end(end.how)
        wait_until(lambda: not self.driver.connected, what="the end of the stream", every=1e-3)


@contextmanager
def playing(session: Sequence[Stream], **options: Any) -> Iterator[Session]:
    recorder, gate = Recorder(), Gate()
    info = session[0].subscribe.body["subscribe"]["framework_info"]
    with Player() as player:
        driver = MesosDriver(
            recorder,
            info,
            player.address,
            backoff=gate,
            suppressed_roles=session[0].subscribe.body["subscribe"].get("suppressed_roles", ()),
            **options,
        )
        driver.start()
        try:
            yield Session(player, driver, recorder, gate)
        finally:
            gate.close()
            driver.stop()
            assert driver.join(10)


def wanted(call: Call) -> bool:
    """Whether the driver can be asked for it: trials with other headers than a client's own are for `test_answers`."""
    return isinstance(call.body, dict) and call.note not in {
        "no Mesos-Stream-Id",
        "wrong Mesos-Stream-Id",
        "another uuid",
        "no framework_id",
        "other framework_id",
        "without id",
        "call without Authorization",
        "call with another principal",
        "RECONCILE without the reconcile field",
        "unknown operation type",
    }


@pytest.mark.parametrize("session", SESSIONS, ids=name_of)
def test_a_recorded_conversation_is_held_again(session: Sequence[Stream]) -> None:
    """Every event arrives with all it has, and every call that the recorded scheduler made is made the same."""
    with playing(session, implicit_acknowledgements=False) as play:
        for number, recorded in enumerate(session):
            held = play.subscribe(recorded)
            assert held.request.body == with_defaults(recorded.subscribe.body)
            ended = False
            for item in recorded.items:
                match item:
                    case Event():
                        play.event(held, item)
                    case Call():
                        play.call(item)
                    case End():
                        ended = True
                        play.end(held, item)
            if not ended:
                held.end("connection closed")
            if number + 1 < len(session):
                play.gate.open()
                play.expected.append(("disconnected", None))
        driver = play.driver
        if "registered" in dict(play.expected):
            play.expected.append(("disconnected", None))
        wait_until(lambda: len(play.recorder.seen) >= len(play.expected), what="the end", every=1e-3)
        assert play.recorder.seen == play.expected
        assert play.left_out == LEFT_OUT.get(name_of(session), 0)
        end = expected(session)
        if end.framework_id is not None:
            assert driver.framework_id == end.framework_id
        last = end.errors[-1] if end.errors else None
        for_good = last is not None and last.startswith((FRAMEWORK_REMOVED, FRAMEWORK_FAILED_OVER))
        assert driver.failure == (last if for_good else None)
        if last is not None:
            assert last in str(driver.trouble)


@pytest.mark.parametrize("recorded", streams("scheduler"), ids=str)
def test_each_update_with_a_uuid_is_acknowledged_once(recorded: Stream) -> None:
    """In their order, and none of the master's own; nothing else is sent that nobody asked for."""
    with playing([recorded]) as play:
        held = play.subscribe(recorded)
        for event in recorded.events:
            play.event(held, event)
        wanted_by_mesos = expected([recorded]).acknowledgements
        if wanted_by_mesos:
            play.player.call(len(wanted_by_mesos))
        # After an ERROR it waits for its next try.
        play.gate.close()
        play.driver.stop()
        assert play.driver.join(10)
    assert [acknowledged(call.body) for call in play.player.calls] == wanted_by_mesos
    assert {call.headers["mesos-stream-id"] for call in play.player.calls} <= {recorded.stream_id}


def acknowledged(body: Json) -> tuple[str, str, str]:
    """Of an acknowledgement what matters to Mesos."""
    content = body[body["type"].lower()]
    return (
        body["type"],
        content["task_id" if body["type"] == "ACKNOWLEDGE" else "operation_id"]["value"],
        content["uuid"],
    )


def play_in_pieces(recorded: Stream, split: Split) -> None:
    with playing([recorded], implicit_acknowledgements=False) as play:
        held = play.subscribe(recorded)
        for event in recorded.events:
            play.event(held, event, split)
        assert play.recorder.seen == play.expected


@pytest.mark.parametrize("name", ["01-scheduler1", "10b-scheduler1"])
def test_a_stream_may_come_byte_by_byte(name: str) -> None:
    """That a record is a chunk is a habit of Mesos."""
    play_in_pieces(stream("scheduler", name), bytewise)


@given(sizes=st.lists(st.integers(1, 900), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_stream_may_come_in_any_chunks(sizes: list[int]) -> None:
    """Records end where their length says, wherever chunks do."""

    def split(data: bytes) -> list[bytes]:
        pieces, at, turn = [], 0, 0
        while at < len(data):
            pieces.append(data[at : at + sizes[turn % len(sizes)]])
            at, turn = at + len(pieces[-1]), turn + 1
        return pieces

    play_in_pieces(stream("scheduler", "05-scheduler2"), split)


def as_we_send_it(body: Json) -> Json:
    """The builders of pymesos say DECLINE for an ACCEPT without operations, which means the same to Mesos."""
    accept = body.get("accept")
    if accept is None or accept["operations"]:
        return body
    return {
        "type": "DECLINE",
        "framework_id": body["framework_id"],
        "decline": {key: accept[key] for key in ("offer_ids", "filters") if key in accept},
    }


def with_defaults(body: Json) -> Json:
    """A recorded subscription as our driver sends it.

    It adds a failover timeout where the framework names none, and has no offer constraints; fields that no Mesos knows
    were one trial of the recording.
    """
    info = {"failover_timeout": 604800.0, **body["subscribe"]["framework_info"]}
    subscribe = {**body["subscribe"], "framework_info": info}
    subscribe.pop("offer_constraints", None)
    return {**{key: value for key, value in body.items() if not key.startswith("bogus")}, "subscribe": subscribe}
