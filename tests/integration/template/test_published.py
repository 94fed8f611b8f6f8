"""What stands in a real ZooKeeper for a pool: order of writes, fencing, what is read again, what is removed."""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from api.dcos_template.publishing.charge import Charge, Results
from api.dcos_template.publishing.clerk import Order
from api.dcos_template.publishing.journal import INLINE
from api.dcos_template.publishing.published import Paths, load, write_parts
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.worker import Worker
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Port, Task
from pool_executor.contract import Blob, encode_blob, encode_structure
from scheduler.pools.model import Pool
from scheduler.pools.stored.store import PoolStore
from sdk.clock import SystemClock
from sdk.errors import LeadershipLost, SdkError
from sdk.storage.connection import Set, ZooKeeper
from sdk.storage.election import Leadership
from tests.support.rendered import Rendered
from tests.support.template_fixtures import expects_errors, logged
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = pytest.mark.integration
__all__ = ["expects_errors", "logged"]  # fixtures


@pytest.fixture
def session(connection: ZooKeeper) -> ZooKeeper:
    return connection


class Publishing:
    """A worker in charge, with all pools of the store; the test tells it tasks."""

    def __init__(self, session: ZooKeeper, root: str, workshop: Callable[[Order], Workshop] = Workshop) -> None:
        self._leadership = Leadership(session, f"{root}/locks/template", {"id": "test", "url": "", "pid": 0})
        self.worker = Worker(
            session, root, self._leadership.path, SystemClock(), turned=lambda: None, workshop=workshop
        )
        self.worker.start()
        self._leadership.start(self.worker.on_gained, self.worker.on_lost)
        self._watch = PoolStore(session, root).watch(self.worker.on_pools)

    def run(self, *tasks: Task) -> None:
        self.worker.on_tasks(TaskChanges(revision=0, updated=tasks))

    def end(self, *tasks: Task) -> None:
        self.worker.on_tasks(TaskChanges(revision=0, removed=tuple(one.key for one in tasks)))

    def stop(self) -> None:
        self._watch.close()
        self.worker.stop()
        self._leadership.stop()


@contextmanager
def publishing(session: ZooKeeper, root: str, workshop: Callable[[Order], Workshop] = Workshop) -> Iterator[Publishing]:
    made = Publishing(session, root, workshop)
    try:
        yield made
    finally:
        made.stop()


def web(*names: str, **fields: int) -> Pool:
    backends = (backend(name, service(task_name=name)) for name in names or ("app",))
    return pool("web", frontend("web", (names or ("app",))[0]), *backends, **fields)


def named(number: int, name: str = "app") -> Task:
    return task(f"t{number}", name=name, agent_address=f"10.0.{number // 250}.{number % 250}")


def ports(number: int) -> Task:
    return task(f"t{number}", name="app", ports=(Port(number=10000 + number),))


def count(rendered: Rendered, name: str = "app") -> int:
    return len(rendered.servers().get(name, ()))


def test_a_large_pool_begins_with_a_base_and_goes_on_with_operations(session: ZooKeeper, zk_root: str) -> None:
    """Whoever comes new reads few nodes, and a change is one small write."""
    PoolStore(session, zk_root).create(web())
    rendered = Rendered(session, zk_root, "web")
    with publishing(session, zk_root) as template:
        template.run(*(named(number) for number in range(3_000)))
        wait_until(lambda: rendered.structure() and count(rendered) == 3_000, 30, what="the servers")
        first = rendered.endpoints()
        assert first is not None
        assert (first.base, first.operations, first.segments) == (3_000, (), ())
        template.end(named(7))
        wait_until(lambda: count(rendered) == 2_999, what="the removal")
        head = rendered.endpoints()
        assert head is not None
        assert (head.lineage, head.sequence, head.base, head.shards) == (first.lineage, 3_001, 3_000, first.shards)


def test_a_damaged_log_of_a_large_pool_begins_anew_with_a_base(
    session: ZooKeeper, zk_root: str, expects_errors: None
) -> None:
    """As at the very beginning: no head tells thousands of servers one by one."""
    PoolStore(session, zk_root).create(web())
    rendered, servers = Rendered(session, zk_root, "web"), [named(number) for number in range(3_000)]
    with publishing(session, zk_root) as template:
        template.run(*servers)
        wait_until(lambda: rendered.structure() and count(rendered) == 3_000, 30, what="the servers")
        before = rendered.endpoints()
    session.set(f"{rendered.path}/endpoints", b"damaged")
    with publishing(session, zk_root) as template:
        template.run(*servers)
        wait_until(lambda: session.get(f"{rendered.path}/endpoints")[0] != b"damaged", 30, what="another head")
        head = rendered.endpoints()
    assert before is not None
    assert head is not None
    assert head.lineage != before.lineage
    assert (head.sequence, head.base, head.operations, head.segments) == (3_000, 3_000, (), ())
    assert count(rendered) == 3_000


