"""What the signs of life mean."""

from dataclasses import replace

import pytest

from api.observed.pulse import Pulse, decode_pulse, encode_pulse
from api.status.doubts import Seen, doubts
from sdk.errors import CorruptRecord

PULSE = Pulse(beat=7, listener="h:1", connected=True, why_not="", silence=1.0, mesos_silence=10.0)
WELL = Seen(holder=5, holder_for=900.0, pulse=PULSE, pulse_for=2.0)


def sentence(seen: Seen) -> str:
    """Component and sentence of the only doubt; empty when there is none."""
    return "; ".join(f"{one.component}: {one.reason}" for one in doubts(seen))


def test_all_is_well_when_each_has_spoken_within_its_time() -> None:
    """Mesos is silent for 15 s at a time when all is well."""
    assert sentence(WELL) == ""
    assert sentence(replace(WELL, pulse=replace(PULSE, mesos_silence=18.0))) == ""


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (replace(WELL, holder=None, holder_for=6.0), "template: no template process is in charge: check that"),
        (replace(WELL, pulse_for=25.0), "template: the template process 5 hangs: no sign of life for 25 s"),
        (replace(WELL, pulse=None, pulse_for=21.0), "template: the template process 5 hangs: no sign of life for 21 s"),
        (
            replace(WELL, pulse=replace(PULSE, connected=False, why_not="Connection refused", silence=9.0)),
            "listener: the mesos-listener at h:1 does not serve: Connection refused",
        ),
        (
            replace(WELL, pulse=replace(PULSE, silence=15.0)),
            "listener: the mesos-listener at h:1 hangs: it has said nothing for 17 s",
        ),
        (
            replace(WELL, pulse=replace(PULSE, mesos_silence=23.0)),
            "mesos: the Mesos master has said nothing for 25 s, not even a heartbeat",
        ),
        (
            replace(WELL, pulse=replace(PULSE, kept=2)),
            "mesos: 2 tasks are kept as last known: the Mesos master has not heard from the agents yet",
        ),
    ],
)
def test_the_first_on_the_way_that_fails_is_named(seen: Seen, expected: str) -> None:
    """Within 30 s, and nothing beyond it: nobody knows what lies behind one who does not speak."""
    assert sentence(seen).startswith(expected)


@pytest.mark.parametrize(
    "seen",
    [
        replace(WELL, pulse=replace(PULSE, silence=8.0, mesos_silence=23.0)),
        replace(WELL, pulse=replace(PULSE, mesos_silence=15.0), pulse_for=19.0),
        replace(WELL, pulse=replace(PULSE, connected=False, why_not="gone"), pulse_for=19.0),
    ],
)
def test_nobody_is_blamed_for_what_one_nearer_has_not_told(seen: Seen) -> None:
    """A listener that hangs has not heard Mesos either, nor a template that hangs the listener."""
    assert sentence(seen) == ""


@pytest.mark.parametrize(
    "seen",
    [
        replace(WELL, holder=None, holder_for=3.0),
        replace(WELL, holder_for=2.0, pulse=None, pulse_for=40.0),
        replace(WELL, pulse=replace(PULSE, connected=False, why_not="gone", silence=1.0)),
    ],
)
def test_a_restart_is_no_doubt(seen: Seen) -> None:
    """Changes that come meanwhile are a little late, not lost."""
    assert sentence(seen) == ""


def test_a_beat_is_read_as_it_was_written_and_nonsense_is_refused() -> None:
    """The record of contracts.md."""
    assert decode_pulse("p", encode_pulse(PULSE)) == PULSE
    never = replace(PULSE, silence=None, mesos_silence=None)
    assert decode_pulse("p", encode_pulse(never)) == never
    for nonsense in (b"", b"[]", b"{}", b'{"beat": "x"}'):
        with pytest.raises(CorruptRecord):
            decode_pulse("p", nonsense)
