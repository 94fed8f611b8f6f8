"""What the command line prints: tables, progress lines, configuration text."""

import pytest

from api.cli.observe import indented
from api.cli.output import coloured, table
from api.cli.wait import describe, lines


def test_columns_are_aligned_and_stacked_cells_stand_under_each_other() -> None:
    """Two spaces apart, no trailing space."""
    assert table(("NAME", "PORT"), [("web", ["80", "81"]), ("stats", "9090")]) == (
        "NAME   PORT\nweb    80\n       81\nstats  9090"
    )


def test_a_table_without_rows_is_its_header() -> None:
    """Scripts that skip the first line still work."""
    assert table(("A", "B"), []) == "A  B"


def test_words_have_no_colour_where_stdout_is_no_terminal() -> None:
    """Pipes get the plain word."""
    assert coloured("ready") == "ready"


def row(**changes: object) -> dict[str, object]:
    """A load balancer as the API's status lists it."""
    base: dict[str, object] = {
        "name": "edgelb-pool-0",
        "state": "TASK_RUNNING",
        "podStatus": "RUNNING",
        "hostname": "agent1",
        "pending": None,
        "verdict": "applied",
        "action": "reload",
        "reason": "first configuration",
        "error": None,
        "message": "",
        "version": 7,
        "rejectedVersion": None,
        "leaving": False,
        "deaths": [],
        "note": None,
    }
    return base | changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "TASK_RUNNING on agent1, serves configuration 7 (reload: first configuration)"),
        ({"verdict": "starting"}, "TASK_RUNNING on agent1, has no configuration yet"),
        (
            {"verdict": "starting", "error": "cannot bind"},
            "TASK_RUNNING on agent1, serves nothing: cannot bind",
        ),
        (
            {"error": "HAProxy was killed; it is started again"},
            "TASK_RUNNING on agent1, serves configuration 7 (reload: first configuration);"
            " HAProxy was killed; it is started again",
        ),
        (
            {"action": None, "note": "leaves the listener web out until it has the port web"},
            "TASK_RUNNING on agent1, serves configuration 7; leaves the listener web out until it has the port web",
        ),
        (
            {"verdict": "rejected", "rejectedVersion": 8, "error": "bad"},
            "TASK_RUNNING on agent1, HAProxy refused configuration 8, goes on with 7: bad",
        ),
        (
            {"verdict": "rejected", "rejectedVersion": 1, "version": None, "error": "bad"},
            "TASK_RUNNING on agent1, HAProxy refused configuration 1, serves nothing: bad",
        ),
        ({"verdict": None, "state": "TASK_STAGING"}, "TASK_STAGING on agent1"),
        ({"verdict": None, "state": "TASK_FAILED", "message": "no haproxy"}, "TASK_FAILED on agent1: no haproxy"),
        ({"verdict": None, "state": None, "podStatus": "PENDING", "hostname": None}, "PENDING"),
        (
            {"state": None, "podStatus": "PENDING", "hostname": None, "verdict": None}
            | {"pending": {"status": "PREPARED", "summary": "waits for offers", "reasons": []}},
            "PENDING: waits for offers",
        ),
        (
            {"pending": {"status": "PREPARED", "reasons": [{"count": 1, "reason": "cpus: wants 1.0, offer has 0.4"}]}},
            "waits for an offer that fits:\n    1 offer: cpus: wants 1.0, offer has 0.4",
        ),
        (
            {
                "pending": {
                    "status": "PREPARED",
                    "waits": "agent1 is drained; waits for an offer of another agent",
                    "reasons": [{"count": 1, "reason": "cpus: wants 1.0, offer has 0.4"}],
                }
            },
            "agent1 is drained; waits for an offer of another agent:\n    1 offer: cpus: wants 1.0, offer has 0.4",
        ),
        ({"action": "noop", "reason": "the content is the same"}, "TASK_RUNNING on agent1, serves configuration 7"),
        (
            {"action": "dynamic", "reason": "2 servers added"},
            "TASK_RUNNING on agent1, serves configuration 7 (2 servers added, without a reload)",
        ),
        (
            {"leaving": True, "action": "noop", "reason": "leaving: connections finish"},
            "TASK_RUNNING on agent1, is leaving: it takes no new connections, and open ones finish",
        ),
        (
            {"verdict": None, "note": "runs, but does not report", "message": "serving version 15"},
            "TASK_RUNNING on agent1: runs, but does not report",
        ),
        (
            {
                "deaths": [{"at": 60, "how": "was ended by SIGKILL"}],
                "died": 7,
                "action": None,
            },
            "TASK_RUNNING on agent1, serves configuration 7;"
            " HAProxy was ended by SIGKILL at 1970-01-01 00:01:00 UTC, 7 times so far",
        ),
        (
            {"verdict": None, "pending": {"status": "STARTED", "summary": "not healthy yet", "reasons": []}},
            "TASK_RUNNING on agent1: not healthy yet",
        ),
    ],
)
def test_each_situation_of_a_load_balancer_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    """What it does, where, and why not more."""
    assert describe(row(**changes)) == sentence


def test_a_status_becomes_a_line_for_the_pool_and_one_for_each_load_balancer() -> None:
    """In the order of the API."""
    status = {"name": "web", "state": "deploying", "summary": "0 of 1", "loadBalancers": [row(verdict="starting")]}

    assert lines(status) == {
        "pool web": "deploying: 0 of 1",
        "edgelb-pool-0": "TASK_RUNNING on agent1, has no configuration yet",
    }


def test_a_configuration_is_indented_by_its_sections() -> None:
    """Comments at the left stay there."""
    assert indented("# top\nglobal\n\tmaxconn 10\n\n  frontend   web\nbind :80\n") == (
        "# top\nglobal\n  maxconn 10\n\nfrontend web\n  bind :80\n"
    )
