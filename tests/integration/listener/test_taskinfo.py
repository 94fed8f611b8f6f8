"""The mesos-listener over real sockets: gRPC server and client, with the operator stream as the only double."""

import itertools
import queue
import threading
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

import grpc
import pytest
import structlog.testing
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import generate_latest

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener import taskinfo_pb2_grpc
from api.mesos_listener.board import Board
from api.mesos_listener.check import Checker
from api.mesos_listener.client import TaskWatch
from api.mesos_listener.filter import Filter, Term
from api.mesos_listener.main import serve
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.server import SERVICE, Server
from api.mesos_listener.service import PAGE_BYTES
from api.mesos_listener.stream import Follower
from api.mesos_listener.task import TaskKey
from api.process.turns import Turns
from sdk.clock import SystemClock
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration


class Listener:
    """A whole listener in this process."""

    def __init__(self, port: int = 0) -> None:
        self.operator = m.ScriptedOperator()
        self._stop = threading.Event()
        self._ports: queue.Queue[int] = queue.Queue()
        self._health: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(
            target=serve,
            args=(self.operator, f"127.0.0.1:{port}", self._stop),
            kwargs={"on_listening": self._ports.put, "on_health": self._health.put},
        )
        self._thread.start()
        self.port = self._ports.get(timeout=10)
        self.health = self._health.get(timeout=10)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


class Copy:
    """What a client is told, added up."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKey, Any] = {}
        self.calls: list[TaskChanges] = []

    def take(self, changes: TaskChanges) -> None:
        self.calls.append(changes)
        for task in changes.updated:
            self.tasks[task.key] = task
        for key in changes.removed:
            del self.tasks[key]

    @property
    def ids(self) -> set[str]:
        return {key.id for key in self.tasks}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is caught and logged as an error by some thread fails the test."""
    with structlog.testing.capture_logs() as entries:
        yield entries
    assert [entry for entry in entries if entry["log_level"] in ("error", "critical")] == []


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


def client(channel: grpc.Channel) -> Any:
    """The generated stub, which has no type information."""
    return taskinfo_pb2_grpc.TaskInfoStub(channel)  # type: ignore[no-untyped-call]


def health(target: str) -> int:
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=30).status
        return status


def first_answer(call: Any) -> object:
    """What a Watch says first: "served", or the code with which it was refused."""
    try:
        next(call)
    except grpc.RpcError:
        return call.code()
    return "served"


SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
START = m.subscribed([m.running("t1"), m.running("t2")], [m.agent_json("a1")], [m.framework_json("f1", "marathon")])


def test_health_is_not_serving_until_the_first_snapshot_and_serving_while_mesos_is_away(listener: Listener) -> None:
    """Whoever balances over listeners never gets an empty view, and keeps the last known one."""
    assert health(listener.target) == NOT_SERVING
    with grpc.insecure_channel(listener.target) as channel, pytest.raises(grpc.RpcError) as refused:
        list(client(channel).List(pb.ListRequest(), timeout=30))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    listener.operator.say(START)
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    listener.operator.break_off()
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the last known tasks")
    assert health(listener.target) == SERVING
    watch.stop()


