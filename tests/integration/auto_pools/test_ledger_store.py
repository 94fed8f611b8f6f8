"""How old claims are, in ZooKeeper."""

import zlib

import pytest

from api.auto_pools.claim import App
from api.auto_pools.claims.ledger import EMPTY, Book, Entry, Ledger, encode_entries
from api.auto_pools.thread.ledger_store import LedgerStore
from sdk.errors import CorruptRecord
from sdk.storage.connection import ZooKeeper

pytestmark = pytest.mark.integration


def ledger(apps: int) -> Ledger:
    """Of so many applications."""
    return Ledger.of(
        {App("marathon", f"/team/app-{at}", True): Entry(1.0 + at, {"abcdefgh": at + 1}) for at in range(apps)}
    )


@pytest.mark.slow
def test_ledgers_of_any_length_are_read_back(connection: ZooKeeper, zk_root: str) -> None:
    """Whichever stood there before; nothing of that one is left."""
    store, path = LedgerStore(connection, zk_root), f"{zk_root}/auto-pools/default"
    assert store.get("default") is None
    for apps in (1, 5000, 3, 40_000, 5000, 0):
        store.put("default", ledger(apps))
        assert store.get("default") == LedgerStore(connection, zk_root).get("default") == ledger(apps)
        assert bool(connection.children(path)) == (apps > 1000)
    store.put("default", ledger(40_000))
    store.delete("default")
    assert store.get("default") is None
    assert store.names() == []


def test_of_a_long_ledger_only_what_changed_is_written(connection: ZooKeeper, zk_root: str) -> None:
    """By whoever wrote it, and by whoever read it."""
    path = f"{zk_root}/auto-pools/default"
    book = Book(ledger(5000))
    LedgerStore(connection, zk_root).put("default", book.ledger)
    store, before = LedgerStore(connection, zk_root), set(connection.children(path))
    book = Book(store.get("default") or EMPTY)
    book.put(App("marathon", "/new", True), Entry(1.0))
    store.put("default", book.ledger)
    after = set(connection.children(path))
    assert (len(before - after), len(after - before)) == (1, 1)
    assert LedgerStore(connection, zk_root).get("default") == book.ledger


def test_a_write_of_a_long_ledger_that_was_cut_short_is_made_up_for(connection: ZooKeeper, zk_root: str) -> None:
    """What it left behind is used or removed, and until then the ledger before counts."""
    path = f"{zk_root}/auto-pools/default"
    store = LedgerStore(connection, zk_root)
    store.put("default", ledger(5000))
    connection.create(f"{path}/{'0' * 64}", b"left behind")
    assert LedgerStore(connection, zk_root).get("default") == ledger(5000)
    named = connection.children(path)
    connection.delete(f"{path}/{named[-1]}")
    with pytest.raises(CorruptRecord, match="do not exist"):
        LedgerStore(connection, zk_root).get("default")
    store.put("default", ledger(5000))
    assert LedgerStore(connection, zk_root).get("default") == ledger(5000)
    assert "0" * 64 not in connection.children(path)


def test_a_ledger_that_was_packed_into_its_node_is_read(connection: ZooKeeper, zk_root: str) -> None:
    """As long ones were written before they had shards: an upgrade makes nobody's claim younger."""
    store, path = LedgerStore(connection, zk_root), f"{zk_root}/auto-pools/default"
    connection.put(path, zlib.compress(encode_entries(ledger(5000).items()).encode(), 1))
    assert store.get("default") == ledger(5000)
    store.put("default", ledger(5001))
    assert LedgerStore(connection, zk_root).get("default") == ledger(5001)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"shards": 1}',
        b'{"shards": [null]}',
        b'{"schema": 2, "apps": []}',
        b"\xff",
        zlib.compress(b"{}")[:-2],
    ],
)
def test_what_is_no_ledger_is_told_by_its_path(connection: ZooKeeper, zk_root: str, data: bytes) -> None:
    """Whoever begins with it begins anew."""
    path = f"{zk_root}/auto-pools/default"
    connection.put(path, data)
    with pytest.raises(CorruptRecord, match=path):
        LedgerStore(connection, zk_root).get("default")
