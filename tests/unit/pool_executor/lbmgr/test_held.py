"""What one worker has of servers."""

from pool_executor.contract import State
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.structure.content import ServerRef
from tests.unit.pool_executor.lbmgr.parts import server

A, B = ServerRef("app", "a"), ServerRef("app", "b")


def test_usable_servers_are_counted_as_they_come_and_go() -> None:
    """Not those that drain, are in maintenance or have no weight."""
    held = Held({"app": {"a": server("a"), "b": server("b", weight=0)}})
    assert held.usable["app"] == 1
    held.put(B, server("b"))
    assert held.usable["app"] == 2
    held.put(B, server("b", state=State.DRAIN))
    held.put(A, server("a", state=State.MAINT))
    assert held.usable["app"] == 0
    held.put(A, server("a"))
    assert held.drop(A) == server("a")
    assert held.drop(A) is None
    assert held.usable["app"] == 0


def test_a_removed_server_is_remembered_until_it_comes_back() -> None:
    """It is none of the backend's meanwhile."""
    held = Held({"app": {"a": server("a")}})
    held.retire(A)
    assert held.get(A) is None
    assert held.retired == {A: server("a")}
    held.put(A, server("a"))
    assert held.retired == {}


def test_a_backend_is_emptied_by_its_last_usable_servers() -> None:
    """Others that go with them do not count."""
    held = Held({"app": {"a": server("a"), "b": server("b"), "c": server("c", weight=0)}, "other": {}})
    assert held.emptied([A]) == set()
    assert held.emptied([A, ServerRef("app", "c"), ServerRef("other", "x")]) == set()
    assert held.emptied([A, B]) == {"app"}