def test_what_a_master_knows_that_waits_for_agents_is_told_to_who_asks_for_it(listener: Listener) -> None:
    """And a client asks for it when no listener knows more, until one does."""
    listener.operator.say(m.subscribed([m.running("t1")], [m.agent_json("a1")], recovered=[{"id": m.wid("a2")}]))
    wait_until(lambda: "edgelb_listener_tasks 1.0" in fetch(listener.health, "/metrics")[1], what="the snapshot")
    with grpc.insecure_channel(listener.target) as channel:
        stub = client(channel)
        assert first_answer(stub.Watch(pb.WatchRequest(), timeout=30)) == grpc.StatusCode.UNAVAILABLE
        for request in (pb.WatchRequest(incomplete=True), pb.WatchRequest(incomplete=True, resume_token="x:1")):
            page, synced = itertools.islice(stub.Watch(request, timeout=30), 2)
            assert [task.id for task in page.snapshot.tasks] == ["t1"]
            unheard = synced.synced.unheard
            assert (list(unheard.awaited), unheard.others, list(unheard.heard)) == (["a2"], True, ["a1"])
        assert not stub.View(pb.ViewRequest(), timeout=30).complete
    whole, copy = Listener(), Copy()
    watch = TaskWatch([listener.target, whole.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1"}, what="what is known")
    assert copy.calls[-1].incomplete
    assert watch.feed.incomplete
    listener.operator.say(m.task_added(m.running("t2")), m.task_updated("t1", m.status_json("TASK_KILLED")))
    wait_until(lambda: copy.ids == {"t2"}, what="a change")
    whole.operator.say(START)
    wait_until(lambda: watch.feed.target == whole.target and watch.feed.connected, 20, "the listener that knows all")
    wait_until(lambda: not copy.calls[-1].incomplete, what="the end of the doubt")
    assert copy.ids == {"t1", "t2"}
    watch.stop()
    whole.stop()


def test_a_view_that_becomes_complete_says_so(listener: Listener) -> None:
    """When the last agent is heard, though nothing runs on it."""
    listener.operator.say(m.subscribed([m.running("t1")], [m.agent_json("a1")], recovered=[{"id": m.wid("a2")}]))
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1"}, what="what is known")
    assert copy.calls[-1].incomplete
    assert health(listener.target) == NOT_SERVING
    listener.operator.say(m.agent_added(m.agent_json("a2")))
    wait_until(lambda: not copy.calls[-1].incomplete, what="the whole view")
    assert health(listener.target) == SERVING
    watch.stop()


def fetch(address: str, path: str) -> tuple[int, str]:
    """Status and text of a GET."""
    answer = urllib3.request("GET", f"http://{address}{path}", retries=False, timeout=10)
    return answer.status, answer.data.decode()


def test_health_over_http_tells_a_process_that_works_from_one_that_is_of_use(listener: Listener) -> None:
    """A listener without a master is well, but not ready; how long Mesos has been silent is a metric."""
    assert fetch(listener.health, "/healthz") == (200, "ok\n")
    assert fetch(listener.health, "/readyz") == (503, "there is no complete view of the Mesos master yet\n")
    assert "edgelb_listener_mesos_silence_seconds NaN" in fetch(listener.health, "/metrics")[1]
    listener.operator.say(START)
    wait_until(lambda: fetch(listener.health, "/readyz") == (200, "ok\n"), what="ready")
    metrics = fetch(listener.health, "/metrics")[1]
    assert "edgelb_listener_tasks 2.0" in metrics
    assert "edgelb_listener_mesos_silence_seconds NaN" not in metrics
    assert fetch(listener.health, "/nothing")[0] == 404


def test_a_client_knows_how_fresh_its_copy_is(listener: Listener) -> None:
    """Who is followed, when he and when Mesos last spoke, and why not; heartbeats count as words of Mesos."""
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: "no complete view" in watch.feed.why_not, what="the reason")
    listener.operator.say(START)
    wait_until(lambda: watch.feed.connected and watch.feed.mesos_heard, what="a word of Mesos")
    before = watch.feed.mesos_heard or 0.0

    def heartbeat_is_heard() -> bool:
        listener.operator.say({"type": "HEARTBEAT"})
        return (watch.feed.mesos_heard or 0.0) > before + 0.5

    wait_until(heartbeat_is_heard, what="a heartbeat", every=0.2)
    assert (watch.feed.target, watch.feed.why_not) == (listener.target, "")
    heard = watch.feed.heard
    listener.stop()
    wait_until(lambda: not watch.feed.connected, what="the end of the listener")
    assert watch.feed.why_not
    assert (watch.feed.heard or 0.0) >= (heard or 0.0)
    watch.stop()


def test_list_streams_all_tasks_in_pages(listener: Listener) -> None:
    """No message size limits how many tasks there may be."""
    listener.operator.say(m.subscribed([m.running(f"t{n}") for n in range(25)], [m.agent_json("a1")]))
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    with grpc.insecure_channel(listener.target) as channel:
        pages = list(client(channel).List(pb.ListRequest(page_size=10), timeout=30))
    assert [len(page.tasks) for page in pages] == [10, 10, 5]
    assert [page.last for page in pages] == [False, False, True]
    assert {task.id for page in pages for task in page.tasks} == {f"t{n}" for n in range(25)}


def test_the_service_describes_itself(listener: Listener) -> None:
    """Reflection lets grpcurl and others call it without our files."""
    with grpc.insecure_channel(listener.target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([request]), timeout=30))
    assert SERVICE in {service.name for service in answer.list_services_response.service}


