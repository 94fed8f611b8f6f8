"""Tasks whose containers have a network of their own and ports of the agent mapped to theirs, and how they are reached.

The containers' address is this host's, the agent's is on loopback, and a proxy does what the agent's NAT would do.
"""

import socket
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.mesos import AGENT
from tests.support.chain.proxy import Proxy
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

TYPES = ("AUTO_IP", "AGENT_IP", "CONTAINER_IP")


class Inside(BaseHTTPRequestHandler):
    """What runs in the container."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"inside")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def address_of_this_host() -> str:
    """One that is not of the loopback network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@pytest.fixture
def container() -> Iterator[tuple[str, int]]:
    """Address and port of what listens inside."""
    server = ThreadingHTTPServer((address_of_this_host(), 0), Inside)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield str(server.server_address[0]), server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def mapped(container: tuple[str, int]) -> Iterator[int]:
    """The port of the agent that leads there."""
    with Proxy(f"{container[0]}:{container[1]}") as proxy:
        yield int(proxy.address.rpartition(":")[2])


@pytest.fixture
def pool(chain: Chain) -> Iterator[Pool]:
    """With a backend for each type of endpoint, which `/<type>` leads to; it has no tasks yet."""
    with chain.pool(f"p{uuid.uuid4().hex[:8]}") as pool:
        mesos = {"frameworkName": "marathon", "taskName": pool.application}
        backends = [
            {
                "name": kind,
                "protocol": "HTTP",
                "services": [{"mesos": mesos, "endpoint": {"type": kind, "portName": "web"}}],
            }
            for kind in TYPES
        ]
        rules = [{"pathBeg": f"/{kind}", "backend": kind} for kind in TYPES]
        pool.update(frontends=[pool.frontend("web", linkBackend={"map": rules})], backends=backends)
        yield pool


def task(pool: Pool, container: tuple[str, int], mapped: int, said: dict[str, Any]) -> m.Json:
    """As Marathon launches it, and as Mesos tells of it."""
    made = m.task_json(f"{pool.application}.1", AGENT, state="TASK_RUNNING", name=pool.application)
    made["resources"].append(m.ports_json(mapped, mapped))
    made["container"] = said
    made["statuses"] = [m.status_json("TASK_RUNNING", ips=(container[0],))]
    port = {"number": mapped, "name": "web", "protocol": "tcp"}
    made["discovery"] = {"name": pool.application, "ports": {"ports": [port]}}
    return made


def described(kind: str, container: tuple[str, int], mapped: int) -> dict[str, Any]:
    """The container as Docker's bridge, as Mesos' own, or as a network by name with a mapped port."""
    mapping = [{"host_port": mapped, "container_port": container[1], "protocol": "tcp"}]
    if kind == "docker":
        return {"type": "DOCKER", "docker": {"image": "x", "network": "BRIDGE", "port_mappings": mapping}}
    return {"type": "MESOS", "network_infos": [{"name": kind, "port_mappings": mapping}]}


@pytest.mark.parametrize("kind", ["docker", "mesos-bridge", "dcos"])
def test_requests_reach_the_container_by_either_address(
    chain: Chain, pool: Pool, container: tuple[str, int], mapped: int, kind: str
) -> None:
    """By the mapped port of the agent, or by the port inside; by default as the network is meant to be used."""
    through_the_agent = f"agentip_127.0.0.1_{mapped}"
    straight = f"containerip_{container[0]}_{container[1]}"
    chain.mesos.add(task(pool, container, mapped, described(kind, container, mapped)))
    try:
        for one in TYPES:
            wait_until(lambda one=one: pool.get(f"/{one}") == (200, "inside"), PATIENCE, f"an answer by {one}")
        wanted = {
            "AUTO_IP": {straight if kind == "dcos" else through_the_agent},
            "AGENT_IP": {through_the_agent},
            "CONTAINER_IP": {straight},
        }
        # The worker from before the reload may still be asked.
        wait_until(lambda: {one: set(pool.servers(one)) for one in TYPES} == wanted, PATIENCE, f"just {wanted}")
    finally:
        chain.mesos.update(f"{pool.application}.1", "TASK_KILLED")
