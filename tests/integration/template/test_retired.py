"""Servers of a backend that leaves its pool, while load balancers serve the old structure."""

from collections.abc import Iterator

import pytest

from pool_executor.contract import (
    EndpointsStatus,
    HaproxyInfo,
    InstanceStatus,
    Structure,
    StructureStatus,
    encode_status,
)
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.template.test_published import Publishing, expects_errors, logged, publishing, session
from tests.support.rendered import Rendered
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = pytest.mark.integration
__all__ = ["expects_errors", "logged", "session"]  # fixtures

APP, OLD, OLDER = (
    task(f"{name}-{number}", name=name, agent_address=f"10.0.0.{number}")
    for number, name in ((1, "app"), (2, "old"), (3, "old"))
)
BOTH = pool("web", frontend("web", "app"), *(backend(name, service(task_name=name)) for name in ("app", "old")))
ONE = pool("web", frontend("web", "app"), backend("app", service(task_name="app")))


class Instance:
    """A load balancer that says which structure it serves."""

    def __init__(self, session: ZooKeeper, root: str) -> None:
        self._session, self._path = session, f"{root}/instances/web/i1"

    def serves(self, head: Structure) -> None:
        structure = StructureStatus(
            pool_uid=head.pool_uid,
            pool_version=head.pool_version,
            epoch=head.epoch,
            version=head.version,
            verdict="applied",
            action="reload",
            reason="",
            error=None,
            rejected_version=None,
        )
        status = InstanceStatus(
            task_id="i1",
            pod="edgelb-pool-0",
            hostname="a1",
            addresses=(),
            public=(),
            ports={},
            structure=structure,
            endpoints=EndpointsStatus(lineage="", sequence=0),
            healthy=True,
            trouble=None,
            since=0.0,
            haproxy=HaproxyInfo(version="2.6.12", master=None, workers=()),
            counters={},
            leaving=False,
            short=None,
            deaths=(),
        )
        self._session.put(self._path, encode_status(status))


@pytest.fixture
def rendered(session: ZooKeeper, zk_root: str) -> Rendered:
    return Rendered(session, zk_root, "web")


@pytest.fixture
def instance(session: ZooKeeper, zk_root: str) -> Instance:
    return Instance(session, zk_root)


@pytest.fixture
def template(session: ZooKeeper, zk_root: str, rendered: Rendered, instance: Instance) -> Iterator[Publishing]:
    """Both backends are published and served, then one leaves."""
    store = PoolStore(session, zk_root)
    with publishing(session, zk_root) as made:
        store.create(BOTH)
        made.run(APP, OLD, OLDER)
        instance.serves(wait_for(rendered, 1))
        store.replace(ONE)
        wait_for(rendered, 2)
        yield made


def wait_for(rendered: Rendered, version: int) -> Structure:
    wait_until(lambda: (head := rendered.structure()) and head.pool_version == version, what="the structure")
    head = rendered.structure()
    assert head is not None
    return head


def tasks(rendered: Rendered) -> set[str]:
    return {server.task for ones in rendered.servers().values() for server in ones.values()}


def test_they_stay_until_every_instance_does_without_them(
    template: Publishing, rendered: Rendered, instance: Instance
) -> None:
    """Requests that still go there find a server."""
    more = task("app-2", name="app", agent_address="10.0.0.9")
    template.run(more)
    wait_until(lambda: "app-2" in tasks(rendered), what="a later change")
    assert tasks(rendered) == {"app-1", "app-2", "old-2", "old-3"}
    instance.serves(wait_for(rendered, 2))
    wait_until(lambda: tasks(rendered) == {"app-1", "app-2"}, 20, what="the removal of what nobody uses")


def test_one_that_ends_is_removed_at_once(template: Publishing, rendered: Rendered) -> None:
    """Whether the new structure is ever taken or not."""
    template.end(OLD)
    wait_until(lambda: tasks(rendered) == {"app-1", "old-3"}, what="the removal")
    template.run(task("old-3", name="old", agent_address="10.0.0.3", state="TASK_KILLING"))
    wait_until(lambda: tasks(rendered) == {"app-1"}, what="the removal of the other")


def test_one_whose_place_another_task_has_is_removed(template: Publishing, rendered: Rendered) -> None:
    """Nobody said that it ended, but its requests would be answered by another application."""
    template.run(task("foreign", name="foreign", agent_address="10.0.0.2"))
    wait_until(lambda: tasks(rendered) == {"app-1", "old-3"}, what="the removal")


def test_a_successor_knows_them(
    session: ZooKeeper, zk_root: str, template: Publishing, rendered: Rendered, instance: Instance
) -> None:
    """By the tasks that stand in the records; what it does not know has ended meanwhile."""
    template.stop()
    with publishing(session, zk_root) as successor:
        successor.run(APP, OLDER)
        wait_until(lambda: tasks(rendered) == {"app-1", "old-3"}, what="the removal of what has ended")
        successor.end(OLDER)
        wait_until(lambda: tasks(rendered) == {"app-1"}, what="the removal of what ends")


def test_a_backend_that_returns_has_its_servers_still(
    session: ZooKeeper, zk_root: str, template: Publishing, rendered: Rendered
) -> None:
    """They were never away."""
    before = rendered.endpoints()
    PoolStore(session, zk_root).replace(BOTH)
    wait_for(rendered, 3)
    template.end(OLD)
    wait_until(lambda: tasks(rendered) == {"app-1", "old-3"}, what="an ordinary removal")
    after = rendered.endpoints()
    assert before is not None
    assert after is not None
    assert after.sequence == before.sequence + 1
