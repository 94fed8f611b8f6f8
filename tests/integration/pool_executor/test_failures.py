"""What an instance does when HAProxy, ZooKeeper, the disk or lbmgr itself goes away."""

import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pool_executor.lbmgr.runtime import Runtime
from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import connect
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, alive, applied
from tests.support.backends import Backend, backends
from tests.support.load import load_in_thread
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


@pytest.mark.parametrize("victim", ["master", "worker"])
def test_haproxy_that_dies_comes_back_with_what_it_served(publisher: Publisher, lbmgr: Lbmgr, victim: str) -> None:
    """After kill -9 of master or worker HAProxy serves the same servers again, those added at run time included."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        version = publisher.publish(Pool(servers=_servers(one, two)))
        before = applied(publisher, version).haproxy
        assert before.master
        os.kill(before.master if victim == "master" else before.workers[0], signal.SIGKILL)
        wait_until(lambda: not alive(before.master or 0) and not alive(before.workers[0]), what="both are gone")
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="it serves again")
        after = wait_until(
            lambda: (
                (found := publisher.statuses()["task-1"]).haproxy.master != before.master and found.healthy and found
            ),
            what="the status tells the new process",
        )
        assert after
        assert (after.version, after.counters["haproxy_died"]) == (version, 1)
        [death] = after.deaths
        # Its master ends with the worker's status.
        assert death.how == ("was ended by SIGKILL" if victim == "master" else "exited with status 137")
        assert applied(publisher, publisher.publish(Pool(servers=_servers(two)))).action == "dynamic"
        assert lbmgr.answers() == {two.answer}


def test_lbmgr_serves_from_disk_without_zookeeper(
    publisher: Publisher, lbmgr: Lbmgr, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """After kill -9 of lbmgr nothing of it is left; started again it serves the last good version, ZooKeeper or not."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        haproxy = applied(publisher, publisher.publish(Pool(servers=_servers(one, two)))).haproxy
        lbmgr.kill()
        for pid in (haproxy.master, *haproxy.workers):
            wait_until(lambda pid=pid: not alive(pid), what=f"HAProxy {pid} ended with lbmgr")  # type: ignore[misc]
        lbmgr.hosts, zookeeper = f"127.0.0.1:{free_port()}", lbmgr.hosts
        lbmgr.start()
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="it serves from disk")
        lbmgr.kill()
        lbmgr.hosts = zookeeper
        version = publisher.publish(Pool(servers=_servers(two)))
        lbmgr.start()
        status = applied(publisher, version)
        assert status.action == "dynamic"
        assert lbmgr.answers() == {two.answer}


def test_zookeeper_may_go_and_come_back(tmp_path: Path, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """While ZooKeeper is away traffic goes on; after a session loss the status returns and changes are followed."""
    server = ZooKeeperServer(tmp_path / "own-zookeeper", free_port())
    server.start()
    session = connect(server.address)
    try:
        assert session.wait_connected(20)
        publisher = Publisher(session, "/edgelb")
        lbmgr = make_lbmgr()
        lbmgr.hosts, lbmgr.root = server.address, "/edgelb"
        lbmgr.start()
        with backends(2) as (one, two):
            first = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
            with load_in_thread(lbmgr.url, rps=100) as load:
                server.kill()
                wait_until(lambda: "suspended" in lbmgr.log(), timeout=20, what="lbmgr saw it")
                before = load.report().requests
                wait_until(lambda: load.report().requests > before + 100, what="traffic goes on")
                server.start()
                assert session.wait_connected(20)
                status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two))))
                report = load.report()
            assert report.failures == {}
            assert status.action == "dynamic"
            assert status.haproxy == first.haproxy
            # A new session: the old one's nodes are removed by hand, as after a long absence.
            session.delete("/edgelb/instances/web/task-1")
            wait_until(lambda: "task-1" in publisher.statuses(), what="the status is back")
    finally:
        session.close()
        server.stop()


