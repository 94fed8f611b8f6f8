"""A framework's way into Mesos during its terms: the feed is opened, closed at once from any thread, and opened again.

Knows which feed is the present one, when to try again and with which roles. What its events mean is decided in
`sdk.core`.
"""

import dataclasses
import threading
from collections.abc import Callable, Collection

import structlog

from sdk.clock import Clock
from sdk.core.effects import CallEffect
from sdk.core.events import Event, ExecutorMessage, ReservationsListed
from sdk.errors import LeadershipLost
from sdk.model.records import FrameworkRecord
from sdk.runner.edges import Feed, FeedFactory
from sdk.runner.frames import Item
from sdk.runner.inbox import Inbox
from sdk.runner.term import Term


class Subscribing:
    """`begin`, `succeeded`, `failed` and `keep_up` belong to the runner's thread, all others to any."""

    def __init__(
        self,
        *,
        name: str,
        feeds: FeedFactory,
        inbox: Inbox,
        wake: threading.Condition,
        own_roles: Collection[str],
        clock: Clock,
    ) -> None:
        """`wake` guards the present feed; `own_roles` are those of the framework's configuration."""
        self._feeds = feeds
        self._inbox = inbox
        self._wake = wake
        self._own_roles = frozenset(own_roles)
        self._clock = clock
        self._log = structlog.get_logger().bind(framework=name)
        self._feed: Feed | None = None
        self._hearer: Callable[[ExecutorMessage], None] | None = None
        self._due: float | None = None
        """When to open it again, monotonic; None when nobody wants to."""
        self._bare = False
        """Whether the configured roles alone are subscribed with."""

    @property
    def trouble(self) -> str | None:
        """Why there is no subscription, as far as is known."""
        feed = self._feed
        return feed.trouble if feed is not None else None

    @property
    def failure(self) -> str | None:
        """Why it ended for good: Mesos removed the framework, or another scheduler subscribed with its id."""
        feed = self._feed
        return feed.failure if feed is not None else None

    def hear(self, hearer: Callable[[ExecutorMessage], None]) -> None:
        """Whom messages of executors are for; nothing is decided on them."""
        self._hearer = hearer

    def begin(self, term: Term, record: FrameworkRecord) -> None:
        """Subscribe afresh: what went wrong before is forgotten."""
        self._due, self._bare = None, False
        self.close()
        self._open(term, record)

    def close(self) -> None:
        """End it; what it still says is void."""
        with self._wake:
            feed, self._feed = self._feed, None
            self._inbox.next_stream()
        if feed is not None:
            feed.stop()

    def succeeded(self) -> None:
        """Mesos let us in."""
        self._bare = False

    def failed(self, why: str, record: FrameworkRecord) -> None:
        """Mesos answered SUBSCRIBE with an ERROR: a role that was ours may be forbidden by now.

        With the configured roles alone the framework gets in; the others are added one by one, and those that Mesos
        refuses then are told by the services that want them.
        """
        if not self._bare and self._own_roles and not self._own_roles.issuperset(record.roles):
            self._bare = True
            self._due = self._clock.monotonic()
            self._log.warning("Subscribing with the configured roles alone", why=why, roles=sorted(self._own_roles))

    def keep_up(self, term: Term, record: FrameworkRecord) -> None:
        """Begin again where `failed` has found a way to."""
        if self._due is not None and self._clock.monotonic() >= self._due:
            self._due = None
            self.close()
            self._open(term, record)

    def due_in(self) -> float | None:
        """Seconds until `keep_up` has something to do, None when nothing is planned."""
        return None if self._due is None else max(0.0, self._due - self._clock.monotonic())

    def call(self, effect: CallEffect) -> None:
        """Make a call; raises LeadershipLost when the feed is closed, else as `Feed.call`."""
        feed = self._feed
        if feed is None:
            raise LeadershipLost("the stream is closed")
        feed.call(effect)

    def _tell_hearer(self, message: ExecutorMessage) -> None:
        if self._hearer is None:
            return
        try:
            self._hearer(message)
        except Exception:  # noqa: BLE001 - foreign code; the events behind it must come
            self._log.exception("A message of an executor was not taken", executor_id=message.executor_id)

    def _open(self, term: Term, record: FrameworkRecord) -> None:
        if self._bare:
            record = dataclasses.replace(record, roles=tuple(sorted(self._own_roles)))
        number = self._inbox.next_stream()

        def post(event: Event) -> None:
            if isinstance(event, ExecutorMessage):
                self._tell_hearer(event)
            elif isinstance(event, ReservationsListed):
                self._inbox.answered(number, Item(event, term.epoch))
            else:
                self._inbox.heard(number, Item(event, term.epoch))

        feed = self._feeds(record, post)
        with self._wake:
            if not term.alive():
                return
            self._feed = feed
        feed.start()
