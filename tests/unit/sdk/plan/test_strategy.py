"""Which instances may be ended or replaced now."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.model.spec import StrategyKind, UpdateStrategy
from sdk.plan.need import Outdated
from sdk.plan.strategy import replacement_room, update_now

PARALLEL2 = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=2)
SERIAL = UpdateStrategy()


def outdated(*ready: bool) -> dict[int, Outdated]:
    """Instances 0, 1, ... that are ready or not."""
    return {index: Outdated(tasks=(), ready=found) for index, found in enumerate(ready)}


def test_serial_takes_the_lowest_index() -> None:
    """One at a time, in order."""
    assert update_now(SERIAL, outdated(True, True, True), 0, 0) == (0,)


def test_serial_waits_for_the_one_before() -> None:
    """While one is being updated, no other is ended."""
    assert update_now(SERIAL, outdated(True, True), 1, 1) == ()


def test_parallel_takes_as_many_as_allowed() -> None:
    """max_unavailable counts those that are away already."""
    assert update_now(PARALLEL2, outdated(True, True, True), 0, 0) == (0, 1)
    assert update_now(PARALLEL2, outdated(True, True, True), 1, 0) == (0,)


def test_useless_instances_are_updated_first() -> None:
    """An instance that is not ready costs nothing; the others wait until it is repaired."""
    assert update_now(SERIAL, outdated(True, False), 1, 0) == (1,)


def test_replacements_have_two_limits() -> None:
    """One of a pod type at a time, and no more than the budget in the whole framework."""
    assert replacement_room(5, 0, 0) == 1
    assert replacement_room(5, 4, 0) == 1
    assert replacement_room(5, 5, 0) == 0
    assert replacement_room(5, 1, 1) == 0
    assert replacement_room(1, 3, 0) == 0


@given(
    st.lists(st.booleans(), max_size=8),
    st.integers(0, 8),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_never_more_unavailable_than_allowed(
    found: list[bool], missing: int, in_progress: int, max_unavailable: int
) -> None:
    """Ending what was chosen never raises the number of unavailable instances above the limit."""
    strategy = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=max_unavailable)
    unavailable = missing + found.count(False)
    chosen = update_now(strategy, outdated(*found), unavailable, in_progress)
    taken = sum(found[index] for index in chosen)
    assert taken == 0 or unavailable + taken <= max_unavailable
    assert len(set(chosen)) == len(chosen)
    assert not chosen or in_progress + len(chosen) <= max_unavailable
