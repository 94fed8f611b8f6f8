"""From the pieces of an operator stream to what each event means, with bounded memory. Pure.

Knows which events are held as a whole and which are taken apart while they come in: SUBSCRIBED holds the whole cluster.
An event that is too large is counted and left out; one that is no JSON means that the stream is of no use. Does not
know what events do to the set of tasks (index.py).
"""

import re
from collections import Counter

from api.mesos_listener import messages
from api.mesos_listener.reading import Reader, Unreadable
from api.mesos_listener.snapshot import KINDS, Snapshot
from sdk.mesos.elements import MAX_ELEMENT_BYTES, Elements, ElementSplitter
from sdk.mesos.recordio import MalformedStream, Piece

# Mesos writes the fields of a message in the order of their numbers, so the type stands first.
_SUBSCRIBED = re.compile(rb'\s*\{\s*"(?:type"\s*:\s*"SUBSCRIBED|subscribed)"')
# Mesos says 15. What is longer than a day is an error, and beyond some years no deadline of a socket.
_MOST_HEARTBEAT_SECONDS = 24 * 3600.0
#: Longer than what the pattern has to see.
_HEAD_BYTES = 64


class EventReader:
    """Pieces of one stream in, events out.

    `heartbeat` is how many seconds apart the master says that it lives, None while it has not said that.
    """

    def __init__(self, *, limit: int = MAX_ELEMENT_BYTES) -> None:
        self._limit = limit
        self._event = Reader(messages.Event)
        self._subscribed = Reader(messages.SubscribedEvent)
        self._head = b""
        self._apart: _Apart | None = None
        self._whole: list[bytes] | None = None
        self.heartbeat: float | None = None
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Counter[str]:
        """How many things were `too_large` or `unreadable` and left out, or `odd` (not as documented) and read."""
        return self._counts if not self._event.odd else self._counts + Counter(odd=self._event.odd)

    def read(self, piece: Piece) -> messages.Event | Snapshot | None:
        """The event that ends with this piece, if one does; raises MalformedStream."""
        data = piece.data
        if self._apart is None and self._whole is None:
            self._head += data
            if len(self._head) < _HEAD_BYTES and not piece.last:
                return None
            data, self._head = self._head, b""
            if _SUBSCRIBED.match(data):
                self._apart = _Apart(self._limit)
            else:
                self._whole = []
        if self._apart is not None:
            self._apart.feed(data)
        elif self._whole is not None and piece.length <= self._limit:
            self._whole.append(data)
        return self._end(piece) if piece.last else None

    def _end(self, piece: Piece) -> messages.Event | Snapshot | None:
        apart, self._apart = self._apart, None
        whole, self._whole = self._whole, None
        try:
            if apart is not None:
                snapshot, rest = apart.end()
                interval = self._subscribed.read(rest).subscribed.heartbeat_interval_seconds
                self.heartbeat = interval if 0 < interval <= _MOST_HEARTBEAT_SECONDS else None
                self._counts = self._counts + Counter(
                    odd=snapshot.odd, unreadable=snapshot.left_out, too_large=apart.too_large
                )
                return snapshot
            if piece.length > self._limit:
                self._counts = self._counts + Counter(too_large=1)
                return None
            event = self._event.read(b"".join(whole or ()))
            if _is_meant(event):
                return event
            self._counts = self._counts + Counter(unreadable=1)
            return None
        except Unreadable as error:
            raise MalformedStream(f"a record is not an event: {error}") from error


def _is_meant(event: messages.Event) -> bool:
    """Whether the event names what it is about: one without a name could mean all that have none, and a task that is in
    no state has not ended.
    """
    match event.type:
        case "TASK_ADDED":
            task = event.task_added.task
            return bool(task.task_id.value and task.framework_id.value)
        case "TASK_UPDATED":
            updated = event.task_updated
            names = updated.framework_id.value and updated.status.task_id.value
            return bool(names and (updated.state or updated.status.state))
        case "AGENT_ADDED":
            return bool(event.agent_added.agent.agent_info.id.value)
        case "AGENT_REMOVED":
            return bool(event.agent_removed.agent_id.value)
        case "FRAMEWORK_ADDED":
            return bool(event.framework_added.framework.framework_info.id.value)
        case "FRAMEWORK_UPDATED":
            return bool(event.framework_updated.framework.framework_info.id.value)
        case "FRAMEWORK_REMOVED":
            return bool(event.framework_removed.framework_info.id.value)
    return True  # it names nothing


class _Apart:
    """One SUBSCRIBED, taken apart."""

    def __init__(self, limit: int) -> None:
        self._splitter = ElementSplitter(KINDS, kinds=KINDS, limit=limit)
        self._snapshot = Snapshot()

    @property
    def too_large(self) -> int:
        return self._splitter.too_large

    def feed(self, data: bytes) -> None:
        self._take(self._splitter.feed(data))

    def end(self) -> tuple[Snapshot, bytes]:
        found, rest = self._splitter.finish()
        self._take(found)
        return self._snapshot, rest

    def _take(self, found: list[Elements]) -> None:
        for each in found:
            self._snapshot.take(each.path, each.messages or each.raw)
