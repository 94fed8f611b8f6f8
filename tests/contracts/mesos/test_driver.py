"""The scheduler driver against masters by script: every defect of pymesos that a connection can show."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import structlog.testing

from sdk.errors import NotConnected, Refused, UnexpectedAnswer
from sdk.mesos.auth import Token
from sdk.mesos.driver import MesosDriver
from sdk.mesos.endpoint import Endpoint, parse
from sdk.mesos.stream import Limits
from tests.contracts.mesos import recorder
from tests.contracts.mesos.server import (
    FRAMEWORK_ID,
    CountedBackoff,
    Peer,
    Script,
    ScriptedServer,
    calls,
    chunk,
    master,
    record,
    stays,
    subscribed,
)
from tests.support.wait import wait_until

FRAMEWORK = {"user": "root", "name": "test", "roles": ["r"], "capabilities": [{"type": "MULTI_ROLE"}]}
OFFERS = {"type": "OFFERS", "offers": {"offers": [{"id": {"value": "O1"}}, {"id": {"value": "O2"}}]}}
UPDATE = {
    "type": "UPDATE",
    "update": {
        "status": {
            "task_id": {"value": "t"},
            "agent_id": {"value": "S0"},
            "state": "TASK_RUNNING",
            "uuid": "/bDU2ncuSWiaMmaEiW2RDA==",
        }
    },
}


class Recorder(recorder.Recorder):
    """Of offers their ids, of messages their text."""

    def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802
        self.seen.append(("offers", [offer["id"]["value"] for offer in offers]))

    def frameworkMessage(self, driver: Any, executor_id: Any, agent_id: Any, message: Any) -> None:  # noqa: N802
        self.seen.append(("message", message))


@contextmanager
def running(address: str, scheduler: Any = None, **options: Any) -> Iterator[MesosDriver]:
    options.setdefault("backoff", CountedBackoff(3))
    driver = MesosDriver(scheduler or Recorder(), options.pop("framework", FRAMEWORK), address, **options)
    driver.start()
    try:
        yield driver
    finally:
        driver.stop()
        assert driver.join(10)


@contextmanager
def connected(script: Script, scheduler: Any = None, **options: Any) -> Iterator[tuple[MesosDriver, ScriptedServer]]:
    with ScriptedServer(script) as server, running(server.address, scheduler, **options) as driver:
        wait_until(lambda: driver.connected, what="the subscription")
        yield driver, server


def stream_bytes() -> bytes:
    return b"".join(record(event) for event in (subscribed(), {"type": "HEARTBEAT"}, OFFERS, UPDATE))


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(lambda data: [data[at : at + 1] for at in range(len(data))], id="a chunk per byte"),
        pytest.param(lambda data: [data], id="all records in one chunk"),
        pytest.param(lambda data: [data[at : at + 97] for at in range(0, len(data), 97)], id="records across chunks"),
    ],
)
def test_chunks_do_not_matter(pieces: Callable[[bytes], list[bytes]]) -> None:
    """One record per chunk is what Mesos does, and nothing that we rely on."""

    def subscribe(peer: Peer) -> None:
        peer.begin()
        for piece in pieces(stream_bytes()):
            peer.send(chunk(piece))
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (_, server):
        server.wait_for("ACKNOWLEDGE")
        assert scheduler.names() == ["registered", "heartbeat", "offers", "update"]


def test_bytes_that_come_one_by_one_are_read() -> None:
    """Also head, chunk sizes and ends may be cut anywhere."""

    def subscribe(peer: Peer) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: s\r\n\r\n"
        for byte in head + chunk(stream_bytes()):
            peer.send(bytes([byte]))
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (driver, server):
        assert server.wait_for("ACKNOWLEDGE").headers["mesos-stream-id"] == "s"
        assert driver.stream_id == "s"


def test_fifty_records_in_a_chunk_keep_their_order() -> None:
    """Events are told one by one in the order of the stream."""
    updates = [json.loads(json.dumps(UPDATE)) for _ in range(50)]
    for number, update in enumerate(updates):
        update["update"]["status"]["task_id"]["value"] = f"t{number}"
        del update["update"]["status"]["uuid"]

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.send(chunk(b"".join(map(record, [subscribed(), *updates]))))
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler):
        wait_until(lambda: len(scheduler.seen) == 51, what="all events")
    assert [status["task_id"]["value"] for name, status in scheduler.seen if name == "update"] == [
        f"t{number}" for number in range(50)
    ]


def test_a_large_event_is_read() -> None:
    """16 MiB in one record: pymesos needs quadratic time for it."""
    large = {"type": "MESSAGE", "message": {"executor_id": {}, "agent_id": {}, "data": "x" * (16 << 20)}}
    scheduler = Recorder()
    with connected(master(stays(large)), scheduler):
        wait_until(lambda: "message" in scheduler.names(), what="the large event")
    assert len(dict(scheduler.seen)["message"]) == 16 << 20


@pytest.mark.parametrize(
    "location",
    ["//{0}/master/api/v1/scheduler", "{0}", "http://{0}/master/api/v1/scheduler", "//{0}"],
)
def test_a_redirect_leads_to_the_leader(location: str) -> None:
    """307 in the form of the traces, of the documentation and of proxies."""
    with ScriptedServer(master(stays())) as leader:

        def other(peer: Peer) -> None:
            peer.request()
            peer.answer("307 Temporary Redirect", Location=location.format(leader.address))

        with connected(other) as (driver, standby):
            assert driver.master == leader.address
            assert standby.connections == 1
            driver.reviveOffers()
            assert leader.wait_for("REVIVE").headers["mesos-stream-id"] == "stream-1"


def test_masters_that_redirect_to_each_other_are_asked_with_backoff() -> None:
    """During an election masters may point to a dead or undecided one."""
    targets: dict[str, str] = {}

    def bounce(peer: Peer) -> None:
        peer.request()
        own = "{}:{}".format(*peer.connection.getsockname())
        peer.answer("307 Temporary Redirect", Location=f"//{targets[own]}/master/api/v1/scheduler")

    with ScriptedServer(bounce) as first, ScriptedServer(bounce) as second:
        targets |= {first.address: second.address, second.address: first.address}
        backoff = CountedBackoff(2)
        with running(first.address, backoff=backoff) as driver:
            wait_until(lambda: backoff.calls == 3, what="the bounded tries")
            assert first.connections + second.connections == 3 * 6
            assert "is not the leader" in str(driver.trouble)


def test_a_master_that_redirects_to_itself_is_asked_with_backoff() -> None:
    """A restarted master does so until its old node in ZooKeeper expires."""

    def selfish(peer: Peer) -> None:
        peer.request()
        peer.answer("307 Temporary Redirect", Location="//{}:{}/master".format(*peer.connection.getsockname()))

    backoff = CountedBackoff(2)
    with ScriptedServer(selfish) as server, running(server.address, backoff=backoff):
        wait_until(lambda: backoff.calls == 3, what="the bounded tries")
        assert server.connections == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("503 Service Unavailable", b"Master has not finished recovery"),
        ("503 Service Unavailable", b"No leader elected"),
        ("404 Not Found", b"404 Not Found."),
        ("403 Forbidden", b"403 Forbidden."),
        ("500 Internal Server Error", b""),
    ],
)
def test_refusals_are_tried_again_with_backoff(status: str, body: bytes) -> None:
    """No status ends the driver, none is answered by a storm, and the reason can be read."""

    def refuse(peer: Peer) -> None:
        if peer.number < 3:
            peer.request()
            peer.answer(status, body)
        else:
            stays()(peer)

    scheduler, backoff = Recorder(), CountedBackoff(10)
    with connected(refuse, scheduler, backoff=backoff) as (driver, server):
        assert server.connections == 4
        assert backoff.calls == 3
        assert driver.trouble is None
    assert scheduler.names().count("disconnected") == 1  # of the one stream that was subscribed


def test_a_peer_that_accepts_and_closes_is_left_in_peace() -> None:
    """pymesos connects 4,533 times in three seconds; here each try is followed by a wait."""
    scheduler, backoff = Recorder(), CountedBackoff(4)
    with ScriptedServer(lambda peer: None) as server, running(server.address, scheduler, backoff=backoff) as driver:
        wait_until(lambda: backoff.calls == 5, what="the bounded tries")
        assert server.connections == 5
        assert backoff.resets == 0
        assert not driver.connected
        assert driver.trouble
    assert scheduler.seen == []


def test_a_stream_that_dies_young_does_not_reset_the_backoff() -> None:
    """SUBSCRIBED alone does not prove that all is well."""

    def brief(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed())
        peer.end()

    scheduler, backoff = Recorder(), CountedBackoff(2)
    with ScriptedServer(master(brief)) as server, running(server.address, scheduler, backoff=backoff):
        wait_until(lambda: backoff.calls == 3, what="the bounded tries")
        assert backoff.resets == 0
    assert scheduler.names() == [
        "registered",
        "disconnected",
        "reregistered",
        "disconnected",
        "reregistered",
        "disconnected",
    ]


def test_a_half_open_stream_is_dropped_after_missed_heartbeats() -> None:
    """A master whose machine vanished sends no FIN; five silent intervals are enough."""

    def subscribe(peer: Peer) -> None:
        stays(interval=0.02 if peer.number == 0 else 15.0)(peer)

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (driver, server):
        server.wait_for("SUBSCRIBE", 2)
        wait_until(lambda: scheduler.names() == ["registered", "disconnected", "reregistered"], what="the new stream")
        assert server.requests[1].body["framework_id"] == {"value": FRAMEWORK_ID}
        assert "mesos-stream-id" not in server.requests[1].headers
        assert driver.connected


def test_heartbeats_keep_a_silent_stream_alive() -> None:
    """HEARTBEAT counts as a sign of life, and its callback runs."""
    enough = threading.Event()

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed(0.4))
        for _ in range(40):
            peer.event({"type": "HEARTBEAT"})
            if enough.wait(0.1):
                break
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (_, server):
        wait_until(lambda: scheduler.names().count("heartbeat") >= 25, what="25 heartbeats")
        enough.set()
        assert server.connections == 1


def test_a_peer_that_never_answers_is_given_up() -> None:
    """Neither the status line nor SUBSCRIBED is waited for without end."""

    def silent(peer: Peer) -> None:
        peer.request()
        if peer.number == 1:
            peer.begin()
        peer.wait_closed()

    backoff = CountedBackoff(1)
    with (
        ScriptedServer(silent) as server,
        running(server.address, backoff=backoff, limits=Limits(answer=0.1)) as driver,
    ):
        wait_until(lambda: backoff.calls == 2, what="two tries")
        assert "sent nothing" in str(driver.trouble)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="a bad chunk size"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"hello"), id="no RecordIO"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"5\nhello"), id="no JSON"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"2\n[]"), id="no event"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"100000\n" + b"[" * 100_000),
            id="JSON without end",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", id="no stream"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"99999999999\n"), id="a record too large"
        ),
        pytest.param(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://a:b:c/\r\nContent-Length: 0\r\n\r\n",
            id="no address in Location",
        ),
    ],
)
def test_garbage_costs_one_try(garbage: bytes) -> None:
    """Whatever a peer sends, the driver says why and tries again later."""

    def script(peer: Peer) -> None:
        peer.request()
        if peer.number == 0:
            peer.send(garbage)
        else:
            stays()(peer)

    backoff = CountedBackoff(10)
    with connected(script, backoff=backoff) as (_, server):
        assert server.connections == 2
        assert backoff.calls == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"framework_id": "x"},
        {"framework_id": {"value": ""}},
        {"framework_id": {"value": ["x"]}},
        {"framework_id": {"value": "x"}, "master_info": 1},
    ],
)
def test_a_subscription_without_a_framework_id_is_none(body: Any) -> None:
    """No call could be made with it, so another one is begun."""

    def subscribe(peer: Peer) -> None:
        if peer.number == 0:
            peer.begin()
            peer.event({"type": "SUBSCRIBED", "subscribed": body})
            peer.wait_closed()
        else:
            stays()(peer)

    scheduler = Recorder()
    with ScriptedServer(master(subscribe)) as server, running(server.address, scheduler) as driver:
        wait_until(lambda: "registered" in scheduler.names(), what="the good subscription")
        assert driver.framework_id == FRAMEWORK_ID
        assert server.kinds() == ["SUBSCRIBE", "SUBSCRIBE"]


@pytest.mark.parametrize("interval", [1e300, 10**400, -1, "15", True, [15]])
def test_a_heartbeat_interval_that_cannot_be_true_ends_nothing(interval: Any) -> None:
    """It is as if there was none, or a second for `true`."""

    def subscribe(peer: Peer) -> None:
        peer.begin()
        told = subscribed()
        told["subscribed"]["heartbeat_interval_seconds"] = interval
        peer.event(told)
        peer.event(OFFERS)
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (_, server):
        wait_until(lambda: scheduler.names() == ["registered", "offers"], what="the callbacks")
        assert server.connections == 1


@pytest.mark.parametrize("kind", ["STOPPED", "DISCONNECTED", "TROUBLE", "CLOSE", "EVENT", "NEW_MASTER_DETECTED"])
def test_methods_of_the_driver_are_not_for_the_network(kind: str) -> None:
    """pymesos calls `on_` and whatever name the event has."""
    inner = {"type": "OFFERS", "offers": {"offers": [{"id": {"value": "forged"}}]}}
    scheduler = Recorder()
    odd: list[dict[str, object]] = [{"type": kind, kind.lower(): inner}, {"type": kind.lower(), kind.lower(): "x"}]
    with connected(master(stays(*odd, OFFERS)), scheduler) as (driver, _):
        wait_until(lambda: "offers" in scheduler.names(), what="the good event")
        assert scheduler.seen[1:] == [("offers", ["O1", "O2"])]
        assert driver.trouble is None


def test_garbage_in_a_subscribed_stream_begins_a_new_one() -> None:
    """The old stream counts as lost."""

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed())
        if peer.number == 0:
            peer.send(chunk(b"oops"))
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (_, server):
        server.wait_for("SUBSCRIBE", 2)
        wait_until(lambda: scheduler.names() == ["registered", "disconnected", "reregistered"], what="the new stream")


def test_an_exception_in_user_code_tears_nothing_down() -> None:
    """pymesos sends TEARDOWN; here it is logged and reported, the update stays unacknowledged, the stream goes on."""

    class Broken(Recorder):
        def statusUpdate(self, driver: Any, status: Any) -> None:  # noqa: N802
            raise ValueError("broken on purpose")

    failures: list[tuple[Exception, Mapping[str, Any]]] = []
    scheduler = Broken()
    with connected(
        master(stays(UPDATE, OFFERS)), scheduler, on_exception=lambda error, event: failures.append((error, event))
    ) as (driver, server):
        wait_until(lambda: "offers" in scheduler.names(), what="the event after the broken one")
        assert driver.connected
        driver.reviveOffers()
        server.wait_for("REVIVE")
    assert server.kinds() == ["SUBSCRIBE", "REVIVE"]
    assert [(str(error), event["type"]) for error, event in failures] == [("broken on purpose", "UPDATE")]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda driver: driver.stop(), id="stop"),
        pytest.param(lambda driver: driver.stop(failover=False), id="stop without failover"),
        pytest.param(lambda driver: driver.abort(), id="abort"),
    ],
)
def test_stopping_tears_nothing_down(end: Callable[[MesosDriver], None]) -> None:
    """Whatever way it ends, tasks run on."""
    with connected(master(stays())) as (driver, server):
        end(driver)
        assert driver.join(10)
        assert driver.aborted
    assert server.kinds() == ["SUBSCRIBE"]


def test_teardown_is_sent_when_it_is_asked_for() -> None:
    """An uninstall has to say so."""
    with connected(master(stays())) as (driver, server):
        driver.teardown()
        assert server.wait_for("TEARDOWN").body == {"type": "TEARDOWN", "framework_id": {"value": FRAMEWORK_ID}}


def test_a_callback_may_stop_the_driver() -> None:
    """Stopping from the callbacks' own thread does not lock up."""

    class Quitter(Recorder):
        def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802
            driver.stop()

    with ScriptedServer(master(stays(OFFERS))) as server:
        driver = MesosDriver(Quitter(), FRAMEWORK, server.address)
        driver.run()
        assert driver.aborted


