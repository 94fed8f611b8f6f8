"""What is kept of a pool's servers when Mesos stops naming their tasks."""

import pytest

from api.dcos_template.guard import Hold, judge, only, places_of, without
from api.dcos_template.selecting.endpoint import Endpoint, Kind
from api.dcos_template.selecting.touched import Spot
from api.mesos_listener.task import NetworkMode, Port, Task


def ends(*numbers: int, backend: str = "app") -> dict[Spot, Endpoint]:
    found = [Endpoint(Kind.AGENT_IP, f"10.0.0.{number}", 80) for number in numbers]
    return {Spot(backend, one.name): one for one in found}


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
    there = ends(*selected)
    hold = judge(
        None,
        ends(*missing),
        there.__contains__,
        len(there),
        percent=percent,
        cluster_is_empty=empty,
        now=7.0,
    )
    assert hold == (Hold(since=7.0, kept=ends(*missing)) if held else None)


def test_what_is_named_again_is_not_held_any_more() -> None:
    """When only few are left, they have ended indeed."""
    hold = Hold(since=7.0, kept={**ends(*range(10)), **ends(20, backend="api")})
    back = ends(0, 1, 2)
    after = judge(hold, {}, back.__contains__, 3, percent=50, cluster_is_empty=False, now=9.0)
    assert after == Hold(since=7.0, kept={**ends(*range(3, 10)), **ends(20, backend="api")})
    more = ends(*range(8))
    assert judge(after, {}, more.__contains__, 8, percent=50, cluster_is_empty=False, now=9.0) is None


def test_a_hold_grows_by_what_goes_missing_later() -> None:
    """It stays the same hold."""
    hold, more = Hold(since=7.0, kept=ends(1, 2, 3)), {**ends(4), **ends(9, backend="api")}
    after = judge(hold, more, {}.__contains__, 0, percent=50, cluster_is_empty=False, now=9.0)
    assert after == Hold(since=7.0, kept={**ends(1, 2, 3, 4), **ends(9, backend="api")})


def test_a_place_that_somebody_else_has_is_not_kept() -> None:
    """Ports are given away again."""
    hold = Hold(since=7.0, kept=ends(1, 2))
    assert without(hold, {("10.0.0.1", 80), ("10.0.0.2", 81)}) == Hold(since=7.0, kept=ends(2))
    assert without(hold, {("10.0.0.1", 80), ("10.0.0.2", 80)}) is None


@pytest.mark.parametrize(
    ("executor", "mode", "addresses", "places"),
    [
        ("", NetworkMode.HOST, ("10.0.0.1",), {("10.0.0.1", 31000)}),
        ("", NetworkMode.HOST, ("10.0.0.2",), {("10.0.0.1", 31000)}),
        ("", NetworkMode.BRIDGE, ("172.17.0.2",), {("10.0.0.1", 31000)}),
        ("", NetworkMode.CONTAINER, ("9.0.0.2",), {("10.0.0.1", 31000), ("9.0.0.2", 80), ("9.0.0.2", 5432)}),
        ("", NetworkMode.CONTAINER, ("10.0.0.1",), {("10.0.0.1", 31000)}),
        ("own", NetworkMode.CONTAINER, ("9.0.0.2",), {("10.0.0.1", 31000)}),
    ],
)
def test_a_task_has_the_places_that_mesos_gave_to_it(
    executor: str, mode: NetworkMode, addresses: tuple[str, ...], places: set[tuple[str, int]]
) -> None:
    """And not what it says itself: its ports, an address of its own executor, that of another agent."""
    task = Task(
        id="t",
        framework_id="f",
        executor_id=executor,
        agent_address="10.0.0.1",
        addresses=addresses,
        network_mode=mode,
        ports=(Port(number=31000, container_port=80), Port(number=5432, unallocated=True), Port()),
    )
    assert set(places_of(task)) == places


def test_a_hold_may_be_of_some_servers_only() -> None:
    """Of the rest nothing is kept."""
    hold = Hold(since=7.0, kept={**ends(1), **ends(2, backend="api")})
    assert only(hold, lambda spot: spot.backend == "api") == Hold(since=7.0, kept=ends(2, backend="api"))
    assert only(hold, lambda spot: False) is None


def test_the_reason_is_a_sentence() -> None:
    """For one and for many."""
    assert Hold(since=1.0, kept={**ends(1, backend="b"), **ends(2, 3, backend="a")}).reason() == (
        "3 servers are kept in a, b: Mesos does not name their tasks any more, and no event said that they ended"
    )
    assert Hold(since=1.0, kept=ends(2)).reason().startswith("1 server is kept in app: Mesos does not name its")


def test_all_is_held_while_the_master_waits_for_agents() -> None:
    """However little it is; what is left when all agents are known goes by the share."""
    there = ends(*range(10))
    hold = judge(None, ends(20), there.__contains__, 10, percent=50, cluster_is_empty=False, now=7.0, waiting=True)
    assert hold == Hold(since=7.0, kept=ends(20))
    assert judge(hold, {}, there.__contains__, 10, percent=50, cluster_is_empty=False, now=9.0, waiting=True) == hold
    assert judge(hold, {}, ends(20).__contains__, 1, percent=50, cluster_is_empty=False, now=9.0, waiting=True) is None
    assert judge(hold, {}, there.__contains__, 10, percent=50, cluster_is_empty=False, now=9.0) is None
    assert (
        judge(None, ends(20), there.__contains__, 10, percent=0, cluster_is_empty=False, now=7.0, waiting=True) is None
    )
