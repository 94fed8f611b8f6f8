"""Delays, retries and rate limits."""

import pytest

from sdk.model.spec import RecoveryPolicy
from sdk.plan.backoff import Bucket, Retry, relaunch_delay


@pytest.mark.parametrize(("failures", "delay"), [(0, 0.0), (1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0), (100_000, 60.0)])
def test_delay_doubles_up_to_the_maximum(failures: int, delay: float) -> None:
    """The policy's defaults: 1 s, doubling, at most 60 s, however often it failed."""
    assert relaunch_delay(RecoveryPolicy(), failures) == delay


def test_retries_are_spaced_out_and_truncated() -> None:
    """5, 10, 20, 40, 60, 60 seconds apart."""
    retry = Retry(due=0.0, delay=5.0)
    due = []
    for _ in range(6):
        retry = retry.after_try(retry.due, 60.0)
        due.append(retry.due)
    assert due == [5.0, 15.0, 35.0, 75.0, 135.0, 195.0]
    assert retry.tries == 6


def test_bucket_allows_a_burst_and_refills() -> None:
    """Five at once, then one every five seconds; it never overflows."""
    bucket = Bucket(tokens=5.0, at=0.0)
    for _ in range(5):
        assert bucket.ready
        bucket = bucket.taken()
    assert not bucket.ready
    assert bucket.ready_at == 5.0
    assert bucket.refilled(5.0).ready
    assert bucket.refilled(1e9).tokens == 5.0


def test_a_token_that_was_gained_in_parts_is_a_whole_one() -> None:
    """At the time that the bucket tells there is one: a time at which there is none would come again and again."""
    for parts in range(1, 200):
        now = 1_000_000.0
        bucket = Bucket(tokens=0.0, at=now)
        for _ in range(parts):
            now += 5.0 / parts
            bucket = bucket.refilled(now)
        assert bucket.refilled(bucket.ready_at).ready
