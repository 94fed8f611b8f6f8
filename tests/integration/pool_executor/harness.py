"""lbmgr as a process of its own, and the other side of its contract: a publisher that writes bundles by hand."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pool_executor.bundle import (
    Head,
    InstanceStatus,
    Part,
    Server,
    decode_status,
    encode_head,
    encode_part,
    port_variable,
)
from sdk.storage.connection import NodeExists, ZooKeeper
from tests.support.ports import free_port
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[3]
GLOBAL = """defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout http-request 5s
    option idle-close-on-response
    option redispatch 1
    retries 2
    retry-on conn-failure empty-response
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A small pool: one backend of `servers` ((name, port) pairs) behind the frontend `web`, and the stats frontend."""

    servers: tuple[tuple[str, int], ...] = ()
    options: str = ""
    backend: tuple[str, ...] = ("balance roundrobin",)
    frontend: tuple[str, ...] = ("default_backend app",)
    more: str = ""
    maps: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ("web", "stats")

    def texts(self) -> dict[str, str]:
        """The parts by name."""
        web = "\n".join(f"    {line}" for line in self.frontend)
        lines = "\n".join(f"    {line}" for line in self.backend)
        servers = "".join(
            Server(
                name=name,
                address="127.0.0.1",
                port=port,
                id=zlib.crc32(name.encode()) % 2**31 or 1,
                options=self.options,
            ).line()
            + "\n"
            for name, port in self.servers
        )
        return {
            "10-global.cfg": GLOBAL,
            "20-frontends.cfg": (
                f"frontend web\n    bind 127.0.0.1:${{PORT_WEB}}\n{web}\n"
                "frontend stats\n    bind 127.0.0.1:${PORT_STATS}\n    monitor-uri /_haproxy_health_check\n"
                "    monitor fail if !{ srv_is_up(_lbmgr/serving) }\n    stats enable\n    stats uri /haproxy?stats\n"
            ),
            "30-backends-0a.cfg": f"backend app\n{lines}\n{servers}{self.more}",
            **self.maps,
        }


class Publisher:
    """Writes the bundle of one pool as dcos-template does: parts first, then the head."""

    def __init__(self, zookeeper: ZooKeeper, root: str, pool: str = "web") -> None:
        self.zookeeper, self.root, self.pool = zookeeper, root, pool
        self.version = 0

    def publish(self, pool: Pool) -> int:
        """Publish and return the version."""
        return self.publish_texts(pool.texts(), pool.ports)

    def publish_texts(self, texts: Mapping[str, str], ports: Iterable[str]) -> int:
        """Publish these parts."""
        base = f"{self.root}/rendered/{self.pool}"
        parts = {}
        for name, text in texts.items():
            parts[name] = Part.of(name, "map" if name.endswith(".map") else "config", text)
            for node, data in encode_part(text):
                # Content-addressed: a node that is there has the same bytes.
                with contextlib.suppress(NodeExists):
                    self.zookeeper.create(f"{base}/parts/{node}", data)
        self.version += 1
        head = Head(
            pool=self.pool,
            epoch=1,
            version=self.version,
            pool_version=0,
            task_revision=self.version,
            ports={port_variable(name): name for name in ports},
            parts=parts,
        )
        self.zookeeper.put(base, encode_head(head))
        return self.version

    def statuses(self) -> dict[str, InstanceStatus]:
        """The status nodes by task id."""
        base = f"{self.root}/instances/{self.pool}"
        found = {}
        for task_id in self.zookeeper.children(base):
            node = self.zookeeper.get(f"{base}/{task_id}")
            if node is not None:
                found[task_id] = decode_status(node[0])
        return found


class Lbmgr:
    """`python -m pool_executor.lbmgr` as a child process."""

    def __init__(
        self, hosts: str, root: str, sandbox: Path, *, task_id: str = "task-1", grace: float = 10.0, **options: object
    ) -> None:
        self.hosts, self.root, self.sandbox, self.task_id, self.grace = hosts, root, sandbox, task_id, grace
        self.web, self.stats = free_port(), free_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Lbmgr":
        self.sandbox.mkdir(exist_ok=True)
        extra = [word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        with open(self.sandbox / "stderr", "ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pool_executor.lbmgr", "--zk", self.hosts, "--zk-root", self.root),
                    *("--pool", "web", "--task-id", self.task_id, "--sandbox", str(self.sandbox)),
                    *("--ports", f"web={self.web},stats={self.stats}", "--kill-grace", str(self.grace), *extra),
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web}/"

    def log(self) -> str:
        return (self.sandbox / "stderr").read_text()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def wait(self, timeout: float = 30.0) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def get(self, path: str = "", port: int | None = None) -> tuple[int, str]:
        """Status and body of one request."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.web}/{path}", timeout=5) as answer:
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode().strip()

    def answers(self, count: int = 12) -> set[str]:
        """Who answers `count` requests."""
        return {self.get()[1] for _ in range(count)}

    def health(self) -> int:
        """The status of the health answer."""
        return self.get("_haproxy_health_check", self.stats)[0]


def alive(pid: int) -> bool:
    """Whether a process runs: zombies do not."""
    try:
        return not re.search(r"^State:\s+Z", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except FileNotFoundError:
        return False


def applied(publisher: Publisher, version: int, task_id: str = "task-1") -> InstanceStatus:
    """Wait until the instance serves the version."""

    def serves() -> InstanceStatus | None:
        status = publisher.statuses().get(task_id)
        return status if status and status.verdict == "applied" and status.version == version else None

    found = wait_until(serves, timeout=20, what=f"{task_id} serves version {version}")
    assert found is not None
    return found


def hold_port(port: int, *, share: bool) -> socket.socket:
    """A listener that is not ours; when it shares, HAProxy's own bind would succeed."""
    holder = socket.socket()
    if share:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("127.0.0.1", port))
    holder.listen()
    return holder


def environment_pids(marker: str) -> list[int]:
    """Processes whose command line has `marker`."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            try:
                if marker.encode() in (path / "cmdline").read_bytes():
                    found.append(int(path.name))
            except OSError:
                continue
    return found