def test_a_client_follows_starts_health_and_ends(listener: Listener) -> None:
    """From the operator stream to the client's copy."""
    listener.operator.say(START)
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the snapshot")
    listener.operator.say(m.task_added(m.task_json("t3")), m.task_updated("t3", m.status_json("TASK_RUNNING", True)))
    wait_until(lambda: copy.ids == {"t1", "t2", "t3"}, what="t3")
    task = copy.tasks[TaskKey(framework_id="f1", id="t3")]
    assert (task.healthy, task.framework_name, task.agent_address) == (True, "marathon", "10.0.0.1")
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_FINISHED")))
    wait_until(lambda: copy.ids == {"t2", "t3"}, what="the end of t1")
    watch.stop()


def test_what_is_not_used_of_tasks_is_logged_once_in_a_while(
    listener: Listener, logged: list[MutableMapping[str, Any]]
) -> None:
    """Applications decide how often that happens."""
    listener.operator.say(START)
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    listener.operator.say(*(m.task_added(m.running(f"long{n}", name="n" * 5000)) for n in range(20)))
    wait_until(lambda: len(copy.ids) == 22, what="all tasks")
    wait_until(lambda: any("is not used" in entry["event"] for entry in list(logged)), what="a line about it")
    (told,) = (entry for entry in logged if "is not used" in entry["event"])
    assert told["event"] == ("Of a task, its name of 5000 characters is not used: the limit is 4096")
    assert (told["task"], told["log_level"]) == ("long0", "warning")
    watch.stop()


def test_what_ends_at_once_is_told_in_pieces_and_passed_on_at_once(listener: Listener) -> None:
    """No message gets too large, and nobody takes a part of the end of a framework for the whole."""
    tasks = [m.running(f"{n:05}" + "x" * 240) for n in range(3000)]
    listener.operator.say(m.subscribed(tasks, [m.agent_json("a1")], [m.framework_json("f1", "marathon")]))
    told: list[TaskChanges] = []
    watch = TaskWatch([listener.target], told.append)
    watch.start()
    wait_until(lambda: told, what="the snapshot")
    with grpc.insecure_channel(listener.target) as channel:
        call = client(channel).Watch(pb.WatchRequest())
        token = next(event.resume_token for event in call if event.WhichOneof("event") == "synced")
        listener.operator.say(m.framework_removed("f1"))
        wait_until(lambda: len(told) > 1, what="the end of all tasks")
        assert [(len(one.updated), len(one.removed)) for one in told] == [(3000, 0), (0, 3000)]
        again = client(channel).Watch(pb.WatchRequest(resume_token=token))
        sizes = []
        for event in again:
            if event.WhichOneof("event") == "delta":
                sizes.append(event.ByteSize())
                if event.resume_token:
                    break
        assert len(sizes) > 1
        assert max(sizes) < PAGE_BYTES + 1000
        again.cancel()
        call.cancel()
    watch.stop()


def test_a_broken_call_is_resumed_with_the_changes_in_between(listener: Listener) -> None:
    """A token continues where the last call ended, without a snapshot."""
    listener.operator.say(START)
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    with grpc.insecure_channel(listener.target) as channel:
        stub = client(channel)
        call = stub.Watch(pb.WatchRequest())
        events = [next(call), next(call)]
        call.cancel()
        assert [event.WhichOneof("event") for event in events] == ["snapshot", "synced"]
        listener.operator.say(m.task_added(m.running("t3")), m.task_updated("t1", m.status_json("TASK_KILLED")))
        with grpc.insecure_channel(listener.target) as second:
            stub = client(second)
            call = stub.Watch(pb.WatchRequest(resume_token=events[-1].resume_token))
            synced = next(call)
            assert synced.synced.resumed
            updated, removed = set[str](), set[str]()
            while not (updated and removed):
                delta = next(call).delta
                updated |= {task.id for task in delta.updated}
                removed |= {key.id for key in delta.removed}
            call.cancel()
    assert (updated, removed) == ({"t3"}, {"t1"})