def test_stopping_does_not_wait_for_an_answer() -> None:
    """A master that is stopped (SIGSTOP) accepts the connection and says nothing."""

    def silent(peer: Peer) -> None:
        peer.request()
        peer.wait_closed()

    with ScriptedServer(silent) as server, running(server.address) as driver:
        server.wait_for("SUBSCRIBE")
        driver.stop()
        assert driver.join(10)


def test_slow_callbacks_do_not_stop_the_stream() -> None:
    """pymesos reads no heartbeat while a callback runs."""
    release = threading.Event()
    read = threading.Event()

    class Slow(Recorder):
        def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802
            release.wait(10)
            super().resourceOffers(driver, offers)

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed())
        peer.event(OFFERS)
        for _ in range(200):  # far more than socket buffers hold: it goes through only if somebody reads
            peer.event({"type": "MESSAGE", "message": {"data": "x" * 100_000}})
        read.set()
        peer.wait_closed()

    scheduler = Slow()
    with connected(master(subscribe), scheduler):
        assert read.wait(10)
        assert "offers" not in scheduler.names()
        release.set()
        wait_until(lambda: len(scheduler.seen) == 202, what="all events")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ({"agent_id": {"value": "S0"}}, ("agent lost", {"value": "S0"})),
        ({}, ("agent lost", {})),
        (
            {"agent_id": {"value": "S0"}, "executor_id": {"value": "e"}},
            ("executor lost", ({"value": "e"}, {"value": "S0"}, None)),
        ),
        (
            {"agent_id": {"value": "S0"}, "executor_id": {"value": "e"}, "status": 768},
            ("executor lost", ({"value": "e"}, {"value": "S0"}, 768)),
        ),
    ],
)
def test_failures_may_lack_fields(failure: dict[str, Any], expected: tuple[str, Any]) -> None:
    """pymesos ends with KeyError, and the framework with it."""
    scheduler = Recorder()
    with connected(master(stays({"type": "FAILURE", "failure": failure})), scheduler):
        wait_until(lambda: len(scheduler.seen) == 2, what="the callback")
    assert scheduler.seen[1] == expected