def test_what_came_since_the_base_becomes_part_of_it_after_a_while(session: ZooKeeper, zk_root: str) -> None:
    """The structure never moves."""
    PoolStore(session, zk_root).create(web())
    rendered = Rendered(session, zk_root, "web")
    with publishing(session, zk_root) as template:
        template.run(named(0))
        wait_until(lambda: rendered.structure() and count(rendered) == 1, what="the first server")
        structure = rendered.structure()
        for first in range(1, 1_501, 300):
            template.run(*(named(number) for number in range(first, first + 300)))
            wait_until(lambda last=first + 300: count(rendered) == last, what="the servers")

        def compacted() -> bool:
            head = rendered.endpoints()
            return head is not None and head.base > 1_000 and head.shards is not None

        wait_until(compacted, 20, what="the base")
        assert count(rendered) == 1_501
        head = rendered.endpoints()
        assert head is not None
        assert len(session.get(f"{rendered.path}/endpoints")[0]) < 2 * INLINE  # type: ignore[index]
        assert rendered.structure() == structure


def test_a_successor_goes_on_with_the_log(session: ZooKeeper, zk_root: str) -> None:
    """With the numbers of servers, and nothing but the difference."""
    PoolStore(session, zk_root).create(web())
    rendered = Rendered(session, zk_root, "web")
    # These two names have the same CRC-32.
    hosts = ("10.1.24.82", "10.7.102.129")
    first, second = (task(host, name="app", agent_address=host, ports=(Port(number=10000),)) for host in hosts)
    with publishing(session, zk_root) as template:
        template.run(first)
        wait_until(lambda: count(rendered) == 1, what="the first server")
        template.run(second)
        wait_until(lambda: rendered.structure() and count(rendered) == 2, what="both servers")
    before, servers = rendered.endpoints(), rendered.servers()
    assert before is not None
    with publishing(session, zk_root) as template:
        template.run(second)
        wait_until(lambda: count(rendered) == 1, what="the difference")
        after = rendered.endpoints()
        assert after is not None
        assert (after.lineage, after.sequence) == (before.lineage, before.sequence + 1)
        (kept,) = rendered.servers()["app"].values()
        assert kept == servers["app"][kept.name]


def test_a_change_that_haproxy_does_not_see_writes_a_head_and_nothing_else(session: ZooKeeper, zk_root: str) -> None:
    """Readers learn which version of the pool they serve."""
    store, rendered = PoolStore(session, zk_root), Rendered(session, zk_root, "web")
    store.create(web())
    with publishing(session, zk_root) as template:
        template.run(named(1))
        wait_until(rendered.structure, what="the structure")
        before, log = rendered.structure(), rendered.endpoints()
        store.replace(web(count=3))
        wait_until(lambda: (now := rendered.structure()) and now.pool_version == 2, what="the new version")
        after = rendered.structure()
        assert before is not None
        assert after is not None
        assert (after.parts, after.version) == (before.parts, before.version + 1)
        assert rendered.endpoints() == log


def test_what_is_written_by_hand_is_noticed_and_replaced(
    session: ZooKeeper, zk_root: str, expects_errors: None
) -> None:
    """The version check of the head fails once, then what stands there is read again."""
    store, rendered = PoolStore(session, zk_root), Rendered(session, zk_root, "web")
    store.create(web())
    with publishing(session, zk_root) as template:
        template.run(named(1))
        wait_until(rendered.structure, what="the structure")
        session.set(f"{rendered.path}/endpoints", b"\xff{")
        template.run(named(2))

        def right() -> bool:
            try:
                return count(rendered) == 2
            except SdkError:
                return False

        wait_until(right, what="a log that can be read")
        head = rendered.structure()
        assert head is not None
        session.set(f"{rendered.path}/structure", encode_structure(head))
        store.replace(web("app", "api"))
        wait_until(lambda: (now := rendered.structure()) and now.pool_version == 2, what="the new structure")


def test_a_pool_that_is_made_again_counts_on(session: ZooKeeper, zk_root: str) -> None:
    """An instance that outlives the moment must not take new heads for old ones."""
    store, rendered = PoolStore(session, zk_root), Rendered(session, zk_root, "web")
    with publishing(session, zk_root) as template:
        template.run(named(1))
        store.create(web())
        wait_until(rendered.structure, what="the structure")
        first, log = rendered.structure(), rendered.endpoints()
        store.delete("web")
        wait_until(lambda: not session.exists(rendered.path), what="the removal")
        store.create(web())
        wait_until(rendered.structure, what="the structure of the new pool")
        second, again = rendered.structure(), rendered.endpoints()
        assert first is not None
        assert log is not None
        assert second is not None
        assert again is not None
        assert second.version > first.version
        assert second.pool_uid != first.pool_uid
        assert again.lineage != log.lineage


