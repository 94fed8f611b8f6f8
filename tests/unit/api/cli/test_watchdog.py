"""When a child process counts as hanging."""

from collections.abc import Iterable

from api.cli.watchdog import PATIENCE, START_PATIENCE, Watched, judge


def after(known: Watched | None, looks: Iterable[float]) -> tuple[Watched, str | None]:
    """What is known of process 7, and the verdict, after looks in vain at these times."""
    verdict = None
    for now in looks:
        known, verdict = judge(known, 7, "no answer", now)
    assert known is not None
    return known, verdict


def test_a_process_that_was_well_hangs_when_it_is_silent_for_long() -> None:
    """One late answer is no reason; the sentence says what was seen and for how long."""
    known, verdict = judge(None, 7, None, 100.0)
    assert (known, verdict) == (Watched(pid=7, well_at=100.0, was_well=True), None)
    known, verdict = after(known, (107.0, 114.0, 100.0 + PATIENCE - 1))
    assert verdict is None
    assert judge(known, 7, None, 119.0)[0] == Watched(pid=7, well_at=119.0, was_well=True)
    assert after(known, [100.0 + PATIENCE])[1] == "hangs (no answer, for 20 s); ended by SIGKILL"


def test_a_hang_is_found_within_30_s_however_slowly_it_is_seen() -> None:
    """Each look takes 7 s: 3 until it begins, 4 until nobody waits for its answer any more."""
    known, _ = judge(None, 7, None, 0.0)
    assert after(known, (7.0, 14.0, 21.0))[1] is not None


def test_a_machine_that_stood_still_is_no_hang() -> None:
    """A virtual machine that was paused, or a container that was frozen: nobody looked meanwhile."""
    known, _ = judge(None, 7, None, 0.0)
    known, verdict = after(known, (1000.0, 1003.0))
    assert verdict is None
    assert after(known, [1006.0])[1] is not None


def test_a_start_may_take_longer() -> None:
    """A process that has not been well yet gets the allowance of a start, and is not waited for for ever."""
    known, verdict = after(None, (0.0, 7.0, 14.0, START_PATIENCE - 1))
    assert verdict is None
    assert after(known, [START_PATIENCE])[1] is not None


def test_a_successor_begins_anew() -> None:
    """What its predecessor was silent for does not count against it."""
    known, _ = judge(None, 7, None, 0.0)
    assert judge(known, 8, "no answer", 1000.0) == (Watched(pid=8, well_at=1000.0, in_vain=1), None)
