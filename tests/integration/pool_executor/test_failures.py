"""What an instance does when HAProxy, ZooKeeper, the disk or lbmgr itself goes away."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pool_executor.contract import Server, encode_blob
from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import connect
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, alive, applied, orders, server, states, told
from tests.support.backends import Backend, backends
from tests.support.haproxies import BOTH
from tests.support.load import load_in_thread
from tests.support.ports import free_port
from tests.support.still import stop
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


def _servers_on_disk(lbmgr: Lbmgr) -> str:
    """What is there whole: a name that begins with a dot is a file that is being written."""
    return "".join(file.read_text() for file in lbmgr.sandbox.rglob("endpoints/[!.]*"))


@pytest.mark.parametrize("binary", BOTH)
@pytest.mark.parametrize("victim", ["master", "worker"])
def test_haproxy_that_dies_comes_back_with_what_it_served(publisher: Publisher, lbmgr: Lbmgr, victim: str) -> None:
    """After kill -9 of master or worker HAProxy serves the same servers again, those added at run time included."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        published = publisher.publish(Pool(servers=_servers(one, two)))
        before = applied(publisher, published).haproxy
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
        assert (after.structure.version, after.counters["haproxy_died"]) == (published.version, 1)
        [death] = after.deaths
        # Its master ends with the worker's status.
        assert death.how == ("was ended by SIGKILL" if victim == "master" else "exited with status 137")
        assert applied(publisher, publisher.publish(Pool(servers=_servers(two)))).counters["reload"] == 1
        assert lbmgr.answers() == {two.answer}