def test_a_head_that_cannot_be_read_is_told_and_changes_nothing(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Garbage in ZooKeeper: the status tells the field, the old version serves, the next good head is applied."""
    with backends(2) as (one, two):
        version = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, version)
        publisher.zookeeper.set(f"{publisher.root}/rendered/web", b'{"schema": 1, "parts": []}')
        status = wait_until(lambda: (found := publisher.statuses()["task-1"]).error and found, what="an error")
        assert status
        assert "parts" in (status.error or "")
        assert (status.version, lbmgr.answers()) == (version, {one.answer})
        assert applied(publisher, publisher.publish(Pool(servers=_servers(one, two)))).error is None


def test_a_head_that_was_damaged_and_put_back_leaves_no_error(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The complaint is about the node, and goes when the node is as it was."""
    with backends(1) as (one,):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        path = f"{publisher.root}/rendered/web"
        node = publisher.zookeeper.get(path)
        assert node is not None
        publisher.zookeeper.set(path, b"{}")
        wait_until(lambda: publisher.statuses()["task-1"].error, what="an error")
        publisher.zookeeper.set(path, node[0])
        wait_until(lambda: publisher.statuses()["task-1"].error is None, what="no error left")


def orders(lbmgr: Lbmgr) -> Runtime:
    """Somebody else on the stats socket."""
    overview = lbmgr.sandbox / "haproxy.cfg"
    wait_until(overview.exists, what="haproxy.cfg")
    sockets = re.search(r'setenv SOCKETS "(.*)"', overview.read_text())
    assert sockets
    return Runtime(Path(sockets[1]) / "admin.sock")


def test_what_haproxy_serves_against_orders_is_put_right(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A server that vanished and one in maintenance, as by orders that got lost, come back after the next change."""
    with backends(3) as (one, two, three):
        applied(publisher, publisher.publish(Pool(servers=_servers(one, two))))
        with orders(lbmgr) as runtime:
            for server in (one, two):
                assert runtime.ask(f"set server app/{server.name} state maint").ok
            assert runtime.ask(f"del server app/{one.name}").ok
        applied(publisher, publisher.publish(Pool(servers=_servers(one, two, three))))
        everyone = {one.answer, two.answer, three.answer}
        wait_until(lambda: lbmgr.answers() == everyone, timeout=30, what="all three answer")
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two))))
        assert (status.action, status.counters["drift"]) == ("dynamic", 1)


def test_a_change_that_was_carried_out_by_half_is_taken_back_whole(
    publisher: Publisher, lbmgr: Lbmgr, tmp_path: Path
) -> None:
    """HAProxy refuses a server but takes the map entry, and the reload is refused too; then the change is withdrawn."""
    page = tmp_path / "503.http"
    page.write_text("HTTP/1.0 503 Not now\r\n\r\n")
    with backends(2) as (one, two):
        before = Pool(
            servers=_servers(one),
            backend=("balance roundrobin", f"errorfile 503 {page}"),
            frontend=('use_backend app if { path,map_str("${MAPS}/paths.map") -m found }',),
            maps={"paths.map": "/ app\n"},
        )
        after = replace(before, servers=_servers(one, two), maps={"paths.map": "/ app\n/new app\n"})
        applied(publisher, publisher.publish(before))
        with orders(lbmgr) as runtime:
            assert runtime.ask(f"add server app/{two.name} {two.address}").ok
        page.rename(tmp_path / "away")
        publisher.publish(after)
        wait_until(lambda: publisher.statuses()["task-1"].verdict == "rejected", what="the refusal")
        assert lbmgr.get("new") == (200, one.answer)
        (tmp_path / "away").rename(page)
        applied(publisher, publisher.publish(before))
        assert (lbmgr.get("new")[0], lbmgr.get()) == (503, (200, one.answer))


def test_a_part_that_is_missing_or_damaged_is_waited_for(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A head whose part is not there, or has other bytes, changes nothing until the part is whole."""
    with backends(2) as (one, two):
        version = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, version)
        base = f"{publisher.root}/rendered/web"
        pool = Pool(servers=_servers(one, two))
        from pool_executor.bundle import encode_part

        node, data = encode_part(pool.texts()["30-backends-0a.cfg"])[0]
        publisher.zookeeper.put(f"{base}/parts/{node}", data[:-9])
        publisher.publish(pool)
        status = wait_until(lambda: (found := publisher.statuses()["task-1"]).error and found, what="an error")
        assert status
        assert "could not be fetched" in (status.error or "")
        publisher.zookeeper.delete(f"{base}/parts/{node}")
        assert publisher.statuses()["task-1"].version == version
        publisher.zookeeper.put(f"{base}/parts/{node}", data)
        assert applied(publisher, publisher.version).action == "dynamic"


def test_a_full_disk_does_not_stop_traffic(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """When the sandbox cannot be written, servers still follow, a reload is refused with the reason, and both heal."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        files = lbmgr.sandbox / "haproxy.d"
        parked = lbmgr.sandbox / "parked"
        # What a test that runs as root can do; a full disk raises OSError at the same calls.
        files.rename(parked)
        version = publisher.publish(Pool(servers=_servers(one, two)))
        status = applied(publisher, version)
        assert status.action == "dynamic"
        assert lbmgr.answers() == {one.answer, two.answer}
        wait_until(
            lambda: "cannot be written" in (publisher.statuses()["task-1"].error or ""),
            what="the status tells the disk",
        )
        more = "backend extra\n    server x 127.0.0.1:9 id 1\n"
        structural = publisher.publish(Pool(servers=_servers(one, two), more=more))
        wait_until(lambda: publisher.statuses()["task-1"].verdict == "rejected", what="rejected")
        assert publisher.statuses()["task-1"].version == version
        assert lbmgr.answers() == {one.answer, two.answer}
        parked.rename(files)
        status = applied(publisher, structural)
        wait_until(lambda: publisher.statuses()["task-1"].error is None, what="no error left")


def test_haproxy_that_dies_while_the_disk_is_full_comes_back_with_everything(
    publisher: Publisher, lbmgr: Lbmgr
) -> None:
    """It is started on what is on disk, with the file of its predecessor, and told the rest again at run time."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        # Directories in the way of the temporary files: what a test that runs as root can do.
        for name in ("00-instance.cfg", "30-backends-0a.cfg", "head.json"):
            (lbmgr.sandbox / "haproxy.d" / "current" / f".{name}.new").mkdir()
        version = publisher.publish(Pool(servers=_servers(one, two)))
        before = applied(publisher, version).haproxy
        assert before.master
        os.kill(before.master, signal.SIGKILL)
        wait_until(lambda: publisher.statuses()["task-1"].haproxy.master not in (None, before.master), what="a new one")
        assert applied(publisher, version).action == "dynamic"
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both answer")


def test_draining_says_no_first_and_finishes_requests(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """SIGTERM: health is 503 while requests are still taken; those under way finish; then everything is gone."""
    lbmgr = make_lbmgr(grace=12).start()
    with backends(1) as (one,):
        haproxy = applied(publisher, publisher.publish(Pool(servers=_servers(one)))).haproxy
        assert lbmgr.health() == 200
        with load_in_thread(lbmgr.url + "?delay=4", rps=100, connections=1, timeout=10) as slow:
            lbmgr.signal(signal.SIGTERM)
            wait_until(lambda: lbmgr.health() == 503, what="health says no")
            assert lbmgr.answers(3) == {one.answer}
            wait_until(lambda: not publisher.statuses()["task-1"].healthy, what="the status says no, too")
            assert lbmgr.wait() == 0
            wait_until(lambda: slow.report().requests > 0, what="the slow request ended")
            report = slow.report()
        assert report.bodies == {one.answer: 1}
        assert not any(alive(pid) for pid in (haproxy.master or 0, *haproxy.workers))
        wait_until(lambda: publisher.statuses() == {}, what="the status is gone")


def test_draining_ends_within_the_grace_period(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """A request that would take longer than the grace period does not hold the instance."""
    lbmgr = make_lbmgr(grace=2).start()
    with backends(1) as (one,):
        haproxy = applied(publisher, publisher.publish(Pool(servers=_servers(one)))).haproxy
        with load_in_thread(lbmgr.url + "?delay=30", rps=100, connections=1, timeout=10) as slow:
            wait_until(lambda: "1" in _current_requests(lbmgr), what="the request is under way")
            lbmgr.signal(signal.SIGTERM)
            assert lbmgr.wait(20) == 0
            wait_until(lambda: slow.report().failures.get("reset") == 1, what="the request is cut")
        assert not any(alive(pid) for pid in (haproxy.master or 0, *haproxy.workers))


def _current_requests(lbmgr: Lbmgr) -> str:
    rows = [row.split(",") for row in lbmgr.get("haproxy?stats;csv", lbmgr.stats)[1].splitlines()]
    return next(row[4] for row in rows if row[:2] == ["app", "BACKEND"])


def test_an_instance_whose_haproxy_hangs_ends_after_the_allowed_failures(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """A worker that is stopped in its tracks answers no health check: the instance ends with status 1."""
    lbmgr = make_lbmgr(health_grace=1, health_interval=0.2, health_timeout=0.5, health_max_fail=2).start()
    with backends(1) as (one,):
        haproxy = applied(publisher, publisher.publish(Pool(servers=_servers(one)))).haproxy
        wait_until(lambda: publisher.statuses()["task-1"].healthy, what="healthy")
        os.kill(haproxy.workers[0], signal.SIGSTOP)
        assert lbmgr.wait() == 1
        wait_until(lambda: not any(alive(pid) for pid in (haproxy.master or 0, *haproxy.workers)), what="all gone")


def test_a_first_bundle_that_is_refused_does_not_end_the_instance(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """The bundle is to blame, not the instance: no failed check is counted, and a good bundle is served."""
    lbmgr = make_lbmgr(health_grace=0, health_interval=0.1, health_max_fail=1).start()
    with backends(1) as (one,):
        publisher.publish(Pool(servers=_servers(one), backend=("balance nonsense",)))
        wait_until(lambda: publisher.statuses()["task-1"].verdict == "rejected", what="rejected")
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        assert (status.counters["check_failed"], status.counters["reject"]) == (0, 1)
        assert lbmgr.answers() == {one.answer}
