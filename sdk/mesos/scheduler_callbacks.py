"""The callbacks of a scheduler as pymesos names them, run one after the other, in the order of the events.

On a thread of their own, so that slow callbacks never let the stream die. Knows which events there are and which
callback is for each; where events come from is in `sdk.mesos.driver`.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from sdk.mesos import base
from sdk.mesos.dispatch import Dispatch, OnException
from sdk.mesos.subscription import WireEvent

_log = structlog.get_logger()

_DISPATCH = Dispatch(
    events=frozenset(
        {
            "ERROR",
            "FAILURE",
            "HEARTBEAT",
            "INVERSE_OFFERS",
            "MESSAGE",
            "OFFERS",
            "RESCIND",
            "RESCIND_INVERSE_OFFER",
            "SUBSCRIBED",
            "UPDATE",
            "UPDATE_OPERATION_STATUS",
        }
    ),
    sender="Mesos",
    side="scheduler",
)


class SchedulerCallbacks(base.SchedulerDriver):  # type: ignore[misc]  # pymesos ships no types
    """Events in, callbacks of `sched` out."""

    _registered = False
    _on_exception: OnException | None = None

    def dispatch(self, event: WireEvent) -> None:
        """Run the callback for an event, as pymesos does. What it raises is logged and reported, never more."""
        _DISPATCH.run(event, partial(base.SchedulerDriver.on_event, self), self._on_exception)

    def on_subscribed(self, info: Mapping[str, Any]) -> None:
        """`registered` for the first subscription of this driver, `reregistered` for later ones."""
        master_info = self._dict_cls(info.get("master_info") or {})
        if not self._registered:
            self._registered = True
            self.sched.registered(self, self._dict_cls(info["framework_id"]), master_info)
        else:
            self.sched.reregistered(self, master_info)

    def on_offers(self, event: Mapping[str, Any]) -> None:
        """Offers; pymesos also reads the master's version here, and dies of one like 1.12.0-rc1."""
        offers = [self._dict_cls(offer) for offer in event.get("offers", [])]
        if offers:
            self.sched.resourceOffers(self, offers)

    def on_message(self, message: Mapping[str, Any]) -> None:
        """`data` is absent when it is empty."""
        self.sched.frameworkMessage(
            self,
            self._dict_cls(message.get("executor_id", {})),
            self._dict_cls(message.get("agent_id", {})),
            message.get("data", ""),
        )

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        """All three fields are optional in Mesos' protocol."""
        agent_id = self._dict_cls(failure.get("agent_id", {}))
        if "executor_id" in failure:
            self.sched.executorLost(self, self._dict_cls(failure["executor_id"]), agent_id, failure.get("status"))
        else:
            self.sched.slaveLost(self, agent_id)


class CallbackThread:
    """A listener of the driver that hands everything on, one after the other."""

    def __init__(self, driver: SchedulerCallbacks) -> None:
        self._driver = driver
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mesos-callbacks", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def join(self, timeout: float | None) -> bool:
        """Wait until the last callback has returned; False when `timeout` seconds passed first."""
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def on_event(self, event: WireEvent) -> None:
        """See `Listener`."""
        self._queue.put(partial(self._driver.dispatch, event))

    def on_disconnected(self, why: str) -> None:
        """See `Listener`."""
        self._queue.put(partial(self._disconnected, why))

    def on_trouble(self, error: Exception) -> None:
        """pymesos has no callback for it; the driver's `trouble` tells."""

    def on_stopped(self) -> None:
        """See `Listener`."""
        self._queue.put(None)

    def _disconnected(self, why: str) -> None:
        try:
            self._driver.sched.disconnected(self._driver)
        except Exception:  # noqa: BLE001 - foreign code
            _log.exception("The callback `disconnected` of the scheduler failed", why=why)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
