"""lbmgr follows structure and endpoints: what takes a reload and what does not, and that no request is lost."""

import csv
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.error import URLError

import pytest

from api.status.metadata import places
from pool_executor.contract import BackendFacts, Part, Remove, Server, State, Waiting, marker_line
from tests.integration.pool_executor.harness import (
    Lbmgr,
    Pool,
    Publisher,
    alive,
    applied,
    hold_port,
    orders,
    server,
    states,
    told,
)
from tests.support.backends import Backend, backends
from tests.support.haproxies import BOTH
from tests.support.load import load_in_thread
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


def _row(lbmgr: Lbmgr, name: str) -> Mapping[str, str]:
    """HAProxy's statistics of a server."""
    with orders(lbmgr) as runtime:
        rows = csv.DictReader(runtime.ask("show stat app 4 -1").text.removeprefix("# ").splitlines())
    return next(row for row in rows if row["svname"] == name)


def test_serves_the_first_structure_and_says_so(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """After the first structure requests are answered, health is 200 and the status tells version, pids and health."""
    with backends(2) as (one, two):
        version = publisher.publish(Pool(servers=_servers(one, two)))
        status = applied(publisher, version)
        assert lbmgr.answers() == {one.answer, two.answer}
        assert lbmgr.health() == 200
        assert status.structure.action == "reload"
        assert status.haproxy.master
        assert alive(status.haproxy.workers[0])
        assert (lbmgr.sandbox / "haproxy.log").read_text().count("forked") == 1  # it is started, and not loaded anew
        assert wait_until(lambda: publisher.statuses()["task-1"].healthy, what="healthy")
        overview = lbmgr.sandbox / "haproxy.cfg"
        assert wait_until(lambda: f"server {one.name} {one.address}" in overview.read_text(), what="haproxy.cfg")


def _health(lbmgr: Lbmgr) -> int:
    """The status of the health answer; 0 while nobody listens."""
    try:
        return lbmgr.health()
    except (URLError, ConnectionError):
        return 0


def test_health_says_no_until_the_servers_are_known(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """A structure is served without them after a while, and whoever asks for health sends nothing there yet."""
    with backends(1) as (one,):
        publisher.publish(Pool(servers=_servers(one)))
        publisher.compact()
        assert publisher.log.shards is not None
        path = f"{publisher.base}/parts/{publisher.log.shards.sha256}"
        found = publisher.zookeeper.get(path)
        assert found is not None
        publisher.zookeeper.delete(path)
        lbmgr = make_lbmgr().start()
        assert wait_until(lambda: _health(lbmgr), what="it answers") == 503
        assert lbmgr.get()[0] == 503
        status = told(publisher, "applied")
        assert not status.healthy
        assert "cannot be read" in (status.endpoints.error or "")
        publisher.zookeeper.put(path, found[0])
        wait_until(lambda: _health(lbmgr) == 200, what="it asks for traffic")
        assert lbmgr.answers() == {one.answer}
        master = wait_until(
            lambda: (now := publisher.statuses()["task-1"]).healthy and now.haproxy.master, what="healthy"
        )
        os.kill(master, signal.SIGKILL)
        wait_until(lambda: publisher.statuses()["task-1"].deaths, what="HAProxy died")
        assert wait_until(lambda: _health(lbmgr), what="it answers again") == 200


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
        facts = BackendFacts(backend="other", options={"": "check"})
        pool = Pool(
            servers=(("gone", free_port()),),
            options="check fall 1 inter 100ms",
            more=f"backend other\n{marker_line(facts)}\n",
        )
        publisher.publish_parts(pool.parts())
        here = {"other": {"here": server("here", one.port)}}
        applied(publisher, publisher.publish_servers(pool.records() | here))
        [missing] = wait_until(lambda: publisher.statuses()["task-1"].short, what="a backend without servers is told")
        assert (missing.name, missing.servers, missing.up, missing.reason) == ("app", 1, 0, "Connection refused")
        applied(publisher, publisher.publish_servers({"app": {"x": server("x", one.port)}} | here))
        wait_until(lambda: publisher.statuses()["task-1"].short == (), what="nothing is missing any more")


def test_a_pool_without_heads_is_no_error(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """Parts may stand there a moment before the first heads."""
    publisher.zookeeper.ensure(f"{publisher.root}/rendered/web/parts")
    lbmgr = make_lbmgr().start()
    wait_until(lambda: "The pool has no configuration in ZooKeeper" in lbmgr.log(), what="it has looked")
    status = wait_until(lambda: publisher.statuses().get("task-1"), what="the status")
    assert status
    assert (status.structure.verdict, status.structure.error, status.endpoints.error) == ("starting", None, None)


def test_servers_come_and_go_without_a_reload_or_a_lost_request(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Adding, re-addressing and removing servers keeps the worker, and a client that never retries sees no failure."""
    with backends(3) as (one, two, three):
        worker = applied(publisher, publisher.publish(Pool(servers=_servers(one)))).haproxy.workers
        with load_in_thread(lbmgr.url, rps=200) as load:
            for _ in range(5):
                applied(publisher, publisher.publish(Pool(servers=_servers(one, two, three))))
                wait_until(lambda: {two.answer, three.answer} <= lbmgr.answers(), what="the new servers answer")
                applied(publisher, publisher.publish(Pool(servers=_servers(two))))
                assert lbmgr.answers() == {two.answer}
                applied(publisher, publisher.publish(Pool(servers=(("b1", one.port),))))
                assert lbmgr.answers() == {one.answer}
                applied(publisher, publisher.publish(Pool(servers=_servers(one))))
            report = load.report()
        assert report.failures == {}
        assert report.requests > 0
        status = publisher.statuses()["task-1"]
        assert (status.haproxy.workers, status.counters["reload"]) == (worker, 1)
        assert status.counters["server_added"] >= 10
        assert status.counters["server_removed"] >= 10


def test_checked_servers_with_weights_are_added_at_run_time(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A new server gets its check, and another weight is set without a reload."""
    with backends(2) as (one, two):
        pool = Pool(servers=_servers(one), options="check inter 100ms fall 1 rise 1 weight 3")
        first = applied(publisher, publisher.publish(pool))
        applied(publisher, publisher.publish(replace(pool, servers=_servers(one, two))))
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both answer")
        two.stop()
        wait_until(lambda: lbmgr.answers() == {one.answer}, what="the check takes the stopped one out")
        heavy = {name: found._replace(weight=7) for name, found in publisher.servers["app"].items()}
        status = applied(publisher, publisher.publish_servers({"app": heavy}))
        assert (status.counters["server_changed"], status.counters["reload"]) == (2, 1)
        assert status.haproxy.workers == first.haproxy.workers
        assert {line.split()[7] for line in states(lbmgr)} == {"7"}


def test_a_draining_server_gets_nothing_new_also_after_a_reload(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Drained, loaded anew, taken back: it is told by its state, and comes back with its weight."""
    with backends(2) as (one, two):
        pool = Pool(servers=_servers(one, two))
        applied(publisher, publisher.publish(pool))
        drained = {one.name: server(one.name, one.port, state=State.DRAIN), two.name: server(two.name, two.port)}
        applied(publisher, publisher.publish_servers({"app": drained}))
        assert lbmgr.answers() == {two.answer}
        applied(publisher, publisher.publish_parts(replace(pool, more="backend extra\n").parts()))
        assert lbmgr.answers() == {two.answer}
        status = applied(publisher, publisher.publish(replace(pool, more="backend extra\n")))
        assert lbmgr.answers() == {one.answer, two.answer}
        assert status.counters["reload"] == 2


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
        applied(publisher, publisher.publish(Pool(servers=_servers(two))))
        wait_until(lambda: len(states(lbmgr)) == 1, what="it is deleted")


def test_who_follows_a_removed_server_with_a_request_is_not_mistaken_for_it(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """At another port it serves at once; with another id when the request has ended. Neither takes a reload."""
    with backends(3) as (one, two, three), ThreadPoolExecutor(1) as client:
        # Idle connections would hinder the deletion as well, some seconds longer.
        pool = Pool(servers=_servers(one), backend=("balance roundrobin", "option http-server-close"))
        worker = applied(publisher, publisher.publish(pool)).haproxy.workers
        rest = {two.name: server(two.name, two.port)}
        at = one
        for successor, to in ((server(one.name, three.port), three), (server(one.name, one.port)._replace(id=7), one)):
            slow = client.submit(lbmgr.get, "?delay=0.7")
            wait_until(lambda: int(_row(lbmgr, one.name)["scur"]) == 1, what="a request runs")
            applied(publisher, publisher.publish_servers({"app": rest}))
            applied(publisher, publisher.publish_servers({"app": rest | {one.name: successor}}))
            assert at.answer not in lbmgr.answers()
            assert slow.result(20) == (200, at.answer)
            wait_until(lambda: to.answer in lbmgr.answers(), what="the successor serves")  # noqa: B023 - called here
            applied(publisher, publisher.publish_servers({"app": {one.name: successor}}))
            at = to
        status = publisher.statuses()["task-1"]
        assert (status.haproxy.workers, status.counters["reload"]) == (worker, 1)
        assert status.counters["command_failed"] == 0


def test_servers_of_a_backend_that_is_not_there_yet_are_kept_aside(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """They serve as soon as the structure has their backend, and those that went meanwhile are not there."""
    with backends(3) as (one, two, three):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        more = {"new": {found.name: server(found.name, found.port) for found in (two, three)}}
        applied(publisher, publisher.publish_servers(publisher.servers | more))
        status = applied(publisher, publisher.operate([Remove("new", three.name)]))
        assert (lbmgr.answers(), status.counters["reload"]) == ({one.answer}, 1)
        facts = marker_line(BackendFacts(backend="new"))
        pool = Pool(frontend=("default_backend new",), more=f"backend new\n{facts}\n")
        applied(publisher, publisher.publish_parts(pool.parts()))
        assert lbmgr.answers() == {two.answer}


def test_a_server_that_cannot_be_told_is_loaded_and_another_leaves_at_once(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """A balance that takes no servers at run time: a removal never waits, a new one comes with a reload."""
    with backends(3) as (one, two, three):
        pool = Pool(servers=_servers(one, two), backend=("balance static-rr",), takes_servers=False)
        applied(publisher, publisher.publish(pool))
        applied(publisher, publisher.publish(replace(pool, servers=_servers(two, three))))
        assert one.answer not in lbmgr.answers()
        wait_until(lambda: lbmgr.answers() == {two.answer, three.answer}, what="the new one serves")
        # The status comes a moment after the traffic.
        wait_until(lambda: publisher.statuses()["task-1"].counters["reload"] == 2, what="the second reload is told")


def test_a_server_that_haproxy_refuses_is_named_and_the_others_serve(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Its reason is HAProxy's; it comes when its record or its backend's options are other ones."""
    with backends(2) as (one, two):
        pool = Pool(servers=_servers(one))
        publisher.publish_parts(pool.parts())
        bad = Server("odd", "no-such-name.invalid", 80, 77, task="odd.1")
        wrong = {"app": {one.name: server(one.name, one.port), "odd": bad}}
        status = applied(publisher, publisher.publish_servers(wrong))
        wait_until(lambda: publisher.statuses()["task-1"].endpoints.refused, what="it is told")
        [refused] = publisher.statuses()["task-1"].endpoints.refused
        assert (refused.backend, refused.server, refused.task) == ("app", "odd", "odd.1")
        assert "resolve" in refused.reason
        assert lbmgr.answers() == {one.answer}
        right = {"app": {one.name: server(one.name, one.port), "odd": server("odd", two.port)}}
        status = applied(publisher, publisher.publish_servers(right))
        wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both serve")
        assert status.endpoints.refused == ()


def test_a_reader_that_is_behind_catches_up(publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]) -> None:
    """From the head, from segments, from the base, and from a log that began anew."""
    with backends(4) as (one, two, three, four):
        lbmgr = make_lbmgr().start()
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        lbmgr.halt()
        publisher.publish(Pool(servers=_servers(one, two)))
        publisher.roll()
        published = publisher.publish(Pool(servers=_servers(two, three)))
        lbmgr.signal(signal.SIGCONT)
        applied(publisher, published)
        assert lbmgr.answers() == {two.answer, three.answer}
        lbmgr.halt()
        publisher.publish(Pool(servers=_servers(four)))
        publisher.compact()
        published = publisher.publish(Pool(servers=_servers(four, one)))
        lbmgr.signal(signal.SIGCONT)
        applied(publisher, published)
        assert lbmgr.answers() == {four.answer, one.answer}
        publisher.log = replace(publisher.log, sequence=0, base=0)
        publisher.servers = Pool(servers=_servers(three)).records()
        publisher.compact(lineage="second")
        wait_until(lambda: lbmgr.answers() == {three.answer}, what="the new log is followed")
        assert publisher.statuses()["task-1"].counters["reload"] == 1


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
        assert (status.structure.action, status.structure.reason) == ("dynamic", "1 map changed")
        assert lbmgr.get("b")[1] == two.answer
        paths = "# sorted\n/a other\n/b app\n" + "".join(f"/n{number} other\n" for number in range(3000))
        status = applied(publisher, publisher.publish(pool(paths)))
        assert status.structure.action == "dynamic"
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
                assert status.structure.action == "reload"
                assert "30-backends-0a.cfg: backend extra" in status.structure.reason
            reports = lasting.report(), fresh.report()
        assert [report.failures for report in reports] == [{}, {}]
        assert status.haproxy.master == first.haproxy.master
        assert first.haproxy.workers[0] not in status.haproxy.workers[:1]


def test_servers_that_haproxy_does_not_load_cost_no_request(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """It finds out only when it loads them: the worker goes on, whoever is refused is named, the others come."""
    with backends(2) as (one, two):
        first = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        with (
            load_in_thread(lbmgr.url, rps=150) as lasting,
            load_in_thread(lbmgr.url, rps=50, keep_alive=False) as fresh,
        ):
            for number in range(3):
                bad = Server("odd", f"no-such-name-{number}.invalid", 80, 77, task="odd.1")
                applied(
                    publisher, publisher.publish_servers({"app": {one.name: server(one.name, one.port), "odd": bad}})
                )
                wait_until(
                    lambda bad=bad: bad.address in str(publisher.statuses()["task-1"].endpoints.refused),  # type: ignore[misc]
                    what="it is refused",
                )
            more = f"backend extra\n    server x 127.0.0.1:{two.port} id 1\n"
            status = applied(publisher, publisher.publish(Pool(servers=_servers(one, two), more=more)))
            wait_until(lambda: lbmgr.answers() == {one.answer, two.answer}, what="both serve")
            reports = lasting.report(), fresh.report()
        assert [report.failures for report in reports] == [{}, {}]
        assert status.haproxy.master == first.haproxy.master
        assert status.structure.action == "reload"


def test_a_structure_that_haproxy_refuses_changes_nothing(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """HAProxy's message is in the status, the old version serves on, and the next good one is applied."""
    with backends(1) as (one,):
        good = Pool(servers=_servers(one))
        published = publisher.publish(good)
        worker = applied(publisher, published).haproxy.workers
        bad = publisher.publish(replace(good, backend=("balance roundrobbin",)))
        structure = told(publisher, "rejected").structure
        assert (structure.version, structure.rejected_version) == (published.version, bad.version)
        assert structure.action == "reject"
        assert structure.error
        assert "30-backends-0a.cfg:2" in structure.error
        assert "balance" in structure.error
        assert lbmgr.answers() == {one.answer}
        status = applied(publisher, publisher.publish(good))
        assert (status.structure.action, status.structure.error, status.haproxy.workers) == ("noop", None, worker)


def test_a_reload_that_fails_after_a_good_check_is_rolled_back(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """`-c` cannot see that an address is taken: the old worker goes on, and the reload succeeds once it is free."""
    with backends(2) as (one, two):
        published = publisher.publish(Pool(servers=_servers(one)))
        worker = applied(publisher, published).haproxy.workers
        # A port that HAProxy is not told to be ours, so that only its own bind can fail.
        with hold_port(0, share=False) as port:
            more = f"listen taken\n    bind 127.0.0.1:{port}\n"
            bad = publisher.publish(Pool(servers=_servers(one, two), more=more))
            status = told(publisher, "rejected")
            assert (status.structure.version, status.structure.rejected_version) == (published.version, bad.version)
            assert status.structure.error
            assert "Address already in use" in status.structure.error
            assert status.haproxy.workers[:1] == worker
            everyone = {one.answer, two.answer}
            wait_until(lambda: lbmgr.answers() == everyone, what="the old worker serves, with the new server")
        applied(publisher, bad)
        assert lbmgr.answers() == {one.answer, two.answer}


def test_a_listener_with_a_port_that_the_instance_lacks_waits_alone(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The port is named, the listener goes on as it was, and everything else follows."""
    with backends(1) as (one,):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        moved = Pool(servers=_servers(one), port="admin", more="backend extra\n")
        status = applied(publisher, publisher.publish(moved))
        assert status.structure.waiting == (Waiting(listener="web", missing=("the port admin",)),)
        assert status.structure.action == "reload"
        assert lbmgr.answers() == {one.answer}
        assert lbmgr.health() == 200


def test_a_listener_that_cannot_stay_as_it_was_is_left_out(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Where the old form does not go with what is new; the others are served."""
    with backends(1) as (one,):
        more = "backend extra\n"
        before = Pool(servers=_servers(one), frontend=("default_backend extra",), more=more)
        applied(publisher, publisher.publish(before))
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one), port="admin")))
        assert [waiting.listener for waiting in status.structure.waiting] == ["web"]
        assert lbmgr.health() == 200
        with pytest.raises(URLError):
            lbmgr.get()
        status = applied(publisher, publisher.publish(before))
        assert status.structure.waiting == ()


def test_a_listener_that_cannot_listen_is_left_out_until_it_can(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """HAProxy would share a port silently; lbmgr says who has it, serves everything else, and tries again."""
    lbmgr = make_lbmgr()
    with backends(1) as (one,):
        with hold_port(lbmgr.web, share=True):
            version = publisher.publish(Pool(servers=_servers(one)))
            lbmgr.start()
            status = applied(publisher, version)
            why = f"port {lbmgr.web} (web), which already has a listener on 127.0.0.1"
            assert status.structure.waiting == (Waiting(listener="web", missing=(why,)),)
            assert lbmgr.health() == 200
        wait_until(lambda: publisher.statuses()["task-1"].structure.waiting == (), what="it listens")
        assert lbmgr.answers() == {one.answer}
        stamps = publisher.statuses()["task-1"].structure.stamps
        assert stamps["applied"] == status.structure.stamps["applied"]


def test_what_haproxy_itself_says_of_a_listener_is_told(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """It fails in a way that nobody knew before, is started without that listener, and says why that is left out."""
    with backends(1) as (one,):
        parts = Pool(servers=_servers(one)).parts()
        text = "frontend odd\n    bind /none/odd.sock\n    default_backend app\n"
        publisher.publish_parts(parts | {"20-odd.cfg": (Part.of("20-odd.cfg", "config", text, "odd"), text)})
        status = applied(publisher, publisher.publish_servers(Pool(servers=_servers(one)).records()))
        [waiting] = status.structure.waiting
        assert waiting.listener == "odd"
        assert "cannot bind" in waiting.missing[0]
        assert lbmgr.answers() == {one.answer}


def test_two_instances_on_one_host_do_not_disturb_each_other(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """Both serve the same pool on ports of their own, and the end of one leaves the other alone."""
    first, second = make_lbmgr(task_id="task-1").start(), make_lbmgr(task_id="task-2").start()
    with backends(1) as (one,):
        version = publisher.publish(Pool(servers=_servers(one)))
        applied(publisher, version, "task-1")
        applied(publisher, version, "task-2")
        assert first.answers() == second.answers() == {one.answer}
        first.kill()
        assert second.answers() == {one.answer}
        wait_until(lambda: set(publisher.statuses()) == {"task-2"}, timeout=20, what="the status of the dead is gone")
        applied(publisher, publisher.publish(Pool(servers=())), "task-2")
        assert second.get()[0] == 503
