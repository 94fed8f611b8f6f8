"""The ZooKeeper connection against a real server that is killed, restarted, and ends sessions."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from sdk.errors import CorruptRecord, InvalidSpec, StorageUnavailable
from sdk.storage.connection import (
    BadVersion,
    Check,
    Create,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    SessionState,
    Set,
    ZooKeeper,
    connect,
    encode_json,
)
from tests.support.ports import free_port
from tests.support.still import standing_still
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


@contextmanager
def connected(hosts: str, on_state: Callable[[SessionState], None] | None = None) -> Iterator[ZooKeeper]:
    zookeeper = connect(hosts, session_timeout=2.0, on_state=on_state)
    try:
        assert zookeeper.wait_connected(20)
        yield zookeeper
    finally:
        zookeeper.close()


@pytest.fixture
def zk(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    with connected(zookeeper.address) as client:
        yield client


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ZooKeeperServer]:
    """A server that the test may kill."""
    server = ZooKeeperServer(tmp_path / "zk", free_port())
    server.start()
    yield server
    server.stop()


def expire(server: ZooKeeperServer, zookeeper: ZooKeeper) -> None:
    """End the session as the server would: a second client takes it over and closes it."""
    thief = KazooClient(hosts=server.address, client_id=zookeeper.session, timeout=2.0)
    thief.start(20)
    thief.stop()
    thief.close()


def test_reads_and_writes_give_versions(zk: ZooKeeper, zk_root: str) -> None:
    """What was written is read back with the version that the write returned."""
    assert zk.get(f"{zk_root}/a") is None
    assert zk.create(f"{zk_root}/a", b"1") == f"{zk_root}/a"
    assert zk.get(f"{zk_root}/a") == (b"1", 0)
    assert zk.set(f"{zk_root}/a", b"2", 0) == 1
    assert zk.put(f"{zk_root}/a", b"3") == 2
    assert zk.put(f"{zk_root}/b/c", b"") == 0
    assert zk.children(zk_root) == ["a", "b"]
    assert zk.children(f"{zk_root}/nothing") == []
    assert zk.delete(f"{zk_root}/a") is True
    assert zk.delete(f"{zk_root}/a") is False
    assert not zk.exists(f"{zk_root}/a")


def test_conflicts_have_their_own_types(zk: ZooKeeper, zk_root: str) -> None:
    """A caller can tell why a write did not fit."""
    path = f"{zk_root}/a/b"
    zk.create(path, b"")
    with pytest.raises(NodeExists, match=path):
        zk.create(path, b"")
    with pytest.raises(BadVersion, match=path):
        zk.set(path, b"", 7)
    with pytest.raises(NoNode, match="nothing"):
        zk.set(f"{zk_root}/nothing", b"")
    with pytest.raises(NotEmpty, match="has children"):
        zk.delete(f"{zk_root}/a")
    assert zk.delete(zk_root, recursive=True)
    assert not zk.exists(zk_root)


def test_a_multi_applies_all_or_nothing(zk: ZooKeeper, zk_root: str) -> None:
    """The first operation that does not fit is named, and none is applied."""
    zk.ensure(zk_root)
    assert zk.multi(
        [Check(zk_root), Create(f"{zk_root}/a", b"1"), Set(f"{zk_root}/a", b"2"), Delete(f"{zk_root}/a")]
    ) == [
        None,
        f"{zk_root}/a",
        1,
        None,
    ]
    zk.create(f"{zk_root}/a", b"1")
    with pytest.raises(BadVersion, match=f"{zk_root}/a"):
        zk.multi([Create(f"{zk_root}/b"), Set(f"{zk_root}/a", b"2", 5), Create(f"{zk_root}/c")])
    assert zk.children(zk_root) == ["a"]
    assert zk.get(f"{zk_root}/a") == (b"1", 0)


def test_json_nodes_are_sorted_and_checked(zk: ZooKeeper, zk_root: str) -> None:
    """A node that is not JSON is reported with its path."""
    zk.create(f"{zk_root}/j", encode_json({"b": "ü", "a": [1]}))
    assert zk.get(f"{zk_root}/j") == ('{"a":[1],"b":"ü"}'.encode(), 0)
    assert zk.get_json(f"{zk_root}/j") == ({"a": [1], "b": "ü"}, 0)
    assert zk.get_json(f"{zk_root}/none") is None
    zk.set(f"{zk_root}/j", b"\xff{")
    with pytest.raises(CorruptRecord, match=f"{zk_root}/j"):
        zk.get_json(f"{zk_root}/j")
    zk.set(f"{zk_root}/j", b"[" * 100_000)
    with pytest.raises(CorruptRecord, match=f"{zk_root}/j"):
        zk.get_json(f"{zk_root}/j")


def test_several_nodes_are_read_together(zk: ZooKeeper, zk_root: str) -> None:
    """Each in its place, also beyond what is asked for at once; None stands for one that is not there."""
    for number in range(0, 40, 2):
        zk.create(f"{zk_root}/many/{number}", str(number).encode())
    found = zk.get_all([f"{zk_root}/many/{number}" for number in range(40)])
    assert found == [str(number).encode() if number % 2 == 0 else None for number in range(40)]
    assert zk.get_all([]) == []
    names = sorted(map(str, range(0, 40, 2)))
    assert zk.children_all([f"{zk_root}/many", f"{zk_root}/nothing"] * 20) == [names, []] * 20


def test_a_packet_that_the_server_would_drop_is_refused(zk: ZooKeeper, zk_root: str) -> None:
    """Too large writes are an error of the caller, not a lost connection."""
    with pytest.raises(InvalidSpec, match="900000"):
        zk.create(f"{zk_root}/big", b"x" * 900_001)
    with pytest.raises(InvalidSpec, match="900000"):
        zk.multi([Create(f"{zk_root}/{n}", b"x" * 300_000) for n in range(3)])
    zk.create(f"{zk_root}/big", b"x" * 899_000)
    assert zk.state is SessionState.CONNECTED


def test_a_data_watch_follows_a_node_through_its_life(zk: ZooKeeper, zk_root: str) -> None:
    """Absent, created, changed, deleted and created again are all told."""
    seen: list[tuple[bytes, int] | None] = []
    path = f"{zk_root}/n"
    handle = zk.watch_data(path, seen.append)
    wait_until(lambda: seen == [None], what="the first call")
    zk.create(path, b"1")
    wait_until(lambda: seen[-1] == (b"1", 0), what="the creation")
    zk.set(path, b"2")
    wait_until(lambda: seen[-1] == (b"2", 1), what="the change")
    zk.delete(path)
    wait_until(lambda: seen[-1] is None, what="the deletion")
    zk.create(path, b"1")
    wait_until(lambda: seen[-1] == (b"1", 0), what="the second creation")
    handle.close()
    zk.set(path, b"3")
    later: list[object] = []
    zk.watch_data(path, later.append)
    wait_until(lambda: later == [(b"3", 1)], what="a later watch")
    assert seen[-1] == (b"1", 0)


def test_a_children_watch_follows_names(zk: ZooKeeper, zk_root: str) -> None:
    """The whole sorted list is told each time, None without the parent."""
    seen: list[list[str] | None] = []
    zk.watch_children(zk_root, seen.append)
    wait_until(lambda: seen == [None], what="the first call")
    zk.create(f"{zk_root}/b")
    wait_until(lambda: seen[-1] == ["b"], what="one child")
    zk.create(f"{zk_root}/a")
    wait_until(lambda: seen[-1] == ["a", "b"], what="two children")
    zk.delete(zk_root, recursive=True)
    wait_until(lambda: seen[-1] is None, what="the deletion of the parent")


def test_a_callback_that_raises_gets_the_next_change(zk: ZooKeeper, zk_root: str) -> None:
    """An exception in a callback neither ends its watch nor the watches of others."""
    seen: list[object] = []

    def broken(found: tuple[bytes, int] | None) -> None:
        seen.append(found)
        raise RuntimeError("broken on purpose")

    zk.create(f"{zk_root}/n", b"1")
    zk.watch_data(f"{zk_root}/n", broken)
    wait_until(lambda: seen == [(b"1", 0)], what="the first call")
    zk.set(f"{zk_root}/n", b"2")
    wait_until(lambda: seen == [(b"1", 0), (b"2", 1)], what="the second call")


@pytest.mark.parametrize("kind", ["data", "children"])
def test_a_callback_that_found_zookeeper_away_is_told_again(zk: ZooKeeper, zk_root: str, kind: str) -> None:
    """It could not do its work: nothing else will change that would call it again."""
    zk.create(f"{zk_root}/node/child")
    told: list[object] = []

    def callback(value: object) -> None:
        told.append(value)
        if len(told) == 1:
            raise StorageUnavailable("a read in the callback got no answer")

    path = f"{zk_root}/node"
    watch = zk.watch_data(path, callback) if kind == "data" else zk.watch_children(path, callback)
    wait_until(lambda: len(told) == 2, what="the second call")
    assert told[0] == told[1]
    watch.close()


def test_a_callback_may_use_the_connection(zk: ZooKeeper, zk_root: str) -> None:
    """Reading inside a callback does not lock up."""
    seen: list[object] = []
    zk.create(f"{zk_root}/n", b"1")
    zk.watch_children(zk_root, lambda names: seen.append([zk.get(f"{zk_root}/{name}") for name in names or []]))
    wait_until(lambda: seen == [[(b"1", 0)]], what="the call")


def test_watches_and_ephemerals_survive_the_end_of_the_session(zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """After LOST the same handles work on, on a new session."""
    states: list[SessionState] = []
    with connected(zookeeper.address, states.append) as ours, connected(zookeeper.address) as other:
        seen: list[object] = []
        ours.watch_data(f"{zk_root}/n", seen.append)
        ours.watch_children(f"{zk_root}/list", seen.append)
        node = ours.keep_ephemeral(f"{zk_root}/me", b"1")
        wait_until(lambda: other.get(f"{zk_root}/me") == (b"1", 0), what="the ephemeral node")
        assert ours.session is not None
        old = ours.session[0]
        expire(zookeeper, ours)
        wait_until(lambda: states.count(SessionState.CONNECTED) == 2, 20, "the new session")
        assert SessionState.LOST in states
        wait_until(lambda: (stat := other.stat(f"{zk_root}/me")) and stat.owner not in (0, old), what="the new node")
        assert ours.session[0] != old
        other.create(f"{zk_root}/n", b"x")
        other.create(f"{zk_root}/list/a")
        wait_until(lambda: (b"x", 0) in seen and ["a"] in seen, what="both watches")
        node.set(b"2")
        wait_until(lambda: (found := other.get(f"{zk_root}/me")) and found[0] == b"2", what="the new data")
        node.close()
        wait_until(lambda: not other.exists(f"{zk_root}/me"), what="the removal")


def test_an_ephemeral_node_that_somebody_deletes_comes_back(zk: ZooKeeper, zk_root: str) -> None:
    """The node is kept in place until its handle is closed."""
    zk.keep_ephemeral(f"{zk_root}/me", b"1")
    wait_until(lambda: zk.exists(f"{zk_root}/me"), what="the node")
    zk.delete(f"{zk_root}/me")
    wait_until(lambda: zk.exists(f"{zk_root}/me"), what="the node again")


def test_an_ephemeral_node_of_our_previous_life_is_replaced(zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """A process that restarts does not wait for its old session to end."""
    with connected(zookeeper.address) as old, connected(zookeeper.address) as new:
        old.create(f"{zk_root}/me", b"old", ephemeral=True)
        new.keep_ephemeral(f"{zk_root}/me", b"new")
        wait_until(lambda: (found := new.get(f"{zk_root}/me")) and found[0] == b"new", what="the new node")
        stat = new.stat(f"{zk_root}/me")
        assert stat is not None
        assert new.session is not None
        assert stat.owner == new.session[0]


def test_a_server_that_is_killed_and_restarted_is_found_again(own_server: ZooKeeperServer, zk_root: str) -> None:
    """While it is away calls fail at once; afterwards watches, ephemerals and calls work on."""
    states: list[SessionState] = []
    with connected(own_server.address, states.append) as ours:
        ours.create(f"{zk_root}/n", b"1")
        seen: list[object] = []
        ours.watch_data(f"{zk_root}/n", seen.append)
        node = ours.keep_ephemeral(f"{zk_root}/me", b"1")
        wait_until(lambda: seen == [(b"1", 0)] and ours.exists(f"{zk_root}/me"), what="watch and node")
        own_server.kill()
        wait_until(lambda: ours.state is not SessionState.CONNECTED, what="the loss of the connection")
        with pytest.raises(StorageUnavailable, match=own_server.address):
            ours.get(f"{zk_root}/n")
        node.set(b"2")
        own_server.start()
        assert ours.wait_connected(30)
        wait_until(lambda: (found := ours.get(f"{zk_root}/me")) and found[0] == b"2", 20, "the ephemeral node")
        with connected(own_server.address) as other:
            other.set(f"{zk_root}/n", b"2")
        wait_until(lambda: seen[-1] == (b"2", 1), 20, "the watch")
        assert states[:2] == [SessionState.CONNECTED, SessionState.SUSPENDED]
        assert states[-1] is SessionState.CONNECTED


def test_connecting_begins_before_there_is_a_server(tmp_path: Path, zk_root: str) -> None:
    """`connect` does not wait, and what was asked for meanwhile happens once the server is there."""
    server = ZooKeeperServer(tmp_path / "zk", free_port())
    zookeeper = connect(server.address, session_timeout=2.0)
    try:
        assert zookeeper.state is SessionState.LOST
        with pytest.raises(StorageUnavailable):
            zookeeper.get("/")
        seen: list[object] = []
        zookeeper.watch_data(f"{zk_root}/me", seen.append)
        zookeeper.keep_ephemeral(f"{zk_root}/me", b"1")
        server.start()
        wait_until(lambda: seen and seen[-1] == (b"1", 0), 30, "the node and its watch")
    finally:
        zookeeper.close()
        server.stop()


def test_closing_does_not_need_a_server() -> None:
    """A process can end while ZooKeeper is away, and closing twice is harmless."""
    zookeeper = connect(f"127.0.0.1:{free_port()}", session_timeout=2.0)
    zookeeper.close()
    zookeeper.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "zookeeper"]


def test_credentials_open_nodes_and_are_never_logged(
    zookeeper: ZooKeeperServer, zk_root: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The password stands in no log line, whatever the level, and nodes are closed to others."""
    caplog.set_level(logging.DEBUG)
    with connected(f"zk://bob:s3cr%2Ft@{zookeeper.address}") as bob, connected(zookeeper.address) as other:
        bob.create(f"{zk_root}/n", b"1")
        assert bob.get(f"{zk_root}/n") == (b"1", 0)
        assert "s3cr" not in bob.address
        with pytest.raises(StorageUnavailable, match="credentials"):
            other.get(f"{zk_root}/n")
    assert "s3cr" not in caplog.text


