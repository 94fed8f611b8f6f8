"""That what is played is what was recorded: byte by byte, stream by stream."""

import json
import re
from collections import Counter

from tests.conformance.clients.recording import Stream, streams
from tests.contracts.mesos import traces

# Paths were made neutral in the files, so that records which hold one are some bytes shorter.
PATH = re.compile(r"/var/|/opt/")


def text_of(stream: Stream, at: int) -> str:
    return json.dumps(stream.events[at].body, separators=(",", ":"), ensure_ascii=False)


def test_records_have_the_recorded_length() -> None:
    """So keys, escapes and numbers are those of the wire; the few others hold a path."""
    exact, other = 0, []
    for who in ("scheduler", "executor", "operator"):
        for stream in streams(who):
            for at, event in enumerate(stream.events):
                length, _, data = event.record.partition(b"\n")
                assert int(length) == len(data)
                if len(data) == event.length:
                    exact += 1
                else:
                    other.append((str(stream), text_of(stream, at)))
    assert exact == 804
    assert len(other) == 24
    assert all(PATH.search(text) for _, text in other), [name for name, text in other if not PATH.search(text)]


def test_every_recording_with_a_client_is_played() -> None:
    """Each has a scheduler; executors and operator streams are where the files' table says."""
    told = {who: Counter(each.recording.split("-")[0] for each in streams(who)) for who in ("executor", "operator")}
    assert {each.recording for each in streams("scheduler")} == set(traces.NAMES)
    assert told["executor"] == {"02": 3, "08": 6, "10b": 1, "11": 1}
    assert told["operator"] == {"08": 1, "10": 1, "11": 2}
    assert len(streams("scheduler")) == 68
