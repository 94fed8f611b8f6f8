"""Long work beside others: with rests, and an end."""

import pytest

from api.prospects.pace import OutOfTime, Pace
from tests.unit.api.dcos_template.test_explainer import SteppingClock


def test_others_get_their_turn_again_and_again() -> None:
    """Whether items are gone through or a function is called for each."""
    rests: list[float] = []
    pace = Pace(SteppingClock(), 1.0, rests.append)
    assert list(pace.over(range(1000))) == list(range(1000))
    called = pace.calls(abs)
    assert [called(-number) for number in range(1000)] == list(range(1000))
    assert len(rests) == 2000 // 256


def test_work_that_takes_longer_than_it_may_ends() -> None:
    """Not only between one piece and the next."""
    clock, rests = SteppingClock(), []
    pace = Pace(clock, 1.0, rests.append)
    pace.check()
    clock.step = 0.4
    with pytest.raises(OutOfTime):
        list(pace.over(range(10_000)))
    assert len(rests) == 2
    with pytest.raises(OutOfTime):
        pace.check()
