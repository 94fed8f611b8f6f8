"""Frames: a batch of events decided on, stored in one multi behind the leadership check, and then carried out.

Knows the order (nothing is said to Mesos that is not stored) and what to do when a step fails. Does not know where
events come from, nor when a term of leadership begins and ends.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from sdk.clock import Clock
from sdk.core import decide as core
from sdk.core.effects import CallEffect, Decline, Effect, Log, StoreEffect
from sdk.core.events import (
    Event,
    OffersReceived,
    StatusesReceived,
    StoringFailed,
    TargetChanged,
    TargetWithdrawn,
)
from sdk.core.state import State
from sdk.errors import InvalidSpec, LeadershipLost, SdkError, StorageUnavailable
from sdk.framework_store import FrameworkStore
from sdk.metrics import Metrics
from sdk.model.ids import OfferId
from sdk.retry import Policy
from sdk.runner.edges import Charge
from sdk.runner.term import Term
from sdk.runner.together import together
from sdk.storage.holder import Role

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
STORAGE = Policy(first=0.1, most=5.0)
"""Waits while ZooKeeper is away."""
_REMEMBERED = 20
_REFUSE = 5.0
_CULPRITS = 50
"""Services that are left out of one frame at most: an event is not decided for ever."""

Decide = Callable[[State, Event, float, Callable[[], str]], tuple[State, tuple[Effect, ...]]]
"""`sdk.core.decide.decide`, or one that also looks at what goes in and out."""


@dataclass(slots=True)
class Item:
    """Something for the runner's thread. `term` is the epoch that it belongs to."""

    event: Event
    term: int
    done: "Future[None] | None" = None

    def settle(self, error: Exception | None = None) -> None:
        """Answer whoever waits."""
        if self.done is not None and not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)


class _CannotStore(Exception):
    """Every try to store the frame fails in the same way; `service` is the one that it is about, None when unknown."""

    def __init__(self, why: str, service: str | None) -> None:
        super().__init__(why)
        self.service = service


