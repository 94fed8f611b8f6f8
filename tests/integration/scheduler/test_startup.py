"""A process that cannot start ends, so that its supervisor tries again."""

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from scheduler.config import SchedulerSettings, default_frameworks
from scheduler.main import SchedulerProcess
from sdk.errors import InvalidSpec
from sdk.http.server import HttpServer
from sdk.storage.connection import connect
from tests.support.http import request
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"

pytestmark = pytest.mark.integration


class Broken:
    """A plugin that cannot be made."""

    def __init__(self) -> None:
        raise ValueError("broken on purpose")


def test_plugin_that_cannot_be_made_leaves_no_thread_and_no_port_behind(tmp_path: Path) -> None:
    """Threads of the server or of the ZooKeeper client would keep the process alive without serving anything."""
    frameworks = tmp_path / "frameworks.json"
    plugin = {"name": "broken", "plugin": f"{__name__}:Broken", "roles": ["broken"]}
    frameworks.write_text(json.dumps({"frameworks": [plugin]}), encoding="utf-8")
    listen = f"127.0.0.1:{free_port()}"
    before = set(threading.enumerate())

    with pytest.raises(ValueError, match="broken on purpose"):
        SchedulerProcess(
            SchedulerSettings(
                zk="127.0.0.1:1", zk_root="/edgelb", mesos="127.0.0.1:1", frameworks=frameworks, listen=listen
            )
        )

    wait_until(lambda: set(threading.enumerate()) <= before, 20, "the end of all threads")
    server = HttpServer(listen)
    server.stop()


@pytest.mark.parametrize("data", [b"", b"POST /v1/uninstall HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"])
def test_clients_that_stopped_in_the_middle_keep_no_health_check_from_its_answer(tmp_path: Path, data: bytes) -> None:
    """Marathon ends the process when its health check gets none."""
    process = SchedulerProcess(
        SchedulerSettings(
            zk="127.0.0.1:1",
            zk_root="/edgelb",
            mesos="127.0.0.1:1",
            frameworks=default_frameworks(),
            listen="127.0.0.1:0",
        )
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.stop)
        process.serve()
        host, port = process.url.removeprefix("http://").split(":")
        for _ in range(40):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(data)
        assert request("GET", f"{process.url}/healthz", timeout=5).status == 200


def test_the_leader_writes_its_secret_beside_its_address_and_nowhere_else(
    zookeeper: ZooKeeperServer, zk_root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the API reads both; who only knows the port changes nothing."""
    process = SchedulerProcess(
        SchedulerSettings(
            zk=zookeeper.address,
            zk_root=zk_root,
            mesos="127.0.0.1:1",
            frameworks=default_frameworks(),
            listen="127.0.0.1:0",
        )
    )
    connection = connect(zookeeper.address)
    try:
        process.serve()
        process.start()
        holder = wait_until(
            lambda: connection.get_json(f"{zk_root}/frameworks/edgelb/leader/holder"), 20, "the leader"
        )[0]
        assert (holder["url"], len(holder["secret"]) >= 32) == (process.url, True)

        def uninstall(**headers: str) -> int:
            return request("POST", f"{process.url}/v1/uninstall", json={"confirm": "edgelb"}, headers=headers).status

        assert uninstall() == 401
        wait_until(lambda: uninstall(Authorization=f"Bearer {holder['secret']}") == 202, 20, "a leader that acts")
        for path in ("/v1/state", "/metrics", "/readyz"):
            answer = request("GET", f"{process.url}{path}")
            assert holder["secret"] not in answer.data.decode()
        process.stop()
        # The node above stays when the process has gone, and whoever backs ZooKeeper up keeps it.
        left = connection.get(f"{zk_root}/frameworks/edgelb/leader")
        assert left is None or holder["secret"].encode() not in left[0]
    finally:
        connection.close()
        process.stop()
    shown = capsys.readouterr()
    assert holder["secret"] not in shown.out + shown.err


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, "EDGELB_SCHEDULER_SECRET_FILE"),
        ({"secret": "s"}, None),
        ({"access_file": "read a token:0123456789abcdef"}, None),
        ({"access_file": "read a token:0123456789abcdef", "frameworks": EXAMPLES}, "guarded"),
        ({"allow_unauthenticated": True}, None),
        ({"secret": "s", "frameworks": EXAMPLES}, "guarded"),
        ({"allow_unauthenticated": True, "frameworks": EXAMPLES}, None),
    ],
)
def test_other_machines_reach_the_scheduler_only_when_changes_need_a_secret_or_it_is_said(
    tmp_path: Path, changes: dict[str, Any], refused: str | None
) -> None:
    """A secret that stands in ZooKeeper is none on a network that nobody trusts."""
    settings = {
        "zk": "127.0.0.1:1",
        "zk_root": "/edgelb",
        "mesos": "127.0.0.1:1",
        "frameworks": default_frameworks(),
        "listen": "0.0.0.0:0",
    }
    if "access_file" in changes:
        (tmp_path / "access").write_text(changes["access_file"])
        changes = changes | {"access_file": tmp_path / "access"}
    if refused is None:
        SchedulerProcess(SchedulerSettings(**(settings | changes))).stop()
        return
    with pytest.raises(InvalidSpec, match=refused):
        SchedulerProcess(SchedulerSettings(**(settings | changes)))
