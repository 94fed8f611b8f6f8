"""lbmgr as a process of its own, and the other side of its contract: a publisher that writes heads by hand."""

import contextlib
import os
import re
import signal
import socket
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pool_executor.contract import (
    BackendFacts,
    Blob,
    Endpoints,
    InstanceStatus,
    Needs,
    Operation,
    Part,
    Put,
    Remove,
    Server,
    Structure,
    apply,
    decode_status,
    encode_blob,
    encode_endpoints,
    encode_segment,
    encode_shard,
    encode_shards,
    encode_structure,
    marker_line,
    port_variable,
    shard_of,
)
from pool_executor.contract.log import Segment
from pool_executor.lbmgr.haproxy.runtime import Runtime
from sdk.storage.connection import NodeExists, ZooKeeper
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.still import stop
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


Servers = Mapping[str, Mapping[str, Server]]


def server(name: str, port: int, **fields: Any) -> Server:
    """A server on this host, numbered by its name."""
    return Server(name=name, address="127.0.0.1", port=port, id=zlib.crc32(name.encode()) % 2**31 or 1, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A small pool: one backend of `servers` ((name, port) pairs) behind the frontend `web`, and the stats frontend."""

    servers: tuple[tuple[str, int], ...] = ()
    options: str = ""
    backend: tuple[str, ...] = ("balance roundrobin",)
    takes_servers: bool = True
    dynamic_cookie: bool = False
    frontend: tuple[str, ...] = ("default_backend app",)
    more: str = ""
    maps: Mapping[str, str] = field(default_factory=dict)
    port: str = "web"
    """The task port of the frontend."""
    stats_address: str = "127.0.0.1"

    def parts(self) -> dict[str, tuple[Part, str]]:
        """The parts of the structure with their texts."""
        web = "\n".join(f"    {line}" for line in self.frontend)
        lines = "\n".join(f"    {line}" for line in self.backend)
        facts = BackendFacts(
            backend="app",
            options={"": self.options},
            takes_servers=self.takes_servers,
            dynamic_cookie=self.dynamic_cookie,
        )
        variable = port_variable(self.port)
        texts = {
            "10-global.cfg": (GLOBAL, "", ""),
            "20-frontend-web.cfg": (f"frontend web\n    bind 127.0.0.1:${{{variable}}}\n{web}\n", "web", self.port),
            "20-stats.cfg": (
                f"frontend stats\n    bind {self.stats_address}:${{PORT_STATS}}\n"
                "    monitor-uri /_haproxy_health_check\n    monitor fail if !{ srv_is_up(_lbmgr/serving) }\n"
                "    stats enable\n    stats uri /haproxy?stats\n",
                "stats",
                "stats",
            ),
            "30-backends-0a.cfg": (f"backend app\n{lines}\n{marker_line(facts)}\n{self.more}", "", ""),
        } | {name: (text, "", "") for name, text in self.maps.items()}
        return {
            name: (
                Part.of(
                    name,
                    "map" if name.endswith(".map") else "config",
                    text,
                    listener,
                    Needs(ports={port_variable(port): port}) if port else None,
                ),
                text,
            )
            for name, (text, listener, port) in texts.items()
        }

    def records(self) -> dict[str, dict[str, Server]]:
        """The servers."""
        return {"app": {name: server(name, port) for name, port in self.servers}} if self.servers else {}


@dataclass(frozen=True, slots=True)
class Published:
    """What an instance serves when it has followed: a version of the structure, and an operation of the log."""

    version: int
    sequence: int


class Publisher:
    """Writes structure and endpoints of one pool as dcos-template does: parts first, then the heads."""

    def __init__(self, zookeeper: ZooKeeper, root: str, pool: str = "web") -> None:
        self.zookeeper, self.root, self.pool = zookeeper, root, pool
        self.base = f"{root}/rendered/{pool}"
        self.version = 0
        self.servers: dict[str, dict[str, Server]] = {}
        self.log = Endpoints(pool=pool, lineage="first", epoch=1, sequence=0, base=0, shards=None)
        self._parts: Mapping[str, tuple[Part, str]] = {}

    def publish(self, pool: Pool) -> Published:
        """Publish what is new of structure and servers, structure first."""
        self.publish_parts(pool.parts())
        return self.publish_servers(pool.records())

    def publish_parts(self, parts: Mapping[str, tuple[Part, str]], *, again: bool = False) -> Published:
        """Publish a structure of these parts, unless it is published already."""
        if parts != self._parts or again:
            for part, text in parts.values():
                self.put_part(text)
                assert part.blob == Blob.of(text)
            self._parts = parts
            self.version += 1
            head = Structure(
                pool=self.pool,
                pool_uid="f00d",
                pool_version=1,
                epoch=1,
                version=self.version,
                parts={name: part for name, (part, _) in parts.items()},
            )
            self.zookeeper.put(f"{self.base}/structure", encode_structure(head))
        return Published(self.version, self.log.sequence)

    def publish_servers(self, servers: Servers) -> Published:
        """Publish the difference to these servers."""
        operations: list[Operation] = []
        for backend in sorted({*servers, *self.servers}):
            old, new = self.servers.get(backend, {}), servers.get(backend, {})
            operations += [Put(backend, new[name]) for name in new if old.get(name) != new[name]]
            operations += [Remove(backend, name) for name in old if name not in new]
        return self.operate(operations)

    def operate(self, operations: Sequence[Operation]) -> Published:
        """Publish operations."""
        apply(self.servers, operations)
        self.log = replace(
            self.log,
            sequence=self.log.sequence + len(operations),
            operations=(*self.log.operations, *operations),
            stamps={"event": time.time(), "published": time.time()},
        )
        if operations or self.log.sequence == 0:
            self.zookeeper.put(f"{self.base}/endpoints", encode_endpoints(self.log))
        return Published(self.version, self.log.sequence)

    def roll(self) -> None:
        """Move the operations of the head into a segment."""
        if self.log.operations:
            blob = self.put_part(encode_segment(self.log.operations))
            segment = Segment(self.log.inline_from, self.log.sequence, blob)
            self.log = replace(self.log, operations=(), segments=(*self.log.segments, segment))
            self.zookeeper.put(f"{self.base}/endpoints", encode_endpoints(self.log))

    def compact(self, lineage: str | None = None) -> None:
        """Make a base of all servers, after which nobody who is behind can go on without it."""
        shards: dict[int, dict[str, Mapping[str, Server]]] = {}
        for backend, servers in self.servers.items():
            shards.setdefault(shard_of(backend), {})[backend] = servers
        listed = {number: self.put_part(encode_shard(found)) for number, found in shards.items()}
        self.log = replace(
            self.log,
            lineage=lineage or self.log.lineage,
            base=self.log.sequence,
            shards=self.put_part(encode_shards(listed)) if listed else None,
            segments=(),
            operations=(),
        )
        self.zookeeper.put(f"{self.base}/endpoints", encode_endpoints(self.log))

    def put_part(self, text: str) -> Blob:
        """Write a part, unless it is there."""
        for node, data in encode_blob(text):
            # Content-addressed: a node that is there has the same bytes.
            with contextlib.suppress(NodeExists):
                self.zookeeper.create(f"{self.base}/parts/{node}", data)
        return Blob.of(text)

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
        self.process: nursery.Process | None = None

    def start(self) -> "Lbmgr":
        self.sandbox.mkdir(exist_ok=True)
        extra = [word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        with open(self.sandbox / "stderr", "ab") as log:
            self.process = nursery.popen(
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

    def halt(self) -> None:
        """Let it hang until SIGCONT."""
        assert self.process is not None
        stop(self.process.pid)

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


def applied(publisher: Publisher, published: Published, task_id: str = "task-1") -> InstanceStatus:
    """Wait until the instance serves the version and has the servers."""

    def serves() -> InstanceStatus | None:
        status = publisher.statuses().get(task_id)
        if status is None or status.structure.verdict != "applied":
            return None
        found = Published(status.structure.version, status.endpoints.sequence)
        return status if found == published else None

    found = wait_until(serves, timeout=20, what=f"{task_id} serves {published}")
    assert found is not None
    return found


def told(publisher: Publisher, verdict: str) -> InstanceStatus:
    """Wait for a verdict on the structure."""
    found = wait_until(
        lambda: (status := publisher.statuses()["task-1"]).structure.verdict == verdict and status,
        what=f"it is {verdict}",
    )
    assert isinstance(found, InstanceStatus)
    return found


def orders(lbmgr: Lbmgr) -> Runtime:
    """Somebody else on the stats socket."""
    instance = lbmgr.sandbox / "haproxy.d/current/00-instance.cfg"
    wait_until(instance.exists, what="00-instance.cfg")
    sockets = re.search(r'setenv SOCKETS "(.*)"', instance.read_text())
    assert sockets
    return Runtime(Path(sockets[1]) / "admin.sock")


def states(lbmgr: Lbmgr, backend: str = "app") -> list[str]:
    """HAProxy's own lines about the servers of a backend."""
    with orders(lbmgr) as runtime:
        lines = runtime.ask(f"show servers state {backend}").text.splitlines()
    return [line for line in lines if line.split()[1:2] == [backend]]


@contextlib.contextmanager
def hold_port(port: int, *, share: bool) -> Iterator[int]:
    """A listener that is not ours at this port, 0 for any; when it shares, HAProxy's own bind would succeed."""
    with socket.socket() as holder:
        # Connections that have ended there may not be gone yet.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield holder.getsockname()[1]


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
