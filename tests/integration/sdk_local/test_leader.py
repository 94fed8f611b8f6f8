"""An agent's link to several masters: it goes to the one that leads, as soon as that is known."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from sdk.local.agent_link import MasterLink
from sdk.local.fault_values import AgentFaults
from sdk.local.leader import Leader
from tests.integration.sdk_local.agent_process import Master
from tests.support.ports import free_port
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration
DEADLINE = 30.0


class Nodes:
    """What masters write into ZooKeeper."""

    def __init__(self, client: KazooClient, root: str) -> None:
        self._client = client
        self._root = root

    def join(self, port: int | str) -> str:
        """A master of this port, or with this content, stands at the end of the queue; its node."""
        content = json.dumps({"address": {"ip": "127.0.0.1", "port": port}}) if isinstance(port, int) else port
        made = self._client.create(f"{self._root}/json.info_", content.encode(), sequence=True, makepath=True)
        return str(made)

    def leave(self, node: str) -> None:
        """The session of a master is over."""
        self._client.delete(node)


@pytest.fixture
def nodes(zookeeper: ZooKeeperServer, zk_root: str) -> Iterator[Nodes]:
    """Below a path that is not there yet."""
    client = KazooClient(zookeeper.address)
    client.start(timeout=10)
    yield Nodes(client, zk_root)
    client.stop()
    client.close()


def test_the_leader_is_known_and_so_is_each_change(zookeeper: ZooKeeperServer, zk_root: str, nodes: Nodes) -> None:
    """The lowest number leads; a change ends every wait, and while nobody is published the last one stays."""

    async def run() -> None:
        async with Leader(f"zk://{zookeeper.address}{zk_root}") as leader:
            first = nodes.join(1)
            await asyncio.wait_for(leader.changed(), DEADLINE)
            assert await leader.address() == "127.0.0.1:1"
            second = nodes.join(2)
            assert await leader.changed(0.2) is False
            nodes.leave(first)
            assert await leader.changed(DEADLINE) is True
            assert await leader.address() == "127.0.0.1:2"
            nodes.leave(second)
            assert await leader.changed(0.2) is False
            assert await leader.address() == "127.0.0.1:2"
            nodes.join(3)
            assert await leader.changed(DEADLINE) is True
            assert await leader.address() == "127.0.0.1:3"

    asyncio.run(run())


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"address": {"ip": "h"}}', '{"address": {"port": "x"}}'])
def test_a_node_that_names_no_master_is_none(
    zookeeper: ZooKeeperServer, zk_root: str, nodes: Nodes, content: str
) -> None:
    """Whoever may write there can write anything; a good one afterwards is found."""

    async def run() -> None:
        async with Leader(f"zk://{zookeeper.address}{zk_root}") as leader:
            bad = nodes.join(content)
            nodes.join(7)
            nodes.leave(bad)
            assert await leader.changed(DEADLINE) is True
            assert await leader.address() == "127.0.0.1:7"

    asyncio.run(run())


def test_who_leads_nowhere_is_told_with_the_path(zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """And a ZooKeeper that does not answer with its address."""

    async def why(url: str) -> str:
        async with Leader(url) as leader:
            with pytest.raises(OSError, match=" ") as raised:
                await leader.address()
            return str(raised.value)

    url = f"zk://{zookeeper.address}{zk_root}"
    assert asyncio.run(why(url)) == f"no master is published below {url}"
    nobody = f"127.0.0.1:{free_port()}"
    assert asyncio.run(why(f"zk://{nobody}/mesos")) == f"ZooKeeper does not answer at {nobody}"


def test_a_leader_is_found_again_by_a_zookeeper_that_was_away(tmp_path: Path) -> None:
    """Killed and started again on the same data; meanwhile the last known one stays."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    client = KazooClient(server.address)
    client.start(timeout=10)
    nodes = Nodes(client, "/mesos")
    first = nodes.join(1)
    nodes.join(2)

    async def run() -> None:
        async with Leader(f"zk://{server.address}/mesos") as leader:
            assert await leader.address() == "127.0.0.1:1"
            server.kill()
            assert await leader.address() == "127.0.0.1:1"
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(client.retry, client.delete, first)
            assert await leader.changed(DEADLINE) is True
            assert await leader.address() == "127.0.0.1:2"

    try:
        asyncio.run(run())
    finally:
        client.stop()
        client.close()
        server.stop()


def test_an_agent_leaves_a_master_that_leads_no_more(zookeeper: ZooKeeperServer, zk_root: str, nodes: Nodes) -> None:
    """Also one that keeps its stream open, as a master that hangs does."""
    old, new = Master(), Master()

    async def run() -> list[str]:
        said: asyncio.Queue[str] = asyncio.Queue()
        link = MasterLink(
            f"zk://{zookeeper.address}{zk_root}",
            AgentFaults(),
            register=lambda: {"type": "REGISTER"},
            hear=lambda _message: None,
            lost=lambda: None,
            say=said.put_nowait,
        )
        node = nodes.join(old.port)
        nodes.join(new.port)
        following = asyncio.create_task(link.follow())
        first = await asyncio.wait_for(said.get(), DEADLINE)
        nodes.leave(node)
        rest = [await asyncio.wait_for(said.get(), DEADLINE) for _ in range(2)]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return [first, *rest]

    try:
        said = asyncio.run(run())
    finally:
        old.close()
        new.close()
    assert said == [
        f"connected to the master at 127.0.0.1:{old.port}",
        f"the master at 127.0.0.1:{old.port} leads no more; connecting again",
        f"connected to the master at 127.0.0.1:{new.port}",
    ]
