"""The API server as a process sees it: on a socket, with ZooKeeper coming and going."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from api.validation.trials import Trials
from api.web.main import ApiServer, ApiSettings
from sdk.errors import EnvironmentProblem
from sdk.storage.connection import ZooKeeper, connect
from tests.support.http import request
from tests.support.pools import minimal
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EDGELB_API = (sys.executable, "-m", "api.cli.main", "run", "api")


@pytest.fixture
def own_zookeeper(tmp_path: Path) -> Iterator[ZooKeeperServer]:
    """A server that a test may stop."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    yield server
    server.stop()


def get(url: str, timeout: float = 10) -> urllib3.BaseHTTPResponse:
    """GET without retries."""
    return request("GET", url, timeout=timeout)


def test_it_serves_over_http(server: str) -> None:
    """waitress in front of the application."""
    created = request("POST", f"{server}/v2/pools", json=minimal())

    assert created.status == 200
    assert get(f"{server}/service/edgelb/v2/pools/web").json()["name"] == "web"


def test_many_clients_at_once_are_answered_and_only_one_of_them_creates(server: str) -> None:
    """ZooKeeper decides who was first."""

    def create(_: int) -> int:
        return request("POST", f"{server}/v2/pools", json=minimal(), timeout=30).status

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(create, range(20)))
    assert statuses == [200] + [409] * 19


def test_of_many_concurrent_updates_with_the_same_etag_one_wins(server: str) -> None:
    """No update is lost silently."""
    etag = request("POST", f"{server}/v2/pools", json=minimal()).headers["ETag"]

    def update(count: int) -> int:
        return request("PUT", f"{server}/v2/pools/web", json=minimal(count=count), headers={"If-Match": etag}).status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(update, range(8))) == [200] + [412] * 7


def test_garbage_on_the_socket_disturbs_nobody(server: str) -> None:
    """Port scanners and broken clients are normal."""
    host, port = server.removeprefix("http://").split(":")
    for data in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 1000, b"POST /v2/pools HTTP/1.1\r\n"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(data)
    assert get(f"{server}/ping").data == b"pong"


@pytest.mark.parametrize("count", [17, 40, 500])
@pytest.mark.parametrize("data", [b"", b"POST /v2/pools HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"])
def test_clients_that_stopped_in_the_middle_keep_nobody_from_an_answer(server: str, data: bytes, count: int) -> None:
    """Marathon ends the process when its health check gets none."""
    host, port = server.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(data)
        assert get(f"{server}/ping", timeout=5).data == b"pong"
        assert get(f"{server}/v2/pools", timeout=5).json() == []


def test_a_body_announced_larger_than_allowed_is_refused_before_it_is_sent(server: str) -> None:
    """Nothing of it is kept in memory."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/v2/pools")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_without_zookeeper_it_answers_503_at_once_and_recovers_by_itself(
    own_zookeeper: ZooKeeperServer, zk_root: str, trials: Trials
) -> None:
    """Reads and writes come back with ZooKeeper, without a restart."""
    connection = connect(own_zookeeper.address, session_timeout=2.0)
    assert connection.wait_connected(60)
    server = ApiServer(ApiSettings(zk=own_zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0"), connection, trials)
    url = f"http://{server.start()}"
    try:
        assert request("POST", f"{url}/v2/pools", json=minimal()).status == 200
        own_zookeeper.stop()
        away = wait_until(lambda: (r := get(f"{url}/v2/pools")).status == 503 and r, 10, "503")
        assert "ZooKeeper at" in away.json()["message"]
        assert get(f"{url}/readyz").status == 503
        assert get(f"{url}/ping").status == get(f"{url}/healthz").status == 200
        assert request("POST", f"{url}/v2/pools", json=minimal(name="b")).status == 503

        own_zookeeper.start()
        wait_until(lambda: get(f"{url}/v2/pools/web").status == 200, 20, "the pool after ZooKeeper came back")
        assert get(f"{url}/readyz").status == 200
    finally:
        server.stop()
        connection.close()


def test_a_zookeeper_that_hangs_costs_a_caller_a_few_seconds_not_for_ever(
    own_zookeeper: ZooKeeperServer, zk_root: str, trials: Trials
) -> None:
    """A stopped process keeps its sockets open; the call must not wait for it."""
    connection = connect(own_zookeeper.address, session_timeout=2.0)
    assert connection.wait_connected(60)
    server = ApiServer(ApiSettings(zk=own_zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0"), connection, trials)
    url = f"http://{server.start()}"
    pid = own_zookeeper.pid
    assert pid is not None
    try:
        assert get(f"{url}/v2/pools").status == 200
        os.kill(pid, signal.SIGSTOP)
        # What was read a moment ago may be told until it is known that nothing answers.
        assert get(f"{url}/v2/pools/web", timeout=8).status in (404, 503)
        for path in ("/v2/pools/web", "/v2/pools"):
            wait_until(lambda path=path: get(f"{url}{path}", timeout=8).status == 503, 20, f"{path} to be refused")
    finally:
        os.kill(pid, signal.SIGCONT)
        server.stop()
        connection.close()


def test_an_address_in_use_is_told_with_what_to_do(
    server: str, connection: ZooKeeper, zk_root: str, trials: Trials
) -> None:
    """The sentence names the option."""
    with pytest.raises(EnvironmentProblem, match="--listen"):
        ApiServer(ApiSettings(zk_root=zk_root, listen=server.removeprefix("http://")), connection, trials)


def test_the_process_starts_without_zookeeper_says_where_it_listens_and_ends_at_sigterm(tmp_path: Path) -> None:
    """`edgelb run api` as it is run, with JSON logs."""
    port = free_port()
    process = subprocess.Popen(
        [
            *EDGELB_API,
            "--zk",
            f"zk://me:s3cret@127.0.0.1:{free_port()}",
            "--listen",
            f"127.0.0.1:{port}",
            "--log-format",
            "json",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/ping").status == 200, 20, "the API's first answer")
        assert get(f"http://127.0.0.1:{port}/v2/pools").status == 503
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert any(line["event"] == "The API server answers" and line["address"].endswith(f":{port}") for line in lines)
    assert "s3cret" not in errors


def test_a_tree_of_a_newer_release_ends_the_process_with_a_sentence(
    zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str
) -> None:
    """An old program must not write into it."""
    connection.put(f"{zk_root}/schema", b'{"version": 99}')
    ended = subprocess.run(
        [*EDGELB_API, "--zk", zookeeper.address, "--zk-root", zk_root, "--listen", f"127.0.0.1:{free_port()}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert "says version 99" in ended.stderr
