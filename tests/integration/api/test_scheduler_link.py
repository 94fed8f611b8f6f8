"""The way to the leading scheduler when that does not answer."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask.testing import FlaskClient

from api.observed.scheduler_link import Answer, SchedulerLink
from api.web.problems import ApiProblem
from sdk.storage.connection import ZooKeeper, encode_json
from tests.support.pools import minimal
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


class Slow:
    """A scheduler that answers when the test lets it."""

    def __init__(self, port: int) -> None:
        self.asked, self.answer = threading.Semaphore(0), threading.Semaphore(0)
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.release()
                assert slow.answer.acquire(timeout=30)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """End it, and whoever waits."""
        self.answer.release(100)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def port(connection: ZooKeeper, zk_root: str) -> int:
    """Where the scheduler in charge listens; nothing does yet."""
    port = free_port()
    holder = {"id": "a", "url": f"http://127.0.0.1:{port}", "pid": 1, "since": 0}
    connection.put(f"{zk_root}/frameworks/edgelb/leader/holder", encode_json(holder))
    return port


@pytest.fixture
def slow(port: int) -> Iterator[Slow]:
    """Started by the test when it is time."""
    started = Slow(port)
    yield started
    started.stop()


def test_while_it_does_not_answer_one_caller_waits_and_the_others_are_told_at_once(
    connection: ZooKeeper, zk_root: str, port: int, request: pytest.FixtureRequest
) -> None:
    """Otherwise all threads of the API would wait with them, and pools could not even be listed."""
    link = SchedulerLink(connection, zk_root, "edgelb")
    with pytest.raises(ApiProblem, match="does not answer"):
        link.call("GET", "/v1/state")

    slow: Slow = request.getfixturevalue("slow")
    found: list[Answer] = []
    first = threading.Thread(target=lambda: found.append(link.call("GET", "/v1/state")))
    first.start()
    assert slow.asked.acquire(timeout=10)
    for _ in range(20):
        with pytest.raises(ApiProblem, match=f"127.0.0.1:{port} does not answer") as told:
            link.call("GET", "/v1/state")
        assert (told.value.status, told.value.headers) == (503, {"Retry-After": "2"})
    assert not slow.asked.acquire(blocking=False)

    slow.answer.release(3)
    first.join(10)
    assert found == [Answer(status=200, body={})]
    assert link.call("GET", "/v1/state").status == 200


def test_another_scheduler_is_asked_whatever_the_one_before_did(
    connection: ZooKeeper, zk_root: str, port: int, request: pytest.FixtureRequest
) -> None:
    """Silence belongs to an address."""
    link = SchedulerLink(connection, zk_root, "edgelb")
    slow: Slow = request.getfixturevalue("slow")
    slow.answer.release(10)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        holder = f"{zk_root}/frameworks/edgelb/leader/holder"
        connection.put(holder, encode_json({"id": "b", "url": f"http://127.0.0.1:{other.getsockname()[1]}"}))
        with pytest.raises(ApiProblem, match="does not answer"):
            link.call("GET", "/v1/state")
        connection.put(holder, encode_json({"id": "a", "url": f"http://127.0.0.1:{port}"}))
        assert link.call("GET", "/v1/state") == Answer(status=200, body={})


@pytest.mark.parametrize(
    ("holder", "record", "doubt"),
    [
        (None, None, "no scheduler is in charge at the moment; pools are stored and served, but not placed"),
        ({"id": "a", "url": "http://127.0.0.1:1"}, None, "the framework edgelb is not registered with Mesos"),
        (
            {"id": "a", "url": "http://127.0.0.1:1"},
            {"framework_id": "f", "uninstalling": True},
            "the framework edgelb is being uninstalled, and all pools with it",
        ),
        ({"id": "a", "url": "http://127.0.0.1:1"}, {"framework_id": "f"}, None),
    ],
)
def test_who_creates_a_pool_that_nobody_places_is_warned(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, holder: object, record: object, doubt: str | None
) -> None:
    """Before, during and after the life of the framework; nobody but ZooKeeper is asked."""
    if holder is not None:
        connection.put(f"{zk_root}/frameworks/edgelb/leader/holder", encode_json(holder))
    if record is not None:
        connection.put(f"{zk_root}/frameworks/edgelb/framework", encode_json(record))
    response = client.post("/v2/pools", json=minimal())
    assert response.status_code == 200
    told = response.headers.get("X-Edgelb-Warning")
    assert told is None if doubt is None else told and told.startswith(doubt)
