"""Pools in ZooKeeper: versions, and following all of them."""

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolExists, PoolMissing, PoolStore, PoolView, VersionMismatch
from sdk.errors import CorruptRecord
from sdk.storage.connection import BadVersion, Check, NoNode, Op, ZooKeeper, connect, encode_json
from tests.support.pools import minimal
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


def pool(name: str = "web", **changes: object) -> Pool:
    """A minimal pool."""
    return load_pool(minimal(name=name, **changes))


def told(view: PoolView) -> dict[str, tuple[Pool, int]]:
    """Pools and versions of a view, without the uids, which are random."""
    return {name: (stored.pool, stored.version) for name, stored in view.items()}


class ZooKeeperDouble:
    """Hands everything on to a real connection; what is overridden happens first."""

    def __init__(self, inner: ZooKeeper) -> None:
        self.inner = inner
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


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


def test_versions_count_up_from_one_and_the_uid_stays(store: PoolStore) -> None:
    """Both together are the ETag."""
    first = store.create(pool())
    assert (first.pool, first.version) == (pool(), 1)
    second = store.replace(pool(count=2), author="ann")
    revision = Revision(first.revision.uid, 2)
    assert second == StoredPool(pool(count=2), revision, first.created, "ann", first.cookie_key, written=second.written)
    assert second.written >= first.written == first.created
    assert second.etag == f'"{first.revision.uid}-2"'
    assert store.get("web") == second


def test_cookies_of_a_pool_are_made_of_a_key_of_its_own_for_all_its_life(
    store: PoolStore, connection: ZooKeeper, zk_root: str
) -> None:
    """Nobody can guess it, and a pool that is stored without one gets it with its next version."""
    first = store.create(pool())
    assert re.fullmatch("[0-9a-f]{32}", first.cookie_key)
    assert store.replace(pool(count=2)).cookie_key == first.cookie_key
    store.delete("web")
    assert store.create(pool()).cookie_key != first.cookie_key
    connection.set(f"{zk_root}/pools/web", encode_json(dump_pool(pool())))
    assert (store.get("web") or first).cookie_key == ""
    given = store.replace(pool(count=2)).cookie_key
    assert re.fullmatch("[0-9a-f]{32}", given)
    assert (store.get("web") or first).cookie_key == given


def test_a_pool_that_is_created_again_is_another_one(store: PoolStore) -> None:
    """Its versions count from the start, so the version alone would take the state of one for that of the other."""
    deleted = store.create(pool())
    store.delete("web")
    again = store.create(pool(count=2))

    assert (again.version, again.revision == deleted.revision) == (1, False)
    for change in (
        lambda: store.replace(pool(count=9), str(deleted.revision)),
        lambda: store.delete("web", str(deleted.revision)),
    ):
        with pytest.raises(VersionMismatch, match="deleted and created again"):
            change()
    assert store.get("web") == again


def test_a_pool_that_is_created_again_between_look_and_write_is_not_overwritten(
    connection: ZooKeeper, store: PoolStore, zk_root: str
) -> None:
    """Who replaces a pool looks at it and then writes it: what was created in between has the same version."""
    other = PoolStore(connection, zk_root)
    deleted = store.create(pool())

    class Between(ZooKeeperDouble):
        """Another operator is faster by one call."""

        def multi(self, ops: Sequence[Op]) -> list[int | str | None]:
            if self.calls == 0:
                self.calls += 1
                other.delete("web")
                other.create(pool(count=2))
            return self.inner.multi(ops)

    with pytest.raises(VersionMismatch, match="deleted and created again"):
        PoolStore(cast(ZooKeeper, Between(connection)), zk_root).replace(pool(count=9), str(deleted.revision))
    assert (store.get("web") or deleted).pool == pool(count=2)


