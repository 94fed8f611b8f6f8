"""Compares what is known of the tasks with Mesos now and then: an event that got lost would be missed for ever.

Knows when that is due, and how a snapshot is read beside the stream of events without holding that up. Does not know
what is believed in the end (index.py).
"""

import random
import threading
from typing import Protocol

import structlog

from api.mesos_listener.concerned import Concerned
from api.mesos_listener.events import EventReader
from api.mesos_listener.records import OperatorStream
from api.mesos_listener.snapshot import Snapshot
from sdk.clock import Clock
from sdk.errors import SdkError

#: Seconds between two comparisons; each listener takes other ones, or the master would be asked by all at once.
EVERY = 600.0
_SPREAD = 0.25
#: The longest rest after a piece, in seconds.
_LONGEST_REST = 0.05

log = structlog.get_logger()


class Followed(Protocol):
    """What is compared."""

    def connected(self) -> bool:
        """Whether events are followed; there is nothing to compare else."""

    def note(self, concerned: Concerned | None) -> None:
        """Tell every event to `concerned` from now on; None: no more."""

    def compare(self, told: Snapshot, concerned: Concerned) -> None:
        """Correct what is otherwise in the snapshot and was not concerned by events."""


class Checker:
    """A thread that ends with `stopping`."""

    def __init__(self, operator: OperatorStream, followed: Followed, stopping: threading.Event, clock: Clock) -> None:
        self._operator = operator
        self._followed = followed
        self._stopping = stopping
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name="mesos-operator-check", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first comparison."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join(10.0)

    def check(self) -> None:
        """Ask Mesos for all tasks on a connection of its own, and compare."""
        concerned = Concerned()
        self._followed.note(concerned)
        try:
            told = self._snapshot()
            if told is not None:
                self._followed.compare(told, concerned)
        except SdkError as error:
            log.info("The tasks could not be compared with those of Mesos; trying again later", reason=str(error))
        finally:
            self._followed.note(None)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY * random.uniform(1 - _SPREAD, 1 + _SPREAD)):  # noqa: S311 - no secret
            if not self._followed.connected():
                continue
            try:
                self.check()
            except Exception:
                log.exception("The tasks could not be compared with those of Mesos; trying again later")

    def _snapshot(self) -> Snapshot | None:
        """What a new subscription tells first; at half the speed, as the events come first."""
        reader = EventReader()
        with self._operator.subscription() as records:
            begun = self._clock.monotonic()
            for piece in records.pieces():
                event = reader.read(piece)
                if isinstance(event, Snapshot):
                    return event
                if self._stopping.wait(min(_LONGEST_REST, self._clock.monotonic() - begun)):
                    return None
                begun = self._clock.monotonic()
        return None
