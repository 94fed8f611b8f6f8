"""Waits between tries."""

from sdk.mesos.backoff import ExponentialBackoff


def test_waits_double_up_to_the_bound() -> None:
    """Without jitter: first, twice, four times, and never more than the bound."""
    backoff = ExponentialBackoff(first=1.0, most=5.0, uniform=lambda _, high: high)
    assert [backoff.delay() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.delay() == 1.0


def test_thousands_of_failures_do_not_overflow() -> None:
    """pymesos raises OverflowError at the 1024th."""
    backoff = ExponentialBackoff()
    assert all(0 < backoff.delay() <= 30.0 for _ in range(5000))


def test_jitter_takes_between_half_and_all() -> None:
    """Clients that failed together do not come back together."""
    seen: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        seen.append((low, high))
        return low

    assert ExponentialBackoff(first=2.0, uniform=uniform).delay() == 1.0
    assert seen == [(1.0, 2.0)]
