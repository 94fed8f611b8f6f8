"""What goes wrong on purpose between a scheduler's process, the master and the storage; and how many calls went well.

Values that a story sets, and that the played edges ask. Shared by all processes of a framework.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sdk.storage.persister import Write

Json = dict[str, Any]


class ProcessDied(BaseException):
    """The process is killed right here: nobody catches this but who plays the process."""


class Faults:
    """A fault that has happened as often as it should is gone."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        """Calls that reached the master, by name."""
        self.failed: Counter[str] = Counter()
        """Calls that failed or were refused, by name."""
        self.lose: Counter[str] = Counter()
        """How many of the next calls of a name get lost on the way without anybody noticing."""
        self.fail: Counter[str] = Counter()
        """How many of the next calls of a name fail with an error that the scheduler sees."""
        self.refuse: Callable[[Json], str | None] = lambda _call: None
        """Why the master answers 400 to a call; None for one that it takes."""
        self.before: dict[str, Callable[[], None]] = {}
        """What happens to the process after storing, before the next call of this name."""
        self.effects_left: int | None = None
        """The process dies after so many effects: each batch that is stored is one, and each call."""
        self.writes_fail = 0
        """How many of the next batches are not stored."""
        self.answers_lost = 0
        """How many of the next batches are stored, which nobody hears."""
        self.refuse_write: Callable[[Write], str | None] = lambda _write: None
        """Why a write can never be stored; None for one that can."""

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        for counter in (self.lose, self.fail):
            counter.clear()
        self.refuse = lambda _call: None
        self.refuse_write = lambda _write: None
        self.before.clear()
        self.effects_left = None
        self.writes_fail = self.answers_lost = 0

    def carried_out(self) -> None:
        """One more effect is a fact."""
        if self.effects_left is not None:
            self.effects_left -= 1
            if self.effects_left <= 0:
                self.effects_left = None
                raise ProcessDied
