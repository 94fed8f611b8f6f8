"""Waits between tries, and work that is tried until it is done."""

import pytest
import tenacity

from sdk.errors import StorageUnavailable
from sdk.retry import ExponentialBackoff, Policy


def test_waits_double_up_to_the_bound() -> None:
    """Without jitter: first, twice, four times, and never more than the bound."""
    backoff = ExponentialBackoff(wait=tenacity.wait_exponential(multiplier=1.0, max=5.0))
    assert [backoff.delay() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.delay() == 1.0


def test_thousands_of_failures_do_not_overflow() -> None:
    """pymesos raises OverflowError at the 1024th."""
    backoff = ExponentialBackoff()
    assert all(0 < backoff.delay() <= 30.0 for _ in range(5000))


def test_jitter_takes_between_half_and_all() -> None:
    """Clients that failed together do not come back together."""
    for number, full in enumerate((2.0, 4.0, 8.0, 10.0, 10.0)):
        seen = set()
        for _ in range(50):
            backoff = ExponentialBackoff(first=2.0, most=10.0)
            waited = [backoff.delay() for _ in range(number + 1)][-1]
            assert full / 2 <= waited <= full
            seen.add(waited)
        assert len(seen) > 10


class Work:
    """It fails as often as it is told, and notes every pause."""

    def __init__(self, failures: int, error: type[Exception] = StorageUnavailable) -> None:
        self.left, self.error = failures, error
        self.pauses: list[float] = []
        self.told: list[tuple[str, float]] = []
        self.lives = 100

    def run(self, policy: Policy) -> None:
        attempts = policy.attempts(
            on=StorageUnavailable,
            pause=self.pauses.append,
            alive=lambda: len(self.pauses) < self.lives,
            failed=lambda error, seconds: self.told.append((str(error), seconds)),
        )
        for attempt in attempts:
            with attempt:
                self.left -= 1
                if self.left >= 0:
                    raise self.error("away")


def test_work_is_tried_until_it_is_done() -> None:
    """Each failure is told with the pause that follows it."""
    work = Work(4)
    work.run(Policy(first=1.0, most=4.0))
    assert [full / 2 <= pause <= full for pause, full in zip(work.pauses, (1, 2, 4, 4), strict=True)] == [True] * 4
    assert work.told == [("away", pause) for pause in work.pauses]


def test_other_failures_are_raised_at_once() -> None:
    """Only what was named is worth another try."""
    work = Work(1, ValueError)
    with pytest.raises(ValueError, match="away"):
        work.run(Policy())
    assert work.pauses == []


def test_who_is_to_stop_gets_the_last_failure() -> None:
    """No pause after that."""
    work = Work(10)
    work.lives = 2
    with pytest.raises(StorageUnavailable):
        work.run(Policy())
    assert len(work.pauses) == 2
