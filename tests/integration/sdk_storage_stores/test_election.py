"""Leadership on a real ZooKeeper: one in charge, fast take-over, fencing, suspension and loss."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.errors import LeadershipLost, StorageUnavailable
from sdk.storage.connection import Create, NodeExists, ZooKeeper, connect, decode_json
from sdk.storage.election import Leadership
from sdk.storage.holder import Role
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


class Member:
    """One competing process: a session of its own and a record of what it was told."""

    def __init__(self, address: str, path: str, name: str, *, session_timeout: float = 6.0) -> None:
        self.zookeeper: ZooKeeper = connect(address, session_timeout=session_timeout)
        assert self.zookeeper.wait_connected(60)
        self.leadership = Leadership(
            self.zookeeper, path, {"id": name, "url": f"http://{name}:8090", "pid": os.getpid()}
        )
        self.told: list[str] = []
        self.leading = threading.Event()
        self.lost = threading.Event()

    def start(self) -> "Member":
        self.leadership.start(self._on_gained, self._on_lost)
        return self

    def _on_gained(self, epoch: int) -> None:
        self.told.append(f"gained {epoch}")
        self.leading.set()

    def _on_lost(self) -> None:
        self.told.append("lost")
        self.leading.clear()
        self.lost.set()

    def close(self) -> None:
        self.leadership.stop()
        self.zookeeper.close()


def leads(member: Member) -> None:
    """Wait until it does."""
    wait_until(member.leading.is_set, what="it leads")


@pytest.fixture
def members(zookeeper: ZooKeeperServer, zk_root: str) -> Iterator[list[Member]]:
    """Two members that have not started."""
    two = [Member(zookeeper.address, f"{zk_root}/locks/x", name) for name in ("a", "b")]
    yield two
    for member in two:
        member.close()


def test_the_node_names_the_holder_and_its_data_version_is_the_epoch(members: list[Member]) -> None:
    """Taking over creates `holder` and says in the parent who did so when, and no more: that one stays."""
    a = members[0].start()
    leads(a)
    path = a.leadership.path
    parent, child = a.zookeeper.get(path), a.zookeeper.get(f"{path}/holder")
    assert parent is not None
    assert child is not None
    told = json.loads(child[0])
    assert json.loads(parent[0]) == {"id": told["id"], "since": told["since"]}
    assert parent[1] == a.leadership.epoch
    value = decode_json(path, child[0])
    assert sorted(value) == ["id", "pid", "since", "url"]
    assert (value["url"], value["pid"]) == ("http://a:8090", os.getpid())
    stat = a.zookeeper.stat(f"{path}/holder")
    session = a.zookeeper.session
    assert stat is not None
    assert session is not None
    assert stat.owner == session[0]


def test_a_standby_takes_over_when_the_holder_stops(members: list[Member]) -> None:
    """Two never lead at once; the second has a greater epoch."""
    a, b = members
    a.start()
    leads(a)
    b.start()
    wait_until(lambda: b.leadership.holder is not None, what="the standby sees the holder")
    assert b.leadership.role is Role.STANDBY
    assert b.leadership.holder is not None
    assert b.leadership.holder.url == "http://a:8090"
    first = a.leadership.epoch
    a.leadership.stop()
    leads(b)
    assert b.leadership.epoch == first + 1
    assert a.told == [f"gained {first}", "lost"]
    with pytest.raises(LeadershipLost):
        a.leadership.check()


def test_an_old_epoch_cannot_write(members: list[Member]) -> None:
    """A multi that begins with the check of an old epoch writes nothing."""
    a, b = members
    a.start()
    leads(a)
    old = a.leadership.check()
    a.leadership.write([Create(f"{a.leadership.path}-a", b"1")])
    assert a.zookeeper.get(f"{a.leadership.path}-a") == (b"1", 0)
    with pytest.raises(NodeExists):
        a.leadership.write([Create(f"{a.leadership.path}-a", b"1")])
    a.leadership.stop()
    b.start()
    leads(b)
    # As a process would that was stopped by the kernel between its decision and its write.
    a.leadership._epoch = old.version
    with pytest.raises(LeadershipLost):
        a.leadership.write([Create(f"{a.leadership.path}-b", b"1")])
    assert a.zookeeper.get(f"{a.leadership.path}-b") is None
    a.leadership._epoch = None


def test_a_holder_that_is_removed_by_hand_is_lost_and_taken_again(members: list[Member]) -> None:
    """Deleting `holder` ends the charge at once; competing goes on."""
    a = members[0].start()
    leads(a)
    a.zookeeper.delete(f"{a.leadership.path}/holder")
    wait_until(lambda: len(a.told) >= 3, what="lost and gained again")
    assert [told.split()[0] for told in a.told[:3]] == ["gained", "lost", "gained"]


def test_a_failing_take_over_is_released(members: list[Member]) -> None:
    """A process that cannot take charge lets the others try."""
    a, b = members
    first = threading.Event()

    def fail(_epoch: int) -> None:
        first.set()
        raise RuntimeError("cannot load")

    a.leadership.start(fail, a._on_lost)
    wait_until(first.is_set, what="the first take-over")
    b.start()
    leads(b)


def test_a_frozen_server_suspends_and_then_ends_the_charge(tmp_path: Path) -> None:
    """SUSPENDED forbids writes at once; after the session timeout the charge is lost, and gained again afterwards."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    member = Member(server.address, "/locks/x", "a", session_timeout=2.0).start()
    try:
        leads(member)
        first = member.leadership.epoch
        server.kill()
        wait_until(lambda: member.leadership.role is not Role.LEADER, what="suspended")
        with pytest.raises((StorageUnavailable, LeadershipLost)):
            member.leadership.write([Create("/x", b"")])
        wait_until(member.lost.is_set, what="the loss")
        assert member.leadership.role is Role.STANDBY
        assert not member.leadership.wait_ready(0)
        server.start()
        leads(member)
        assert member.leadership.epoch > first
    finally:
        member.close()
        server.stop()


