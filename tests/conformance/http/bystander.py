"""A framework that is there while others do harm: is it still served, and are master and agent the same processes?"""

import json
import threading
from typing import Any

from tests.conformance.http.processes import Running
from tests.conformance.http.wire import Answer, Wire, ask
from tests.support.wait import wait_until

Json = dict[str, Any]
JSON = {"Content-Type": "application/json"}
CAPABILITIES = ("PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT")


def framework_info(**more: Any) -> Json:
    """A FrameworkInfo that the master takes."""
    info = {"user": "root", "name": "bystander", "roles": ["r"], "failover_timeout": 60.0,
            "capabilities": [{"type": name} for name in CAPABILITIES]}  # fmt: skip
    return info | more


def subscribe(port: int, **more: Any) -> tuple[Wire, Answer, Json]:
    """A subscribed framework: its stream, the head of the answer, and the first event."""
    wire = Wire(port)
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info(**more)}}
    wire.request("POST", "/api/v1/scheduler", JSON, json.dumps(call).encode())
    answer = wire.answer()
    return wire, answer, json.loads(wire.record() or b"{}")


class Bystander:
    """The framework; `alive` after every harm."""

    def __init__(self, master: Running, agent: Running) -> None:
        self.master, self.agent = master, agent
        self._pids = (master.process.pid, agent.process.pid)
        self._wire, answer, first = subscribe(master.port, roles=["bystander"])
        self._headers = {**JSON, "Mesos-Stream-Id": answer.fields["Mesos-Stream-Id"]}
        self._id = first["subscribed"]["framework_id"]
        self.agent_id = json.loads(ask(master.port, "GET", "/slaves").body)["slaves"][0]["id"]
        self._events: list[str] = []
        self._ended = threading.Event()
        self._wire.socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while (record := self._wire.record()) is not None:
                self._events.append(json.loads(record)["type"])
        except (EOFError, OSError):
            pass
        finally:
            self._ended.set()
            self._wire.close()

    def alive(self) -> None:
        """Its stream goes on, its call is answered, both processes are healthy, the same, and have no traceback."""
        before = self._events.count("HEARTBEAT")
        body = json.dumps({"type": "REVIVE", "framework_id": self._id}).encode()
        assert ask(self.master.port, "POST", "/api/v1/scheduler", self._headers, body).status == 202
        for item, pid in zip((self.master, self.agent), self._pids, strict=True):
            assert ask(item.port, "GET", "/health").status == 200
            assert (item.process.poll(), item.process.pid) == (None, pid)
            assert "Traceback" not in item.log()
        wait_until(lambda: self._events.count("HEARTBEAT") > before, 20, "a heartbeat")
        assert not self._ended.is_set()
        for path in ("/state", "/slaves", "/frameworks", "/roles", "/state-summary", "/metrics/snapshot"):
            assert ask(self.master.port, "GET", path).status == 200, path
        agents = json.loads(ask(self.master.port, "GET", "/slaves").body)["slaves"]
        assert [item["active"] for item in agents if item["id"] == self.agent_id] == [True]
        assert ask(self.agent.port, "GET", "/state").status == 200

    def close(self) -> None:
        """Disconnect."""
        self._wire.hang_up()
        self._reader.join(5)
