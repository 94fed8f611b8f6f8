"""Several masters in ZooKeeper, and a master that wants to know who asks."""

import json
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from sdk.local.cluster import Cluster, Timing
from sdk.local.faults import FaultError, FaultInjector
from tests.integration.sdk_local.conftest import AGENTS, free_ports
from tests.integration.sdk_local.driver import Framework
from tests.integration.sdk_local.test_http import JSON, SUBSCRIBE, ask
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


@contextmanager
def process(module: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A master or an agent, ended with the test."""
    with subprocess.Popen([sys.executable, "-m", module, *options], stdin=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
                try:
                    running.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    running.kill()


def answer(port: int, method: str, path: str, *rest: Any) -> Any:
    """An answer, or status 0 while nobody listens."""
    try:
        return ask(port, method, path, *rest)
    except OSError:
        return 0, {}, ""


def test_a_second_master_takes_over(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """The second redirects everybody to the first; after its SIGKILL the second leads, with the same agent."""
    url = f"zk://{zookeeper.address}{zk_root}"
    first, second, agent = free_port(), free_port(), free_port()
    registry = str(tmp_path / "registry.json")

    def options(port: int) -> list[str]:
        return ["--port", str(port), "--work-dir", str(tmp_path / str(port)), "--zk", url, "--registry-file", registry,
                "--zk-session-timeout", "2"]  # fmt: skip

    with process("sdk.local.master", *options(first)) as leader:
        wait_until(lambda: answer(first, "GET", "/state")[0] == 200, 20, "the first master to lead")
        with (
            process("sdk.local.master", *options(second)),
            process(
                "sdk.local.agent", "--master", url, "--port", str(agent), "--work-dir", str(tmp_path / "a"),
                "--resources", "cpus:1;mem:64",
            ),
        ):  # fmt: skip
            wait_until(lambda: answer(second, "GET", "/state")[0] == 307, 20, "the second master to follow")
            status, headers, _ = ask(second, "POST", "/api/v1/scheduler", "{bad", JSON)
            assert (status, headers["Location"]) == (307, f"//127.0.0.1:{first}/master/api/v1/scheduler")
            assert ask(second, "GET", "/master/redirect")[1]["Location"] == f"//127.0.0.1:{first}"
            assert ask(second, "GET", "/health")[0] == 200

            def agents(port: int) -> Any:
                return json.loads(answer(port, "GET", "/slaves")[2] or "{}").get("slaves", [])

            wait_until(lambda: len(agents(first)) == 1, 20, "the agent at the first master")
            known = agents(first)[0]["id"]
            leader.kill()
            wait_until(lambda: answer(second, "GET", "/state")[0] == 200, 30, "the second master to lead")
            wait_until(lambda: [item["id"] for item in agents(second)] == [known], 30, "the same agent at the second")


@pytest.fixture
def three(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str) -> Iterator[Cluster]:
    """A cluster of three masters and two agents that find each other in ZooKeeper."""
    timing = Timing(
        allocation_interval=0.2, agent_ping_timeout=0.5, max_agent_ping_timeouts=4, zk_session_timeout=2.0
    )  # fmt: skip
    url = f"zk://{zookeeper.address}{zk_root}"
    cluster = Cluster(tmp_path / "mesos", free_ports(5), AGENTS, timing=timing, zk=url, masters=3, popen=nursery.popen)
    cluster.start(timeout=30)
    yield cluster
    cluster.stop()


@pytest.fixture
def framework(zookeeper: ZooKeeperServer, zk_root: str, three: Cluster) -> Iterator[Framework]:
    """On our driver, which finds its master in ZooKeeper; one task of it runs."""
    framework = Framework(f"zk://{zookeeper.address}{zk_root}")
    framework.launch("t")
    framework.wait_for("t", "TASK_RUNNING")
    yield framework
    framework.close()


def nodes(zookeeper: ZooKeeperServer, zk_root: str) -> dict[str, int]:
    """The masters' nodes with the ports that they publish."""
    client = KazooClient(zookeeper.address)
    client.start(timeout=10)
    try:
        names = [name for name in client.get_children(zk_root) if name.startswith("json.info_")]
        return {name: json.loads(client.get(f"{zk_root}/{name}")[0])["address"]["port"] for name in sorted(names)}
    finally:
        client.stop()
        client.close()


def test_when_the_leader_is_killed_the_next_one_leads(three: Cluster, framework: Framework) -> None:
    """Agents and the framework come to it, the task runs on, and the next task runs; started again, it follows."""
    faults = FaultInjector(three)
    killed = faults.kill_leader()
    wait_until(lambda: three.pids()[killed] is None, what=f"the end of {killed}")
    wait_until(lambda: faults.leader() != killed, 30, "the next leader")
    wait_until(lambda: faults.registered() == ["agent1", "agent2"], 30, "the agents at the new leader")
    wait_until(lambda: len(framework.of("SUBSCRIBED")) == 2, 30, "the framework at the new leader")
    assert framework.reconciled("t") == "TASK_RUNNING"
    assert set(framework.states("t")) == {"TASK_STARTING", "TASK_RUNNING"}
    framework.launch("u")
    framework.wait_for("u", "TASK_RUNNING")
    three.start_member(killed)
    wait_until(lambda: answer(three.members[killed].port, "GET", "/state")[0] == 307, 30, "the killed one to follow")
    assert set(FaultInjector.at(three.masters[killed]).registered()) == {"agent1", "agent2"}


def test_a_master_whose_session_expires_joins_the_end_of_the_queue(
    zookeeper: ZooKeeperServer, zk_root: str, three: Cluster, framework: Framework
) -> None:
    """Its node is gone, another master leads, frameworks and agents move; it has a new node, the last."""
    faults = FaultInjector(three)
    before = nodes(zookeeper, zk_root)
    first = faults.leader()
    assert next(iter(before.values())) == three.members[first].port
    expired = faults.expire_zookeeper_session()
    assert expired["node"] == next(iter(before))
    assert expired["node"] not in nodes(zookeeper, zk_root)
    wait_until(lambda: faults.leader() not in (None, first), 30, "another leader")
    wait_until(lambda: len(nodes(zookeeper, zk_root)) == 3, 30, "the new node")
    after = nodes(zookeeper, zk_root)
    assert list(after.values())[-1] == three.members[first].port
    assert next(iter(after)) in before
    wait_until(lambda: answer(three.members[first].port, "GET", "/state")[0] == 307, 30, "the first one to follow")
    wait_until(lambda: faults.registered() == ["agent1", "agent2"], 30, "the agents at the new leader")
    wait_until(lambda: len(framework.of("SUBSCRIBED")) == 2, 30, "the framework at the new leader")
    assert framework.reconciled("t") == "TASK_RUNNING"
    # A master that does not lead can lose its session, too: nobody notices.
    leader = faults.leader()
    faults.expire_zookeeper_session(first)
    wait_until(lambda: len(nodes(zookeeper, zk_root)) == 3, 30, "the newest node")
    assert faults.leader() == leader


def test_several_masters_need_zookeeper(tmp_path: Path) -> None:
    """Without it they could not agree on a leader."""
    with pytest.raises(ValueError, match="masters: 2 is not possible"):
        Cluster(tmp_path, 5050, AGENTS, masters=2)


def test_credentials(tmp_path: Path) -> None:
    """401 with the recorded realm without them, the answer with them; /health asks nobody."""
    secrets = tmp_path / "credentials"
    secrets.write_text("fw fwsecret\n")
    port = free_port()
    options = ("--port", str(port), "--work-dir", str(tmp_path / "m"), "--credentials", str(secrets))
    with process("sdk.local.master", *options):
        wait_until(lambda: answer(port, "GET", "/health")[0] == 200, 20, "the master")
        realms = {
            "/state": "mesos-master-readonly", "/files/debug": "mesos-master-readonly",
            "/api/v1": "mesos-master-readwrite", "/api/v1/scheduler": "mesos-master-scheduler",
            "/internal/faults": "mesos-master-readwrite", "/internal/faults/about": "mesos-master-readwrite",
        }  # fmt: skip
        for path, realm in realms.items():
            method, body = ("POST", json.dumps(SUBSCRIBE)) if "api" in path else ("GET", None)
            status, headers, text = ask(port, method, path, body, JSON)
            assert (status, text) == (401, "401 Unauthorized.")
            assert headers["WWW-Authenticate"] == f'Basic realm="{realm}"'
        with pytest.raises(FaultError, match="401 Unauthorized"):
            FaultInjector.at(f"127.0.0.1:{port}", credentials=("fw", "wrong"))
        faults = FaultInjector.at(f"http://127.0.0.1:{port}/", credentials=("fw", "fwsecret"))
        faults.slow_master(0.01)
        assert faults.active() == {f"127.0.0.1:{port}": {"slow": 0.01}}
        known = {"Authorization": f"Basic {b64encode(b'fw:fwsecret').decode()}"}
        assert ask(port, "GET", "/state", None, known)[0] == 200
        read = {"type": "READ_FILE", "read_file": {"path": "/master/log", "offset": 0}}
        status, _, text = ask(port, "POST", "/api/v1", json.dumps(read), JSON | known)
        assert (status, json.loads(text)["read_file"]) == (200, {"size": 0, "data": ""})
        nothing = {"type": "LIST_FILES", "list_files": {"path": "/"}}
        assert ask(port, "POST", "/api/v1", json.dumps(nothing), JSON | known)[0] == 404


def test_acls(tmp_path: Path) -> None:
    """`--acls` lets only those register whom it names: an ERROR event for others; it is shown among the flags."""
    rules = {"permissive": False, "register_frameworks": [{"principals": {"values": ["fw"]}, "roles": {"type": "ANY"}}]}
    (tmp_path / "acls").write_text(json.dumps(rules))
    (tmp_path / "credentials").write_text(json.dumps({"credentials": [
        {"principal": name, "secret": "hush"} for name in ("fw", "ops")
    ]}))  # fmt: skip
    port = free_port()
    options = ("--port", str(port), "--work-dir", str(tmp_path / "m"), "--acls", f"file://{tmp_path / 'acls'}",
               "--credentials", str(tmp_path / "credentials"))  # fmt: skip
    with process("sdk.local.master", *options):
        wait_until(lambda: answer(port, "GET", "/health")[0] == 200, 20, "the master")
        basic = {
            name: {"Authorization": f"Basic {b64encode(f'{name}:hush'.encode()).decode()}"} for name in ("fw", "ops")
        }
        status, _, text = ask(port, "POST", "/api/v1/scheduler", json.dumps(SUBSCRIBE), JSON | basic["ops"])
        assert status == 200
        assert json.loads(text.partition("\n")[2]) == {
            "type": "ERROR", "error": {"message": "Not authorized to register framework  with roles { r }"},
        }  # fmt: skip
        flags = json.loads(ask(port, "GET", "/flags", None, basic["fw"])[2])["flags"]
        assert json.loads(flags["acls"]) == rules
        assert "hush" not in json.dumps(flags)


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("--acls", '{"view_flags": []}', "'view_flags' is no action that this master checks"),
        ("--acls", "{", "not JSON"),
        ("--acls", None, "No such file or directory"),
        ("--credentials", "fw hush hush", "line 1 of the credentials must be a principal and a secret"),
        ("--webui-dir", "", "there is no index.html in it"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_at_the_start(tmp_path: Path, option: str, content: str | None, words: str) -> None:
    """A sentence with the option and the file, status 1; no secret in it."""
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    command = [sys.executable, "-m", "sdk.local.master", "--work-dir", str(tmp_path / "m"), option, str(file)]
    ended = subprocess.run(
        [*command, "--port", str(free_port())], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"master: {option} {file}: ")
    assert words in ended.stderr
    assert "hush" not in ended.stderr


def test_a_web_ui_is_served_from_its_directory(tmp_path: Path) -> None:
    """`--webui-dir` serves index.html at / and what is below app and assets, and nothing beside them."""
    for name, content in (("index.html", "<p>other</p>"), ("app/app.js", "1"), ("secret", "x")):
        file = tmp_path / "ui" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "outside").write_text("x")
    (tmp_path / "ui" / "assets").symlink_to(tmp_path)
    port = free_port()
    options = ("--port", str(port), "--work-dir", str(tmp_path / "m"), "--webui-dir", str(tmp_path / "ui"))
    with process("sdk.local.master", *options):
        wait_until(lambda: answer(port, "GET", "/health")[0] == 200, 20, "the master")
        status, headers, text = ask(port, "GET", "/")
        assert (status, headers["Content-Type"], text) == (200, "text/html", "<p>other</p>")
        status, headers, text = ask(port, "GET", "/app/app.js")
        assert (status, text) == (200, "1")
        assert "javascript" in headers["Content-Type"]
        for path in ("/app/../secret", "/app/%2e%2e/secret", "/app/nosuch", "/app", "/secret", "/assets/outside"):
            assert ask(port, "GET", path)[0] == 404
        assert json.loads(ask(port, "GET", "/flags")[2])["flags"]["webui_dir"] == str(tmp_path / "ui")


def test_an_agent_wants_to_know_who_asks(tmp_path: Path) -> None:
    """`--http-credentials`: 401 with the realms of a real agent; executors, /health and /version go on without."""
    (tmp_path / "credentials").write_text("ops opssecret\n")
    port = free_port()
    options = ("--master", "127.0.0.1:1", "--port", str(port), "--work-dir", str(tmp_path / "a"), "--http-credentials",
               str(tmp_path / "credentials"))  # fmt: skip
    with process("sdk.local.agent", *options):
        wait_until(lambda: answer(port, "GET", "/health")[0] == 200, 20, "the agent")
        realms = {
            "/state": "readonly", "/slave(1)/state": "readonly", "/files/browse?path=x": "readonly",
            "/files/read?path=x": "readonly", "/files/download?path=x": "readonly", "/files/debug": "readonly",
            "/metrics/snapshot": "readonly", "/monitor/statistics": "readonly", "/containers": "readonly",
            "/flags": "readonly", "/api/v1": "readwrite", "/internal/faults": "readwrite",
        }  # fmt: skip
        for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {b64encode(b'ops:bad').decode()}"}):
            for path, realm in realms.items():
                status, headers, text = ask(port, "POST" if realm == "readwrite" else "GET", path, "{}", JSON | wrong)
                assert (status, text) == (401, "401 Unauthorized."), path
                assert headers["WWW-Authenticate"] == f'Basic realm="mesos-agent-{realm}"'
        known = {"Authorization": f"Basic {b64encode(b'ops:opssecret').decode()}"}
        assert ask(port, "GET", "/slave(1)/state", None, known)[0] == 200
        health = json.dumps({"type": "GET_HEALTH"})
        assert json.loads(ask(port, "POST", "/api/v1", health, JSON | known)[2])["get_health"] == {"healthy": True}
        assert ask(port, "GET", "/version")[0] == 200
        assert ask(port, "POST", "/api/v1/executor", "{}", JSON)[0] == 400
        assert "opssecret" not in ask(port, "GET", "/flags", None, known)[2]


def test_a_master_that_cannot_keep_its_registry_ends(tmp_path: Path) -> None:
    """As the real one: the caller is told that nothing was done, the process says which file and why."""
    port, kept = free_port(), tmp_path / "kept"
    options = ["--port", str(port), "--work-dir", str(tmp_path / "m"), "--registry-file", str(kept / "registry.json")]
    with subprocess.Popen(
        [sys.executable, "-m", "sdk.local.master", *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as running:
        try:
            wait_until(lambda: answer(port, "GET", "/health")[0] == 200, 20, "the master to serve")
            shutil.rmtree(kept)
            weights = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "r", "weight": 2.0}]}}
            status, _, body = ask(port, "POST", "/api/v1", json.dumps(weights), JSON)
            assert (status, "cannot keep the registry" in body) == (503, True)
            _, said = running.communicate(timeout=20)
        finally:
            running.kill()
    assert running.returncode == 1
    last = said.decode().splitlines()[-1]
    assert last == f"master: cannot keep the registry {kept}/registry.json: No such file or directory"
