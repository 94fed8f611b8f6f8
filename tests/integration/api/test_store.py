"""Pools in ZooKeeper: versions, and following all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.pools.model import Pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.store import PoolExists, PoolMissing, PoolStore, PoolView, StoredPool, VersionMismatch
from sdk.errors import CorruptRecord
from sdk.storage.connection import ZooKeeper, connect
from tests.support.pools import minimal
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


def pool(name: str = "web", **changes: object) -> Pool:
    """A minimal pool."""
    return load_pool(minimal(name=name, **changes))


@pytest.fixture
def store(connection: ZooKeeper, zk_root: str) -> PoolStore:
    """The store of a fresh root."""
    return PoolStore(connection, zk_root)


@pytest.fixture
def views(store: PoolStore) -> Iterator[list[PoolView]]:
    """What a watch of all pools was told, in order."""
    told: list[PoolView] = []
    watch = store.watch(told.append)
    wait_until(lambda: told, 10, "the first view")
    yield told
    watch.close()


def test_versions_count_up_from_zero_and_etags_from_one(store: PoolStore) -> None:
    """An ETag is the version of the node + 1."""
    assert store.create(pool()) == StoredPool(pool(), 0)
    assert store.replace(pool(count=2)).etag == '"2"'
    assert store.get("web") == StoredPool(pool(count=2), 1)


def test_writes_that_do_not_fit_what_is_stored_change_nothing(store: PoolStore) -> None:
    """Each refusal has its own type."""
    store.create(pool())
    with pytest.raises(PoolExists):
        store.create(pool(count=2))
    with pytest.raises(VersionMismatch):
        store.replace(pool(count=2), 7)
    with pytest.raises(VersionMismatch):
        store.delete("web", 7)
    for refused in (lambda: store.replace(pool("other")), lambda: store.delete("other")):
        with pytest.raises(PoolMissing):
            refused()
    assert store.get("web") == StoredPool(pool(), 0)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "A", "a" * 64])
def test_a_name_that_is_no_pool_name_never_becomes_a_path(store: PoolStore, name: str) -> None:
    """Whatever the caller forgot to check."""
    with pytest.raises(InvalidPool):
        store.get(name)
    with pytest.raises(InvalidPool):
        store.delete(name)


def test_a_node_that_is_no_pool_is_told_as_such(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """With its path; the others are still listed."""
    store.create(pool())
    connection.put(f"{zk_root}/pools/bad", b"{}")
    connection.put(f"{zk_root}/pools/liar", b'{"name": "other"}')

    with pytest.raises(CorruptRecord, match="/pools/bad"):
        store.get("bad")
    view = store.all()
    assert list(view) == ["web"]
    assert set(view.unreadable) == {"bad", "liar"}


def test_a_watch_tells_all_pools_first_and_then_every_change(store: PoolStore, views: list[PoolView]) -> None:
    """Creation, update and deletion, in one mapping each time."""
    assert dict(views[0]) == {}
    store.create(pool("a"))
    wait_until(lambda: dict(views[-1]) == {"a": (pool("a"), 0)}, 10, "creation")
    store.create(pool("b"))
    store.replace(pool("a", count=3))
    wait_until(lambda: dict(views[-1]) == {"a": (pool("a", count=3), 1), "b": (pool("b"), 0)}, 10, "update")
    store.delete("a")
    wait_until(lambda: list(views[-1]) == ["b"], 10, "deletion")


def test_a_watch_never_tells_a_part_of_the_pools_at_first(connection: ZooKeeper, store: PoolStore) -> None:
    """Whoever acts on absence would take the others down."""
    for index in range(30):
        store.create(pool(f"p{index}"))
    told: list[PoolView] = []
    watch = store.watch(told.append)
    wait_until(lambda: told, 10, "the first view")
    watch.close()

    assert len(told[0]) == 30


def test_a_pool_that_is_deleted_and_created_again_is_told_as_the_new_one(
    store: PoolStore, views: list[PoolView]
) -> None:
    """Also when both happen before the watch looks."""
    store.create(pool())
    wait_until(lambda: "web" in views[-1], 10, "creation")
    store.delete("web")
    store.create(pool(count=9))

    wait_until(lambda: views[-1].get("web") == (pool(count=9), 0), 10, "the new pool")


def test_a_pool_that_becomes_unreadable_stays_as_it_was_last_understood(
    store: PoolStore, connection: ZooKeeper, zk_root: str, views: list[PoolView]
) -> None:
    """Damage must not take load balancers down; a pool never understood is told apart."""
    store.create(pool())
    wait_until(lambda: "web" in views[-1], 10, "creation")
    connection.put(f"{zk_root}/pools/web", b"garbage")
    connection.put(f"{zk_root}/pools/other", b"garbage")

    wait_until(lambda: "other" in views[-1].unreadable, 10, "the unreadable one")
    assert views[-1]["web"] == StoredPool(pool(), 0)
    store.replace(pool(count=2))
    wait_until(lambda: views[-1]["web"].pool.count == 2, 10, "repair")


def test_a_watch_catches_up_after_zookeeper_was_away(tmp_path: Path, zk_root: str) -> None:
    """What changed meanwhile is told; nothing is told as gone in between."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    watching, writing = connect(server.address), connect(server.address)
    try:
        assert watching.wait_connected(10)
        assert writing.wait_connected(10)
        told: list[PoolView] = []
        PoolStore(writing, zk_root).create(pool())
        watch = PoolStore(watching, zk_root).watch(told.append)
        wait_until(lambda: told, 10, "the first view")
        server.stop()
        server.start()
        assert writing.wait_connected(20)
        wait_until(lambda: PoolStore(writing, zk_root).replace(pool(count=5)), 20, "the write")
        wait_until(lambda: told[-1]["web"].pool.count == 5, 20, "the change")
        watch.close()
        assert all("web" in view for view in told)
    finally:
        watching.close()
        writing.close()
        server.stop()
