"""The way into Mesos: what comes over it, and who waits for whom."""

import threading
from collections.abc import Callable

from sdk.clock import SystemClock
from sdk.core.effects import CallEffect, ListReservations
from sdk.core.events import Event, ReservationsListed, Tick
from sdk.model.records import FrameworkRecord
from sdk.runner.frames import Item
from sdk.runner.inbox import BACKLOG, Inbox
from sdk.runner.subscribing import Subscribing
from sdk.runner.term import Term


class Answering:
    """A feed that answers a call at once, as that of Mesos does."""

    failure: str | None = None
    trouble: str | None = None

    def __init__(self, post: Callable[[Event], None]) -> None:
        self._post = post

    def start(self) -> None:
        """Nothing comes by itself."""

    def stop(self) -> None:
        """Nothing goes on."""

    def join(self, timeout: float | None = None) -> bool:
        return True

    def call(self, effect: CallEffect) -> None:
        assert isinstance(effect, ListReservations)
        self._post(ReservationsListed(agents=()))


def test_an_answer_waits_for_nobody() -> None:
    """It comes on the thread that takes what waits: with a full inbox that thread would wait for itself."""
    wake = threading.Condition()
    inbox = Inbox(wake, lambda _length: None)
    subscribing = Subscribing(
        name="test",
        feeds=lambda _record, post: Answering(post),
        inbox=inbox,
        wake=wake,
        own_roles=(),
        clock=SystemClock(),
    )
    term = Term(1, wake)
    subscribing.begin(term, FrameworkRecord(name="test"))
    for _ in range(BACKLOG):
        inbox.put(Item(Tick(), term.epoch))
    asks = threading.Thread(target=subscribing.call, args=(ListReservations(),), daemon=True)
    asks.start()
    asks.join(10)
    assert not asks.is_alive()
    taken: list[Item] = []
    while batch := inbox.take(term, 0.0):
        taken.extend(batch)
    assert taken[-1].event == ReservationsListed(agents=())
    subscribing.close()
