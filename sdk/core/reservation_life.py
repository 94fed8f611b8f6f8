"""The life of a reservation, as a table: in which stage what is learned leads to which.

Knows no more than the stages and the words; what each of them means for records and calls is in `sdk.core.holdings`.
What is not in the table changes nothing. The picture in docs/explanation/lives.md is drawn from it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """Where a reservation is in its life."""

    HELD = "held"
    """On the record of an instance that wants it."""
    LEFT = "left"
    """Nobody wants it, or nobody knows of it; the next offer that shows it is used to give it back."""
    FREEING = "freeing"
    """UNRESERVE went out."""
    GONE = "gone"
    """Nothing is reserved any more."""
    FORGOTTEN = "forgotten"
    """It cannot be reached and is not waited for; a note says where it is."""


class Word(StrEnum):
    """What is learned about a reservation."""

    OFFERED = "an offer shows it"
    UNWANTED = "its instance goes elsewhere, or is removed"
    MISSED = "the offers of its agent have lacked it for long"
    UNMADE = "the first offer lacks it, and it was never seen"
    FINISHED = "its UNRESERVE has finished"
    FAILED = "its UNRESERVE has failed"
    UNANSWERED = "no feedback comes"
    UNTRACED = "no trace of it, and feedback was not asked for"
    PARTED = "the subscription ends"
    AGENT_GONE = "its agent is gone for good"
    AGENT_SILENT = "its agent is lost or silent for too long"


LIFE: Mapping[tuple[Stage, Word], Stage] = MappingProxyType(
    {
        (Stage.HELD, Word.UNWANTED): Stage.LEFT,
        (Stage.HELD, Word.MISSED): Stage.LEFT,
        (Stage.HELD, Word.UNMADE): Stage.GONE,
        (Stage.HELD, Word.AGENT_GONE): Stage.GONE,
        (Stage.LEFT, Word.OFFERED): Stage.FREEING,
        (Stage.LEFT, Word.MISSED): Stage.GONE,
        (Stage.LEFT, Word.UNMADE): Stage.GONE,
        (Stage.LEFT, Word.AGENT_GONE): Stage.GONE,
        (Stage.LEFT, Word.AGENT_SILENT): Stage.FORGOTTEN,
        (Stage.FREEING, Word.FINISHED): Stage.GONE,
        (Stage.FREEING, Word.UNTRACED): Stage.GONE,
        (Stage.FREEING, Word.AGENT_GONE): Stage.GONE,
        (Stage.FREEING, Word.FAILED): Stage.LEFT,
        (Stage.FREEING, Word.UNANSWERED): Stage.LEFT,
        # It was not carried out; the same offer is used to send it again.
        (Stage.FREEING, Word.OFFERED): Stage.LEFT,
        (Stage.FREEING, Word.PARTED): Stage.LEFT,
        (Stage.FREEING, Word.AGENT_SILENT): Stage.FORGOTTEN,
        (Stage.FORGOTTEN, Word.OFFERED): Stage.FREEING,
        (Stage.GONE, Word.OFFERED): Stage.FREEING,
    }
)


def after(stage: Stage, word: Word) -> Stage:
    """The stage that follows."""
    return LIFE.get((stage, word), stage)
