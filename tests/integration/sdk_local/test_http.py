"""The HTTP of the embedded Mesos: what recordings show of status codes, headers, chunks and paths."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from sdk.errors import EnvironmentProblem
from sdk.local.cluster import Cluster, Timing
from tests.integration.sdk_local.client import CAPABILITIES, Scheduler, Stream
from tests.integration.sdk_local.conftest import AGENTS, three_ports
from tests.support import nursery
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration
JSON = {"Content-Type": "application/json"}
SUBSCRIBE = {
    "type": "SUBSCRIBE",
    "subscribe": {
        "framework_info": {
            "user": "root", "name": "t", "roles": ["r"], "failover_timeout": 60,
            "capabilities": [{"type": name} for name in CAPABILITIES],
        }
    },
}  # fmt: skip


def ask(port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Any:
    """Status, headers and text of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    result = (answer.status, dict(answer.headers), answer.read().decode())
    connection.close()
    return result


def test_one_record_is_one_chunk(cluster: Cluster) -> None:
    """SUBSCRIBE answers with the recorded headers, and each event is one chunk of length, newline, JSON."""
    body = json.dumps(SUBSCRIBE).encode()
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        reader = connection.makefile("rb")
        assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = {}
        while (line := reader.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name] = value.strip()
        assert set(headers) == {"Date", "Transfer-Encoding", "Mesos-Stream-Id", "Content-Type"}
        assert headers["Transfer-Encoding"] == "chunked"
        for expected in ("SUBSCRIBED", "HEARTBEAT", "OFFERS"):
            chunk = reader.read(int(reader.readline(), 16) + 2)[:-2]
            length, _, record = chunk.partition(b"\n")
            assert int(length) == len(record)
            assert json.loads(record)["type"] == expected
            assert b": " not in record
        reader.close()