def test_what_somebody_else_put_below_a_pool_is_removed_with_it(session: ZooKeeper, zk_root: str) -> None:
    """A foreign node must hold up neither the removal nor, for ever, the process."""
    store, rendered = PoolStore(session, zk_root), Rendered(session, zk_root, "web")
    with publishing(session, zk_root) as template:
        template.run(named(1))
        store.create(web())
        wait_until(rendered.structure, what="the structure")
        for path in ("notes/deep", "parts/odd/below"):
            session.ensure(f"{rendered.path}/{path}")
        store.delete("web")
        wait_until(lambda: not session.exists(rendered.path), what="the removal")


def test_whoever_lost_the_lock_writes_nothing_though_it_has_it_again(session: ZooKeeper, zk_root: str) -> None:
    """What it knows is from before: a write is good under the epoch under which was read what it is based on."""
    session.ensure(f"{zk_root}/lock")
    session.ensure(f"{zk_root}/node")
    before, told = Charge(session, f"{zk_root}/lock", 0), queue.Queue[Results | SdkError]()
    before.write([Set(f"{zk_root}/node", b"first")])
    before.write_soon([Set(f"{zk_root}/node", b"second")], told.put)
    assert told.get(timeout=10) == [2]
    session.set(f"{zk_root}/lock", b"another reign")
    with pytest.raises(LeadershipLost):
        before.write([Set(f"{zk_root}/node", b"late")])
    before.write_soon([Set(f"{zk_root}/node", b"late")], told.put)
    assert isinstance(told.get(timeout=10), LeadershipLost)
    Charge(session, f"{zk_root}/lock", 1).write([Set(f"{zk_root}/node", b"third")])
    assert session.get(f"{zk_root}/node") == (b"third", 3)


def incompressible(size: int) -> str:
    """Random enough that zlib cannot make it small."""
    return "\n".join(f"{n * 2654435761 % (1 << 61):x} {n * 40503 % 65521:x}" for n in range(size))


@pytest.mark.parametrize("there", [0, 1, 2])
def test_parts_are_whole_whatever_an_earlier_process_has_left_of_them(
    session: ZooKeeper, zk_root: str, there: int
) -> None:
    """Also one that is too large for a node, of which some nodes are there already."""
    paths = Paths(base=f"{zk_root}/rendered", pool="web")
    session.ensure(paths.parts)
    texts = ["small", incompressible(90_000)]
    nodes = [encode_blob(text) for text in texts]
    assert len(nodes[1]) > 1
    for node, data in [*nodes[1][:there], *nodes[0][: there // 2]]:
        session.create(paths.part(node), data)
    write_parts(session, paths, texts, ())
    for written in nodes:
        for node, data in written:
            assert session.get(paths.part(node)) == (data, 0)


def test_parts_that_no_head_names_are_removed_whoever_wrote_them(session: ZooKeeper, zk_root: str) -> None:
    """Those of earlier bases, of a process that was in charge before, and of one that wrote on after it lost the lock;
    though the structure never moves.
    """
    PoolStore(session, zk_root).create(web())
    rendered, paths = Rendered(session, zk_root, "web"), Paths(base=f"{zk_root}/rendered", pool="web")

    def gone(sha256: str) -> bool:
        return sha256 not in session.children(paths.parts)

    def base_after(last: int, first: int) -> Blob:
        """Another base, with servers that come now."""
        template.run(*(named(number) for number in range(first, last)))

        def made() -> Blob | None:
            head = rendered.endpoints()
            return head.shards if head is not None and head.base >= last else None

        return wait_until(made, 30, what="a base")

    session.ensure(paths.parts)
    before, late = "of the process before", "of one that came late"
    write_parts(session, paths, [before], ())
    with publishing(session, zk_root) as template:
        first = base_after(300, 0)
        wait_until(lambda: gone(Blob.of(before).sha256), 30, what="the end of what was there before")
        assert not gone(first.sha256)
        write_parts(session, paths, [late], ())
        for last in (600, 900, 1200):
            base_after(last, last - 300)
        wait_until(lambda: gone(Blob.of(late).sha256), 30, what="the end of what came late")
        wait_until(lambda: gone(first.sha256), 30, what="the end of the first base")
        assert count(rendered) == 1200


def test_what_is_not_there_is_begun_anew(session: ZooKeeper, zk_root: str) -> None:
    """An empty tree is no error."""
    found = load(session, Paths(base=f"{zk_root}/rendered", pool="web"), SystemClock().monotonic)
    assert (found.structure, found.structure_node, found.endpoints_node) == (None, None, None)
    assert found.journal.complete
    assert found.nodes == set()