@pytest.mark.parametrize("token", ["nonsense", "other-run:1", ":", "x:99999999999999999999999"])
def test_a_token_that_cannot_be_continued_gets_a_snapshot(listener: Listener, token: str) -> None:
    """Tokens are opaque and may come from another listener or another life of this one."""
    listener.operator.say(START)
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    with grpc.insecure_channel(listener.target) as channel:
        call = client(channel).Watch(pb.WatchRequest(resume_token=token))
        first = next(call)
        assert first.snapshot.first
        call.cancel()


def test_a_slow_client_gets_a_snapshot_instead_of_memory() -> None:
    """History is bounded for all clients together; who falls out of it starts again."""
    board, index = Board("run", history=50), m.JsonIndex()
    server = Server(
        board,
        "127.0.0.1:0",
        silence=lambda: None,
        connected=lambda: True,
        clock=SystemClock(),
        metrics=ListenerMetrics(),
    )
    server.start()
    board.publish(index.take(START, 0.0), index.complete)
    # Large labels fill the flow-control window of a client that does not read.
    padding: Any = {"labels": {"labels": [{"key": f"edgelb.{n}", "value": "x" * 4000} for n in range(8)]}}
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = client(channel).Watch(pb.WatchRequest())
        assert next(call).snapshot.first
        for number in range(400):
            added = m.task_added(m.running(f"n{number % 80}", discovery={"name": str(number)}, **padding))
            board.publish(index.take(added, 1.0), index.complete)
        tasks: dict[str, str] = {}
        snapshots = 0
        while tasks.get("n79") != "399" or len(tasks) != 82:
            event = next(call)
            if event.snapshot.first and event.WhichOneof("event") == "snapshot":
                tasks, snapshots = {}, snapshots + 1
            for task in (*event.snapshot.tasks, *event.delta.updated):
                tasks[task.id] = task.discovery_name
        call.cancel()
    server.stop()
    assert snapshots >= 1
    assert board.changes_after(1, 0.0, lambda: True) is None


