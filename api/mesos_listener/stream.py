"""Follows the Mesos operator event stream on one thread and puts what it means on the board.

Knows how events reach the index, when Mesos last said anything, that a stream which ended is opened again, and that
time passes while no event comes.
Does not know HTTP: the operator client finds the master and notices a silent stream. A stream begins with SUBSCRIBED.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from api.mesos_listener.board import Board
from api.mesos_listener.index import Delta, TaskIndex
from api.turns import Turns
from sdk.clock import Clock
from sdk.errors import SdkError, TemporaryFailure
from sdk.pattern import Pattern
from sdk.retry import Policy

#: Carried-over tasks expire also while Mesos is away and no event comes.
TICK = 5.0
#: The shortest time between two lines of the log about what is not used of tasks.
NOTES_EVERY = 60.0
_AGAIN = Policy(first=0.1, most=5.0)

log = structlog.get_logger()


class OperatorStream(Protocol):
    """What is used of the operator client."""

    def stream(self, *, heartbeats: bool) -> Iterable[Mapping[str, object]]:
        """The events of one subscription, HEARTBEAT too; raises an SdkError when it cannot be had or has ended."""

    def close(self) -> None:
        """End `stream`."""


class Follower:
    """Runs until `stop`; `changed` is called on the follower's threads after every event."""

    def __init__(
        self,
        operator: OperatorStream,
        board: Board,
        clock: Clock,
        changed: Callable[[], None],
        marathons: Pattern | None = None,
        *,
        turns: Turns,
    ) -> None:
        self._operator = operator
        self._board = board
        self._clock = clock
        self._changed = changed
        self._turns = turns
        self._heard: float | None = None
        self._index = TaskIndex(marathons)
        self._noted = 0
        self._note_due = float("-inf")
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, name="mesos-operator-stream", daemon=True),
            threading.Thread(target=self._tick, name="mesos-operator-tick", daemon=True),
        ]

    def start(self) -> None:
        """Begin to follow."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the stream; returns when no thread touches the board any more."""
        self._stopping.set()
        self._operator.close()
        for thread in self._threads:
            thread.join(10.0)

    def silence(self) -> float | None:
        """Seconds since Mesos said anything, a heartbeat for example; None before its first word."""
        heard = self._heard
        return None if heard is None else self._clock.monotonic() - heard

    def _follow(self) -> None:
        backoff, said = _AGAIN.backoff(), ""
        while not self._stopping.is_set():
            self._turns.turned()
            subscribed = False
            try:
                for event in self._operator.stream(heartbeats=True):
                    self._turns.turned()
                    self._heard = self._clock.monotonic()
                    if not subscribed:
                        subscribed, said = True, ""
                        backoff.reset()
                    self._take(event)
                    if self._stopping.is_set():
                        return
                reason = "the stream ended"
            except TemporaryFailure as error:
                reason = str(error)
            except SdkError as error:
                # An operator has to change something; he sees it once, and it is looked at now and then.
                if str(error) != said:
                    said = str(error)
                    log.error("Mesos refuses to tell its tasks; serving the last known ones, trying again", reason=said)
                reason = ""
            except Exception:
                log.exception("The Mesos operator stream failed; serving the last known tasks and trying again")
                reason = ""
            if self._stopping.is_set():
                return
            if subscribed and reason:
                log.warning("The Mesos master is away; serving the last known tasks", reason=reason)
            elif reason and reason != said:
                log.info("No Mesos master to subscribe to yet; trying again", reason=reason)
                said = reason
            self._stopping.wait(backoff.delay())

    def _tick(self) -> None:
        while not self._stopping.wait(TICK):
            with self._lock:
                self._board.publish(self._index.tick(self._clock.monotonic()), self._index.complete)
            self._changed()

    def _take(self, event: Mapping[str, object]) -> None:
        kind = event.get("type")
        with self._lock:
            was_complete = self._index.complete
            delta = self._index.apply(event, self._clock.monotonic())
            self._board.publish(delta, self._index.complete)
            running, carried, agents = len(self._index.running), self._index.carried, self._index.agents
            is_complete = self._index.complete
        self._changed()
        self._tell_notes(delta)
        if kind == "SUBSCRIBED":
            log.info(
                "Subscribed to the events of the Mesos master",
                running=running,
                agents=agents,
                carried_over=carried,
                complete=is_complete,
            )
        elif not delta.is_empty:
            log.debug(
                "Tasks changed",
                kind=kind,
                updated=[task.id for task in delta.updated][:10],
                removed=[key.id for key in delta.removed][:10],
                revision=delta.revision,
            )
        if is_complete and not was_complete:
            log.info("The view of the cluster is complete; serving it", running=running, agents=agents)

    def _tell_notes(self, delta: Delta) -> None:
        """Log what is not used of tasks, an example and their number: applications decide how often that happens."""
        odd = [task for task in delta.updated if task.notes]
        self._noted += len(odd)
        now = self._clock.monotonic()
        if odd and now >= self._note_due:
            log.warning(
                f"Something that a task says is not used: {odd[0].notes[0]}",
                task=odd[0].id,
                framework=odd[0].framework_name,
                tasks_since_last_told=self._noted,
            )
            self._noted, self._note_due = 0, now + NOTES_EVERY
