"""Nonsense from Mesos' side: no client dies or hangs; each says why, and works with the next good stream."""

import builtins
import collections.abc
import dataclasses
import threading
import types
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.mesos_listener.board import Board
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.stream import Follower
from api.mesos_listener.wire import to_message
from api.process.turns import Turns
from sdk.clock import SystemClock
from sdk.errors import TemporaryFailure
from sdk.mesos import parse
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.driver import MesosDriver
from sdk.mesos.executor import ExecutorDriver
from sdk.mesos.feed import MesosFeed
from sdk.mesos.operator import OperatorClient
from tests.conformance.clients import test_executor
from tests.conformance.clients.nonsense import ENDS, broken_bodies, recorded, spoiled
from tests.conformance.clients.player import Gate, Held, Player
from tests.conformance.clients.recording import Stream, stream
from tests.contracts.mesos.recorder import Recorder
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener.messages import JsonIndex

Json = dict[str, Any]

SCHEDULER, EXECUTOR, OPERATOR = (recorded(who) for who in ("scheduler", "executor", "operator"))
GOOD = stream("scheduler", "01-scheduler1")
GOOD_EXECUTOR = stream("executor", "02-ex-2")
GOOD_OPERATOR = stream("operator", "10-op1")
RUNS = {
    task["task_id"]["value"] for task in GOOD_OPERATOR.events[0].body["subscribed"]["get_state"]["get_tasks"]["tasks"]
}

over_sockets = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pure = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def begin(player: Player, good: Stream, events: int) -> Held:
    """Take the next subscription and begin a good stream."""
    held = player.subscription()
    assert good.subscribe.answer is not None
    held.answer(good.subscribe.answer)
    for event in good.events[:events]:
        held.event(event)
    return held


@over_sockets
@given(body=broken_bodies(SCHEDULER), subscribed=st.booleans(), how=ENDS)
def test_the_scheduler_driver_survives_a_broken_stream(body: bytes, subscribed: bool, how: str) -> None:
    """Before and after SUBSCRIBED; the next stream is as good as any."""
    recorder, gate = Recorder(), Gate()
    with Player() as player:
        driver = MesosDriver(recorder, GOOD.subscribe.body["subscribe"]["framework_info"], player.address, backoff=gate)
        driver.start()
        try:
            held = begin(player, GOOD, events=int(subscribed))
            held.raw(body)
            held.end(how)
            gate.open()
            begin(player, GOOD, events=3)
            offers = GOOD.events[2].body["offers"]["offers"]
            wait_until(lambda: ("offers", offers) in recorder.seen[-1:], what="the good stream", every=1e-3)
            assert driver.connected
            assert driver.trouble is None
            driver.reviveOffers()
        finally:
            gate.close()
            driver.stop()
            assert driver.join(10)
    assert player.calls[-1].kind == "REVIVE"
    assert "TEARDOWN" not in player.server.kinds()


@over_sockets
@given(body=broken_bodies(EXECUTOR), subscribed=st.booleans(), how=ENDS)
def test_the_executor_driver_survives_a_broken_stream(body: bytes, subscribed: bool, how: str) -> None:
    """The task runs on, and its updates reach the agent over the next stream."""
    recorder, gate = test_executor.Recorder(), Gate()
    launch = GOOD_EXECUTOR.events[1].body["launch"]["task"]
    with Player() as player:
        driver = ExecutorDriver(
            recorder,
            environment=test_executor.environment(GOOD_EXECUTOR.recording, GOOD_EXECUTOR.client, player.address),
            backoff=gate,
            stop_after_shutdown=False,
        )
        driver.start()
        try:
            held = begin(player, GOOD_EXECUTOR, events=int(subscribed))
            held.raw(body)
            held.end(how)
            gate.open()
            begin(player, GOOD_EXECUTOR, events=2)
            wait_until(lambda: ("launch", launch) in recorder.seen[-1:], what="the good stream", every=1e-3)
            driver.sendStatusUpdate({"task_id": launch["task_id"], "state": "TASK_RUNNING"})
            assert player.call(1).body["update"]["status"]["state"] == "TASK_RUNNING"
        finally:
            gate.close()
            driver.updates.clear()
            driver.stop()
            assert driver.join(10)


