"""The life of a task, as a table: in which stage what is learned leads to which.

Knows no more than the stages and the words; what each of them means for records and calls is in `sdk.core.status`. What
is not in the table changes nothing. The picture in docs/explanation/lives.md is drawn from it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """Where a task is in its life."""

    LAUNCHED = "launched"
    """On record; its ACCEPT may not have arrived."""
    KNOWN = "known"
    """Mesos has told of it."""
    LOST = "lost"
    """Its agent is away; it may come back with it."""
    SERVING = "serving"
    """Its instance has left it on purpose, and is not ready at its new place yet."""
    LEFT = "left behind"
    """Nobody wants it, and its agent is away; should it show up, it is ended."""
    STRANGE = "strange"
    """On no record."""
    ENDING = "ending"
    """KILL is sent until it has ended."""
    OVER = "over"


class Word(StrEnum):
    """What is learned about a task."""

    LIVE = "it runs, or is about to"
    UNREACHABLE = "its agent is lost"
    ENDED = "it has ended, or Mesos does not know it"
    UNWANTED = "it has to end"
    MOVED = "its instance is launched elsewhere"
    PROVEN = "its instance is ready elsewhere"


LIFE: Mapping[tuple[Stage, Word], Stage] = MappingProxyType(
    {
        (Stage.LAUNCHED, Word.LIVE): Stage.KNOWN,
        (Stage.LAUNCHED, Word.UNREACHABLE): Stage.LOST,
        (Stage.LAUNCHED, Word.ENDED): Stage.OVER,
        (Stage.LAUNCHED, Word.UNWANTED): Stage.ENDING,
        (Stage.KNOWN, Word.UNREACHABLE): Stage.LOST,
        (Stage.KNOWN, Word.ENDED): Stage.OVER,
        (Stage.KNOWN, Word.UNWANTED): Stage.ENDING,
        (Stage.KNOWN, Word.MOVED): Stage.SERVING,
        (Stage.LOST, Word.LIVE): Stage.KNOWN,
        (Stage.LOST, Word.ENDED): Stage.OVER,
        (Stage.LOST, Word.MOVED): Stage.LEFT,
        (Stage.SERVING, Word.PROVEN): Stage.ENDING,
        (Stage.SERVING, Word.ENDED): Stage.OVER,
        (Stage.LEFT, Word.LIVE): Stage.ENDING,
        (Stage.LEFT, Word.ENDED): Stage.OVER,
        (Stage.STRANGE, Word.LIVE): Stage.ENDING,
        (Stage.STRANGE, Word.ENDED): Stage.OVER,
        # Mesos tells when the agent is back; until then there is nobody to hear a KILL.
        (Stage.ENDING, Word.UNREACHABLE): Stage.LEFT,
        (Stage.ENDING, Word.ENDED): Stage.OVER,
        # Dropped or gone, they said, and nobody counts on it any more; yet it runs.
        (Stage.OVER, Word.LIVE): Stage.ENDING,
    }
)


def after(stage: Stage, word: Word) -> Stage:
    """The stage that follows."""
    return LIFE.get((stage, word), stage)
