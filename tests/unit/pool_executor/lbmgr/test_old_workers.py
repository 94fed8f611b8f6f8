"""Which old workers may stay, and for how long."""

from pathlib import PurePath

from pool_executor.lbmgr.haproxy.old_workers import Load, OldWorkers, WorkerLimits
from pool_executor.lbmgr.structure.instance import Instance

LIMITS = WorkerLimits(most=2, at_least=60.0, hard_stop_after=100.0)


def test_the_oldest_end_when_there_are_too_many() -> None:
    """By when they were replaced, not by their process ids."""
    workers = OldWorkers(LIMITS)
    for now, pids in ((0.0, [9]), (10.0, [9, 3]), (20.0, [9, 3, 5])):
        workers.see(pids, now)
    assert workers.pids == (9, 3, 5)
    assert workers.surplus(59.0) == []
    assert workers.surplus(60.0) == [9]


def test_busy_ones_end_last() -> None:
    """One long connection is worth less than many; of those that have about as many the oldest goes."""
    workers = OldWorkers(LIMITS)
    for now, pids in ((0.0, [1]), (1.0, [1, 2]), (2.0, [1, 2, 3]), (3.0, [1, 2, 3, 4])):
        workers.see(pids, now)
    workers.weigh({1: Load(90, 5), 2: Load(3, 5), 3: Load(2, 5), 4: Load(1, 5)}, Load(7, 5), None)
    assert workers.surplus(100.0) == [4, 2]
    # One that has not had its time is waited for, and no busier one ends in its stead.
    assert (workers.surplus(62.5), workers.room_at()) == ([], 63.0)


def test_they_end_when_the_memory_is_full() -> None:
    """Even young ones: the whole container would be ended otherwise."""
    workers = OldWorkers(LIMITS)
    workers.see([1], 0.0)
    workers.see([1, 2], 1.0)
    workers.weigh({1: Load(9, 60), 2: Load(3, 50)}, Load(5, 40), 120)
    assert workers.surplus(2.0) == []
    workers.weigh({1: Load(9, 60), 2: Load(3, 50)}, Load(5, 40), 100)
    assert workers.surplus(2.0) == [2]


def test_one_more_has_to_fit_into_the_memory() -> None:
    """A reload waits until the oldest has had its time, and then makes room before it begins."""
    workers = OldWorkers(LIMITS)
    workers.see([1], 5.0)
    workers.weigh({1: Load(9, 60)}, Load(5, 40), 100)
    assert (workers.room_at(), workers.surplus(70.0, one_more=True)) == (0.0, [])
    workers.weigh({1: Load(9, 61)}, Load(5, 40), 100)
    assert (workers.room_at(), workers.surplus(64.0, one_more=True)) == (65.0, [])
    assert workers.surplus(65.0, one_more=True) == [1]
    assert workers.surplus(65.0) == []
    # Nobody is left who could make room: the reload is not held up for ever.
    workers.see([], 66.0)
    assert workers.room_at() == 0.0


def test_there_is_room_at_once_or_when_the_oldest_has_had_its_time() -> None:
    """Workers that are done make room before."""
    workers = OldWorkers(LIMITS)
    workers.see([1], 5.0)
    assert workers.room_at() == 0.0
    workers.see([1, 2], 6.0)
    assert workers.room_at() == 65.0
    workers.see([2], 7.0)
    assert workers.room_at() == 0.0


def test_one_that_is_gone_is_told_only_if_its_time_was_over() -> None:
    """HAProxy ends it after `hard-stop-after`; before that it was done."""
    workers = OldWorkers(LIMITS)
    workers.see([1, 2], 0.0)
    assert workers.see([2], 50.0) == []
    assert workers.see([], 100.0) == [2]


def test_none_may_stay() -> None:
    """With a limit of zero every reload waits for the worker before it."""
    workers = OldWorkers(WorkerLimits(most=0))
    assert workers.room_at() == 0.0
    workers.see([1], 10.0)
    assert (workers.room_at(), workers.surplus(70.0)) == (70.0, [1])


def test_haproxy_is_told_the_limits() -> None:
    """Idle connections end with a response unless somebody asks for something else."""

    def text(limits: WorkerLimits) -> str:
        instance = Instance(task_id="t", ports={}, sockets=PurePath("/s"), state=PurePath("/st"), limits=limits)
        return instance.text("m", PurePath("/m"), welcome=True)

    assert "hard-stop-after 86400000ms\n" in text(WorkerLimits())
    assert "close-spread-time" not in text(WorkerLimits())
    assert "close-spread-time 2500ms\n" in text(WorkerLimits(close_spread=2.5))
