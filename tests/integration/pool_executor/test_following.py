"""lbmgr follows the bundle: what is done without a reload, what with one, and that no request is lost either way."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from api.metadata import places
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, alive, applied, hold_port
from tests.support.backends import Backend, backends
from tests.support.load import load_in_thread
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


def test_serves_the_first_bundle_and_says_so(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """After the first bundle requests are answered, health is 200 and the status tells version, pids and health."""
    with backends(2) as (one, two):
        version = publisher.publish(Pool(servers=_servers(one, two)))
        status = applied(publisher, version)
        assert lbmgr.answers() == {one.answer, two.answer}
        assert lbmgr.health() == 200
        assert status.action == "reload"
        assert status.haproxy.master
        assert alive(status.haproxy.workers[0])
        assert wait_until(lambda: publisher.statuses()["task-1"].healthy, what="healthy")
        overview = lbmgr.sandbox / "haproxy.cfg"
        assert wait_until(lambda: f"server {one.name} {one.address}" in overview.read_text(), what="haproxy.cfg")


def test_nobody_is_told_a_port_before_it_listens(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """An instance knows its ports from its start on; who registers what the metadata says must reach something."""
    told = wait_until(lambda: publisher.statuses().get("task-1"), what="the instance says something")
    assert told
    assert told.ports
    assert places([told], []) == []
    with backends(1) as (one,):
        publisher.publish(Pool(servers=_servers(one)))
        known = wait_until(lambda: places(list(publisher.statuses().values()), []), what="the instance has a place")
        assert known
        assert lbmgr.get(port=known[0].ports["web"]) == (200, one.answer)


def test_backends_that_lack_servers_are_told_with_haproxys_reason(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A server that refuses its check is missed until it is there; a backend with all of its servers is not told."""
    with backends(1) as (one,):
        closed = free_port()
        pool = Pool(
            servers=(("gone", closed),),
            options="check fall 1 inter 100ms",
            more=f"backend other\n    server here 127.0.0.1:{one.port} id 5 check\n",
        )
        applied(publisher, publisher.publish(pool))
        [missing] = wait_until(lambda: publisher.statuses()["task-1"].short, what="a backend without servers is told")
        assert (missing.name, missing.servers, missing.up, missing.reason) == ("app", 1, 0, "Connection refused")
        applied(publisher, publisher.publish(replace(pool, servers=(("here", one.port),))))
        wait_until(lambda: publisher.statuses()["task-1"].short == (), what="nothing is missing any more")


def test_an_empty_head_is_no_error(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """Parts stand below the head's node, so it exists without data a moment before the first head."""
    publisher.zookeeper.ensure(f"{publisher.root}/rendered/web/parts")
    lbmgr = make_lbmgr().start()
    wait_until(lambda: "The pool has no configuration in ZooKeeper" in lbmgr.log(), what="it has looked")
    status = wait_until(lambda: publisher.statuses().get("task-1"), what="the status")
    assert status
    assert (status.verdict, status.error) == ("starting", None)


def test_servers_come_and_go_without_a_reload_or_a_lost_request(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Adding, re-addressing and removing servers keeps the worker, and a client that never retries sees no failure."""
    with backends(3) as (one, two, three):
        worker = applied(publisher, publisher.publish(Pool(servers=_servers(one)))).haproxy.workers
        with load_in_thread(lbmgr.url, rps=200) as load:
            for _ in range(5):
                status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two, three))))
                assert (status.action, status.reason) == ("dynamic", "2 servers added")
                wait_until(lambda: {two.answer, three.answer} <= lbmgr.answers(), what="the new servers answer")
                status = applied(publisher, publisher.publish(Pool(servers=_servers(two))))
                assert (status.action, status.reason) == ("dynamic", "2 servers removed")
                assert lbmgr.answers() == {two.answer}
                status = applied(publisher, publisher.publish(Pool(servers=(("b1", one.port),))))
                assert (status.action, status.reason) == ("dynamic", "1 server re-addressed")
                assert lbmgr.answers() == {one.answer}
                applied(publisher, publisher.publish(Pool(servers=_servers(one))))
            report = load.report()
        assert report.failures == {}
        assert report.requests > 0
        assert publisher.statuses()["task-1"].haproxy.workers == worker


def test_checked_servers_with_weights_are_added_at_run_time(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A new server gets its check, and another weight is set without a reload."""
    with backends(2) as (one, two):
        options = "check inter 100ms fall 1 rise 1 weight {}"
        first = applied(publisher, publisher.publish(Pool(servers=_servers(one), options=options.format(1))))
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two), options=options.format(1))))
        assert status.action == "dynamic"
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both answer")
        two.stop()
        wait_until(lambda: lbmgr.answers() == {one.answer}, what="the check takes the stopped one out")
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two), options=options.format(7))))
        assert (status.action, status.reason) == ("dynamic", "2 servers changed")
        assert status.haproxy.workers == first.haproxy.workers


