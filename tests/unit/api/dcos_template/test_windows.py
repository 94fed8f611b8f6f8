"""When changes of a pool are published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.windows import (
    ENDPOINT_LIMIT,
    ENDPOINTS,
    LONGEST_PAUSE,
    STRUCTURE,
    STRUCTURE_LIMIT,
    Lane,
)


@pytest.mark.parametrize("lane", [ENDPOINTS, STRUCTURE])
def test_a_change_after_quiet_is_due_at_once(lane: Lane) -> None:
    """The leading edge does not wait."""
    assert lane.touch(100.0).due == 100.0


def test_changes_right_after_a_publishing_are_joined() -> None:
    """The second of two tasks waits ten milliseconds for the third."""
    lane = ENDPOINTS.touch(1.0).publishing(1.0).succeeded().touch(1.002)
    assert lane.due == pytest.approx(1.012)
    assert lane.touch(1.008).due == pytest.approx(1.018)


def test_a_steady_stream_of_changes_is_published_within_the_limit() -> None:
    """Company that keeps coming does not put it off for ever."""
    lane, first = ENDPOINTS.touch(1.0).publishing(1.0).succeeded(), 1.001
    for step in range(30):
        lane = lane.touch(first + step * 0.009)
        if lane.due is not None and lane.due <= first + (step + 1) * 0.009:
            break
    assert lane.due is not None
    assert lane.due <= first + ENDPOINT_LIMIT + 1e-9


def test_what_must_not_wait_does_not() -> None:
    """Not even when other changes are waiting for each other, and none that may wait holds it up."""
    lane = ENDPOINTS.touch(1.0).publishing(1.0).succeeded().touch(1.001).at_once(1.002)
    assert lane.due == 1.002
    assert lane.touch(1.003).due == 1.002


def test_changes_during_a_publishing_wait_for_its_end() -> None:
    """One write of a pool at a time."""
    lane = ENDPOINTS.at_once(1.0).publishing(1.0).at_once(1.001)
    assert lane.due is None
    assert lane.succeeded().due == 1.001
    assert lane.idle().due == 1.001


def test_a_failed_publishing_is_repeated_after_growing_pauses() -> None:
    """And the pause ends with the first success."""
    lane, now, pauses = ENDPOINTS.at_once(0.0), 0.0, []
    for _ in range(10):
        lane = lane.publishing(now).failed(now)
        assert lane.due is not None
        pauses.append(lane.due - now)
        now = lane.due
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert lane.publishing(now).succeeded().at_once(now + 1).due == now + 1
    assert lane.retry_now().due is not None


def test_nothing_is_due_without_a_change() -> None:
    """A pool that is published and quiet costs nothing."""
    assert ENDPOINTS.touch(1.0).publishing(1.0).succeeded().due is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.3)), min_size=1, max_size=40))
def test_every_change_is_published_within_the_limit(steps: list[tuple[bool, float]]) -> None:
    """Whatever comes in whatever order."""
    lane, now = STRUCTURE, 0.0
    for urgent, gap in steps:
        now += gap
        if lane.due is not None and lane.due <= now:
            lane = lane.publishing(lane.due).succeeded()
        lane = lane.at_once(now) if urgent else lane.touch(now)
        assert lane.due is not None
        assert lane.since is not None
        assert lane.due <= lane.since + STRUCTURE_LIMIT + 1e-9


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 0.02)), min_size=1, max_size=200), st.floats(0.001, 0.1))
def test_a_burst_of_any_size_is_a_few_writes(steps: list[tuple[bool, float]], write: float) -> None:
    """One at a time, however many changes come and whether they may wait: while one is written the next one gathers."""
    lane, now, written, ends = ENDPOINTS, 0.0, 0, float("inf")
    for urgent, pause in steps:
        now += pause
        lane = lane.at_once(now) if urgent else lane.touch(now)
        while True:
            if ends <= now:
                lane, ends = lane.succeeded(), float("inf")
            if lane.due is None or lane.due > now:
                break
            lane, written, ends = lane.publishing(now), written + 1, now + write
    assert written <= 2 + now / write
