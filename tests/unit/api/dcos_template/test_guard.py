"""What is kept of a pool's servers when Mesos stops naming their tasks."""

import pytest

from api.dcos_template.endpoint import Endpoint, Kind
from api.dcos_template.guard import Hold, judge, with_kept, without


def ends(*numbers: int) -> frozenset[Endpoint]:
    return frozenset(Endpoint(Kind.AGENT_IP, f"10.0.0.{number}", 80) for number in numbers)


def kept(hold: Hold | None) -> dict[str, frozenset[Endpoint]] | None:
    return None if hold is None else dict(hold.kept)


@pytest.mark.parametrize(
    ("missing", "selected", "percent", "empty", "held"),
    [
        (range(90), range(90, 100), 50, False, True),  # a master that is still learning
        (range(100), range(0), 50, False, True),  # an address of another cluster
        (range(50), range(50, 100), 50, False, False),  # not more than the share
        (range(51), range(51, 100), 50, False, True),
        (range(2), range(0), 50, False, False),  # a small application that ended during a failover
        (range(3), range(0), 50, False, True),
        (range(1), range(0), 50, True, True),  # no task at all is named
        (range(90), range(90, 100), 95, False, False),
        (range(100), range(0), 0, True, False),  # switched off
        (range(0), range(10), 50, False, False),
    ],
)
def test_more_than_a_share_is_held(missing: range, selected: range, percent: int, empty: bool, held: bool) -> None:
    """Of the servers of one pool, unless they are too few to tell."""
    hold = judge(
        None, {"app": ends(*missing)}, {"app": ends(*selected)}, percent=percent, cluster_is_empty=empty, now=7.0
    )
    assert kept(hold) == ({"app": ends(*missing)} if held else None)
    assert hold is None or hold.since == 7.0


def test_what_is_named_again_is_not_held_any_more() -> None:
    """Also under another check setting; and when only few are left, they have ended indeed."""
    hold = Hold(since=7.0, kept={"app": ends(*range(10)), "api": ends(20)})
    back = {"app": [one._replace(check=False) for one in ends(0, 1, 2)]}
    after = judge(hold, {}, back, percent=50, cluster_is_empty=False, now=9.0)
    assert after == Hold(since=7.0, kept={"app": ends(*range(3, 10)), "api": ends(20)})
    assert judge(after, {}, {"app": ends(*range(8))}, percent=50, cluster_is_empty=False, now=9.0) is None


def test_a_hold_grows_by_what_goes_missing_later() -> None:
    """It stays the same hold."""
    hold = Hold(since=7.0, kept={"app": ends(1, 2, 3)})
    after = judge(hold, {"app": ends(4), "api": ends(9)}, {}, percent=50, cluster_is_empty=False, now=9.0)
    assert after == Hold(since=7.0, kept={"app": ends(1, 2, 3, 4), "api": ends(9)})


def test_a_place_that_somebody_else_has_is_not_kept() -> None:
    """Ports are given away again."""
    hold = Hold(since=7.0, kept={"app": ends(1, 2)})
    assert without(hold, {("10.0.0.1", 80), ("10.0.0.2", 81)}) == Hold(since=7.0, kept={"app": ends(2)})
    assert without(hold, {("10.0.0.1", 80), ("10.0.0.2", 80)}) is None


def test_a_backend_has_its_servers_and_those_that_are_kept() -> None:
    """Each once, in their order."""
    hold = Hold(since=7.0, kept={"app": ends(1, 3)})
    assert with_kept(hold, "app", tuple(ends(2, 3))) == tuple(sorted(ends(1, 2, 3)))
    assert with_kept(hold, "api", tuple(ends(2))) == tuple(ends(2))
    assert with_kept(None, "app", ()) == ()


def test_the_reason_is_a_sentence() -> None:
    """For one and for many."""
    assert Hold(since=1.0, kept={"b": ends(1), "a": ends(2, 3)}).reason() == (
        "3 servers are kept in a, b: Mesos does not name their tasks any more, and no event said that they ended"
    )
    assert Hold(since=1.0, kept={"a": ends(2)}).reason().startswith("1 server is kept in a: Mesos does not name its")
