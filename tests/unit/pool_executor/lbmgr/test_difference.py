"""What HAProxy lists against what it was told."""

from pool_executor.contract import BackendFacts, State
from pool_executor.lbmgr.servers.difference import differences, parse_state
from tests.unit.pool_executor.lbmgr.parts import server

FACTS = BackendFacts(backend="app", options={"": "check weight 5"})
# As HAProxy 2.6.12 answers, cut at its end.
HEADER = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port"
)


def listed(name: str, *, number: int = 0, at: str = "10.0.0.1", port: int = 80, admin: int = 0, weight: int = 5) -> str:
    number = number or sum(map(ord, name))
    return f"4 app {number} {name} {at} 2 {admin} {weight} 1 9 1 0 2 0 0 0 1 - {port}"


def test_nothing_differs_when_every_server_is_as_it_was_told() -> None:
    """A removed one may still be there, weights come from record or options, and a name is HAProxy's to resolve."""
    told = {
        "a": server("a"),
        "b": server("b", weight=7),
        "c": server("c", state=State.MAINT),
        "d": server("d", state=State.DRAIN),
        "e": server("e")._replace(address="db.example"),
        "f": server("f")._replace(address="fd00::0:1"),
    }
    seen = parse_state(
        "\n".join(
            [
                HEADER,
                listed("a"),
                listed("b", weight=7),
                listed("c", admin=1),
                listed("d", admin=8),
                listed("e", at="10.9.9.9"),
                listed("f", at="fd00::1"),
                listed("old", admin=1),
            ]
        )
    )
    assert differences(FACTS, told, seen, {"old"}) == []


def test_each_difference_says_what_haproxy_has() -> None:
    """So that it can be told the rest."""
    told = {name: server(name) for name in ("a", "b", "c", "d", "e")}
    seen = parse_state(
        "\n".join(
            [
                HEADER,
                listed("b", at="10.0.0.2", port=81),
                listed("c", admin=1),
                listed("d", weight=1),
                listed("e", number=7),
                listed("x"),
                "half a line",
            ]
        )
    )
    found = {one.name: one for one in differences(FACTS, told, seen, ())}
    assert (found["a"].found, found["a"].reason) == (None, "is missing")
    assert found["b"].found == server("b")._replace(address="10.0.0.2", port=81)
    assert found["c"].found == server("c", state=State.MAINT)
    assert found["d"].found == server("d", weight=1)
    assert found["e"].found == server("e")._replace(id=7)
    assert (found["x"].told, found["x"].reason) == (None, "is not wanted")
    assert len(found) == 6


def test_an_answer_of_another_form_lists_nothing() -> None:
    """Neither servers nor an exception."""
    assert parse_state("Can't find backend.\n") == {}
    assert parse_state(HEADER.replace("srv_port", "port") + "\n" + listed("a")) == {}
