"""An lbmgr in a thread of the test, so that its room for certificates can be filled, and clients that speak TLS."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from pool_executor.contract import InstanceStatus, Part
from pool_executor.lbmgr.agent import Agent
from pool_executor.lbmgr.connection import Connection
from pool_executor.lbmgr.haproxy import program
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.settings import Settings
from pool_executor.lbmgr.status.health import HealthPolicy
from scheduler.pools.model import PoolType
from scheduler.pools.schema import load_pool
from tests.support.ports import free_port


def parts(kind: PoolType = PoolType.STATIC, **frontends: Mapping[str, Any]) -> dict[str, tuple[Part, str]]:
    """The rendered parts of a pool with these frontends, each in front of an empty backend of its mode."""
    files = {
        name.removeprefix("$SECRETS/")
        for frontend in frontends.values()
        for name in (
            *frontend.get("certificates", ()),
            frontend.get("tls", {}).get("clientCertificates", {}).get("ca", ""),
        )
        if name.startswith("$SECRETS/")
    }
    modes = {"HTTP": "HTTP", "HTTPS": "HTTP", "TCP": "TCP", "TLS": "TCP"}
    pool = load_pool(
        {
            "name": "web",
            "secrets": [{"secret": name, "file": name} for name in sorted(files)],
            "environmentVariables": {"ELB_FILE_CERT": "a certificate"},
            "haproxy": {
                "stats": {"bindPort": 0},
                "frontends": [
                    {
                        "name": name,
                        "bindAddress": "127.0.0.1",
                        "linkBackend": {"defaultBackend": modes[frontend["protocol"]].lower()},
                        **frontend,
                    }
                    for name, frontend in frontends.items()
                ],
                "backends": [{"name": "http", "protocol": "HTTP"}, {"name": "tcp", "protocol": "TCP"}],
            },
        }
    )
    return {name: (text.part, text.text) for name, text in render(build_config(replace(pool, type=kind))).items()}


class Instance:
    """One that follows the pool `web` below `root`."""

    def __init__(self, hosts: str, root: str, sandbox: Path, binary: str) -> None:
        sandbox.mkdir()
        self.sandbox = sandbox
        self.ports = {name: free_port() for name in ("stats", "web", "other")}
        self.statuses: list[InstanceStatus] = []
        self._sockets = SocketDirectory()
        haproxy = program.find(binary)
        self.agent = Agent(
            Settings(
                task_id="task-1",
                pod="edgelb-pool-0",
                pool="web",
                hostname=os.uname().nodename,
                addresses=("127.0.0.1",),
                ports=self.ports,
                health=HealthPolicy(grace=30.0, interval=1.0, max_fail=0, timeout=5.0),
                sandbox=sandbox,
                sockets=self._sockets.path,
            ),
            binary=haproxy.path,
            version=haproxy.version,
            on_status=self.statuses.append,
        )
        self._connection = Connection(self.agent, hosts=hosts, root=root, pool="web", task_id="task-1")
        self._thread = threading.Thread(target=self.agent.run, name="lbmgr")
        self._thread.start()
        self._connection.open()

    def close(self) -> None:
        """End it with its HAProxy."""
        self.agent.stop()
        self._thread.join()
        self._connection.close()
        self._sockets.close()

    @property
    def material(self) -> Path:
        """The directory of its files."""
        return self._sockets.path / "material"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a handshake told."""

    certificate: bytes
    """DER."""
    protocol: str | None
    """By ALPN."""
    version: str | None


def context(**options: Any) -> ssl.SSLContext:
    """A client's, which takes every certificate."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(found, name, value)
    return found


@contextlib.contextmanager
def connected(port: int, name: str | None = None, client: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
    """A connection after its handshake; `name` is the server's that is asked for."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        (client or context()).wrap_socket(plain, server_hostname=name) as found,
    ):
        yield found


def greet(port: int, name: str | None = None, client: ssl.SSLContext | None = None) -> Greeting:
    """Do a handshake."""
    with connected(port, name, client) as found:
        return Greeting(
            certificate=found.getpeercert(binary_form=True) or b"",
            protocol=found.selected_alpn_protocol(),
            version=found.version(),
        )


def der(pem: bytes) -> bytes:
    """The first certificate of a file."""
    text = pem.decode()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") : text.index(end) + len(end)])