def test_a_pool_without_a_uid_is_taken_as_it_is(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """It was stored before there were uids; its tag is its version."""
    connection.put(f"{zk_root}/pools/web", encode_json(dump_pool(pool())))
    assert store.get("web") == StoredPool(pool(), Revision("", 1))
    written = store.replace(pool(count=2), "1")
    assert written == StoredPool(pool(count=2), Revision("", 2), cookie_key=written.cookie_key, written=written.written)
    with pytest.raises(VersionMismatch, match="it is at version 2, not 1"):
        store.delete("web", "1")
    store.delete("web", "2")
    assert store.get("web") is None


def test_a_node_below_a_pool_does_not_keep_it(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """Somebody made it by hand."""
    stored = store.create(pool())
    connection.create(f"{zk_root}/pools/web/note/deep", b"x")
    store.delete("web", str(stored.revision))
    assert store.get("web") is None


def test_writes_that_do_not_fit_what_is_stored_change_nothing(store: PoolStore) -> None:
    """Each refusal has its own type."""
    stored = store.create(pool())
    for tag in (f"{stored.revision.uid}-7", "7", "", "junk", "9" * 300):
        with pytest.raises(PoolExists):
            store.create(pool(count=2))
        with pytest.raises(VersionMismatch):
            store.replace(pool(count=2), tag)
        with pytest.raises(VersionMismatch):
            store.delete("web", tag)
    for refused in (lambda: store.replace(pool("other")), lambda: store.delete("other")):
        with pytest.raises(PoolMissing):
            refused()
    assert store.get("web") == stored


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


@pytest.mark.parametrize("size", [1, 3000])
def test_what_has_to_hold_beside_a_change_is_checked_with_it(
    store: PoolStore, connection: ZooKeeper, zk_root: str, size: int
) -> None:
    """A process that is not in charge any more writes nothing, and hears of it at once."""
    lock = f"{zk_root}/locks/x"
    connection.create(lock)
    good, bad, none = Check(lock, 0), Check(lock, 7), Check(f"{lock}-gone", 0)
    for check, error in ((bad, BadVersion), (none, NoNode)):
        with pytest.raises(error):
            store.create(large(size), checks=(check,))
    assert store.get("web") is None
    stored = store.create(large(size), checks=(good,))
    for check, error in ((bad, BadVersion), (none, NoNode)):
        with pytest.raises(error):
            store.replace(large(size + 1), checks=(check,))
        with pytest.raises(error):
            store.delete("web", checks=(check,))
    assert store.get("web") == stored
    assert store.replace(large(size + 1), checks=(good,)).version == 2
    store.delete("web", checks=(good,))
    assert store.get("web") is None


def test_who_writes_again_and_again_keeps_what_others_wrote_meanwhile(
    store: PoolStore, connection: ZooKeeper, zk_root: str
) -> None:
    """Fields of a newer release, too, from whenever on they are there."""
    owner = PoolStore(connection, zk_root, own=OwnWritings())
    owner.create(large(3))
    owner.replace(large(4))
    path = f"{zk_root}/pools/web"
    value, _ = connection.get_json(path) or ({}, 0)
    value["pool"]["later"] = 7
    connection.set(path, encode_json(value | {"version": value["version"] + 1}))
    for count in (5, 6, 3000, 7):
        stored = owner.replace(large(count))
        assert store.get("web") == stored
    found, _ = connection.get_json(path) or ({}, 0)
    assert found["pool"]["later"] == 7
    store.replace(large(8))
    last = owner.replace(large(9))
    assert store.get("web") == last
    assert last.version == 9


def test_who_watches_what_he_writes_gets_what_he_wrote(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """A large pool is not read again, unless somebody else has written it."""
    owner, views = PoolStore(connection, zk_root, own=OwnWritings()), []
    watch = owner.watch(views.append)
    try:
        made = owner.create(large(3000))
        wait_until(lambda: views and views[-1].get("web") == made, what="the pool")
        assert views[-1]["web"].pool is made.pool
        again = owner.replace(large(3001))
        wait_until(lambda: views[-1]["web"] == again, what="the next one")
        assert views[-1]["web"].pool is again.pool
        others = store.replace(large(3002))
        wait_until(lambda: views[-1]["web"] == others, what="that of somebody else")
        last = owner.replace(large(3003))
        wait_until(lambda: views[-1]["web"] == last, what="the last one")
    finally:
        watch.close()


def test_the_oldest_writings_are_forgotten(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """They are read again, then."""
    own = OwnWritings(most=2)
    owner = PoolStore(connection, zk_root, own=own)
    made = [owner.create(pool(name)) for name in ("a", "b", "c")]
    assert [one.pool.name for one in made if own.of(one.pool.name, one.revision)] == ["b", "c"]
    again = owner.replace(pool("a"))
    assert store.get("a") == again
    assert own.of("a", again.revision)


def test_a_pool_is_not_read_again_in_the_state_in_which_it_was_read_last(store: PoolStore) -> None:
    """In any other it is."""
    first = store.create(pool())
    assert store.get("web", first) is first
    second = store.replace(pool(count=7))
    assert store.get("web", first) == second
    store.delete("web")
    assert store.get("web", second) is None


def large(count: int) -> Pool:
    """A pool whose content does not fit beside others into a node."""
    services = [{"marathon": {"serviceID": f"/app-{n * 7919 % 100003:x}"}} for n in range(count)]
    return pool(haproxy={"backends": [{"name": "app", "services": services}]})


def texts(connection: ZooKeeper, zk_root: str) -> list[str]:
    """The nodes of texts beside the pool `web`."""
    return connection.children(f"{zk_root}/pools/web/parts")


def test_a_large_pool_stands_in_texts_beside_its_node(
    store: PoolStore, views: list[PoolView], connection: ZooKeeper, zk_root: str
) -> None:
    """They come and go with it; readers and watches see the same as of a small one."""
    first = store.create(large(3000))
    assert len(texts(connection, zk_root)) == 1
    assert store.get("web") == first
    wait_until(lambda: views[-1].get("web") == first, 10, "the large pool")
    second = store.replace(large(4000))
    assert (second.version, len(texts(connection, zk_root))) == (2, 1)
    wait_until(lambda: views[-1].get("web") == second, 10, "the other one")
    third = store.replace(pool(), str(second.revision))
    assert (store.get("web"), texts(connection, zk_root)) == (third, [])
    fourth = store.replace(large(3000))
    assert store.get("web") == fourth
    store.delete("web", str(fourth.revision))
    assert store.get("web") is None
    wait_until(lambda: "web" not in views[-1], 10, "its end")
    assert not any(view.unreadable for view in views)


def test_a_text_that_is_removed_between_writing_and_naming_it_is_written_again(
    connection: ZooKeeper, zk_root: str
) -> None:
    """Whoever wrote before tidies up, and cannot know what the text is for."""
    store = PoolStore(connection, zk_root)
    store.create(large(3000))

    class Tidy(ZooKeeperDouble):
        """Removes all texts once before the node is written."""

        def multi(self, ops: Sequence[Op]) -> list[int | str | None]:
            if self.calls == 0:
                self.calls += 1
                for name in texts(connection, zk_root):
                    self.inner.delete(f"{zk_root}/pools/web/parts/{name}")
            return self.inner.multi(ops)

    written = PoolStore(cast(ZooKeeper, Tidy(connection)), zk_root).replace(large(4000))
    assert store.get("web") == written


def test_a_pool_that_is_deleted_while_it_is_replaced_does_not_come_back(connection: ZooKeeper, zk_root: str) -> None:
    """Its text would stand below a node that is not there any more."""
    store = PoolStore(connection, zk_root)
    store.create(pool())

    class Deleting(ZooKeeperDouble):
        """Somebody deletes the pool before the text is written."""

        def create(self, path: str, data: bytes = b"", **options: Any) -> str:
            if self.calls == 0:
                self.calls += 1
                store.delete("web")
            return self.inner.create(path, data, **options)

    with pytest.raises(PoolMissing):
        PoolStore(cast(ZooKeeper, Deleting(connection)), zk_root).replace(large(3000))
    assert not connection.exists(f"{zk_root}/pools/web")


def test_the_creation_of_a_large_pool_that_was_broken_off_leaves_none(
    store: PoolStore, connection: ZooKeeper, zk_root: str, views: list[PoolView]
) -> None:
    """Its node stands, empty, before its text does; somebody else may create the pool."""
    connection.create(f"{zk_root}/pools/web", b"")
    connection.create(f"{zk_root}/pools/web/parts/{'0' * 64}", b"half")
    assert store.get("web") is None
    assert dict(store.all()) == {}
    with pytest.raises(PoolMissing):
        store.replace(pool())
    with pytest.raises(PoolMissing):
        store.delete("web")
    for wanted in (large(3000), pool()):
        stored = store.create(wanted)
        assert store.get("web") == stored
        wait_until(lambda stored=stored: views[-1].get("web") == stored, 10, "the pool")  # type: ignore[misc]
        with pytest.raises(PoolExists):
            store.create(pool(count=2))
        store.delete("web")
        connection.create(f"{zk_root}/pools/web", b"")
    assert not any(view.unreadable for view in views)


def test_a_node_that_a_newer_release_wrote_is_not_written_over(
    store: PoolStore, connection: ZooKeeper, zk_root: str
) -> None:
    """Damage may be; what we do not understand may not."""
    record = {"schema": 9, "uid": "u", "version": 1, "created": 0, "author": ""}
    connection.put(f"{zk_root}/pools/web", encode_json(record))
    with pytest.raises(CorruptRecord, match="run the newer one"):
        store.replace(pool())
    connection.put(f"{zk_root}/pools/web", b"garbage")
    mended = store.replace(pool())
    assert store.get("web") == mended


def test_views_share_the_pools_that_did_not_change(store: PoolStore, views: list[PoolView]) -> None:
    """So whoever follows pools pays for the one that changed, not for all."""
    store.create(pool("a"))
    store.create(pool("b"))
    wait_until(lambda: len(views[-1]) == 2, 10, "both pools")
    before = views[-1]
    store.replace(pool("b", count=2))
    wait_until(lambda: views[-1]["b"].version == 2, 10, "the change")
    assert views[-1]["a"] is before["a"]


def test_a_watch_tells_all_pools_first_and_then_every_change(store: PoolStore, views: list[PoolView]) -> None:
    """Creation, update and deletion, in one mapping each time."""
    assert dict(views[0]) == {}
    store.create(pool("a"))
    wait_until(lambda: told(views[-1]) == {"a": (pool("a"), 1)}, 10, "creation")
    store.create(pool("b"))
    store.replace(pool("a", count=3))
    wait_until(lambda: told(views[-1]) == {"a": (pool("a", count=3), 2), "b": (pool("b"), 1)}, 10, "update")
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

    wait_until(lambda: told(views[-1]).get("web") == (pool(count=9), 1), 10, "the new pool")


def test_a_pool_that_becomes_unreadable_stays_as_it_was_last_understood(
    store: PoolStore, connection: ZooKeeper, zk_root: str, views: list[PoolView]
) -> None:
    """Damage must not take load balancers down; a pool never understood is told apart."""
    store.create(pool())
    wait_until(lambda: "web" in views[-1], 10, "creation")
    connection.put(f"{zk_root}/pools/web", b"garbage")
    connection.put(f"{zk_root}/pools/other", b"garbage")

    wait_until(lambda: "other" in views[-1].unreadable, 10, "the unreadable one")
    assert told(views[-1])["web"] == (pool(), 1)
    store.replace(pool(count=2))
    wait_until(lambda: views[-1]["web"].pool.count == 2, 10, "repair")


def test_a_watch_catches_up_after_zookeeper_was_away(tmp_path: Path, zk_root: str) -> None:
    """What changed meanwhile is told; nothing is told as gone in between."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    watching, writing = connect(server.address), connect(server.address)
    try:
        assert watching.wait_connected(60)
        assert writing.wait_connected(60)
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


@pytest.mark.slow
def test_no_reader_ever_sees_a_half_of_a_large_pool(store: PoolStore, connection: ZooKeeper, zk_root: str) -> None:
    """However often it is written meanwhile."""
    sizes = [3000, 4000, 1]
    store.create(large(sizes[0]))
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        reader = PoolStore(connection, zk_root)
        while not done.is_set():
            found = reader.get("web")
            seen.append(len(found.pool.haproxy.backends[0].services) if found is not None else -1)

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        for number in range(15):
            store.replace(large(sizes[number % len(sizes)]))
        done.set()
        looking.result(30)
    assert seen
    assert set(seen) <= set(sizes)