class Frames:
    """The state of one framework during one term, and the only place where it changes."""

    def __init__(
        self,
        *,
        name: str,
        term: Term,
        state: State,
        store: FrameworkStore,
        charge: Charge,
        send: Callable[[CallEffect], None],
        clock: Clock,
        new_id: Callable[[], str],
        metrics: Metrics,
        decide: Decide = core.decide,
    ) -> None:
        """`send` makes a call, and must not raise."""
        self.state = state
        self.error: str | None = None
        """Why storing does not go on, None while it does."""
        self.skipped: deque[str] = deque(maxlen=_REMEMBERED)
        """Events that were given up, oldest first, a sentence each."""
        self.unusable: str | None = None
        """Why the last offers were of no use to anybody, None when they were looked at."""
        self._name = name
        self._term = term
        self._store = store
        self._charge = charge
        self._send = send
        self._clock = clock
        self._new_id = new_id
        self._metrics = metrics
        self._decide_on = decide
        self._offers = metrics.offers.labels(name)
        self._decided, self._offered, self._stored = (
            metrics.succeeded.labels(name, what) for what in ("event", "offers", "store")
        )
        self._log = structlog.get_logger().bind(framework=name)

    def run(self, batch: Sequence[Item]) -> None:
        """Decide, store, call; then answer whoever waits. Until it is stored nothing of it has happened."""
        if not batch:
            return
        try:
            try:
                self._carry_out(batch)
            except _CannotStore:
                # One of them cannot be stored: the others must not suffer for being in the same batch.
                for item in batch:
                    self._carry_out_apart(item)
        except LeadershipLost as error:
            self.error = str(error)
            self._log.warning("A batch of events was not carried out", why=str(error), events=len(batch))
            for item in batch:
                item.settle(error)

    def ready(self) -> bool:
        """Wait out a suspension; whether this term still may act."""
        while self._term.alive():
            if self._charge.wait_ready(1.0):
                return self._term.alive()
            if self._charge.role is Role.STANDBY:
                return False
        return False

    def _carry_out(self, batch: Sequence[Item]) -> None:
        if not self.ready():
            raise LeadershipLost("this process is no longer in charge")
        state, decided, effects = self._decide(batch)
        self._persist([effect for effect in effects if isinstance(effect, StoreEffect)])
        self.state = state
        for item in decided:
            item.settle()
        for effect in effects:
            if isinstance(effect, Log):
                self._say(effect)
            elif not isinstance(effect, StoreEffect) and self.ready():
                self._send(effect)

    def _carry_out_apart(self, item: Item) -> None:
        """One event; services of which something cannot be stored are left alone, and it is decided without them."""
        event, failed, later = item.event, dict[str, str](), False
        for _ in range(_CULPRITS):
            try:
                self._carry_out([*self._left_alone(item, failed, later=later), *(() if later else (item,))])
                item.settle()
                return
            except _CannotStore as error:
                if error.service is None or error.service in failed:
                    break
                failed[error.service] = str(error)
                later = later or (isinstance(event, TargetChanged | TargetWithdrawn) and error.service == event.service)
        self._skip(item, SdkError("; ".join(failed.values()) or "what follows from it cannot be stored"))
        if failed and not later:
            self._carry_out(self._left_alone(item, failed, later=False))

    def _left_alone(self, item: Item, failed: Mapping[str, str], *, later: bool) -> list[Item]:
        """The event that has the core leave these services alone; `later`: and come back to this event."""
        if not failed:
            return []
        target = item.event if later and isinstance(item.event, TargetChanged | TargetWithdrawn) else None
        return [Item(StoringFailed(services=dict(failed), target=target), item.term)]

    def _decide(self, batch: Sequence[Item]) -> tuple[State, list[Item], list[Effect]]:
        state = self.state
        decided: list[Item] = []
        effects: list[Effect] = []
        with self._metrics.decide.labels(self._name).time():
            waiting = deque(together(batch, [item.event for item in batch]))
            while waiting:
                event, items = waiting.popleft()
                try:
                    state, more = self._decide_on(state, event, self._clock.now(), self._new_id)
                except Exception as error:  # noqa: BLE001 - a defect of the core must not lose the other events
                    if len(items) > 1:  # each by itself: it is one of them that fails
                        waiting.extendleft((item.event, [item]) for item in reversed(items))
                        continue
                    self._log.exception("Deciding failed", about=_brief(event))
                    self._skip(items[0], error)
                    continue
                self._decided.set(self._clock.now())
                if isinstance(event, OffersReceived):
                    self.unusable = None
                    self._offers.inc(len(event.offers) + len(event.unreadable))
                    self._offered.set(self._clock.now())
                effects.extend(more)
                decided.extend(items)
                self._log.debug("Decided on an event", about=_brief(event), effects=len(more))
                self._metrics.events.labels(self._name, type(items[0].event).__name__).inc(len(items))
        return state, decided, effects

    def _persist(self, stores: Sequence[StoreEffect]) -> None:
        """Store all, however long ZooKeeper is away; raises LeadershipLost, or _CannotStore."""
        attempts = STORAGE.attempts(
            on=StorageUnavailable, pause=self._term.pause, alive=self._term.alive, failed=self._not_stored
        )
        try:
            for attempt in attempts if stores else ():
                with attempt:
                    if attempt.retry_state.attempt_number > 1 and not self.ready():
                        raise LeadershipLost("the charge was lost while ZooKeeper was away")
                    self._write(stores)
        except StorageUnavailable as error:
            raise LeadershipLost("the charge was lost while ZooKeeper was away") from error
        self.error = None

    def _write(self, stores: Sequence[StoreEffect]) -> None:
        try:
            check = self._charge.check()
            if check.version != self._term.epoch:
                raise LeadershipLost("this process was in charge twice; the older term writes nothing")
            with self._metrics.store.labels(self._name).time():
                self._store.apply(stores, check)
            self._stored.set(self._clock.now())
        except (StorageUnavailable, LeadershipLost):
            raise
        except SdkError as error:
            path = error.path if isinstance(error, InvalidSpec) else None
            service = None if path is None else self._store.service_at(path)
            raise _CannotStore(f"it cannot be stored: {error}", service) from error

    def _not_stored(self, error: BaseException, seconds: float) -> None:
        self.error = str(error)
        self._log.warning(
            f"Storing failed; trying again in {seconds:.1f} s, before anything else happens", error=str(error)
        )

    def _say(self, effect: Log) -> None:
        fields = {key: value for key, value in effect.fields.items() if key not in ("event", "level")}
        self._log.log(_LEVELS.get(effect.level, 20), effect.sentence, **fields)

    def _skip(self, item: Item, error: Exception) -> None:
        self.skipped.append(f"{_brief(item.event)}: {type(error).__name__}: {error}")
        self._metrics.skipped.labels(self._name).inc()
        self._log.error("An event was given up", about=_brief(item.event), error=str(error))
        item.settle(error)
        if isinstance(item.event, OffersReceived):
            self.unusable = f"the last offers were given up: {type(error).__name__}: {error}"
            offers = (*(OfferId(offer.id) for offer in item.event.offers), *item.event.unreadable)
            if offers and self.ready():
                # What is neither accepted nor declined is ours, and nobody else's, until the stream ends.
                self._send(Decline(offer_ids=offers, refuse_seconds=_REFUSE))


def _brief(event: Event) -> str:
    if isinstance(event, StatusesReceived):
        return f"StatusesReceived({len(event.statuses)} updates)"
    if isinstance(event, OffersReceived):
        return f"OffersReceived({len(event.offers)} offers)"  # their text takes longer than what is done about them
    text = repr(event)
    return text if len(text) <= 300 else f"{text[:297]}..."