def test_lbmgr_serves_from_disk_without_zookeeper(
    publisher: Publisher, lbmgr: Lbmgr, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """After kill -9 of lbmgr nothing of it is left; started again it serves the last good version, ZooKeeper or not."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        haproxy = applied(publisher, publisher.publish(Pool(servers=_servers(one, two)))).haproxy
        wait_until(lambda: f",{two.port}," in _servers_on_disk(lbmgr), what="the second server is on disk")
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
        assert (status.structure.action, status.counters["reload"]) == ("noop", 0)
        assert lbmgr.answers() == {two.answer}


def test_a_server_that_haproxy_refuses_keeps_none_from_starting(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Nobody remembers that it was refused when lbmgr starts from the disk."""
    with backends(1) as (one,):
        publisher.publish_parts(Pool(servers=_servers(one)).parts())
        bad = Server("odd", "no-such-name.invalid", 80, 77, task="odd.1")
        applied(publisher, publisher.publish_servers({"app": {one.name: server(one.name, one.port), "odd": bad}}))
        wait_until(lambda: publisher.statuses()["task-1"].endpoints.refused, what="it is refused")
        # The list on disk follows the traffic.
        wait_until(lambda: b'"odd"' in stored_servers(lbmgr), what="it is on disk")
        lbmgr.kill()
        lbmgr.hosts = f"127.0.0.1:{free_port()}"
        lbmgr.start()
        wait_until(lambda: lbmgr.answers() == {one.answer}, what="the others serve")


def stored_servers(lbmgr: Lbmgr) -> bytes:
    """What stands on disk of the servers, whole: a name that begins with a dot is a file that is being written."""
    return b"".join(path.read_bytes() for path in (lbmgr.sandbox / "haproxy.d" / "endpoints").glob("[!.]*"))


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
            assert status.haproxy == first.haproxy
            # A new session: the old one's nodes are removed by hand, as after a long absence.
            session.delete("/edgelb/instances/web/task-1")
            wait_until(lambda: "task-1" in publisher.statuses(), what="the status is back")
    finally:
        session.close()
        server.stop()


def test_a_structure_that_cannot_be_read_is_told_and_changes_nothing(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Garbage in ZooKeeper: the status tells the field, the old version serves, servers are followed all the same."""
    with backends(2) as (one, two):
        published = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, published)
        path = f"{publisher.base}/structure"
        node = publisher.zookeeper.get(path)
        assert node is not None
        publisher.zookeeper.set(path, b'{"schema": 2, "parts": []}')
        error = wait_until(lambda: publisher.statuses()["task-1"].structure.error, what="an error")
        assert "parts" in (error or "")
        assert applied(publisher, publisher.publish(Pool(servers=_servers(one, two)))).structure.error
        assert lbmgr.answers() == {one.answer, two.answer}
        publisher.zookeeper.set(path, node[0])
        wait_until(lambda: publisher.statuses()["task-1"].structure.error is None, what="no error left")


def test_a_log_that_cannot_be_read_is_told_and_changes_nothing(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The servers stay as they are, and the next head that can be read is followed."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        publisher.zookeeper.set(f"{publisher.base}/endpoints", b'{"schema": 1, "operations": "many"}')
        error = wait_until(lambda: publisher.statuses()["task-1"].endpoints.error, what="an error")
        assert "cannot be read" in (error or "")
        assert lbmgr.answers() == {one.answer}
        assert applied(publisher, publisher.publish(Pool(servers=_servers(two)))).endpoints.error is None
        assert lbmgr.answers() == {two.answer}


def test_what_haproxy_serves_against_orders_is_put_right(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Servers that vanished, are in maintenance, elsewhere or too many, without a reload."""
    with backends(4) as (one, two, three, four):
        applied(publisher, publisher.publish(Pool(servers=_servers(one, two, three))))
        with orders(lbmgr) as runtime:
            for line in (
                f"set server app/{one.name} state maint",
                f"del server app/{one.name}",
                f"set server app/{two.name} state maint",
                f"set server app/{three.name} addr 127.0.0.9",
                f"add server app/odd {four.address} id 4711",
                "set server app/odd state ready",
                f"add server app/{four.name} 127.0.0.9:9 id 4712",
            ):
                assert runtime.ask(line).ok, line
        # A backend of which HAProxy refuses an order is looked at at once, every other within a minute.
        applied(publisher, publisher.publish(Pool(servers=_servers(one, two, three, four))))
        everyone = {one.answer, two.answer, three.answer, four.answer}
        wait_until(lambda: lbmgr.answers() == everyone, what="all four answer")
        wait_until(lambda: len(states(lbmgr)) == 4, what="the one too many is gone")
        # The status follows what was done, at most ten times a second.
        wait_until(
            lambda: publisher.statuses()["task-1"].counters["drift"] >= 4, what="the count of what was put right"
        )


def test_orders_without_an_answer_are_looked_at_and_told_again(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A worker that hangs for longer than an order may take: afterwards it has what it shall have, and no reload."""
    with backends(3) as (one, two, three):
        worker = applied(publisher, publisher.publish(Pool(servers=_servers(one, two)))).haproxy.workers[0]
        stop(worker)
        publisher.publish(Pool(servers=_servers(two, three)))
        wait_until(lambda: "did not answer to orders" in lbmgr.log(), timeout=20, what="the order has no answer")
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: lbmgr.answers() == {two.answer, three.answer}, timeout=20, what="it has the right ones")
        status = publisher.statuses()["task-1"]
        assert (status.counters["reload"], status.haproxy.workers[0]) == (1, worker)


def test_a_map_edit_that_was_carried_out_by_half_is_taken_back_whole(
    publisher: Publisher, lbmgr: Lbmgr, tmp_path: Path
) -> None:
    """HAProxy takes one entry and refuses another, and the reload is refused too; then the change is withdrawn."""
    page = tmp_path / "503.http"
    page.write_text("HTTP/1.0 503 Not now\r\n\r\n")
    with backends(1) as (one,):
        before = Pool(
            servers=_servers(one),
            backend=("balance roundrobin", f"errorfile 503 {page}"),
            frontend=('use_backend app if { path,map_str("${MAPS}/hosts-x.map") -m found }',),
            maps={"hosts-x.map": "/ app\n/old app\n"},
        )
        after = replace(before, maps={"hosts-x.map": "/ app\n/new app\n"})
        applied(publisher, publisher.publish(before))
        with orders(lbmgr) as runtime:
            assert runtime.ask(f"del map {lbmgr.sandbox}/haproxy.d/current/maps/hosts-x.map /old").ok
        page.rename(tmp_path / "away")
        publisher.publish(after)
        told(publisher, "rejected")
        assert lbmgr.get("new") == (200, one.answer)
        (tmp_path / "away").rename(page)
        applied(publisher, publisher.publish(before))
        assert (lbmgr.get("new")[0], lbmgr.get("old"), lbmgr.get()) == (503, (200, one.answer), (200, one.answer))


def test_a_part_that_is_missing_or_damaged_is_waited_for(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A head whose part is not there, or has other bytes, changes nothing until the part is whole."""
    with backends(2) as (one, two):
        published = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, published)
        pool = Pool(more="backend extra\n")
        node, data = encode_blob(pool.parts()["30-backends-0a.cfg"][1])[0]
        path = f"{publisher.base}/parts/{node}"
        publisher.zookeeper.put(path, data[:-9])
        following = publisher.publish(replace(pool, servers=_servers(two)))
        error = wait_until(lambda: publisher.statuses()["task-1"].structure.error, what="an error")
        assert "could not be fetched" in (error or "")
        publisher.zookeeper.delete(path)
        assert publisher.statuses()["task-1"].structure.version == published.version
        assert lbmgr.answers() == {two.answer}
        publisher.zookeeper.put(path, data)
        assert applied(publisher, following).structure.action == "reload"


def test_a_full_disk_does_not_stop_traffic(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """When the sandbox cannot be written, servers still follow, a reload is refused with the reason, and both heal."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        files = lbmgr.sandbox / "haproxy.d"
        parked = lbmgr.sandbox / "parked"
        # What a test that runs as root can do; a full disk raises OSError at the same calls.
        files.rename(parked)
        followed = publisher.publish(Pool(servers=_servers(one, two)))
        applied(publisher, followed)
        assert lbmgr.answers() == {one.answer, two.answer}
        wait_until(
            lambda: "cannot be written" in (publisher.statuses()["task-1"].trouble or ""),
            what="the status tells the disk",
        )
        more = "backend extra\n    server x 127.0.0.1:9 id 1\n"
        structural = publisher.publish(Pool(servers=_servers(one, two), more=more))
        assert "cannot be written" in (told(publisher, "rejected").structure.error or "")
        assert publisher.statuses()["task-1"].structure.version == followed.version
        assert lbmgr.answers() == {one.answer, two.answer}
        parked.rename(files)
        applied(publisher, structural)
        wait_until(lambda: publisher.statuses()["task-1"].trouble is None, what="no trouble left")


def test_haproxy_that_dies_while_the_disk_is_full_comes_back_with_everything(
    publisher: Publisher, lbmgr: Lbmgr
) -> None:
    """It is started on what is on disk, with the file of its predecessor, and told the rest again at run time."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        # Directories in the way of the temporary files: what a test that runs as root can do.
        for name in ("00-instance.cfg", "30-backends-0a.cfg"):
            (lbmgr.sandbox / "haproxy.d" / "current" / f".{name}.new").mkdir()
        published = publisher.publish(Pool(servers=_servers(two)))
        before = applied(publisher, published).haproxy
        assert before.master
        os.kill(before.master, signal.SIGKILL)
        wait_until(lambda: publisher.statuses()["task-1"].haproxy.master not in (None, before.master), what="a new one")
        wait_until(lambda: lbmgr.answers() == {two.answer}, what="the right one answers")


def test_a_structure_that_was_stored_by_half_is_not_served(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Truncated files on disk, as after a crash of the machine: what can be read is served, the rest comes again."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        journal = lbmgr.sandbox / "haproxy.d/endpoints/journal"
        wait_until(journal.exists, what="the first server is stored")
        published = publisher.publish(Pool(servers=_servers(one, two)))
        applied(publisher, published)
        wait_until(lambda: journal.stat().st_size, what="the second one stands in the journal")
        lbmgr.kill()
        os.truncate(journal, journal.stat().st_size - 7)
        (lbmgr.sandbox / "haproxy.d/good/30-backends-0a.cfg").write_text("backend app\n")
        lbmgr.start()
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both answer")
        # The one before has told the same, and that stands until its session ends.
        wait_until(lambda: applied(publisher, published).counters["reload"] == 0, what="the next one tells of itself")


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


@pytest.mark.parametrize("address", ["127.0.0.9", "0.0.0.0", "::1"])
def test_a_haproxy_that_serves_is_never_ended_for_the_silence_of_its_stats_socket(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], address: str
) -> None:
    """It is judged by its listener as well, wherever that is; orders go on over the connection that is there."""
    lbmgr = make_lbmgr(health_grace=0, health_interval=0.1, health_timeout=0.5, health_max_fail=2).start()
    with backends(2) as (one, two):
        first = Pool(servers=_servers(one), stats_address=address)
        before = applied(publisher, publisher.publish(first)).haproxy
        with orders(lbmgr) as runtime:
            socket = runtime.path
        socket.unlink()
        wait_until(lambda: "answers requests, and not on its stats socket" in lbmgr.log(), what="it is told")
        status = applied(publisher, publisher.publish(replace(first, servers=_servers(two))))
        assert lbmgr.answers() == {two.answer}
        assert (status.haproxy, status.healthy) == (before, True)
        # Said once, and not at every check.
        assert lbmgr.log().count("answers requests, and not on its stats socket") == 1


def test_a_first_structure_that_is_refused_does_not_end_the_instance(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """It is to blame, not the instance: no failed check is counted, and a good one is served."""
    lbmgr = make_lbmgr(health_grace=0, health_interval=0.1, health_max_fail=1).start()
    with backends(1) as (one,):
        publisher.publish(Pool(servers=_servers(one), backend=("balance nonsense",)))
        told(publisher, "rejected")
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        assert (status.counters["check_failed"], status.counters["reject"]) == (0, 1)
        assert lbmgr.answers() == {one.answer}
