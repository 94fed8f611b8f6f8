"""When a child process counts as hanging."""

from api.cli.watchdog import PATIENCE, START_PATIENCE, Watched, judge


def test_a_process_that_was_well_hangs_when_it_is_silent_for_long() -> None:
    """One late answer is no reason; the sentence says what was seen and for how long."""
    known, verdict = judge(None, 7, None, 100.0)
    assert (known, verdict) == (Watched(pid=7, well_at=100.0, was_well=True), None)
    known, verdict = judge(known, 7, "no answer", 100.0 + PATIENCE - 1)
    assert verdict is None
    assert judge(known, 7, None, 119.0)[0].well_at == 119.0
    assert judge(known, 7, "no answer", 100.0 + PATIENCE)[1] == "hangs (no answer, for 20 s); ended by SIGKILL"


def test_a_start_may_take_longer() -> None:
    """A process that has not been well yet gets the allowance of a start, and is not waited for for ever."""
    known, _ = judge(None, 7, "no answer", 0.0)
    assert judge(known, 7, "no answer", START_PATIENCE - 1)[1] is None
    assert judge(known, 7, "no answer", START_PATIENCE)[1] is not None


def test_a_successor_begins_anew() -> None:
    """What its predecessor was silent for does not count against it."""
    known, _ = judge(None, 7, None, 0.0)
    assert judge(known, 8, "no answer", 1000.0) == (Watched(pid=8, well_at=1000.0), None)
