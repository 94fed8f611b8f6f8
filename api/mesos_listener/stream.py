"""Follows the Mesos operator event stream on one thread and puts what it means on the board.

Knows how events reach the index, when Mesos last said anything, that a stream which ended is opened again, and that
time passes while no event comes. Does not know HTTP: the operator client finds the master and notices a silent stream.
"""

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from api.mesos_listener.board import Board, Stamps
from api.mesos_listener.check import Checker
from api.mesos_listener.concerned import Concerned
from api.mesos_listener.delta import Delta
from api.mesos_listener.events import EventReader
from api.mesos_listener.index import TaskIndex
from api.mesos_listener.messages import Event
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.records import OperatorStream, Records
from api.mesos_listener.snapshot import Snapshot
from api.process.turns import Turns
from sdk.clock import Clock
from sdk.errors import SdkError, TemporaryFailure
from sdk.pattern import Pattern
from sdk.retry import Policy

#: Carried-over tasks expire also while Mesos is away and no event comes.
TICK = 5.0
#: The shortest time between two lines of the log about the same kind of what is not used.
NOTES_EVERY = 60.0
_AGAIN = Policy(first=0.1, most=5.0)

log = structlog.get_logger()


class Follower:
    """Runs until `stop`; `completed` is called once, on a thread of the follower, when the first view is complete."""

    def __init__(
        self,
        operator: OperatorStream,
        board: Board,
        clock: Clock,
        completed: Callable[[], None],
        marathons: Pattern | None = None,
        *,
        turns: Turns,
        metrics: ListenerMetrics,
    ) -> None:
        self._operator = operator
        self._board = board
        self._clock = clock
        self._completed = completed
        self._turns = turns
        self._metrics = metrics
        self._heard: float | None = None
        self._connected = False
        self._index = TaskIndex(marathons)
        self._left_out: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._concerned: Concerned | None = None
        """Events are noted there while a snapshot beside them is under way."""
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, name="mesos-operator-stream", daemon=True),
            threading.Thread(target=self._tick, name="mesos-operator-tick", daemon=True),
        ]
        self.checker = Checker(operator, self, self._stopping, clock)

    def start(self) -> None:
        """Begin to follow."""
        for thread in self._threads:
            thread.start()
        self.checker.start()

    def stop(self) -> None:
        """End the stream; returns when no thread touches the board any more."""
        self._stopping.set()
        self._operator.close()
        for thread in self._threads:
            thread.join(10.0)
        self.checker.join()

    def silence(self) -> float | None:
        """Seconds since Mesos said anything, a heartbeat for example; None before its first word."""
        heard = self._heard
        return None if heard is None else self._clock.monotonic() - heard

    def connected(self) -> bool:
        """Whether there is a stream on which Mesos has told its tasks."""
        return self._connected

    def _follow(self) -> None:
        backoff, said = _AGAIN.backoff(), ""
        while not self._stopping.is_set():
            self._turns.turned()
            try:
                with self._operator.subscription() as records:
                    self._read(records)
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
            was_connected, self._connected = self._connected, False
            if self._stopping.is_set():
                return
            if was_connected:
                backoff.reset()
                if reason:
                    said = ""
                    log.warning("The Mesos master is away; serving the last known tasks", reason=reason)
            elif reason and reason != said:
                log.info("No Mesos master to subscribe to yet; trying again", reason=reason)
                said = reason
            self._stopping.wait(backoff.delay())

    def _read(self, records: Records) -> None:
        reader = EventReader()
        counted: Counter[str] = Counter()
        with _undisturbed() as snapshot_taken:
            for piece in records.pieces():
                self._turns.turned()
                self._heard = self._clock.monotonic()
                read_at = self._clock.now()
                event = reader.read(piece)
                if not piece.last:
                    continue
                if reader.counts != counted:
                    self._tell_left_out(reader.counts - counted)
                    counted = reader.counts
                if event is None:
                    continue
                if isinstance(event, Snapshot):
                    self._metrics.snapshot_bytes.set(piece.length)
                    records.set_heartbeat(reader.heartbeat)
                self._take(event, read_at)
                if isinstance(event, Snapshot):
                    self._connected = True
                    del event
                    snapshot_taken()
                if self._stopping.is_set():
                    return

    def _tick(self) -> None:
        while not self._stopping.wait(TICK):
            with self._lock:
                was_complete = self._index.complete
                self._publish(self._index.tick(self._clock.monotonic()), self._clock.now())
            self._tell_complete(was_complete)

    def _take(self, event: Event | Snapshot, read_at: float) -> None:
        with self._lock:
            was_complete = self._index.complete
            if self._concerned is not None:
                self._concerned.see(event)
            delta = self._index.apply(event, self._clock.monotonic())
            self._publish(delta, read_at)
        self._tell_notes(delta)
        if isinstance(event, Snapshot):
            self._metrics.events.labels("SUBSCRIBED").inc()
            log.info(
                "Subscribed to the events of the Mesos master",
                running=len(self._index.running),
                agents=self._index.agents,
                carried_over=self._index.carried,
                complete=self._index.complete,
            )
        else:
            self._metrics.count_event(event.type)
        self._tell_complete(was_complete)

    def _publish(self, delta: Delta, read_at: float) -> None:
        now = self._clock.now()
        self._board.publish(delta, self._index.complete, Stamps(read_at, now))
        if not delta.is_empty:
            self._metrics.index.observe(max(0.0, now - read_at))

    def note(self, concerned: Concerned | None) -> None:
        """Tell every event to `concerned` from now on; None: no more."""
        with self._lock:
            self._concerned = concerned

    def compare(self, told: Snapshot, concerned: Concerned) -> None:
        """Correct what is otherwise in a snapshot that came beside the events, and was not concerned by them."""
        self._metrics.checks.inc()
        if not self._index.differs(told, concerned):
            return
        with self._lock:
            if concerned.everything:
                return
            delta = self._index.heal(told, concerned, self._clock.monotonic())
            self._publish(delta, self._clock.now())
        if number := len(delta.updated) + len(delta.removed):
            self._metrics.healed.inc(number)
            log.warning("Tasks were otherwise than the events of Mesos had told; corrected", tasks=number)

    def _tell_complete(self, was_complete: bool) -> None:
        if self._index.complete and not was_complete:
            log.info(
                "The view of the cluster is complete; serving it",
                running=len(self._index.running),
                agents=self._index.agents,
            )
            self._completed()

    def _tell_left_out(self, more: Counter[str]) -> None:
        """Log what is not as documented, each kind once in a while: applications decide how often that happens."""
        for kind, number in more.items():
            self._metrics.left_out.labels(kind).inc(number)
            self._left_out[kind] += number
            if (now := self._clock.monotonic()) >= self._told_at.get(kind, float("-inf")):
                self._told_at[kind] = now + NOTES_EVERY
                log.warning(_WORDS[kind], number=self._left_out.pop(kind))

    def _tell_notes(self, delta: Delta) -> None:
        """Log what is not used of tasks, an example and their number."""
        odd = [task for task in delta.updated if task.notes]
        if not odd:
            return
        self._metrics.left_out.labels("notes").inc(len(odd))
        self._left_out["notes"] += len(odd)
        if (now := self._clock.monotonic()) >= self._told_at.get("notes", float("-inf")):
            self._told_at["notes"] = now + NOTES_EVERY
            log.warning(
                f"Of a task, {odd[0].notes[0]}",
                task=odd[0].id,
                framework=odd[0].framework_name,
                tasks_since_last_told=self._left_out.pop("notes"),
            )


_WORDS = {
    "odd": "Mesos sent messages with fields that are not as documented; what can be read of them is used",
    "unreadable": "Mesos sent tasks, agents, frameworks or events that cannot be read or name nothing; left out",
    "too_large": "Mesos sent messages that are too large to be held; they are left out",
}


@contextmanager
def _undisturbed() -> Iterator[Callable[[], None]]:
    """No garbage is looked for until the function that this gives is called: there is none in a snapshot, and looking
    at everything that has come of it again and again takes longer than reading it. What there is then is not looked at
    any more.
    """
    gc.disable()
    try:
        yield _settle
    finally:
        gc.enable()


def _settle() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
