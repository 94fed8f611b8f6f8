"""Recordings of a real Mesos played over sockets to processes: same answers, same events, and the same form of both.

They are played side by side at the recorded pace, because refusals, retries and cycles count seconds. On a busy machine
a call may come after an allocation cycle instead of before it; then offers are cut in another way. Such a play is
repeated with nothing beside it: a difference is what every play shows.
"""

import functools
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conformance.http.known import KNOWN as KNOWN_HERE
from tests.conformance.http.scenarios import NUMBERS, scenario
from tests.conformance.master.known import KNOWN

pytestmark = [pytest.mark.integration, pytest.mark.slow]
# More at once would keep a small machine so busy that events come cycles late.
_AT_ONCE = 3
_AGAIN = 3


@dataclass(frozen=True, kw_only=True)
class Played:
    """What all plays of a recording have in common."""

    found: frozenset[str]
    compared: int
    logs: dict[str, str]
    """Of each process of the last play."""


def _patterns(number: str) -> list[str]:
    return [*KNOWN["*"], *KNOWN.get(number, {}), *KNOWN_HERE.get(number, {})]


def _unknown(number: str, found: frozenset[str]) -> list[str]:
    return sorted(text for text in found if not any(fnmatchcase(text, pattern) for pattern in _patterns(number)))


def _play_once(number: str) -> Played:
    with tempfile.TemporaryDirectory() as directory:
        replay = scenario(number, Path(directory))
        try:
            replay.run()
            found = frozenset(f"{group} | {text}" for group, texts in replay.found.items() for text in texts)
            logs = {name: item.log() for name, item in replay.running.items()}
            return Played(found=found, compared=sum(replay.compared.values()), logs=logs)
        finally:
            replay.stop()


@functools.cache
def _started() -> "dict[str, Future[Played]]":
    pool = ThreadPoolExecutor(_AT_ONCE)
    # Those that take longest come first.
    order = sorted(NUMBERS, key=lambda number: scenario(number, Path()).recorded[-1]["t"], reverse=True)
    found = {number: pool.submit(_play_once, number) for number in order}
    pool.shutdown(wait=False)
    return found


@functools.cache
def _played(number: str) -> Played:
    last = _started()[number].result(timeout=900)
    found = last.found
    for _ in range(_AGAIN):
        if not _unknown(number, found):
            break
        # Beside each other they may all have been late.
        wait(_started().values(), timeout=900)
        last = _play_once(number)
        found &= last.found
    return Played(found=found, compared=last.compared, logs=last.logs)


@pytest.mark.parametrize("number", NUMBERS)
def test_answers_as_recorded(number: str) -> None:
    """Status lines, headers, bodies, records, events and ends of streams are those of the recording."""
    played = _played(number)
    assert _unknown(number, played.found) == []
    stale = [
        pattern
        for pattern in KNOWN_HERE.get(number, {})
        if not any(fnmatchcase(text, pattern) for text in played.found)
    ]
    assert stale == []
    assert [name for name, log in played.logs.items() if "Traceback" in log] == []


def test_recordings_are_played_as_a_whole() -> None:
    """Enough is compared that a harness which skips everything would be noticed."""
    assert sum(_played(number).compared for number in NUMBERS) > 800
