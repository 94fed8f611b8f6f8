"""What meets in the list of servers: changes that come while a reload is prepared, and the files."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from pool_executor.contract import BackendFacts, Operation, Put, Remove, Server
from pool_executor.lbmgr.haproxy.runtime import Reply, capabilities
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.bulk import slow
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.journal import Journal
from pool_executor.lbmgr.servers.keeper import Keeper
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.position import Position
from pool_executor.lbmgr.servers.teller import Refusal
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import ServerRef
from tests.unit.pool_executor.lbmgr.parts import server

FACTS = {"app": BackendFacts(backend="app"), "static": BackendFacts(backend="static", takes_servers=False)}


class Willing:
    """A worker that does what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, lines: Sequence[str], timeout: float | None = None) -> list[Reply]:
        """Yes to everything."""
        self.lines += lines
        return [Reply(command=line, text="", ok=True) for line in lines]

    def close(self) -> None:
        """There is no connection."""


def made() -> tuple[Lane, Willing]:
    """A lane whose worker serves no server yet."""
    lane, worker = Lane(capabilities("2.6.12"), Counters()), Willing()
    lane.take_over(cast(Worker, worker), FACTS, Held({}))
    return lane, worker


def test_what_replaces_a_server_that_haproxy_refuses_is_not_refused_with_it() -> None:
    """The change came after the files were made that HAProxy complains about."""
    lane, _ = made()
    bad, good, ref = server("a", port=1), server("a", port=2), ServerRef("static", "a")
    lane.follow([Put("static", bad)], Position("f00", 1), {})
    lane.begin()
    lane.follow([Put("static", good)], Position("f00", 2), {})
    lane.refuse({ref: Refusal(server=bad, words="", reason="no")})
    assert lane.left_out(FACTS) == set()
    assert lane.begin() == {"static": {"a": good}}
    assert not lane.told().refused


def test_what_goes_while_files_are_checked_is_known() -> None:
    """And not what is moved or comes: only lines that were checked may stand in the files."""
    lane, _ = made()
    lane.follow([Put("app", server(name)) for name in "abc"], Position("f00", 3), {})
    lane.begin()
    assert lane.gone() == set()
    lane.follow([Remove("app", "a"), Put("app", server("b", 81)), Put("app", server("d"))], Position("f00", 6), {})
    assert lane.gone() == {ServerRef("app", "a")}
    lane.abandon()
    assert lane.gone() == set()


def test_a_large_change_that_is_saved_in_its_middle_is_on_disk_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written under the position of before is not read again after the next change."""
    lane, _ = made()
    keeper = Keeper(tmp_path / "endpoints", lane, Counters(), lambda: None)
    lane.follow([Put("app", server("first"))], Position("f00", 1), {})
    keeper.save(0.0)
    many: list[Operation] = [Put("app", server(f"s{number}")) for number in range(500)]
    bring_slowly = lane._bring_slowly

    def save_first(refs: Sequence[ServerRef]) -> None:
        keeper.save(0.5)
        bring_slowly(refs)

    monkeypatch.setattr(lane, "_bring_slowly", save_first)
    lane.follow(many, Position("f00", 501), {})
    keeper.save(1.0)
    lane.follow([Remove("app", "first")], Position("f00", 502), {})
    keeper.save(2.0)
    stored = Journal(tmp_path / "endpoints").load()
    assert stored is not None
    assert (stored.sequence, stored.servers) == (502, lane.wanted())


def large() -> tuple[Lane, Willing, dict[str, dict[str, Server]]]:
    """A lane whose worker serves a backend of 50,000 servers."""
    lane, worker = Lane(capabilities("2.6.12"), Counters()), Willing()
    servers = {"app": {f"s{number}": server(f"s{number}") for number in range(50_000)}}
    lane.replace({"app": dict(servers["app"])}, Position("f00", 1), {})
    lane.begin()
    lane.take_over(cast(Worker, worker), FACTS, Held(servers))
    assert worker.lines == []
    return lane, worker, servers


def test_thousands_of_new_servers_of_a_large_backend_come_with_a_reload() -> None:
    """It takes seconds, each order alone would make minutes of them; what ends does not wait for that."""
    lane, worker, _ = large()
    many: list[Operation] = [Put("app", server(f"n{number}")) for number in range(2000)]
    lane.follow([*many, Remove("app", "s1")], Position("f00", 2002), {})
    assert worker.lines == ["set server app/s1 state maint"]
    assert "come sooner that way; and 1997 more" in str(lane.needs_reload)
    lane.follow([Put("app", server("later")), Remove("app", "n1")], Position("f00", 2004), {})
    assert worker.lines == ["set server app/s1 state maint"]
    read = {"app": dict(lane.begin()["app"])}
    lane.take_over(cast(Worker, worker), FACTS, Held(read))
    assert (lane.needs_reload, worker.lines[1:]) == (None, [])


def test_new_servers_are_told_one_by_one_when_no_reload_brings_them() -> None:
    """Late is better than never."""
    lane, worker, _ = large()
    lane.follow([Put("app", server(f"n{number}")) for number in range(2000)], Position("f00", 2001), {})
    lane.reload_is_far()
    while lane.needs_reload:
        lane.tell_waiting()
    assert sum(line.startswith("add server app/n") for line in worker.lines) == 2000


def test_a_burst_in_a_small_backend_is_told_at_run_time() -> None:
    """However large the others are."""
    lane, _worker, _ = large()
    lane.follow([Put("static", server("x")), Put("app", server("y"))], Position("f00", 3), {})
    assert lane.needs_reload == "server static/x is new and its backend's balance takes no server at run time"
    assert slow({"burst": 5000}, {"app": 50_000}) == set()
    assert slow({"burst": 200, "app": 200}, {"app": 50_000}) == set()
    assert slow({"burst": 200, "app": 2000}, {"app": 50_000}) == {"app"}
    assert slow({"app": 1000}, {"app": 1000}) == set()
