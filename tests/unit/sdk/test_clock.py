"""Clocks."""

from sdk.clock import ForwardClock


class Source:
    """A machine's clock in the hands of the test."""

    def __init__(self) -> None:
        self.wall, self.since = 1000.0, 5.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.since += seconds


def test_a_clock_that_is_set_back_goes_on() -> None:
    """Ten seconds stay ten seconds, whatever was corrected in between."""
    source = Source()
    clock = ForwardClock(source)
    source.go(10)
    assert clock.now() == 1010.0
    source.wall -= 3600
    source.go(10)
    assert clock.now() == 1020.0
    source.go(20)
    assert clock.now() == 1040.0
    assert clock.monotonic() == 45.0


def test_a_clock_that_is_set_forward_is_followed() -> None:
    """It knows better; and when it is set back again after that, time goes on from there."""
    source = Source()
    clock = ForwardClock(source)
    source.wall += 3600
    assert clock.now() == 4600.0
    source.wall -= 3600
    source.go(1)
    assert clock.now() == 4601.0
