"""When a pool is published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.windows import (
    ENDPOINT_LIMIT,
    LONGEST_PAUSE,
    STRUCTURE_LIMIT,
    Change,
    Window,
)


@pytest.mark.parametrize("change", list(Change))
def test_a_change_after_quiet_is_due_at_once(change: Change) -> None:
    """The leading edge does not wait."""
    assert Window().touch(change, 100.0).due == 100.0


def test_changes_right_after_a_publishing_are_joined() -> None:
    """The second of two tasks waits ten milliseconds for the third."""
    window = Window().touch(Change.GAINED, 1.0).publishing(1.0).succeeded()
    window = window.touch(Change.GAINED, 1.002)
    assert window.due == pytest.approx(1.012)
    assert window.touch(Change.GAINED, 1.008).due == pytest.approx(1.018)


def test_a_steady_stream_of_changes_is_published_within_the_limit() -> None:
    """Company that keeps coming does not put it off for ever."""
    window = Window().touch(Change.GAINED, 1.0).publishing(1.0)
    first = 1.001
    for step in range(30):
        window = window.touch(Change.GAINED, first + step * 0.009)
        if window.due is not None and window.due <= first + (step + 1) * 0.009:
            break
    assert window.due is not None
    assert window.due <= first + ENDPOINT_LIMIT + 1e-9


def test_a_lost_endpoint_never_waits() -> None:
    """Not even when other changes are waiting for each other."""
    window = Window().touch(Change.GAINED, 1.0).publishing(1.0).touch(Change.GAINED, 1.001)
    assert window.touch(Change.LOST, 1.002).due == 1.002


def test_a_change_that_may_wait_does_not_hold_up_a_lost_endpoint() -> None:
    """What is due stays due."""
    window = Window().touch(Change.GAINED, 1.0).publishing(1.0).touch(Change.LOST, 1.001)
    assert window.touch(Change.GAINED, 1.0015).due == 1.001


def test_a_failed_publishing_is_repeated_after_growing_pauses() -> None:
    """And the pause ends with the first success."""
    window, now, pauses = Window().touch(Change.LOST, 0.0), 0.0, []
    for _ in range(10):
        window = window.publishing(now).failed(now)
        assert window.due is not None
        pauses.append(window.due - now)
        now = window.due
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert window.publishing(now).succeeded().touch(Change.LOST, now + 1).due == now + 1


def test_nothing_is_due_without_a_change() -> None:
    """A pool that is published and quiet costs nothing."""
    assert Window().touch(Change.GAINED, 1.0).publishing(1.0).succeeded().due is None


@given(st.lists(st.tuples(st.sampled_from(list(Change)), st.floats(0.0, 0.3)), min_size=1, max_size=40))
def test_every_change_is_published_within_the_longest_limit(steps: list[tuple[Change, float]]) -> None:
    """Whatever comes in whatever order."""
    window, now = Window(), 0.0
    for change, gap in steps:
        now += gap
        if window.due is not None and window.due <= now:
            window = window.publishing(window.due).succeeded()
        window = window.touch(change, now)
        assert window.due is not None
        assert window.since is not None
        assert window.due <= window.since + STRUCTURE_LIMIT + 1e-9
