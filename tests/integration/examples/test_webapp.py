"""The sample application: who it is, keep-alive, and an end that loses no request."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


class App:
    """The application as a process."""

    def __init__(self, grace: float, host: str = "127.0.0.1", **environment: str) -> None:
        self.host = host
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.webapp", "--grace", str(grace)],
            env={**os.environ, "PORT_HTTP": str(self.port), "TASK_NAME": "web-7", **environment},
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: self.request()[0] == 200, what="the application answers")

    def request(self, path: str = "/") -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture
def app() -> Iterator[App]:
    made = App(grace=0.5)
    yield made
    made.process.kill()
    made.process.wait()


def test_it_tells_its_name_and_port_over_kept_connections(app: App) -> None:
    """Two requests on one connection, GET and POST."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=5)
    for method in ("GET", "POST"):
        connection.request(method, "/some/path?x=1", body=b"abc" if method == "POST" else None)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert (answer.status, body["instance"], body["port"], body["path"]) == (
            200,
            "web-7",
            app.port,
            "/some/path?x=1",
        )
        assert answer.getheader("X-Instance") == "web-7"
        assert answer.getheader("Connection") is None
    connection.close()


def test_an_ending_application_answers_until_it_is_gone(app: App) -> None:
    """After SIGTERM every request that was accepted is answered; health says 503; then the process ends with 0."""
    outcomes: list[str] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            try:
                outcomes.append(str(app.request()[0]))
            except ConnectionRefusedError:
                outcomes.append("refused")
                return
            except OSError as error:
                outcomes.append(type(error).__name__)
                return

    client = threading.Thread(target=load)
    client.start()
    app.process.send_signal(signal.SIGTERM)
    wait_until(lambda: app.request("/health")[0] == 503, what="health says that it ends", every=0.01)
    assert app.process.wait(10) == 0
    client.join(10)
    stop.set()
    assert set(outcomes[:-1]) == {"200"}
    # The last one met a closed port, before or after the kernel had taken it; none was answered in part.
    assert outcomes[-1] in ("refused", "ConnectionResetError")


@pytest.mark.parametrize("told", [{"LIBPROCESS_IP": "127.0.0.2"}, {"MESOS_AGENT_ENDPOINT": "127.0.0.2:5051"}])
def test_on_an_agent_it_listens_at_the_agents_address(told: dict[str, str]) -> None:
    """There load balancers look for it: on a cluster, loopback would serve nobody but the agent itself."""
    app = App(0.0, "127.0.0.2", **told)
    try:
        assert app.request()[1]["instance"] == "web-7"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", app.port), 5)
    finally:
        app.process.kill()
        app.process.wait()


def test_clients_that_go_away_are_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    """Before their request, and before its answer."""
    app = App(0.0)
    try:
        for data in (b"", b"GET / HT", b"GET /slow?seconds=0.2 HTTP/1.1\r\nHost: x\r\n\r\n"):
            connection = socket.create_connection((app.host, app.port))
            connection.sendall(data)
            # A reset, not an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        wait_until(lambda: app.request("/slow?seconds=0.5")[0] == 200, what="a slower request's answer")
    finally:
        app.process.kill()
        app.process.wait()
    assert capfd.readouterr().err == ""