def test_a_short_restart_of_the_server_keeps_the_charge(tmp_path: Path) -> None:
    """A server that is back within the session timeout costs a suspension, not the charge."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    # The longest that the server grants: on a busy machine Java alone may take a quarter of a minute to start.
    member = Member(server.address, "/locks/x", "a", session_timeout=60.0).start()
    try:
        leads(member)
        epoch = member.leadership.epoch
        server.kill()
        wait_until(lambda: member.leadership.role is Role.SUSPENDED, what="suspended")
        server.start(timeout=40)
        assert member.leadership.wait_ready(60)
        assert member.leadership.epoch == epoch
        assert member.told == [f"gained {epoch}"]
    finally:
        member.close()
        server.stop()


SLEEPER = """
import sys, threading
from sdk.storage.connection import connect
from sdk.storage.election import Leadership
zookeeper = connect(sys.argv[1], session_timeout=2.0)
zookeeper.wait_connected(60)
lost = threading.Event()
leadership = Leadership(zookeeper, sys.argv[2], {"id": "sleeper", "url": "http://sleeper", "pid": 1})
leadership.start(lambda epoch: print("gained", flush=True), lambda: (print("lost", flush=True), lost.set()))
lost.wait(60)
"""


def test_a_stopped_process_loses_to_a_standby(members: list[Member], zookeeper: ZooKeeperServer) -> None:
    """SIGSTOP beyond the session timeout: the standby leads, and the sleeper learns it when it wakes."""
    a = members[0]
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, zookeeper.address, a.leadership.path], stdout=subprocess.PIPE, text=True
    )
    assert sleeper.stdout is not None
    try:
        wait_until(lambda: "gained" in sleeper.stdout.readline(), what="the child is in charge")
        sleeper.send_signal(signal.SIGSTOP)
        a.start()
        leads(a)
        sleeper.send_signal(signal.SIGCONT)
        wait_until(lambda: "lost" in sleeper.stdout.readline(), what="the child learns it")
    finally:
        sleeper.kill()
        sleeper.wait()
        sleeper.stdout.close()
