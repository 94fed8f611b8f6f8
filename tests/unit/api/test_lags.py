"""How long an instance has been behind with its servers."""

from api.observed.lags import Lags
from api.observed.rendered import Lag
from pool_executor.contract import Endpoints, EndpointsStatus


class Hands:
    """A clock that is set by hand."""

    time = 1000.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.time

    def monotonic(self) -> float:
        """The same."""
        return self.time


def head(sequence: int, lineage: str = "f00", **stamps: float) -> Endpoints:
    """A head after so many operations."""
    return Endpoints(pool="web", lineage=lineage, epoch=1, sequence=sequence, base=sequence, shards=None, stamps=stamps)


def test_who_has_the_last_operation_is_not_behind() -> None:
    """Nor is one that has a newer one than the head that was read before."""
    lags = Lags(Hands())
    assert lags.of("t", EndpointsStatus(lineage="f00", sequence=9), head(9)) is None
    assert lags.of("t", EndpointsStatus(lineage="f00", sequence=9), head(8)) is None


def test_a_head_that_says_when_it_was_written_tells_the_lag_at_once() -> None:
    """Nobody has to look twice; a writer whose clock is ahead makes no negative time."""
    lags = Lags(Hands())
    assert lags.of("t", EndpointsStatus(lineage="f00", sequence=7), head(9, published=990.0)) == Lag(2, 10.0)
    assert lags.of("u", EndpointsStatus(lineage="f00", sequence=7), head(9, published=1990.0)) == Lag(2, 0.0)
    assert lags.of("v", EndpointsStatus(lineage="old", sequence=70), head(9, published=999.0)) == Lag(None, 1.0)


def test_under_steady_change_the_lag_is_counted_from_what_was_missed_first() -> None:
    """One that follows some moments later is not behind for ever; one that stands still is."""
    clock = Hands()
    lags = Lags(clock)
    for second in range(60):
        clock.time = 1000.0 + second
        newest = head(100 + second, published=clock.time)
        follows = lags.of("follows", EndpointsStatus(lineage="f00", sequence=99 + second), newest)
        stands = lags.of("stands", EndpointsStatus(lineage="f00", sequence=90), newest)
    assert follows == Lag(1, 0.0)
    assert stands == Lag(69, 59.0)
