"""Every recording of a real Mesos, played to our master: same answers, same events, but for what `known` lists."""

import functools
from fnmatch import fnmatchcase

import pytest

from tests.conformance.master.known import KNOWN
from tests.conformance.master.replay import Replay
from tests.conformance.master.scenarios import scenario

NUMBERS = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "10b", "11", "12", "13")


@functools.cache
def played(number: str) -> Replay:
    """The recording, played once."""
    return scenario(number).run()


def found(number: str) -> list[tuple[str, str]]:
    """All differences as `group`, `group | difference`."""
    return [(group, f"{group} | {text}") for group, texts in played(number).found.items() for text in texts]


def pairs() -> list[tuple[str, str]]:
    """Every kind of request and event of every recording."""
    return [(number, group) for number in NUMBERS for group in sorted(played(number).compared)]


def known(number: str) -> list[str]:
    """The patterns of known differences of a recording."""
    return [*KNOWN["*"], *KNOWN.get(number, {})]


@pytest.mark.parametrize(("number", "group"), pairs())
def test_answers_as_recorded(number: str, group: str) -> None:
    """Every request of this kind is answered, and every event of this kind sent, as the real master did."""
    unknown = [
        text
        for name, text in found(number)
        if name == group and not any(fnmatchcase(text, pattern) for pattern in known(number))
    ]
    assert unknown == []


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_else_is_sent(number: str) -> None:
    """No event of a kind that the real master did not send at all, and no stream stays open that it ended."""
    compared = played(number).compared
    others = [text for name, text in found(number) if name not in compared]
    assert [text for text in others if not any(fnmatchcase(text, pattern) for pattern in known(number))] == []


def test_known_differences_still_occur() -> None:
    """An entry of the list of known differences that fits nothing any more must be removed."""
    stale = [
        (number, pattern)
        for number, patterns in KNOWN.items()
        for pattern in patterns
        if not any(
            fnmatchcase(text, pattern) for item in ((number,) if number != "*" else NUMBERS) for _, text in found(item)
        )
    ]
    assert stale == []


def test_recordings_are_played_as_a_whole() -> None:
    """Enough is compared that a harness which skips everything would be noticed."""
    assert sum(sum(played(number).compared.values()) for number in NUMBERS) > 1_300