def test_a_server_that_hangs_fails_calls_in_time_and_is_found_again(own_server: ZooKeeperServer, zk_root: str) -> None:
    """A stopped server keeps its connections: calls end by their own deadline, and nothing waits for ever."""
    with connected(own_server.address) as ours:
        ours.create(f"{zk_root}/n", b"1")
        seen: list[object] = []
        ours.watch_data(f"{zk_root}/n", seen.append)
        wait_until(lambda: seen == [(b"1", 0)], what="the watch")
        assert own_server.pid is not None
        with standing_still(own_server.pid):
            with pytest.raises(StorageUnavailable):
                ours.set(f"{zk_root}/n", b"2")
            wait_until(lambda: ours.state is not SessionState.CONNECTED, 20, "the notice")
        assert ours.wait_connected(30)
        # The write that failed may or may not have been applied; what comes after it is.
        version = ours.put(f"{zk_root}/n", b"3")
        wait_until(lambda: seen[-1] == (b"3", version), 20, "the watch")


# kazoo's own thread ends with the exception; that it does is what this test is about.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_client_that_ends_over_garbage_is_started_again(zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """kazoo's thread ends for ever at an answer that it does not expect; ours comes back on a new session."""
    with Corrupting(zookeeper) as proxy, connected(proxy.address) as ours:
        node = ours.keep_ephemeral(f"{zk_root}/me", b"1")
        wait_until(lambda: ours.exists(f"{zk_root}/me"), what="the node")
        first = ours.session
        proxy.corrupt.set()
        with pytest.raises(StorageUnavailable):
            ours.get(f"{zk_root}/me")
        wait_until(lambda: ours.state is SessionState.CONNECTED and ours.session != first, 30, "the new session")
        node.set(b"2")
        wait_until(lambda: (found := ours.get(f"{zk_root}/me")) and found[0] == b"2", 20, "the node")


class Corrupting:
    """A proxy that spoils the number of one answer when told to."""

    def __init__(self, server: ZooKeeperServer) -> None:
        self.corrupt = threading.Event()
        self._target = (server.host, server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "Corrupting":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers and len(data) > 8 and data[4:8] != b"\xff\xff\xff\xfe" and self.corrupt.is_set():
                    self.corrupt.clear()
                    data = data[:4] + b"\x7f\xff\xff\xff" + data[8:]
                sink.sendall(data)
        except OSError:
            return  # one side went away
        finally:
            for each in (source, sink):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
