"""What is done during one term of leadership, one turn after the other: take events, decide, look back.

Knows what events mean for the life of the framework in this process: let in, removed, renewed, uninstalled; and how
long nothing has to be done. Has no thread: the runner turns it on one of its own, the simulation (`sdk.testing`) under
a manual clock.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from sdk.clock import Clock
from sdk.core import decide as core
from sdk.core.events import Failed, RenewalRequested, Subscribed, Tick, UninstallRequested
from sdk.core.state import Connection, State
from sdk.framework_store import FrameworkStore
from sdk.metrics import Metrics
from sdk.plugin import Plugin
from sdk.retry import Policy
from sdk.runner.calls import Calls
from sdk.runner.edges import Charge, Phase
from sdk.runner.frames import Decide, Frames, Item
from sdk.runner.inbox import Inbox
from sdk.runner.publishing import PublishedTargets
from sdk.runner.subscribing import Subscribing
from sdk.runner.term import Term
from sdk.storage.holder import Role

_IDLE = 5.0
# A plugin that fails to publish its targets.
_ASK = Policy(first=1.0, most=60.0)
# Seconds in which a process that is not in charge any more hears of it.
_SURE = 5.0
# A Tick that leaves its own time due would come again at once: each such one doubles the wait for the next.
_TICK_FIRST, _TICK_MAX = 0.02, 1.0


class Turns:
    """All methods belong to one thread; `frames`, `phase` and `error` may be read by any."""

    def __init__(
        self,
        *,
        name: str,
        term: Term,
        state: State,
        store: FrameworkStore,
        charge: Charge,
        inbox: Inbox,
        subscribing: Subscribing,
        plugin: Plugin,
        words: Callable[[], Mapping[str, str]],
        advertised_url: str,
        clock: Clock,
        new_id: Callable[[], str],
        metrics: Metrics,
        decide: Decide = core.decide,
    ) -> None:
        """`words` are replaced in commands and URIs when this process launches."""
        self.phase = Phase.LEADING
        """LEADING or REMOVED."""
        self.error: str | None = None
        """Why it is not as it should be, None while it is."""
        self.superseded: str | None = None
        """Why this process has to give way: another scheduler has subscribed with our id, although we are in charge."""
        calls = Calls(name=name, term=term, inbox=inbox, take=subscribing.call, words=words, metrics=metrics)
        self.frames = Frames(
            name=name,
            term=term,
            state=state,
            store=store,
            charge=charge,
            send=calls.send,
            clock=clock,
            new_id=new_id,
            metrics=metrics,
            decide=decide,
        )
        self._name = name
        self._term = term
        self._inbox = inbox
        self._subscribing = subscribing
        self._charge = charge
        self._superseded_since: float | None = None
        self._plugin = plugin
        self._advertised_url = advertised_url
        self._clock = clock
        self._metrics = metrics
        self._asked = False
        """Whether the plugin was asked, in this term, for its targets."""
        self._ask_again = _ASK.backoff()
        self._ask_due = clock.monotonic()
        self._tick_delay = self._tick_after = 0.0
        self._log = structlog.get_logger().bind(framework=name)

    def begin(self) -> None:
        """Subscribe to Mesos."""
        self._subscribing.begin(self._term, self.frames.state.framework)

    @property
    def uninstalled(self) -> bool:
        """There is nothing left to do: no turn is needed any more."""
        return self.frames.state.removal.uninstalled

    def due(self) -> float:
        """When the next turn has something to do, by the clock's wall time: at once when something waits already."""
        now = self._clock.now()
        wake = core.next_wake(self.frames.state, now)
        times = [now + _IDLE if wake is None else max(self._tick_after, wake)]
        reopening = self._subscribing.due_in()
        if reopening is not None and self.frames.state.connection is not Connection.REMOVED:
            times.append(now + reopening)
        if self._superseded_since is not None:
            times.append(now + max(0.0, self._superseded_since + _SURE - self._clock.monotonic()))
        if not self._asked:
            times.append(now + max(0.0, self._ask_due - self._clock.monotonic()))
        return min(times)

    def turn(self, patience: float | None = None) -> None:
        """Wait until there is something to do, but not longer than `patience` seconds, and do it."""
        self._ask_plugin()
        before = self.frames.state
        batch = self._next_batch(before, patience)
        self.frames.run(batch)
        state = self.frames.state
        self._look_back(batch, before, state)
        if state is not before:
            self._tell_plugin()
        if not state.removal.uninstalled and state.connection is not Connection.REMOVED:
            self._subscribing.keep_up(self._term, state.framework)
            self._look_for_others(state)

    def _look_for_others(self, state: State) -> None:
        """Whoever subscribed after us may be a successor, of whom we hear in a moment from the lock: wait for that.

        If none comes, there is somebody who goes by the same id and not by our lock. Subscribing again would throw him
        out, who would do the same with us; and neither could tell what the other launches.
        """
        why = self._subscribing.failure
        if why is None or self._charge.role is not Role.LEADER:
            self._superseded_since = None
        elif self._superseded_since is None:
            self._superseded_since = self._clock.monotonic()
        elif self._clock.monotonic() >= self._superseded_since + _SURE:
            self.superseded = (
                f"another scheduler has subscribed as framework {state.framework.framework_id} ({why}), so this process"
                " gives way: see that nobody else uses that id"
            )

    def _ask_plugin(self) -> None:
        """Have the plugin publish its targets."""
        if self._asked or self._clock.monotonic() < self._ask_due:
            return
        try:
            self._plugin.took_charge(PublishedTargets(partial(self._inbox.publish, self._term)))
            self._asked = True
        except Exception:  # noqa: BLE001 - foreign code; what is stored holds meanwhile
            self._log.exception("The plugin could not publish its targets; asking it again")
            self._ask_due = self._clock.monotonic() + self._ask_again.delay()

    def _next_batch(self, state: State, patience: float | None) -> list[Item]:
        """The next events, at the latest a Tick when the core is due; empty when the term ended."""
        now = self._clock.now()
        wake = core.next_wake(state, now)
        if wake is None or wake > now:
            self._tick_delay = self._tick_after = 0.0
        timeout = self.due() - now
        batch = self._inbox.take(self._term, timeout if patience is None else min(timeout, patience))
        if not self._term.alive():
            return []
        if wake is not None and wake <= self._clock.now():
            if not batch:
                self._tick_delay = min(max(self._tick_delay * 2, _TICK_FIRST), _TICK_MAX)
                self._tick_after = self._clock.now() + self._tick_delay
            batch.append(Item(Tick(), self._term.epoch))
        return batch

    def _look_back(self, batch: Sequence[Item], before: State, state: State) -> None:
        """What concerns this process itself of the events that were decided on."""
        for item in batch:
            if isinstance(item.event, Subscribed):
                self.error = None
                self._subscribing.succeeded()
            elif isinstance(item.event, RenewalRequested) and _id_given_up(before, state):
                self.phase, self.error = Phase.LEADING, None
                self._subscribing.begin(self._term, state.framework)
            elif isinstance(item.event, Failed) and item.event.removed and not state.framework.uninstalling:
                self.phase = Phase.REMOVED
                self.error = (
                    f"Mesos removed the framework {state.framework.framework_id} for good ({item.event.message}): "
                    "its tasks are gone, its reservations are still there. To go on as a new framework, with the same "
                    "reservations and ports, ask for a renewal, with its secret: POST "
                    f"{self._advertised_url}/v1/renew"
                )
                self._log.error(self.error)
            elif isinstance(item.event, Failed) and before.connection is Connection.DISCONNECTED:
                self._subscribing.failed(item.event.message, state.framework)
        if any(isinstance(item.event, Failed | UninstallRequested) for item in batch) and _removed_too_soon(state):
            self._log.warning("Mesos removed the framework before all its reservations were released; subscribing anew")
            self._inbox.put(Item(RenewalRequested(), self._term.epoch))
        self._metrics.subscribed.labels(self._name).set(int(state.connection is Connection.SUBSCRIBED))

    def _tell_plugin(self) -> None:
        try:
            self._plugin.on_change()
        except Exception:  # noqa: BLE001 - foreign code must not stop the framework
            self._log.exception("The plugin failed to look at a change")


def _id_given_up(before: State, state: State) -> bool:
    return before.framework.framework_id is not None and state.framework.framework_id is None


def _removed_too_soon(state: State) -> bool:
    """The id is gone, and what is to be uninstalled is not."""
    return state.connection is Connection.REMOVED and state.framework.uninstalling and not state.removal.uninstalled