def test_unknown_and_incomplete_events_do_no_harm() -> None:
    """A newer master may send what we do not know."""
    odd: list[dict[str, Any]] = [
        {"type": "NEW"},
        {"type": "OFFERS"},
        {"kind": 1},
        {"type": "RESCIND", "rescind": {}},
        OFFERS,
    ]
    scheduler = Recorder()
    with connected(master(stays(*odd)), scheduler) as (_, server):
        wait_until(lambda: scheduler.names() == ["registered", "offers"], what="the good event")
        assert server.connections == 1


def test_every_call_without_subscription_says_so() -> None:
    """pymesos drops calls silently while it is disconnected."""
    driver = MesosDriver(Recorder(), FRAMEWORK, "127.0.0.1:1")
    one = {"value": "x"}
    attempts: list[Callable[[], Any]] = [
        lambda: driver.acceptOffers([one], [{"type": "LAUNCH"}]),
        lambda: driver.launchTasks([one], [{}]),
        lambda: driver.declineOffer([one]),
        lambda: driver.acceptInverseOffers([one]),
        lambda: driver.declineInverseOffer([one]),
        lambda: driver.reviveOffers(),
        lambda: driver.suppressOffers(),
        lambda: driver.killTask(one),
        lambda: driver.acknowledgeStatusUpdate(UPDATE["update"]["status"]),  # type: ignore[index]
        lambda: driver.acknowledgeOperationStatusUpdate({"operation_id": one, "uuid": one}),
        lambda: driver.reconcileTasks([]),
        lambda: driver.reconcileOperations([]),
        lambda: driver.sendFrameworkMessage(one, one, ""),
        lambda: driver.requestResources([]),
        lambda: driver.updateFramework(FRAMEWORK),
        lambda: driver.shutdownExecutor(one, one),
        lambda: driver.teardown(),
    ]
    for attempt in attempts:
        with pytest.raises(NotConnected, match="not sent"):
            attempt()


