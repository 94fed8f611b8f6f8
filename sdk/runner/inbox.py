"""What waits for a runner's thread: events of the present stream, requests of operators, and what the plugin published.

Knows to which term and which stream something belongs, and how much may wait. Does not know what is done about it.
"""

import dataclasses
import threading
from collections import deque
from collections.abc import Callable, Iterable

from sdk.core.events import OfferRescinded, OffersReceived, TargetsListed
from sdk.errors import LeadershipLost
from sdk.runner.frames import Item
from sdk.runner.publishing import TargetEvent
from sdk.runner.term import Term

# Batching shares one write between events that arrive together; the bound keeps the first of them from waiting long.
_BATCH = 64
BACKLOG = 10_000
"""Events of Mesos that wait at most: ZooKeeper may be away for long, and the master can wait better than our memory."""


class Inbox:
    """Many threads put in, the runner's takes out."""

    def __init__(self, wake: threading.Condition, on_length: Callable[[int], object]) -> None:
        """`wake` guards it and is notified at each change; `on_length` gets how many events wait."""
        self._wake = wake
        self._on_length = on_length
        self._items: deque[Item] = deque()
        self._stream = 0
        self._targets: dict[str, TargetEvent] = {}
        """By service: of what was published of one and not taken yet, the last counts."""
        self._listed: TargetsListed | None = None

    def put(self, item: Item) -> None:
        """Something of our own: always taken."""
        with self._wake:
            self._append(item)

    def next_stream(self) -> int:
        """The number of a new stream. What an earlier one still says is void, and who waits with it is let go."""
        with self._wake:
            self._stream += 1
            self._wake.notify_all()
            return self._stream

    def heard(self, stream: int, item: Item) -> None:
        """An event of a stream, on the thread that reads it. While too many wait, the stream is not read on."""
        with self._wake:
            self._wake.wait_for(lambda: len(self._items) < BACKLOG or stream != self._stream)
            if stream == self._stream:
                self._append(item)

    def answered(self, stream: int, item: Item) -> None:
        """What a call of a stream brought at once, on the thread that made it: the one that takes, so nobody waits."""
        with self._wake:
            if stream == self._stream:
                self._append(item)

    def publish(self, term: Term, events: Iterable[TargetEvent], listed: TargetsListed | None) -> None:
        """What the plugin published, `listed` before the rest. Void when `term` is over."""
        with self._wake:
            # Under the lock: between the look and the writing the next term could begin, and would take it for its own.
            if not term.alive():
                return
            if listed is not None:
                self._listed = listed
                self._targets = {name: event for name, event in self._targets.items() if name in listed.services}
            self._targets.update((event.service, event) for event in events)
            self._wake.notify_all()

    def forget_published(self) -> None:
        """A new term begins: what was published before it is void."""
        with self._wake:
            self._targets, self._listed = {}, None

    def take(self, term: Term, timeout: float) -> list[Item]:
        """What is next, at most `timeout` seconds later; empty when there is nothing or the term ended."""
        batch: list[Item] = []
        with self._wake:
            self._wake.wait_for(lambda: self._items or self._targets or self._listed or not term.alive(), timeout)
            if not term.alive():
                return []
            if self._listed is not None:
                batch.append(Item(self._listed, term.epoch))
            batch.extend(Item(event, term.epoch) for event in self._targets.values())
            self._targets, self._listed = {}, None
            taken = len(batch) + _BATCH
            while self._items and len(batch) < taken:
                item = self._items.popleft()
                if item.term == term.epoch:
                    batch.append(item)
                else:
                    item.settle(LeadershipLost("it was asked for before this process took charge again"))
            self._on_length(len(self._items))
            self._wake.notify_all()
            _leave_out_rescinded(batch, self._items)
        return batch

    def drain(self, error: Exception) -> None:
        """Answer whoever waits with `error`, and forget the rest."""
        with self._wake:
            items, self._items = list(self._items), deque()
            self._wake.notify_all()
        for item in items:
            item.settle(error)

    def _append(self, item: Item) -> None:
        self._items.append(item)
        self._on_length(len(self._items))
        self._wake.notify_all()


def _leave_out_rescinded(batch: list[Item], waiting: Iterable[Item]) -> None:
    """Take offers out of the batch whose RESCIND is there already: what is launched with them would be dropped."""
    if not any(isinstance(item.event, OffersReceived) for item in batch):
        return
    gone = {item.event.offer_id for item in (*batch, *waiting) if isinstance(item.event, OfferRescinded)}
    for item in batch if gone else ():
        if isinstance(item.event, OffersReceived):
            kept = tuple(offer for offer in item.event.offers if offer.id not in gone)
            item.event = dataclasses.replace(item.event, offers=kept)