def test_a_client_goes_on_with_another_listener_and_hears_only_the_difference() -> None:
    """Losing a listener changes nothing until the next one has told everything."""
    first, second = Listener(), Listener()
    first.operator.say(START)
    second.operator.say(
        m.subscribed([m.running("t2"), m.running("t3")], [m.agent_json("a1")], [m.framework_json("f1", "marathon")])
    )
    copy = Copy()
    watch = TaskWatch([first.target, second.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the first listener's tasks")
    first.stop()
    wait_until(lambda: copy.ids == {"t2", "t3"}, what="the second listener's tasks")
    assert [{task.id for task in call.updated} for call in copy.calls[1:]] == [{"t3"}]
    watch.stop()
    second.stop()


def test_a_client_keeps_its_tasks_while_no_listener_is_there() -> None:
    """Fail-static: no listener is no news."""
    port = free_port()
    listener = Listener(port)
    listener.operator.say(START)
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the snapshot")
    listener.stop()
    wait_until(lambda: not watch.connected, what="the break")
    assert copy.ids == {"t1", "t2"}
    again = Listener(port)
    again.operator.say(START, m.task_updated("t1", m.status_json("TASK_LOST")))
    wait_until(lambda: copy.ids == {"t2"}, what="the change after the return")
    watch.stop()
    again.stop()


def test_a_port_in_use_is_refused_with_a_sentence(listener: Listener) -> None:
    """Two listeners never share a port silently."""
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{listener.port}"):
        Server(
            Board("run"),
            listener.target,
            silence=lambda: None,
            connected=lambda: True,
            clock=SystemClock(),
            metrics=ListenerMetrics(),
        )


def test_many_watches_beyond_the_limit_are_refused_not_queued(listener: Listener) -> None:
    """A client that cannot be served hears so at once and tries another listener."""
    listener.operator.say(START)
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    with grpc.insecure_channel(listener.target) as channel:
        stub = client(channel)
        calls = [stub.Watch(pb.WatchRequest()) for _ in range(140)]
        codes = [first_answer(call) for call in calls]
        for call in calls:
            call.cancel()
    assert set(codes) == {"served", grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert codes.count("served") <= 128
    # The slots come back with the clients that left.
    wait_until(lambda: health(listener.target) == SERVING, what="a free slot")


@pytest.mark.parametrize("method", ["List", "Watch"])
def test_what_is_no_message_costs_the_client_its_call_and_the_log_one_line(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback for somebody else's mistake; other clients are served on."""
    listener = Listener()
    try:
        with grpc.insecure_channel(listener.target) as channel:
            with pytest.raises(grpc.RpcError) as refused:
                list(channel.unary_stream(f"/{SERVICE}/{method}")(b"\xff\xff", timeout=10))
            assert refused.value.code() is grpc.StatusCode.INTERNAL
            health = health_pb2_grpc.HealthStub(channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=10) is not None
        assert [record.exc_info for record in caplog.records] == [None]
        assert "A client sent what cannot be read" in caplog.records[0].getMessage()
    finally:
        listener.stop()


WEB, API = Term("name", "web"), Term("marathon_id", "api", pattern=True)
BOTH = m.subscribed(
    [m.running("w1", name="web"), m.running("a1", name="api"), m.running("x1", name="other")],
    [m.agent_json("a1")],
    [m.framework_json("f1", "marathon")],
)


def test_a_client_is_told_what_it_selects_and_may_select_more(listener: Listener) -> None:
    """Nothing else crosses the wire, the call goes on, and it knows from when on it has all."""
    listener.operator.say(BOTH)
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take, Filter.of([WEB]))
    watch.start()
    wait_until(lambda: copy.ids == {"w1"}, what="what is selected")
    number = watch.select([API])
    wait_until(lambda: copy.calls[-1].selected >= number, what="the answer")
    assert copy.ids == {"w1", "a1"}
    assert watch.select([API, WEB]) == number
    listener.operator.say(
        m.task_updated("x1", m.status_json("TASK_KILLED")),
        m.task_added(m.running("x2", name="other")),
        m.task_added(m.running("a2", name="api")),
        m.task_updated("a1", m.status_json("TASK_KILLED")),
    )
    wait_until(lambda: copy.ids == {"w1", "a2"}, what="changes of both")
    assert {key.id for call in copy.calls for key in call.removed} == {"a1"}
    assert {task.id for call in copy.calls for task in call.updated} == {"w1", "a1", "a2"}
    watch.stop()


def test_what_a_client_selects_survives_its_listener() -> None:
    """The next one is told all at once, also what was selected while none was there."""
    first, second = Listener(), Listener()
    for one in (first, second):
        one.operator.say(BOTH)
    copy = Copy()
    watch = TaskWatch([first.target, second.target], copy.take, Filter.of([WEB]))
    watch.start()
    wait_until(lambda: copy.ids == {"w1"}, what="what is selected")
    first.stop()
    number = watch.select([Term("name", "other")])
    wait_until(lambda: copy.calls[-1].selected >= number, what="the answer of the second one")
    assert copy.ids == {"w1", "x1"}
    watch.stop()
    second.stop()


def test_tasks_are_selected_by_their_labels(listener: Listener) -> None:
    """By a key or a value, exactly or by a pattern; a task whose labels nobody asked for is not told."""

    def labelled(task_id: str, key: str, value: str) -> m.Json:
        return m.running(task_id, labels={"labels": [{"key": key, "value": value}, {"key": "owner", "value": "x"}]})

    tasks = [labelled("l1", "EDGELB_POOL", "public"), labelled("l2", "edgelb.pool", "inner"), m.running("l3")]
    listener.operator.say(m.subscribed(tasks, [m.agent_json("a1")]))
    copy = Copy()
    wanted = Filter.of([Term("label", "^pub", pattern=True, key="EDGELB_POOL")])
    watch = TaskWatch([listener.target], copy.take, wanted)
    watch.start()
    wait_until(lambda: copy.ids == {"l1"}, what="the task with the value")
    number = watch.select([Term("label_key", "(?i)^edgelb", pattern=True)])
    wait_until(lambda: copy.calls[-1].selected >= number, what="the answer")
    assert copy.ids == {"l1", "l2"}
    listener.operator.say(m.task_added(labelled("l4", "edgelb.mode", "")))
    wait_until(lambda: copy.ids == {"l1", "l2", "l4"}, what="one more")
    assert watch.values("label_key") == (("EDGELB_POOL", "edgelb.mode", "edgelb.pool"), 3)
    assert watch.values("label", key="edgelb.pool") == (("inner",), 1)
    assert watch.values("label") is None
    watch.stop()


def test_a_term_that_is_none_is_refused(listener: Listener) -> None:
    """In a Watch and in a Select; a Select for a call that has ended is told so."""
    listener.operator.say(START)
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    bad = pb.Filter(terms=[pb.Term(field="label_key", text="(", pattern=True)])
    with grpc.insecure_channel(listener.target) as channel:
        stub = client(channel)
        assert first_answer(stub.Watch(pb.WatchRequest(filter=bad))) == grpc.StatusCode.INVALID_ARGUMENT
        for request, code in (
            (pb.SelectRequest(watch="w", filter=bad), grpc.StatusCode.INVALID_ARGUMENT),
            (pb.SelectRequest(watch="none"), grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                stub.Select(request, timeout=30)
            assert refused.value.code() == code


def test_the_values_of_a_field_are_told_the_most_similar_first(listener: Listener) -> None:
    """For sentences about what there is; bounded, with the number of all."""
    tasks = [m.running(f"t{n}", name=f"app-{n:03}") for n in range(300)]
    listener.operator.say(m.subscribed([*tasks, m.running("w", name="web")], [m.agent_json("a1")]))
    wait_until(lambda: health(listener.target) == SERVING, what="SERVING")
    with grpc.insecure_channel(listener.target) as channel:
        stub = client(channel)
        answer = stub.Values(pb.ValuesRequest(field="name", like="wep", most=3), timeout=30)
        assert (list(answer.values), answer.total) == (["web", "app-000", "app-001"], 301)
        assert len(stub.Values(pb.ValuesRequest(field="name"), timeout=30).values) == 100
        assert stub.Values(pb.ValuesRequest(field="name", marathon=True), timeout=30).total == 0
        with pytest.raises(grpc.RpcError) as refused:
            stub.Values(pb.ValuesRequest(field="colour"), timeout=30)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    watch = TaskWatch([listener.target], lambda changes: None, Filter.of([]))
    assert watch.values("name") is None
    watch.start()
    wait_until(lambda: watch.synced, what="the listener")
    assert watch.values("name", like="wep", most=2) == (("web", "app-000"), 301)
    assert watch.tasks == {}
    watch.stop()
    assert watch.values("name") is None


def test_a_task_that_is_being_killed_is_leaving_until_it_has_ended(listener: Listener) -> None:
    """A load balancer lets it finish its requests; changes say when Mesos told them."""
    listener.operator.say(START)
    copy = Copy()
    watch = TaskWatch([listener.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the snapshot")
    begun = time.time()
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_KILLING")))
    key = TaskKey(framework_id="f1", id="t1")
    wait_until(lambda: copy.tasks[key].leaving, what="leaving")
    last = copy.calls[-1]
    assert begun <= last.event <= last.index <= time.time()
    with grpc.insecure_channel(listener.target) as channel:
        (page,) = client(channel).List(pb.ListRequest(), timeout=30)
    assert {task.id: task.leaving for task in page.tasks} == {"t1": True, "t2": False}
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_KILLED")))
    wait_until(lambda: copy.ids == {"t2"}, what="the end of t1")
    watch.stop()


def test_a_client_leaves_a_listener_that_has_lost_mesos() -> None:
    """For one that has not; while there is none, it stays where it is."""
    first, second = Listener(), Listener()
    first.operator.say(START)
    copy = Copy()
    watch = TaskWatch([first.target, second.target], copy.take)
    watch.start()
    wait_until(lambda: copy.ids == {"t1", "t2"}, what="the snapshot of the first")
    first.operator.break_off()
    wait_until(lambda: not watch.feed.mesos_connected, what="the loss of Mesos")
    assert (watch.feed.target, watch.feed.connected) == (first.target, True)
    second.operator.say(m.subscribed([m.running("t2")], [m.agent_json("a1")], [m.framework_json("f1", "marathon")]))
    wait_until(lambda: watch.feed.target == second.target and watch.feed.connected, what="the second listener")
    wait_until(lambda: copy.ids == {"t2"}, what="its tasks")
    assert watch.feed.mesos_connected
    watch.stop()
    first.stop()
    second.stop()


def test_nobody_is_woken_without_a_change() -> None:
    """Heartbeats, staging tasks and repeated updates are no changes of what readers see."""
    board, index = Board("run"), m.JsonIndex()
    board.publish(index.take(START, 0.0), index.complete)
    woken: list[bool] = []

    def reading() -> bool:
        woken.append(True)
        return False

    waiting = threading.Thread(target=board.changes_after, args=(1, 30.0, reading))
    waiting.start()
    wait_until(lambda: woken, what="the reader waits")
    for event in (
        {"type": "HEARTBEAT"},
        m.task_added(m.task_json("t9")),
        m.task_updated("t1", m.status_json("TASK_RUNNING")),
    ):
        board.publish(index.take(event, 1.0), index.complete)
    asked = len(woken)
    board.publish(index.take(m.task_updated("t1", m.status_json("TASK_KILLED")), 2.0), index.complete)
    waiting.join(10)
    assert not waiting.is_alive()
    assert asked == 1


def test_metrics_tell_what_a_listener_does(listener: Listener) -> None:
    """Events by type, how long each took, who reads, and what was not as documented."""
    listener.operator.say(START, m.task_added(m.running("t3", name=7)), {"type": "MOON_ROSE"})
    watch = TaskWatch([listener.target], lambda changes: None)
    watch.start()
    wait_until(lambda: 'events_total{type="other"} 1.0' in fetch(listener.health, "/metrics")[1], what="the events")
    wait_until(lambda: watch.connected, what="the reader")
    text = fetch(listener.health, "/metrics")[1]
    for line in (
        'edgelb_listener_events_total{type="TASK_ADDED"} 1.0',
        'edgelb_listener_left_out_total{kind="odd"} 1.0',
        "edgelb_listener_index_seconds_count 2.0",
        "edgelb_listener_readers 1.0",
        "edgelb_listener_snapshots_total 1.0",
        "edgelb_listener_mesos_connected 1.0",
    ):
        assert line in text
    watch.stop()


def test_an_event_that_got_lost_is_made_up_for() -> None:
    """A second subscription tells how it is; whom events concern meanwhile, they tell it better."""
    events, second = m.ScriptedOperator(), m.ScriptedOperator()
    clock, board, metrics = SystemClock(), Board("run"), ListenerMetrics()
    follower = Follower(events, board, clock, lambda: None, turns=Turns(clock, limit=60), metrics=metrics)
    follower.start()
    events.say(START)
    wait_until(lambda: board.complete, what="the first view")
    second.say(m.subscribed([m.running("t2"), m.running("t3")], [m.agent_json("a1")], [m.framework_json("f1", "m")]))
    checker = Checker(second, follower, threading.Event(), clock)
    checker.check()
    assert {task.id for task in board.snapshot().tasks} == {"t2", "t3"}
    second.say(m.subscribed([m.running("t2"), m.running("t3")], [m.agent_json("a1")], [m.framework_json("f1", "m")]))
    revision = board.snapshot().revision
    checker.check()
    assert board.snapshot().revision == revision
    text = generate_latest(metrics.registry).decode()
    assert "edgelb_listener_checks_total 2.0" in text
    assert "edgelb_listener_healed_total 3.0" in text
    follower.stop()
