"""Rules that change while requests arrive: what the template renders, carried out by lbmgr in a real HAProxy."""

import contextlib
import re
import socket
from collections.abc import Callable, Iterator, Sequence

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from pool_executor.contract import Part, Remove
from pool_executor.lbmgr.structure.instance import RELAY_MAP
from scheduler.pools.model import MapRule
from tests.integration.pool_executor.harness import Lbmgr, Publisher, applied, server
from tests.support.backends import Backend
from tests.support.load import Load, load_in_thread
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

Rules = tuple[MapRule, ...]


def parts(rules: Sequence[MapRule]) -> dict[str, tuple[Part, str]]:
    """The parts of a pool with these rules, none of which is the default."""
    shape = pool("web", frontend("web", "", *rules, bind_address="127.0.0.1"), backend("app"), backend("other"))
    return {name: (text.part, text.text) for name, text in render(build_config(shape)).items()}


def serve(publisher: Publisher, one: Backend) -> None:
    """Let one server answer for both backends."""
    publisher.publish_servers({name: {one.name: server(one.name, one.port)} for name in ("app", "other")})


def rules_of(count: int) -> Rules:
    """`count` rules around those that no edit touches: of bbb.example, of a pattern, of a *, and one without a host."""
    hosts = [f"host-{number}.example" for number in range(count // 3)]
    return (
        MapRule(backend="app", path_beg="/static"),
        MapRule(backend="app", host_eq="bbb.example"),
        MapRule(backend="app", host_eq="ccc.example", path_beg="/c"),
        *(MapRule(backend="app", host_eq=host) for host in hosts),
        *(MapRule(backend="other", host_eq=host, path_beg="/api") for host in hosts),
        MapRule(backend="app", host_reg=r"^p\d+[.]example$", path_end=".png"),
        MapRule(backend="app", host_eq="*.wild.example"),
    )


def edits(rules: Rules, rounds: int) -> Iterator[Rules]:
    """Rules of others that come, change and go: before bbb.example in every order, and in its own group."""
    for number in range(rounds):
        yield (*rules, MapRule(backend="app", host_eq="aaa.example"))
        yield (*rules, MapRule(backend="app", host_eq="aaa.example"), MapRule(backend="app", host_eq=f"new-{number}.x"))
        yield (MapRule(backend="other", host_eq="aaa.example", path_beg="/x"), *rules)
        yield (MapRule(backend="other", host_eq="ccc.example", path_beg="/c/d"), *rules[:2], *rules[3:])
        yield (MapRule(backend="other", path_beg=f"/new-{number}"), *rules)
        yield (*rules, MapRule(backend="other", host_eq=f"new-{number}.wild.example"))
        yield rules


@contextlib.contextmanager
def loads(url: str) -> Iterator[list[Load]]:
    """Clients of all that no edit touches; with lasting connections and with one per request."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                load_in_thread(f"{url}{path}", 60, connections=3, keep_alive=keep_alive, headers={"Host": host})
            )
            for host, path in (
                ("bbb.example", "x"),
                ("unnamed.example", "static/x"),
                ("p7.example", "x.png"),
                ("x.wild.example", "x"),
            )
            for keep_alive in (True, False)
        ]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rounds"), [(5, 20), (100, 20), (1500, 10)])
def test_no_request_of_an_untouched_host_fails_while_rules_change(
    lbmgr: Lbmgr, publisher: Publisher, count: int, rounds: int
) -> None:
    """Hundreds of edits, none of them a reload, and clients that never try again."""
    with Backend("app") as one:
        serve(publisher, one)
        rules = rules_of(count)
        status = applied(publisher, publisher.publish_parts(parts(rules)))
        wait_until(lambda: lbmgr.get("static/x")[0] == 200, what="the first answer")
        with loads(lbmgr.url) as clients:
            for wanted in edits(rules, rounds):
                status = applied(publisher, publisher.publish_parts(parts(wanted)))
                assert status.structure.action == "dynamic", status.structure.reason
            wait_until(lambda: all(one.report().requests > 100 for one in clients), what="requests meanwhile")
        reports = [one.report() for one in clients]
        assert [one.failures for one in reports] == [{}] * len(reports), [one.requests for one in reports]
        assert status.counters["reload"] == 1
        assert maps_in_haproxy(lbmgr) == maps_on_disk(lbmgr)


def test_an_edit_after_a_restart_needs_no_reload(lbmgr: Lbmgr, publisher: Publisher) -> None:
    """HAProxy is started on the files, so they say what it knows."""
    with Backend("app") as one:
        serve(publisher, one)
        rules = rules_of(30)
        for wanted in edits(rules, 1):
            applied(publisher, publisher.publish_parts(parts(wanted)))
        lbmgr.kill()
        lbmgr.start()
        wait_until(lambda: lbmgr.get("static/x")[0] == 200, timeout=30, what="an answer after the restart")
        wanted = (MapRule(backend="other", host_eq="aaa.example"), *rules)
        status = applied(publisher, publisher.publish_parts(parts(wanted)))
        assert (status.structure.action, status.counters["reload"]) == ("dynamic", 0)
        assert maps_in_haproxy(lbmgr) == maps_on_disk(lbmgr)


def test_an_edit_that_is_interrupted_is_completed_by_the_next_start(
    make_lbmgr: Callable[..., Lbmgr], publisher: Publisher
) -> None:
    """SIGKILL at changing moments of an edit of many lines: afterwards HAProxy knows what the files say."""
    lbmgr = make_lbmgr().start()
    with Backend("app") as one:
        serve(publisher, one)
        rules = rules_of(1500)
        applied(publisher, publisher.publish_parts(parts(rules)))
        for number, wanted in enumerate(edits(rules, 1)):
            before = maps_in_haproxy(lbmgr)
            publisher.publish_parts(parts(wanted))
            if number % 2:  # between the first order of the edit and the last
                wait_until(lambda known=before: maps_in_haproxy(lbmgr) != known, every=0.0, what="the first order")
            lbmgr.kill()
            lbmgr.start()
            # What the one before has told stands until its session ends: of this, only the new one can tell.
            applied(publisher, publisher.operate([Remove("app", f"nobody-{number}")]))
            assert maps_in_haproxy(lbmgr) == maps_on_disk(lbmgr)
            assert lbmgr.get("static/x")[0] == 200


def maps_on_disk(lbmgr: Lbmgr) -> dict[str, set[str]]:
    """The entries of each map file."""
    found = (lbmgr.sandbox / "haproxy.d/current/maps").iterdir()
    return {path.name: set(path.read_text().splitlines()) for path in found}


def maps_in_haproxy(lbmgr: Lbmgr) -> dict[str, set[str]]:
    """The entries of the pool's maps that the worker knows, by file name; one that stands twice counts as a mistake."""
    instance = (lbmgr.sandbox / "haproxy.d/current/00-instance.cfg").read_text()
    admin = re.search(r'stats socket "(\S+)"', instance)
    assert admin is not None
    found = {}
    for line in ask(admin[1], "show map").splitlines():
        match = re.match(r"(\d+) \((\S+/([^/\s]+\.map))\)", line)
        if match and match[3] != RELAY_MAP:
            entries = [entry.partition(" ")[2] for entry in ask(admin[1], f"show map #{match[1]}").splitlines()]
            assert len(entries) == len(set(entries)), f"{match[3]} has an entry twice"
            found[match[3]] = set(filter(None, entries))
    return found


def ask(path: str, command: str) -> str:
    """One command to HAProxy's stats socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(f"{command}\n".encode())
        answer = bytearray()
        while data := client.recv(65536):
            answer += data
    return answer.decode()
