"""Recordings of a real Mesos played over sockets to processes: same answers, same events, and the same form of both.

They are played side by side at the recorded pace, because refusals, retries and cycles count seconds.
"""

import functools
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conformance.http.replay import WireReplay
from tests.conformance.http.scenarios import NUMBERS, scenario
from tests.conformance.master.known import KNOWN

pytestmark = pytest.mark.integration
# More at once would keep a small machine so busy that events come cycles late.
_AT_ONCE = 5


def _play(number: str) -> tuple[WireReplay, dict[str, str]]:
    """The recording played, and what each process logged."""
    with tempfile.TemporaryDirectory() as directory:
        replay = scenario(number, Path(directory))
        try:
            return replay.run(), {name: item.log() for name, item in replay.running.items()}
        finally:
            replay.stop()


@functools.cache
def _started() -> dict[str, "Future[tuple[WireReplay, dict[str, str]]]"]:
    pool = ThreadPoolExecutor(_AT_ONCE)
    # Those that take longest come first.
    order = sorted(NUMBERS, key=lambda number: scenario(number, Path()).recorded[-1]["t"], reverse=True)
    found = {number: pool.submit(_play, number) for number in order}
    pool.shutdown(wait=False)
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_answers_as_recorded(number: str) -> None:
    """Status lines, headers, bodies, records, events and ends of streams are those of the recording."""
    replay, logs = _started()[number].result(timeout=300)
    patterns = [*KNOWN["*"], *KNOWN.get(number, {})]
    unknown = [
        text
        for group, texts in replay.found.items()
        for text in (f"{group} | {item}" for item in texts)
        if not any(fnmatchcase(text, pattern) for pattern in patterns)
    ]
    assert unknown == []
    assert sum(replay.compared.values()) >= 6
    assert [name for name, log in logs.items() if "Traceback" in log] == []


def test_recordings_are_played_as_a_whole() -> None:
    """Enough is compared that a harness which skips everything would be noticed."""
    played = [future.result(timeout=300)[0] for future in _started().values()]
    assert sum(sum(replay.compared.values()) for replay in played) > 800
