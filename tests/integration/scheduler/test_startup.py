"""A process that cannot start ends, so that its supervisor tries again."""

import contextlib
import json
import socket
import threading
from pathlib import Path

import pytest
import urllib3

from scheduler.config import SchedulerSettings, default_frameworks
from scheduler.main import SchedulerProcess
from sdk.http.server import HttpServer
from tests.support.ports import free_port
from tests.support.wait import wait_until

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
        assert urllib3.request("GET", f"{process.url}/healthz", retries=False, timeout=5).status == 200
