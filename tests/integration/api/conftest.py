"""The API over a real ZooKeeper, a scheduler's HTTP server as a double at the edge, and the real server on loopback."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.observed.pulse import Pulse, encode_pulse, pulse_path
from api.validation.trials import Trials
from api.web.app import create_app
from api.web.main import ApiServer, ApiSettings
from pool_executor.contract import (
    BackendFacts,
    Blob,
    Endpoints,
    EndpointsStatus,
    HaproxyInfo,
    InstanceStatus,
    Part,
    Server,
    Structure,
    StructureStatus,
    encode_blob,
    encode_endpoints,
    encode_shard,
    encode_shards,
    encode_status,
    encode_structure,
    marker_line,
    shard_of,
)
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper, encode_json
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer, session


@pytest.fixture
def connection(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    """A connection as the API opens it, but for its patience."""
    with session(zookeeper) as opened:
        yield opened


def write_node(connection: ZooKeeper, path: str, data: bytes) -> None:
    """Write a node, again when the connection was lost in between, as it may be on a busy machine."""

    def written() -> bool:
        connection.put(path, data)
        return True

    wait_until(written, 30, f"the node {path}")


@pytest.fixture(autouse=True)
def template(connection: ZooKeeper, zk_root: str) -> None:
    """A template process is in charge and has just said that all is well."""
    write_node(
        connection, f"{zk_root}/locks/template/holder", encode_json({"id": "t", "url": "", "pid": 7, "since": 0})
    )
    beat = Pulse(beat=1, listener="h:1", connected=True, why_not="", silence=0.1, mesos_silence=0.1)
    write_node(connection, pulse_path(zk_root, "t"), encode_pulse(beat))


@pytest.fixture(scope="session")
def trials() -> Iterator[Trials]:
    """What judges pools: processes that take longer to start than most tests."""
    made = Trials()
    yield made
    made.stop()


@pytest.fixture
def client(connection: ZooKeeper, zk_root: str, trials: Trials) -> FlaskClient:
    """The application without a socket."""
    return create_app(connection, zk_root, version="v9.9.9", trials=trials).test_client()


@dataclass
class Scheduler:
    """A scheduler's HTTP server that says what a test tells it to."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def scheduler(connection: ZooKeeper, zk_root: str) -> Iterator[Scheduler]:
    """The double, named as leader in ZooKeeper."""
    double = Scheduler()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            call = f"{self.command} {self.path}"
            double.calls.append(call)
            double.authorizations.append(self.headers["Authorization"])
            status, body = double.answers.get(call, (404, {"code": 404, "message": f"nothing at {self.path}"}))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    write_node(
        connection,
        f"{zk_root}/frameworks/edgelb/leader/holder",
        encode_json({"id": "a", "url": double.url, "pid": 1, "since": 0}),
    )
    yield double
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, trials: Trials) -> Iterator[str]:
    """The real server; the value is its base URL."""
    running = ApiServer(ApiSettings(zk=zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0"), connection, trials)
    yield f"http://{running.start()}"
    running.stop()


def instance(index: int = 0, **changes: Any) -> InstanceStatus:
    """The status of a load balancer that serves version 3 of the structure and all servers.

    Changes are fields of the status, of its structure or of its endpoints, whichever has one of that name.
    """
    structure = StructureStatus(
        pool_uid="",
        pool_version=1,
        epoch=1,
        version=3,
        verdict="applied",
        action="dynamic",
        reason="1 map changed",
        error=None,
        rejected_version=None,
    )
    endpoints = EndpointsStatus(lineage="f00", sequence=7)
    status = InstanceStatus(
        task_id=f"dcos-edgelb.pools.web__edgelb-pool-{index}-server__{index}",
        pod=f"edgelb-pool-{index}",
        hostname=f"agent{index}",
        addresses=(f"10.0.0.{index + 1}",),
        public=(),
        ports={"frontend_0.0.0.0_80": 80, "stats": 9090},
        structure=structure,
        endpoints=endpoints,
        healthy=True,
        trouble=None,
        since=1.0,
        haproxy=HaproxyInfo(version="2.6.12", master=10, workers=(11,)),
        counters={"noop": 0, "dynamic": 1, "reload": 0, "reject": 0},
        leaving=False,
        short=(),
        deaths=(),
    )
    parts: dict[str, Any] = {"structure": structure, "endpoints": endpoints}
    for name, part in parts.items():
        inner = {key: changes.pop(key) for key in list(changes) if key in part.__dataclass_fields__}
        parts[name] = replace(part, **inner)
    return replace(status, **parts, **changes)


def publish_instance(
    connection: ZooKeeper, root: str, status: InstanceStatus, pool: str = "web", pool_version: int | None = None
) -> None:
    """Write it as lbmgr does (but for being ephemeral), for the pool as it is stored now."""
    stored = PoolStore(connection, root).get(pool)
    uid, version = stored.revision if stored else ("", 1)
    of_pool = replace(status.structure, pool_uid=uid, pool_version=pool_version or version)
    write_node(
        connection,
        f"{root}/instances/{pool}/{status.task_id}",
        encode_status(replace(status, structure=of_pool)),
    )


BACKENDS = f"backend app\n{marker_line(BackendFacts(backend='app', options={'': 'check'}))}\n"
"""What the backend of the small pool is rendered to."""
APP = Server("agentip_10.0.0.1_8080", "10.0.0.1", 8080, 1, "app.1")
"""The server of the backend `app` while its application runs."""


def publish_parts(connection: ZooKeeper, root: str, pool: str, text: str) -> Blob:
    """Write a text as dcos-template does, split early."""
    for node, data in encode_blob(text, max_node_bytes=200):
        write_node(connection, f"{root}/rendered/{pool}/parts/{node}", data)
    return Blob.of(text)


def publish_rendered(
    connection: ZooKeeper,
    root: str,
    pool: str = "web",
    *,
    pool_version: int | None = None,
    servers: Sequence[Server] = (APP,),
    **texts: str,
) -> None:
    """Write version 3 of a structure, of the pool as it is stored now, and the servers of its backend `app`.

    Config parts are given by name; `.cfg` is added.
    """
    parts = {}
    for name, text in {"10-global": "global\n", "30-backends-00": BACKENDS, **texts}.items():
        part = Part.of(f"{name}.cfg", "config", text)
        parts[part.name] = part
        publish_parts(connection, root, pool, text)
    stored = PoolStore(connection, root).get(pool)
    uid, version = stored.revision if stored else ("", 1)
    head = Structure(pool=pool, pool_uid=uid, pool_version=pool_version or version, epoch=1, version=3, parts=parts)
    write_node(connection, f"{root}/rendered/{pool}/structure", encode_structure(head))
    publish_servers(connection, root, pool, servers=servers)


def publish_servers(
    connection: ZooKeeper, root: str, pool: str = "web", *, servers: Sequence[Server] = (), **changes: Any
) -> None:
    """Write the head of endpoints after operation 7, whose base has the servers of `app`."""
    shards = None
    if servers:
        shard = encode_shard({"app": {server.name: server for server in servers}})
        listed = encode_shards({shard_of("app"): publish_parts(connection, root, pool, shard)})
        shards = publish_parts(connection, root, pool, listed)
    fields = {"pool": pool, "lineage": "f00", "epoch": 1, "sequence": 7, "base": 7, "shards": shards}
    head = Endpoints(**(fields | {"stamps": {"published": time.time()}} | changes))
    write_node(connection, f"{root}/rendered/{pool}/endpoints", encode_endpoints(head))