@over_sockets
@given(body=broken_bodies(OPERATOR), subscribed=st.booleans(), how=ENDS)
def test_the_operator_client_ends_a_broken_stream_with_a_typed_error(body: bytes, subscribed: bool, how: str) -> None:
    """The caller knows TemporaryFailure, and subscribes again."""
    with Player() as player:
        client = OperatorClient(player.address)
        seen: list[Mapping[str, Any]] = []
        ended: list[BaseException] = []

        def follow() -> None:
            try:
                for event in client.stream():
                    seen.append(event)
            except BaseException as error:  # noqa: BLE001 - which one it is is the question
                ended.append(error)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        held = begin(player, GOOD_OPERATOR, events=int(subscribed))
        held.raw(body)
        held.end(how)
        thread.join(10)
        client.close()
    assert [isinstance(error, TemporaryFailure) for error in ended] == [True], ended


@pytest.mark.slow
@over_sockets
@given(body=broken_bodies(OPERATOR), how=ENDS)
def test_the_listener_shows_what_runs_after_a_broken_stream(body: bytes, how: str) -> None:
    """Whatever the broken stream told, the next snapshot counts."""
    with Player() as player:
        board = Board("run")
        follower = Follower(
            OperatorClient(player.address),
            board,
            SystemClock(),
            lambda: None,
            turns=Turns(SystemClock(), limit=60),
            metrics=ListenerMetrics(),
        )
        follower.start()
        try:
            held = begin(player, GOOD_OPERATOR, events=1)
            held.raw(body)
            held.end(how)
            begin(player, GOOD_OPERATOR, events=len(GOOD_OPERATOR.events))
            wait_until(lambda: {task.id for task in board.snapshot().tasks} >= RUNS, what="the tasks", every=1e-3)
        finally:
            follower.stop()


def allows(hint: Any, value: Any) -> bool:
    """Whether an annotation of our values allows a value, down to the last field."""
    hint = getattr(hint, "__supertype__", hint)  # NewType
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            return any(allows(each, value) for each in arguments)
        case builtins.tuple if arguments[1:] == (...,):
            return isinstance(value, tuple) and all(allows(arguments[0], each) for each in value)
        case builtins.tuple:
            return isinstance(value, tuple) and all(map(allows, arguments, value)) and len(arguments) == len(value)
        case builtins.frozenset:
            return isinstance(value, frozenset) and all(allows(arguments[0], each) for each in value)
        case collections.abc.Mapping:
            pairs = value.items() if isinstance(value, collections.abc.Mapping) else [(None, None)]
            return all(allows(arguments[0], key) and allows(arguments[1], each) for key, each in pairs)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return isinstance(value, hint) and all(allows(each, getattr(value, name)) for name, each in hints.items())  # type: ignore[arg-type]
    return type(value) is hint or (hint is not int and hint is not float and isinstance(value, hint))


@pure
@given(event=spoiled(SCHEDULER))
def test_a_spoiled_event_is_read_or_named_as_malformed(event: Json) -> None:
    """What the parser gives has the types that it promises, and nothing but MalformedEvent is raised."""
    for read in (parse.scheduler_event, lambda raw: parse.subscribed(raw, "m")):
        try:
            value = read(event)
        except parse.MalformedEvent:
            continue
        assert value is None or allows(type(value), value), value


@pure
@given(spoilt=st.lists(spoiled(SCHEDULER), max_size=4))
def test_the_feed_skips_what_it_cannot_read(spoilt: list[Json]) -> None:
    """The events beside it are posted."""
    posted: list[Any] = []
    feed = MesosFeed(info=FrameworkInfo(name="f", roles=("r",)), master="127.0.0.1:1", post=posted.append)
    for event in [*spoilt, GOOD.events[2].body]:
        feed.on_event(event)
    assert posted[-1] == parse.scheduler_event(GOOD.events[2].body)


LIVED = [event.body for event in stream("operator", "11-op1").events]


@st.composite
def lived(draw: st.DrawFn) -> list[Json]:
    """The recorded life of a cluster in which some events are spoiled."""
    events = list(LIVED)
    telling = [at for at, event in enumerate(events) if event["type"] not in ("HEARTBEAT", "SUBSCRIBED")]
    for at in draw(st.lists(st.sampled_from(telling), min_size=1, max_size=8)):
        events[at] = draw(spoiled([events[at]]))
    return events


@pure
@given(events=lived())
def test_the_index_takes_any_event(events: list[Json]) -> None:
    """Each task can be told to readers, and the next snapshot is all that counts for agents that it names."""
    index = JsonIndex()
    for now, event in enumerate(events):
        for task in index.take(event, float(now)).updated:
            to_message(task)
    good = GOOD_OPERATOR.events[0].body
    index.take(good, 100.0)
    fresh = JsonIndex()
    fresh.take(good, 100.0)
    assert {key: index.running[key] for key in fresh.running} == dict(fresh.running)
