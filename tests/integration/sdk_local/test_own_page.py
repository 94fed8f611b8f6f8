"""Our own page in a browser, for clusters that a master of this machine does not have."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import sdk.local
from tests.support.browser import in_browser
from tests.support.ports import free_port

pytestmark = pytest.mark.integration

PAGE = Path(sdk.local.__file__).with_name("page.html").read_bytes()


class Master(ThreadingHTTPServer):
    """Serves the page and a state."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Answer)
        self.state: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answer(BaseHTTPRequestHandler):
    """A request."""

    server: Master

    def do_GET(self) -> None:
        """The page at the root, the state elsewhere."""
        body = PAGE if self.path == "/" else json.dumps(self.server.state).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def master() -> Iterator[Master]:
    with Master() as master:
        threading.Thread(target=master.serve_forever, daemon=True).start()
        yield master
        master.shutdown()


def agent(name: str) -> dict[str, Any]:
    resources = {"cpus": 1, "mem": 1}
    return {
        "id": f"id-{name}",
        "hostname": name,
        "pid": f"slave(1)@{name}:5051",
        "active": True,
        "used_resources": resources,
        "resources": resources,
        "reserved_resources": {},
        "attributes": {},
    }


def test_agents_stand_in_the_order_in_which_people_count(master: Master, tmp_path: Path) -> None:
    """Whatever the order in which they registered: agent2 is before agent10."""
    names = ["agent10", "agent2", "agent1"]
    master.state = {
        "hostname": "m",
        "version": "1",
        "leader": "m@m:1",
        "slaves": [agent(name) for name in names],
        "frameworks": [],
        "completed_frameworks": [],
    }
    page = in_browser(master.url, tmp_path / "profile")
    found = [page.index(f'<span class="whole">{name}</span>') for name in ("agent1", "agent2", "agent10")]
    assert found == sorted(found)