def test_a_removed_server_finishes_its_requests_and_is_deleted(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A request that runs when its server is removed gets its answer; the server is deleted then and may return."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        with load_in_thread(lbmgr.url + "?delay=1", rps=50, connections=2) as load:
            wait_until(lambda: load.report().requests > 0, what="a slow request was answered")
            applied(publisher, publisher.publish(Pool(servers=_servers(two))))
            applied(publisher, publisher.publish(Pool(servers=_servers(one, two))))
            before = load.report().bodies.get(one.answer, 0)
            wait_until(lambda: load.report().bodies.get(one.answer, 0) > before + 2, what="the returned one answers")
            report = load.report()
        assert report.failures == {}


def test_a_map_changes_without_a_reload(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """One entry is edited, several are replaced in one transaction; both reach the running worker."""
    frontend = ('use_backend "%[path,map_beg(${MAPS}/paths.map,app)]"',)
    with backends(2) as (one, two):

        def pool(paths: str) -> Pool:
            return Pool(
                servers=_servers(one),
                frontend=frontend,
                more=f"backend other\n    server x {two.address} id 1\n",
                maps={"paths.map": paths},
            )

        first = applied(publisher, publisher.publish(pool("/a app\n")))
        assert lbmgr.get("b")[1] == one.answer
        status = applied(publisher, publisher.publish(pool("/a app\n/b other\n")))
        assert (status.action, status.reason) == ("dynamic", "1 map changed")
        assert lbmgr.get("b")[1] == two.answer
        paths = "# sorted\n/a other\n/b app\n" + "".join(f"/n{number} other\n" for number in range(3000))
        status = applied(publisher, publisher.publish(pool(paths)))
        assert status.action == "dynamic"
        assert (lbmgr.get("a")[1], lbmgr.get("b")[1], lbmgr.get("n2999")[1]) == (two.answer, one.answer, two.answer)
        assert status.haproxy.workers == first.haproxy.workers


def test_a_reload_loses_no_request(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Structural changes under load bring new workers and no failure, on keep-alive and on fresh connections."""
    with backends(1) as (one,):
        first = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        with (
            load_in_thread(lbmgr.url, rps=150) as lasting,
            load_in_thread(lbmgr.url, rps=50, keep_alive=False) as fresh,
        ):
            for number in range(6):
                more = f"backend extra{number}\n    server x 127.0.0.1:9 id 1\n"
                status = applied(publisher, publisher.publish(Pool(servers=_servers(one), more=more)))
                assert status.action == "reload"
                assert "30-backends-0a.cfg: backend extra" in status.reason
            reports = lasting.report(), fresh.report()
        assert [report.failures for report in reports] == [{}, {}]
        assert status.haproxy.master == first.haproxy.master
        assert first.haproxy.workers[0] not in status.haproxy.workers[:1]


def test_a_bundle_that_haproxy_refuses_changes_nothing(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """HAProxy's message is in the status, the old version serves on, and the next good bundle is applied."""
    with backends(1) as (one,):
        good = Pool(servers=_servers(one))
        version = publisher.publish(good)
        worker = applied(publisher, version).haproxy.workers
        bad = publisher.publish(Pool(servers=_servers(one), backend=("balance roundrobbin",)))
        status = wait_until(
            lambda: (found := publisher.statuses()["task-1"]).verdict == "rejected" and found, what="rejected"
        )
        assert status
        assert (status.version, status.rejected_version, status.action) == (version, bad, "reject")
        assert status.error
        assert "30-backends-0a.cfg:2" in status.error
        assert "balance" in status.error
        assert lbmgr.answers() == {one.answer}
        status = applied(publisher, publisher.publish(good))
        assert (status.action, status.error, status.haproxy.workers) == ("noop", None, worker)


def test_a_reload_that_fails_after_a_good_check_is_rolled_back(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """`-c` cannot see that an address is taken: the old worker goes on, and the reload succeeds once it is free."""
    with backends(2) as (one, two):
        version = publisher.publish(Pool(servers=_servers(one)))
        worker = applied(publisher, version).haproxy.workers
        holder = hold_port(0, share=False)
        try:
            # A port that HAProxy is not told to be ours, so that only its own bind can fail.
            more = f"listen taken\n    bind 127.0.0.1:{holder.getsockname()[1]}\n"
            bad = publisher.publish(Pool(servers=_servers(one, two), more=more))
            status = wait_until(
                lambda: (found := publisher.statuses()["task-1"]).verdict == "rejected" and found, what="rejected"
            )
            assert status
            assert (status.version, status.rejected_version) == (version, bad)
            assert status.error
            assert "Address already in use" in status.error
            assert status.haproxy.workers[:1] == worker
            everyone = {one.answer, two.answer}
            wait_until(lambda: lbmgr.answers() == everyone, what="the old worker serves, with the new server")
        finally:
            holder.close()
        applied(publisher, bad)
        assert lbmgr.answers() == {one.answer, two.answer}


def test_a_bundle_with_a_port_that_the_instance_lacks_waits(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The bundle is acknowledged as waiting, naming the port, and the old one serves on."""
    with backends(1) as (one,):
        version = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, version)
        publisher.publish(Pool(servers=_servers(one), ports=("web", "stats", "admin")))
        status = wait_until(
            lambda: (found := publisher.statuses()["task-1"]).verdict == "waiting" and found, what="waiting"
        )
        assert status
        assert status.version == version
        assert "admin" in status.reason
        assert lbmgr.answers() == {one.answer}


def test_refuses_a_port_that_has_a_listener(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """HAProxy would share the port silently; lbmgr says who has it, and starts once it is free."""
    lbmgr = make_lbmgr()
    with backends(1) as (one,):
        holder = hold_port(lbmgr.web, share=True)
        try:
            version = publisher.publish(Pool(servers=_servers(one)))
            lbmgr.start()
            status = wait_until(
                lambda: (found := publisher.statuses().get("task-1")) and found.error and found, what="an error"
            )
            assert status
            assert f"port {lbmgr.web} (web) already has a listener on 127.0.0.1" in (status.error or "")
            assert (status.verdict, status.healthy, status.haproxy.master) == ("starting", False, None)
        finally:
            holder.close()
        applied(publisher, version)


def test_two_instances_on_one_host_do_not_disturb_each_other(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """Both serve the same bundle on ports of their own, and the end of one leaves the other alone."""
    first, second = make_lbmgr(task_id="task-1").start(), make_lbmgr(task_id="task-2").start()
    with backends(1) as (one,):
        version = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, version, "task-1")
        applied(publisher, version, "task-2")
        assert first.answers() == second.answers() == {one.answer}
        first.kill()
        assert second.answers() == {one.answer}
        wait_until(lambda: set(publisher.statuses()) == {"task-2"}, timeout=20, what="the status of the dead is gone")
        assert applied(publisher, publisher.publish(Pool(servers=())), "task-2").action == "dynamic"