def test_headers_alone_are_no_subscription() -> None:
    """Before SUBSCRIBED the master refuses calls, so none goes out."""
    go_on = threading.Event()

    def subscribe(peer: Peer) -> None:
        peer.begin()
        go_on.wait(10)
        peer.event(subscribed())
        peer.wait_closed()

    with ScriptedServer(master(subscribe)) as server, running(server.address) as driver:
        server.wait_for("SUBSCRIBE")
        with pytest.raises(NotConnected):
            driver.reviveOffers()
        go_on.set()
        wait_until(lambda: driver.connected, what="the subscription")
        driver.reviveOffers()
        server.wait_for("REVIVE")


def test_calls_have_the_shapes_of_the_traces() -> None:
    """Field by field what a real Mesos accepted."""
    with connected(master(stays())) as (driver, server):
        driver.killTask({"value": "t"}, {"value": "S0"}, {"grace_period": {"nanoseconds": 1000000000}})
        driver.killTask({"value": "t"})
        driver.reconcileTasks([{"task_id": {"value": "t"}, "agent_id": {"value": "S0"}, "state": "TASK_RUNNING"}])
        driver.reconcileTasks([])
        driver.declineOffer([{"value": "O1"}, {"value": "O2"}], filters={"refuse_seconds": 3600.0})
        driver.suppressOffers(["a"])
        driver.reviveOffers(["a", "b"])
        driver.acknowledgeOperationStatusUpdate(
            {
                "operation_id": {"value": "op"},
                "state": "OPERATION_FINISHED",
                "uuid": {"value": "ahVABeTnTyioLuJHjKmQ5A=="},
                "agent_id": {"value": "S0"},
            }
        )
        driver.reconcileOperations([{"operation_id": {"value": "op"}, "agent_id": {"value": "S0"}, "x": 1}])
        driver.updateFramework({**FRAMEWORK, "roles": ["r", "s"]})
        driver.shutdownExecutor({"value": "e"}, {"value": "S0"})
    frame = {"framework_id": {"value": FRAMEWORK_ID}}
    assert [request.body for request in server.requests[1:]] == [
        {
            "type": "KILL",
            **frame,
            "kill": {
                "task_id": {"value": "t"},
                "agent_id": {"value": "S0"},
                "kill_policy": {"grace_period": {"nanoseconds": 1000000000}},
            },
        },
        {"type": "KILL", **frame, "kill": {"task_id": {"value": "t"}}},
        {
            "type": "RECONCILE",
            **frame,
            "reconcile": {"tasks": [{"task_id": {"value": "t"}, "agent_id": {"value": "S0"}}]},
        },
        {"type": "RECONCILE", **frame, "reconcile": {"tasks": []}},
        {
            "type": "DECLINE",
            **frame,
            "decline": {"offer_ids": [{"value": "O1"}, {"value": "O2"}], "filters": {"refuse_seconds": 3600.0}},
        },
        {"type": "SUPPRESS", **frame, "suppress": {"roles": ["a"]}},
        {"type": "REVIVE", **frame, "revive": {"roles": ["a", "b"]}},
        {
            "type": "ACKNOWLEDGE_OPERATION_STATUS",
            **frame,
            "acknowledge_operation_status": {
                "uuid": "ahVABeTnTyioLuJHjKmQ5A==",
                "operation_id": {"value": "op"},
                "agent_id": {"value": "S0"},
            },
        },
        {
            "type": "RECONCILE_OPERATIONS",
            **frame,
            "reconcile_operations": {"operations": [{"operation_id": {"value": "op"}, "agent_id": {"value": "S0"}}]},
        },
        {
            "type": "UPDATE_FRAMEWORK",
            **frame,
            "update_framework": {
                "framework_info": {
                    "failover_timeout": 604800.0,
                    **FRAMEWORK,
                    "roles": ["r", "s"],
                    "id": {"value": FRAMEWORK_ID},
                }
            },
        },
        {
            "type": "SHUTDOWN",
            **frame,
            "shutdown": {"executor_id": {"value": "e"}, "agent_id": {"value": "S0"}},
        },
    ]
    assert {request.headers["content-type"] for request in server.requests} == {"application/json"}


