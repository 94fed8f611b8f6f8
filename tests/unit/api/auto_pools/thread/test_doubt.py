"""Which tasks are believed to be gone."""

from typing import Any

from api.auto_pools.thread.doubt import Doubt, judge, too_many, without
from api.mesos_listener.task import TaskKey


def keys(count: int, first: int = 0) -> frozenset[TaskKey]:
    return frozenset(TaskKey("f1", str(number)) for number in range(first, first + count))


def judged(doubt: Doubt | None, missing: int, here: int, **changes: Any) -> Doubt | None:
    told: dict[str, Any] = {"percent": 50, "cluster_is_empty": False, "waiting": False, "now": 7.0}
    return judge(doubt, keys(missing), here, **(told | changes))


def test_a_few_of_many_are_believed_gone() -> None:
    """They ended while nobody listened."""
    assert judged(None, 5, 5) is None
    assert judged(None, 2, 0) is None


def test_more_than_the_share_are_not() -> None:
    """Nor is one, when nothing at all runs any more."""
    assert judged(None, 6, 5) == Doubt(since=7.0, tasks=keys(6))
    assert judged(None, 1, 0, cluster_is_empty=True) is not None


def test_all_are_kept_while_the_master_waits_for_agents() -> None:
    """However few they are."""
    assert judged(None, 1, 99, waiting=True) == Doubt(since=7.0, tasks=keys(1))


def test_what_is_in_doubt_goes_once_enough_others_are_back() -> None:
    """Nobody says any more that they ended."""
    doubt = Doubt(since=1.0, tasks=keys(10))
    assert judged(doubt, 0, 9) == doubt
    left = without(doubt, keys(7))
    assert left == Doubt(since=1.0, tasks=keys(3, 7))
    assert judged(left, 0, 7) is None
    assert without(doubt, keys(10)) is None


def test_nobody_is_kept_where_the_share_is_0() -> None:
    """It is switched off."""
    assert judged(Doubt(since=1.0, tasks=keys(10)), 5, 0, percent=0, waiting=True) is None
    assert not too_many(10, 0, percent=0, cluster_is_empty=True)
