"""How often the file for people is written."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from pool_executor.contract import Put
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.keeper import Keeper
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.position import Position
from pool_executor.lbmgr.status.metrics import Counters
from tests.unit.pool_executor.lbmgr.parts import server

LONG_AFTER = 1e6


class Written:
    """Counts how often the file was written, which takes so many seconds of CPU."""

    def __init__(self, seconds: float) -> None:
        self.times = 0
        self._seconds = seconds

    def __call__(self) -> None:
        self.times += 1
        end = time.thread_time() + self._seconds
        while time.thread_time() < end:
            pass


@pytest.fixture
def lane() -> Lane:
    return Lane(capabilities("2.6.12"), Counters())


@pytest.fixture
def sequence() -> Iterator[int]:
    return count(1)


def change(lane: Lane, sequence: Iterator[int]) -> None:
    """One more server."""
    number = next(sequence)
    lane.follow([Put("app", server(f"s{number}", number))], Position("f00", number), {})


def test_it_is_written_when_changes_pause(tmp_path: Path, lane: Lane, sequence: Iterator[int]) -> None:
    """Once, and not while they go on."""
    written = Written(0.0)
    keeper = Keeper(tmp_path, lane, Counters(), written)
    for now in (100.0, 100.5, 101.0):
        change(lane, sequence)
        keeper.save(now)
    assert written.times == 0
    for now in (102.5, 103.0):
        keeper.save(now)
    assert written.times == 1


def test_what_takes_long_is_done_less_often(tmp_path: Path, lane: Lane, sequence: Iterator[int]) -> None:
    """20 ms: not within four seconds, however often changes pause; but at once for another structure."""
    written = Written(0.02)
    keeper = Keeper(tmp_path, lane, Counters(), written)
    change(lane, sequence)
    for now in (100.0, 101.5):
        keeper.save(now)
    assert written.times == 1
    change(lane, sequence)
    for now in (102.0, 103.5, 105.0):
        keeper.save(now)
    assert written.times == 1
    keeper.changed()
    keeper.save(105.3)
    assert written.times == 2
    change(lane, sequence)
    for now in (105.6, LONG_AFTER):
        keeper.save(now)
    assert written.times == 3