@pytest.mark.parametrize(
    ("headers", "body", "status", "text"),
    [
        ({}, "{}", 400, "Expecting 'Content-Type' to be present"),
        ({"Content-Type": "application/json; charset=utf-8"}, "{}", 415,
         "Expecting 'Content-Type' of application/json or application/x-protobuf"),
        (JSON, "bad", 400, "Failed to parse body into JSON: syntax error at line 1 near: bad"),
        (JSON, "[]", 400, "Failed to convert JSON into Call protobuf: Expecting a JSON object"),
        (JSON | {"Accept": "text/html"}, json.dumps(SUBSCRIBE), 406,
         "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"),
    ],
)  # fmt: skip
def test_refused_requests(cluster: Cluster, headers: dict[str, str], body: str, status: int, text: str) -> None:
    """The order of checks and their words."""
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=10)
    connection.putrequest("POST", "/api/v1/scheduler")
    for name, value in (headers | {"Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode()) == (status, text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    connection.close()


def test_paths_and_methods(cluster: Cluster) -> None:
    """Prefix lookup, /master/..., 405, 404, redirect, JSONP, gzip."""
    port = cluster.port
    assert ask(port, "GET", "/health")[0] == 200
    assert ask(port, "GET", "/master/state?x=y")[0] == 200
    assert ask(port, "GET", "/state.json")[0] == 404
    assert ask(port, "GET", "/nosuch")[2] == "404 Not Found."
    status, _, text = ask(port, "GET", "/api/v1")
    assert (status, text) == (405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.")
    status, _, text = ask(port, "POST", "/api/v1/schedulerx", '{"type":"GET_HEALTH"}', JSON)
    assert (status, json.loads(text)) == (200, {"type": "GET_HEALTH", "get_health": {"healthy": True}})
    status, headers, _ = ask(port, "GET", "/redirect")
    assert (status, headers["Location"]) == (307, f"//127.0.0.1:{port}")
    status, headers, text = ask(port, "GET", "/version?jsonp=cb")
    assert headers["Content-Type"].startswith("text/javascript")
    assert text.startswith("cb({")
    assert text.endswith("})")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/state", headers={"Accept-Encoding": "gzip"})
    assert connection.getresponse().headers["Content-Encoding"] == "gzip"
    connection.close()
    assert "<title>Embedded Mesos</title>" in ask(port, "GET", "/")[2]


def test_accepted_calls_have_no_body(cluster: Cluster) -> None:
    """202, Content-Length 0, no Content-Type."""
    scheduler = Scheduler(cluster.port)
    body = json.dumps({"type": "REVIVE", "framework_id": {"value": scheduler.framework_id}})
    headers = JSON | {"Mesos-Stream-Id": scheduler.stream_id}
    status, answered, text = ask(cluster.port, "POST", "/api/v1/scheduler", body, headers)
    assert (status, text, answered["Content-Length"]) == (202, "", "0")
    assert "Content-Type" not in answered
    scheduler.close()


def test_operator_calls(cluster: Cluster) -> None:
    """The GET_* calls answer under their names; a call without its content says what is missing."""
    for kind in ("GET_STATE", "GET_TASKS", "GET_AGENTS", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_ROLES", "GET_VERSION",
                 "GET_MASTER", "GET_OPERATIONS"):  # fmt: skip
        status, _, text = ask(cluster.port, "POST", "/api/v1", json.dumps({"type": kind}), JSON)
        assert (status, list(json.loads(text))) == (200, ["type", kind.lower()])
    assert ask(cluster.port, "POST", "/api/v1", "{}", JSON)[2] == (
        "Failed to validate master::Call: Expecting 'type' to be present"
    )
    assert ask(cluster.port, "POST", "/api/v1", '{"type":"GROW_VOLUME"}', JSON)[2] == (
        "Failed to validate master::Call: Expecting 'grow_volume' to be present"
    )


def test_classic_endpoints_agree(cluster: Cluster, scheduler: Callable[..., Scheduler]) -> None:
    """/state, /tasks, /frameworks, /roles, /state-summary and the agent's /state show the same task."""
    framework = scheduler()
    framework.launch(
        framework.offer("agent1"), "t1", "exec sleep 1000", labels={"labels": [{"key": "k", "value": "v"}]}
    )
    framework.wait_for("t1", "TASK_RUNNING")
    (task,) = cluster.get("/tasks")["tasks"]
    assert (task["id"], task["state"], task["labels"]) == ("t1", "TASK_RUNNING", [{"key": "k", "value": "v"}])
    assert task["executor_id"] == ""
    assert cluster.get("/state")["frameworks"][0]["tasks"] == [task]
    assert cluster.get("/frameworks")["frameworks"][0]["tasks"] == [task]
    assert cluster.get("/state-summary")["frameworks"][0]["TASK_RUNNING"] == 1
    role = next(item for item in cluster.get("/roles")["roles"] if item["name"] == "slave_public")
    assert role["allocated"] == {"cpus": 0.1, "mem": 16.0}
    assert cluster.get("/metrics/snapshot")["master/tasks_running"] == 1.0
    port = cluster.members["agent1"].port
    state = json.loads(ask(port, "GET", "/slave(1)/state")[2])
    executor = state["frameworks"][0]["executors"][0]
    assert [item["id"] for item in executor["tasks"]] == ["t1"]
    assert executor["name"] == "Command Executor (Task: t1) (Command: sh -c 'exec sleep 1000')"
    listed = json.loads(ask(port, "GET", f"/files/browse?path={executor['directory']}")[2])
    assert [Path(item["path"]).name for item in listed] == ["stderr", "stdout"]
    escape = f"{executor['directory']}/../../../../../../../../../../../../../../../etc/hostname"
    assert ask(port, "GET", f"/files/download?path={escape}")[0] == 400
    assert ask(port, "GET", "/files/read?path=/etc/hostname")[0] == 404
    (statistics,) = json.loads(ask(port, "GET", "/monitor/statistics")[2])
    assert statistics["statistics"]["mem_rss_bytes"] > 0
    assert statistics["statistics"]["cpus_soft_limit"] == 0.2


def test_zookeeper_names_the_master(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """The node of the recordings, found by agents; a killed master's node goes and the next one's is found."""
    url = f"zk://{zookeeper.address}{zk_root}/mesos"
    cluster = Cluster(tmp_path / "zk", three_ports(), AGENTS, timing=Timing(), zk=url, popen=nursery.popen)
    cluster.start()
    client = KazooClient(zookeeper.address)
    client.start()
    try:
        (name,) = client.get_children(f"{zk_root}/mesos")
        assert name.startswith("json.info_")
        content = client.get(f"{zk_root}/mesos/{name}")[0].decode()
        assert json.loads(content)["address"] == {"hostname": "127.0.0.1", "ip": "127.0.0.1", "port": cluster.port}
        assert content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"))
        cluster.kill("master")
        cluster.start_member("master")
        cluster.wait_for_agents(2)
        wait_until(lambda: client.get_children(f"{zk_root}/mesos") not in ([], [name]), 20, "the new master's node")
    finally:
        client.stop()
        client.close()
        cluster.stop()


_SUPERVISOR = """
import sys, time
from pathlib import Path
from sdk.local.cluster import Cluster
from tests.integration.sdk_local.conftest import AGENTS
Cluster(Path(sys.argv[1]), int(sys.argv[2]), AGENTS).start()
print("up", flush=True)
time.sleep(1000)
"""


def test_supervisor_that_was_killed(tmp_path: Path) -> None:
    """A new supervisor on the same directory ends what the old one left, and tasks go on."""
    port = three_ports()
    command = [sys.executable, "-c", _SUPERVISOR, str(tmp_path / "mesos"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"up\n"
        framework = Scheduler(port)
        framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
        framework.wait_for("t1", "TASK_RUNNING")
        framework.close()
        first.kill()
    second = Cluster(tmp_path / "mesos", port, AGENTS)
    second.start()
    try:
        again = Scheduler(port, framework_id=framework.framework_id)
        again.call("RECONCILE", {"tasks": [{"task_id": {"value": "t1"}}]})
        again.wait_for("t1", "TASK_RUNNING", reason="REASON_RECONCILIATION")
        again.close()
    finally:
        second.stop()


def test_a_cluster_is_no_leftover_while_it_runs(cluster: Cluster) -> None:
    """Another supervisor on its directory is refused, and ends nothing."""
    second = Cluster(cluster.directory, three_ports(), AGENTS)
    for action in (second.start, second.end_leftovers):
        with pytest.raises(EnvironmentProblem, match="another cluster"):
            action()
    assert all(cluster.pids().values())


def test_a_member_that_dies_is_told_of(tmp_path: Path) -> None:
    """Who watches hears which one it was, how it ended and when it starts again."""
    told: list[str] = []
    watched = Cluster(tmp_path / "mesos", three_ports(), AGENTS, restart=True, tell=told.append)
    watched.start()
    try:
        watched.crash("agent1")
        wait_until(lambda: told, what="a sentence")
        assert told[0].startswith("agent1 was killed by SIGKILL; starting it again in ")
        watched.wait_for_agents(2)
    finally:
        watched.stop()


def test_garbage_does_not_stop_the_others(cluster: Cluster) -> None:
    """Broken requests of all kinds; the stream of a good scheduler lives on."""
    scheduler = Scheduler(cluster.port)
    for garbage in (b"\x00\xff" * 100, b"POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
                    b"GET / HTTP/1.1\r\n\r\n", b"POST /internal/agent HTTP/1.1\r\nContent-Length: 2\r\n"
                    b"Content-Type: application/json\r\n\r\n{}"):  # fmt: skip
        for port in (cluster.port, cluster.members["agent1"].port):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(garbage)
    bodies = ['{"type":"ACCEPT","framework_id":{"value":1}}', '{"type":[]}', "[" * 100000, "null", '"x"', "1e999"]
    for body in bodies:
        assert ask(cluster.port, "POST", "/api/v1/scheduler", body, JSON)[0] == 400
        assert ask(cluster.port, "POST", "/api/v1", body, JSON)[0] in (400, 501)
        assert ask(cluster.members["agent1"].port, "POST", "/api/v1/executor", body, JSON)[0] == 400
    assert scheduler.call("REVIVE")[0] == 202
    stream = Stream(cluster.port, "/api/v1", {"type": "SUBSCRIBE"})
    wait_until(lambda: stream.of("SUBSCRIBED"), what="the operator stream")
    stream.close()
    scheduler.close()
