"""How many wrong passwords are looked at, against a count that keeps every failure."""

from hypothesis import given
from hypothesis import strategies as st

from api.users.throttle import Rate, Throttle

RATE = Rate(burst=3, seconds=10.0)


def test_some_are_free_and_then_one_after_the_other() -> None:
    """Waiting gives the tries back one by one."""
    throttle = Throttle(RATE)
    for _ in range(3):
        assert throttle.wait("a", 100.0) == 0
        throttle.failed("a", 100.0)
    assert throttle.wait("a", 100.0) == 10.0
    assert throttle.wait("b", 100.0) == 0
    assert throttle.wait("a", 110.0) == 0
    throttle.failed("a", 110.0)
    assert throttle.wait("a", 111.0) == 9.0
    assert throttle.wait("a", 200.0) == 0


@given(st.lists(st.floats(0, 30, width=16), max_size=60))
def test_no_time_has_more_failures_than_the_rate(pauses: list[float]) -> None:
    """Whoever tries whenever he may: in any span there are at most the burst and one for each pace."""
    throttle, now, failed = Throttle(RATE), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if throttle.wait("a", now) == 0:
            throttle.failed("a", now)
            failed.append(now)
    for index, begin in enumerate(failed):
        for count, end in enumerate(failed[index:], 1):
            assert count <= RATE.burst + (end - begin) / RATE.seconds + 1e-6


def test_what_it_remembers_is_bounded() -> None:
    """The key that failed longest ago is forgotten."""
    throttle = Throttle(Rate(burst=1, seconds=1000.0), most_keys=10)
    for index in range(50):
        throttle.failed(str(index), 0.0)
    assert [throttle.wait(str(index), 0.0) > 0 for index in (39, 40, 49)] == [False, True, True]
