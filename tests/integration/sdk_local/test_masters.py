"""Several masters in ZooKeeper, and a master that wants to know who asks."""

import json
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sdk_local.test_http import JSON, SUBSCRIBE, ask
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
        }  # fmt: skip
        for path, realm in realms.items():
            method, body = ("POST", json.dumps(SUBSCRIBE)) if "api" in path else ("GET", None)
            status, headers, text = ask(port, method, path, body, JSON)
            assert (status, text) == (401, "401 Unauthorized.")
            assert headers["WWW-Authenticate"] == f'Basic realm="{realm}"'
        known = {"Authorization": f"Basic {b64encode(b'fw:fwsecret').decode()}"}
        assert ask(port, "GET", "/state", None, known)[0] == 200
        read = {"type": "READ_FILE", "read_file": {"path": "/master/log", "offset": 0}}
        status, _, text = ask(port, "POST", "/api/v1", json.dumps(read), JSON | known)
        assert (status, json.loads(text)["read_file"]) == (200, {"size": 0, "data": ""})
        nothing = {"type": "LIST_FILES", "list_files": {"path": "/"}}
        assert ask(port, "POST", "/api/v1", json.dumps(nothing), JSON | known)[0] == 404
