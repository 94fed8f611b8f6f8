"""What becomes of orders that HAProxy refuses: a removed server is never in use again by mistake."""

import re
from collections.abc import Sequence
from typing import cast

import pytest

from pool_executor.contract import BackendFacts
from pool_executor.lbmgr.haproxy.runtime import Reply, SocketFailed, capabilities
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.teller import Teller
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import ServerRef
from tests.unit.pool_executor.lbmgr.parts import server

REF = ServerRef("app", "a")
OLD, MOVED, OTHER = server("a"), server("a", port=81), server("a", port=81, options="checked")
CONNECTED = "Server still has connections attached to it, cannot remove it."


class Model:
    """A worker that keeps servers by name as HAProxy does: `connected` ones cannot be deleted."""

    def __init__(self, *names: str) -> None:
        self.servers = {name: ["10.0.0.1:80", "ready"] for name in names}
        self.connected: set[str] = set()
        self.refuses = ""
        self.broken = False

    def run(self, lines: Sequence[str], timeout: float | None = None) -> list[Reply]:
        """The answers."""
        if self.broken:
            raise SocketFailed("broken")
        return [Reply(command=line, text=text, ok=not text) for line in lines for text in [self._do(line)]]

    def close(self) -> None:
        """There is no connection."""

    def _do(self, line: str) -> str:
        if self.refuses and line.startswith(self.refuses):
            return "no"
        verb, name = line.split()[0], line.split()[2].partition("/")[2]
        if verb == "add":
            if name in self.servers:
                return "Already exists a server with the same name in backend."
            self.servers[name] = [line.split()[3], "maint"]
        elif name not in self.servers:
            return "No such server."
        elif verb == "del":
            if self.servers[name][1] != "maint":
                return "Only servers in maintenance mode can be deleted."
            if name in self.connected:
                return CONNECTED
            del self.servers[name]
        elif found := re.search(r" addr (\S+) port (\d+)$", line):
            self.servers[name][0] = f"{found[1]}:{found[2]}"
        elif found := re.search(r" state (\w+)$", line):
            self.servers[name][1] = found[1]
        return ""


def made() -> tuple[Teller, Model]:
    """A teller whose worker had the server `a`, which was removed and has a connection."""
    teller, model = Teller(capabilities("2.6.12"), Counters()), Model("a")
    facts = {"app": BackendFacts(backend="app", options={"": "", "checked": "check"})}
    teller.take_over(cast(Worker, model), facts, Held({"app": {"a": OLD}}))
    model.connected.add("a")
    teller.bring([REF], {})
    assert model.servers == {"a": ["10.0.0.1:80", "maint"]}
    return teller, model


def test_a_server_that_moved_while_it_was_removed_is_used_where_it_is_now() -> None:
    """Its connections do not hinder it."""
    teller, model = made()
    teller.bring([REF], {"app": {"a": MOVED}})
    assert model.servers == {"a": ["10.0.0.1:81", "ready"]}
    assert (teller.held.get(REF), teller.held.retired, teller.needs_reload) == (MOVED, {}, None)


def test_a_server_is_not_used_where_it_was_when_haproxy_does_not_move_it() -> None:
    """Somebody else may be there."""
    teller, model = made()
    model.refuses = "set server app/a addr"
    teller.bring([REF], {"app": {"a": MOVED}})
    assert model.servers == {"a": ["10.0.0.1:80", "maint"]}
    assert teller.pending.keys() == {REF}
    assert teller.suspect == {"app"}


def test_another_server_waits_for_the_connections_of_the_one_before() -> None:
    """That one stays out of use, and no reload is made for it at once."""
    teller, model = made()
    wanted = {"app": {"a": OTHER}}
    teller.bring([REF], wanted)
    assert model.servers == {"a": ["10.0.0.1:80", "maint"]}
    assert (set(teller.succeeding), teller.pending, teller.suspect) == ({REF}, {}, set())
    model.connected.clear()
    teller.bring(teller.succeeding, wanted)
    assert model.servers == {"a": ["10.0.0.1:81", "ready"]}
    assert (teller.succeeding, teller.held.retired, teller.held.get(REF)) == ({}, {}, OTHER)


def test_connections_that_do_not_end_take_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """And until then it is tried on."""
    monkeypatch.setattr("pool_executor.lbmgr.servers.teller._PATIENCE", 0.0)
    teller, model = made()
    wanted = {"app": {"a": OTHER}}
    teller.bring([REF], wanted)
    assert teller.needs_reload == "server app/a is another one than before, and that one still has connections"
    model.connected.clear()
    teller.bring(teller.succeeding, wanted)
    assert (teller.needs_reload, model.servers["a"]) == (None, ["10.0.0.1:81", "ready"])


def test_a_server_that_waits_and_is_not_wanted_any_more_is_forgotten() -> None:
    """It is deleted when it can be."""
    teller, model = made()
    teller.bring([REF], {"app": {"a": OTHER}})
    teller.bring([REF], {})
    assert (teller.succeeding, list(teller.held.retired)) == ({}, [REF])
    model.connected.clear()
    teller.delete_retired(10)
    assert (model.servers, teller.held.retired) == ({}, {})


def test_what_has_the_name_of_a_server_that_was_not_added_is_not_used() -> None:
    """HAProxy has one of that name that it was not known to have."""
    teller, model = made()
    model.servers["b"] = ["10.0.0.9:80", "ready"]
    ref = ServerRef("app", "b")
    teller.bring([ref], {"app": {"b": server("b")}})
    assert model.servers["b"] == ["10.0.0.9:80", "maint"]
    assert teller.suspect == {"app"}


def test_a_removed_server_that_an_unanswered_order_brought_back_is_taken_out_again() -> None:
    """It cannot be deleted before."""
    teller, model = made()
    model.connected.clear()
    model.servers["a"][1] = "ready"
    teller.delete_retired(10)
    teller.delete_retired(10)
    assert model.servers == {}


def test_orders_that_were_not_answered_are_looked_at() -> None:
    """Whether they were carried out is not known."""
    teller, model = made()
    model.broken = True
    teller.bring([REF], {"app": {"a": MOVED}})
    assert (teller.suspect, teller.held.get(REF)) == ({"app"}, None)
