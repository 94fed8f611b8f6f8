"""What HAProxy is told of one server."""

import pytest

from pool_executor.contract import BackendFacts, Server, State
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.way import NeedsReload, Orders, way
from pool_executor.lbmgr.structure.content import ServerRef
from tests.unit.pool_executor.lbmgr.parts import server

HAPROXY = capabilities("2.6.12-1+deb12u4")
CHECKED = BackendFacts(backend="app", options={"": "check inter 5s", "plain": "", "same": "check inter 5s"})
STATIC = BackendFacts(backend="app", takes_servers=False)
REF = ServerRef("app", "a")


def told(
    have: Server | None, wanted: Server | None, facts: BackendFacts = CHECKED, leftover: Server | None = None
) -> Orders | NeedsReload | None:
    return way(REF, facts, HAPROXY, have, wanted, leftover)


def lines(found: Orders | NeedsReload | None) -> tuple[str, ...]:
    assert isinstance(found, Orders), found
    return found.lines


def test_a_new_server_is_added_checked_and_started() -> None:
    """With all of its options, since HAProxy applies no defaults at run time."""
    found = told(None, server("a", weight=7))
    assert lines(found) == (
        "add server app/a 10.0.0.1:80 id 97 check inter 5s weight 7",
        "enable health app/a",
        "set server app/a state ready",
    )
    six = server("a", options="plain")._replace(address="fd00::1")
    assert lines(told(None, six)) == ("add server app/a [fd00::1]:80 id 97", "set server app/a state ready")


def test_a_new_server_starts_in_its_state() -> None:
    """One that drains takes no new clients, one in maintenance is not started at all."""
    assert lines(told(None, server("a", options="plain", state=State.DRAIN)))[-1] == "set server app/a state drain"
    assert len(lines(told(None, server("a", options="plain", state=State.MAINT)))) == 1


@pytest.mark.parametrize(("port", "elsewhere"), [(80, 1), (1, 2)])
def test_a_server_with_a_cookie_is_moved_to_its_port_before_it_is_started(port: int, elsewhere: int) -> None:
    """HAProxy 2.6 makes cookies of servers that move, and none of those that come."""
    facts = BackendFacts(backend="app", options={"": "check"}, dynamic_cookie=True)
    start = ("enable health app/a", "set server app/a state ready")
    move = f"set server app/a addr 10.0.0.1 port {port}"
    added = (f"add server app/a 10.0.0.1:{elsewhere} id 97 check", move)
    assert told(None, server("a", port), facts) == Orders("added", added, then=start)
    leftover = server("a")._replace(id=5)
    assert told(None, server("a", port), facts, leftover=leftover) == Orders(
        "added", ("del server app/a", *added), then=start
    )


def test_what_is_removed_goes_first_and_at_once() -> None:
    """Whatever its backend takes at run time."""
    for facts in (CHECKED, STATIC):
        assert told(server("a"), None, facts) == Orders("removed", ("set server app/a state maint",), takes_out=True)
    assert told(None, None) is None


def test_a_server_that_comes_back_is_started_again() -> None:
    """While the removed one waits for its connections to end; where it is now is said first."""
    start = ("enable health app/a", "set server app/a state ready")
    assert told(None, server("a", task="other"), leftover=server("a")) == Orders("added", (), then=start)
    moved = ("set server app/a addr 10.0.0.1 port 81", "set server app/a weight 7")
    assert told(None, server("a", port=81, weight=7), leftover=server("a")) == Orders("added", moved, then=start)
    static = told(None, server("a", port=81), STATIC, leftover=server("a"))
    assert static == Orders("added", moved[:1], then=start[1:])
    assert isinstance(told(None, server("a"), STATIC, leftover=server("a", state=State.DRAIN)), NeedsReload)


@pytest.mark.parametrize(
    ("another", "before"),
    [
        (server("a", 81)._replace(id=5), server("a")),
        (server("a", 81, options="plain"), server("a")),
        (server("a", 81), server("a")._replace(address="db.example")),
    ],
)
def test_another_server_takes_the_place_of_a_removed_one_when_that_is_deleted(another: Server, before: Server) -> None:
    """It is not started before HAProxy has deleted the one and taken the other: it would be the old one."""
    found = told(None, another, leftover=before)
    assert isinstance(found, Orders)
    assert found.lines[0] == "del server app/a"
    assert found.lines[1].startswith("add server app/a 10.0.0.1:81")
    assert found.then[-1] == "set server app/a state ready"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (server("a", task="b"), ()),
        (server("a", options="same"), ()),
        (server("a", port=81), ("set server app/a addr 10.0.0.1 port 81",)),
        (server("a", weight=9), ("set server app/a weight 9",)),
        (server("a", state=State.DRAIN), ("set server app/a state drain",)),
        (server("a", state=State.MAINT), ("set server app/a state maint",)),
    ],
)
def test_a_server_changes_without_a_reload(wanted: Server, expected: tuple[str, ...]) -> None:
    """Place, weight and state; another task in the same place is no news to HAProxy."""
    assert lines(told(server("a"), wanted)) == expected


def test_what_takes_a_server_out_of_use_goes_first() -> None:
    """Draining, maintenance and a weight of zero; nothing else."""
    outs = [server("a", state=State.DRAIN), server("a", state=State.MAINT), server("a", weight=0)]
    found = [told(server("a"), wanted) for wanted in (*outs, server("a", port=81))]
    assert [one.takes_out for one in found if isinstance(one, Orders)] == [True, True, True, False]


def test_a_server_that_was_drained_in_a_file_is_drained_and_gets_its_weight() -> None:
    """The file says so with a weight of 0; afterwards it comes back with the weight it shall have."""
    as_read = server("a", weight=0)
    drained = told(as_read, server("a", state=State.DRAIN))
    assert lines(drained) == ("set server app/a state drain", "set server app/a weight 1")
    assert lines(told(as_read, server("a", state=State.DRAIN), STATIC)) == ("set server app/a state drain",)
    assert isinstance(told(server("a", state=State.DRAIN), server("a"), STATIC), NeedsReload)


def test_a_server_that_comes_back_elsewhere_is_used_when_it_is_known_where() -> None:
    """Where it was before it may not be used."""
    found = told(server("a", state=State.MAINT), server("a", port=81))
    moved = ("set server app/a addr 10.0.0.1 port 81",)
    assert found == Orders("moved", moved, then=("set server app/a state ready",))


@pytest.mark.parametrize(
    ("have", "wanted", "facts", "reason"),
    [
        (None, server("a"), STATIC, "balance takes no server"),
        (None, server("a")._replace(address="db.example"), CHECKED, "is a name"),
        (None, server("a"), BackendFacts(backend="app", options={"": "check cookie x"}), "the option cookie"),
        (server("a"), server("a")._replace(id=5), CHECKED, "another id"),
        (server("a"), server("a", options="plain"), CHECKED, "other options"),
        (server("a"), server("a")._replace(address="db.example"), CHECKED, "a name is involved"),
        (server("a"), server("a", weight=3), STATIC, "another weight"),
    ],
)
def test_the_rest_takes_a_reload_and_says_why(
    have: Server | None, wanted: Server, facts: BackendFacts, reason: str
) -> None:
    """One reason is enough."""
    found = told(have, wanted, facts)
    assert isinstance(found, NeedsReload)
    assert reason in found.reason
