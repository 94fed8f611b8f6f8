"""Follows the Mesos operator event stream on one thread and puts what it means on the board.

Knows how events reach the index and that time passes while none come. Does not know HTTP: the operator client connects,
detects a silent stream and reconnects by itself; every new stream begins with SUBSCRIBED.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from api.mesos_listener.board import Board
from api.mesos_listener.index import TaskIndex
from sdk.clock import Clock

#: Carried-over tasks expire also while Mesos is away and no event comes.
TICK = 5.0
_RETRY = 1.0

log = structlog.get_logger()


class OperatorStream(Protocol):
    """What is used of the operator client."""

    def stream(self) -> Iterable[Mapping[str, object]]:
        """Events for ever, over reconnections; ends when the client is closed."""

    def close(self) -> None:
        """End `stream`."""


class Follower:
    """Runs until `stop`; `changed` is called on the follower's threads after every event."""

    def __init__(self, operator: OperatorStream, board: Board, clock: Clock, changed: Callable[[], None]) -> None:
        self._operator = operator
        self._board = board
        self._clock = clock
        self._changed = changed
        self._index = TaskIndex()
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

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                for event in self._operator.stream():
                    self._take(event)
                    if self._stopping.is_set():
                        return
            except Exception:
                log.exception("The Mesos operator stream failed; opening it again")
            self._stopping.wait(_RETRY)

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
                event=kind,
                updated=[task.id for task in delta.updated][:10],
                removed=[key.id for key in delta.removed][:10],
                revision=delta.revision,
            )
        if is_complete and not was_complete:
            log.info("The view of the cluster is complete; serving it", running=running, agents=agents)