def test_the_subscription_says_what_the_caller_said() -> None:
    """No capability is added, the stored id is used, and the failover timeout is a week unless given."""
    framework = {**FRAMEWORK, "id": {"value": "known"}}
    with connected(master(stays()), framework=framework, suppressed_roles=["r"]) as (_, server):
        assert server.requests[0].body == {
            "type": "SUBSCRIBE",
            "framework_id": {"value": "known"},
            "subscribe": {
                "framework_info": {"failover_timeout": 604800.0, **framework},
                "suppressed_roles": ["r"],
            },
        }
    assert "id" not in FRAMEWORK


def test_updates_without_uuid_are_not_acknowledged() -> None:
    """Those of the master itself have none."""
    bare = {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": "TASK_LOST"}}}
    scheduler = Recorder()
    with connected(master(stays(bare, UPDATE)), scheduler) as (_, server):
        server.wait_for("ACKNOWLEDGE")
    assert server.kinds() == ["SUBSCRIBE", "ACKNOWLEDGE"]
    assert server.requests[1].body["acknowledge"] == {
        "agent_id": {"value": "S0"},
        "task_id": {"value": "t"},
        "uuid": "/bDU2ncuSWiaMmaEiW2RDA==",
    }


def test_explicit_acknowledgement_is_left_to_the_scheduler() -> None:
    """Nothing is acknowledged before the scheduler says so."""
    scheduler = Recorder()
    with connected(master(stays(UPDATE)), scheduler, implicit_acknowledgements=False) as (driver, server):
        wait_until(lambda: "update" in scheduler.names(), what="the update")
        assert server.kinds() == ["SUBSCRIBE"]
        driver.acknowledgeStatusUpdate(dict(scheduler.seen)["update"])
        server.wait_for("ACKNOWLEDGE")


def test_refusals_of_calls_are_errors_with_their_text() -> None:
    """4xx is for good, 5xx may be tried again."""
    answers = iter(["400 Bad Request", "500 Internal Server Error", "202 Accepted"])

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.kind == "SUBSCRIBE":
                stays()(peer)
                return
            peer.answer(next(answers), b"Failed to validate scheduler::Call")

    with connected(script) as (driver, _):
        with pytest.raises(Refused, match="Failed to validate") as refused:
            driver.reviveOffers()
        assert refused.value.status == 400
        with pytest.raises(UnexpectedAnswer) as unexpected:
            driver.reviveOffers()
        assert unexpected.value.status == 500
        driver.reviveOffers()
        assert driver.connected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("403 Forbidden", b"Framework is not subscribed"),
        (
            "400 Bad Request",
            b"The stream ID 'a' included in this request didn't match the stream ID currently associated with "
            b"framework ID 5bb63925-0000",
        ),
    ],
)
def test_a_master_that_forgot_us_is_subscribed_to_again(status: str, text: bytes) -> None:
    """The old stream may look alive for long: the answer to a call tells more."""

    def script(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.kind == "SUBSCRIBE":
            stays()(peer)
        else:
            peer.answer(status, text)

    with connected(script) as (driver, server):
        with pytest.raises(NotConnected, match="does not know this subscription"):
            driver.reviveOffers()
        server.wait_for("SUBSCRIBE", 2)


def test_calls_follow_redirects() -> None:
    """A master that lost its leadership points to the new one."""
    with ScriptedServer(calls) as leader:

        def script(peer: Peer) -> None:
            request = peer.request()
            if request is not None and request.kind == "SUBSCRIBE":
                stays()(peer)
            else:
                peer.answer("307 Temporary Redirect", Location=f"//{leader.address}/master/api/v1/scheduler")

        with connected(script) as (driver, _):
            driver.reviveOffers()
        assert leader.requests[0].kind == "REVIVE"
        assert leader.requests[0].path == "/api/v1/scheduler"


def test_an_idempotent_call_survives_a_connection_that_closes() -> None:
    """The master may close a kept-alive connection at the moment we use it; an ACCEPT is never sent twice."""

    def script(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.kind == "SUBSCRIBE":
            stays()(peer)
        elif peer.number != 1:
            peer.answer("202 Accepted")
            calls(peer)

    with connected(script) as (driver, server):
        driver.killTask({"value": "t"})
        assert server.kinds() == ["SUBSCRIBE", "KILL", "KILL"]

    with connected(script) as (driver, server):
        with pytest.raises(Exception, match="may or may not have reached"):
            driver.acceptOffers([{"value": "O"}], [{"type": "LAUNCH"}])
        assert server.kinds() == ["SUBSCRIBE", "ACCEPT"]


def test_two_drivers_share_no_headers() -> None:
    """pymesos sends the credentials of one driver with the calls of another."""
    with (
        connected(master(stays()), principal="fw", secret="fwsecret") as (first, first_server),
        connected(master(stays())) as (second, second_server),
    ):
        first.reviveOffers()
        second.reviveOffers()
        assert {request.headers["authorization"] for request in first_server.requests} == {"Basic Znc6ZndzZWNyZXQ="}
        assert all("authorization" not in request.headers for request in second_server.requests)


def test_a_401_gets_a_new_token_once() -> None:
    """For the subscription as for calls."""
    tokens = iter(["old", "new", "newer", "newest"])
    good = {"token=new", "token=newer"}

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.headers["authorization"] not in good:
                peer.answer("401 Unauthorized", b"401 Unauthorized.", WWW_Authenticate='Basic realm="m"')
            elif request.kind == "SUBSCRIBE":
                stays()(peer)
                return
            else:
                peer.answer("202 Accepted")

    with connected(script, credentials=Token(lambda: next(tokens), "token=")) as (driver, server):
        assert [request.headers["authorization"] for request in server.requests] == ["token=old", "token=new"]
        good.remove("token=new")
        driver.reviveOffers()
        assert server.requests[-1].headers["authorization"] == "token=newer"
        good.clear()
        with pytest.raises(Refused, match="401"):
            driver.reviveOffers()


def test_wrong_credentials_do_not_end_the_driver() -> None:
    """401 is told as trouble, without the secret, and tried again."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.answer("401 Unauthorized", b"401 Unauthorized.")

    backoff = CountedBackoff(1)
    with (
        ScriptedServer(script) as server,
        running(server.address, backoff=backoff, principal="fw", secret="fwsecret") as driver,
    ):
        wait_until(lambda: backoff.calls == 2, what="two tries")
        assert "401" in str(driver.trouble)
        assert "fwsecret" not in repr(vars(driver))


@pytest.mark.parametrize("message", ["Framework has been removed", "Framework failed over"])
def test_errors_for_good_end_the_driver(message: str) -> None:
    """Neither fight a newer instance nor ask for ever with an id that is gone."""

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event({"type": "ERROR", "error": {"message": message}})
        peer.end()

    scheduler = Recorder()
    with ScriptedServer(master(subscribe)) as server, running(server.address, scheduler) as driver:
        assert driver.join(10)
        assert driver.failure == message
        assert server.connections == 1
        assert scheduler.seen == [("error", message)]


def test_other_errors_are_told_and_tried_again() -> None:
    """An operator may repair the authorization."""

    def subscribe(peer: Peer) -> None:
        if peer.number == 0:
            peer.begin()
            peer.event({"type": "ERROR", "error": {"message": "Not authorized to register framework"}})
            peer.end()
        else:
            stays()(peer)

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (driver, _):
        wait_until(lambda: scheduler.names() == ["error", "registered"], what="the second try")
        assert driver.failure is None


@pytest.mark.parametrize("first", [True, False])
def test_an_error_on_a_stream_that_stays_open_ends_it(first: bool) -> None:
    """The master has forgotten us, whatever it does with the stream: a new SUBSCRIBE follows."""

    def subscribe(peer: Peer) -> None:
        if peer.number > 0:
            stays()(peer)
            return
        peer.begin()
        if not first:
            peer.event(subscribed())
        peer.event({"type": "ERROR", "error": {"message": "Something is wrong"}})
        peer.wait_closed()

    scheduler = Recorder()
    with connected(master(subscribe), scheduler) as (driver, _):
        again = ["error", "registered"] if first else ["registered", "error", "disconnected", "reregistered"]
        wait_until(lambda: scheduler.names() == again, what="the second subscription")
        assert driver.failure is None


@pytest.mark.parametrize("answered_first", [True, False])
def test_the_end_that_was_asked_for_is_no_error(answered_first: bool) -> None:
    """After TEARDOWN the refusal of the id is the proof that it was heard, also when it comes before the answer."""
    ended = threading.Event()

    def torn_down() -> bool:
        return "TEARDOWN" in server.kinds()

    def serve(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.kind == "TEARDOWN":
            if not answered_first:
                ended.wait(60)
            peer.answer("202 Accepted")
        elif request is not None:
            peer.begin()
            if torn_down():
                peer.event({"type": "ERROR", "error": {"message": "Framework has been removed"}})
            else:
                peer.event(subscribed())
                wait_until(torn_down, what="TEARDOWN")
            peer.end()

    with (
        structlog.testing.capture_logs() as logs,
        ScriptedServer(serve) as server,
        running(server.address) as driver,
        ThreadPoolExecutor(1) as caller,
    ):
        wait_until(lambda: driver.connected, what="the subscription")
        call = caller.submit(driver.teardown)
        if answered_first:
            call.result(60)
        joined = driver.join(60)
        ended.set()
        assert joined
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []
    assert "Mesos ended the framework, as asked" in [line["event"] for line in logs]


def test_several_masters_are_tried_in_turn() -> None:
    """A list of addresses needs no ZooKeeper."""
    with ScriptedServer(master(stays())) as server, running(f"127.0.0.1:1,{server.address}") as driver:
        wait_until(lambda: driver.connected, what="the subscription")
        assert driver.master == server.address


class Elected:
    """A source of masters whose leader a test names."""

    def __init__(self, leader: str) -> None:
        self._leader = parse(leader)
        self._on_change: Callable[[], None] = lambda: None

    def elect(self, leader: str) -> None:
        self._leader = parse(leader)
        self._on_change()

    def start(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def candidate(self) -> Endpoint:
        return self._leader

    def leader(self) -> Endpoint:
        return self._leader

    def known(self) -> tuple[Endpoint, ...]:
        return (self._leader,)

    def stop(self) -> None:
        """Nothing to stop."""


class OnceAtOnce:
    """After the first failure in a row no wait, after the second one without end."""

    def __init__(self) -> None:
        self.failures = 0

    def delay(self) -> float:
        self.failures += 1
        return 0.0 if self.failures == 1 else 3600.0

    def reset(self) -> None:
        self.failures = 0


def test_a_new_leader_is_tried_as_if_nothing_had_failed() -> None:
    """The long wait for the dead one ends, and one that does not lead quite yet is asked again soon."""

    def hesitant(peer: Peer) -> None:
        if peer.number == 0:
            peer.request()
            peer.answer("503 Service Unavailable", b"Master has not finished recovery")
        else:
            master(stays())(peer)

    source, backoff = Elected("127.0.0.1:1"), OnceAtOnce()
    with ScriptedServer(hesitant) as server, running("unused:1", source=source, backoff=backoff) as driver:
        wait_until(lambda: backoff.failures == 2, what="the long wait")
        source.elect(server.address)
        wait_until(lambda: driver.connected, what="the subscription")
        assert server.connections == 2


def test_an_unknown_host_is_tried_again() -> None:
    """A resolver that fails is one more reason to wait."""
    backoff = CountedBackoff(1)
    with running("nobody.invalid:5050", backoff=backoff) as driver:
        wait_until(lambda: backoff.calls == 2, 30, "two tries")
        assert "nobody.invalid" in str(driver.trouble)


def test_the_real_master_info_reaches_the_scheduler() -> None:
    """With a version that is no list of numbers."""
    scheduler = Recorder()
    with connected(master(stays(OFFERS)), scheduler, use_addict=True) as (driver, _):
        wait_until(lambda: scheduler.names() == ["registered", "offers"], what="the callbacks")
        framework_id, info = scheduler.seen[0][1]
        assert framework_id.value == FRAMEWORK_ID
        assert (info.id, info.hostname, info.version) == ("m", "master1", "1.12.0-rc1")
        assert driver.version == "1.12.0-rc1"
