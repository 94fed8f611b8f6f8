"""A process' subscription to the played master: the real forms on the wire, without a socket.

Knows what `sdk.mesos.feed` knows: when to subscribe again, and what ends it for good.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from sdk.core.effects import CallEffect, ListReservations, UpdateRoles
from sdk.core.events import Disconnected, Event
from sdk.errors import NotConnected, Refused, UnexpectedAnswer
from sdk.mesos import wire
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.driver import FRAMEWORK_FAILED_OVER, FRAMEWORK_REMOVED
from sdk.mesos.reserved import reservations_listed
from sdk.mesos.stream import NoAnswer
from sdk.model.ids import FrameworkId
from sdk.testing.cluster import Cluster
from sdk.testing.faults import Faults

Json = dict[str, Any]
MASTER = "master:5050"
_AGAIN = 1.0


class PlayedFeed:
    """See `sdk.runner.edges.Feed`."""

    def __init__(self, cluster: Cluster, faults: Faults, info: FrameworkInfo, post: Callable[[Event], None]) -> None:
        self._cluster = cluster
        self._faults = faults
        self._info = info
        self._post = post
        self._stream: str | None = None
        self._stopped = False
        self.failure: str | None = None
        """Why it ended for good."""
        self.trouble: str | None = None
        """Why there is no subscription, as far as is known; None while there is one."""

    def start(self) -> None:
        """Begin to subscribe."""
        if self._stopped or self._stream is not None:
            return
        stream = f"scheduler-{self._cluster.number()}"
        self._stream = stream
        self._cluster.listen(stream, self._on_event, self._closed)
        status, text = self._cluster.call(wire.subscribe(self._info), None, stream)
        if status != 200:
            self.trouble = text
            self._stream = None
            self._cluster.later(_AGAIN, self.start)

    def stop(self) -> None:
        """Close the stream."""
        self._stopped = True
        self._hang_up()

    def join(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - there is no thread to wait for
        """It has ended."""
        return True

    def broken(self, why: str) -> None:
        """The connection breaks."""
        if self._stream is not None:
            self._hang_up()
            self._lost(why)

    def call(self, effect: CallEffect) -> None:
        """Make a call, if nothing comes in between."""
        name = type(effect).__name__
        if (happening := self._faults.before.pop(name, None)) is not None:
            happening()
        if self._faults.lose[name] > 0:
            self._faults.lose[name] -= 1
            if isinstance(effect, UpdateRoles):
                # The one call that the master answers when it has been done, and not when it has been heard.
                raise NoAnswer("no answer came")
        else:
            try:
                self._send(name, effect)
            except (NotConnected, Refused, UnexpectedAnswer):
                self._faults.failed[name] += 1
                raise
        self._faults.carried_out()

    def _send(self, name: str, effect: CallEffect) -> None:
        if self._faults.fail[name] > 0:
            self._faults.fail[name] -= 1
            raise UnexpectedAnswer(503, "the call failed on the way")
        if self._stream is None:
            raise NotConnected("there is no subscription")
        if isinstance(effect, ListReservations):
            self._post(reservations_listed(self._cluster.slaves()))
            return
        body = wire.call(effect, self._info)
        if body is None:
            return
        if (refusal := self._faults.refuse(body)) is not None:
            raise Refused(400, refusal)
        status, text = self._cluster.call(body, self._stream)
        if 400 <= status < 500:
            raise Refused(status, text)
        if status not in (200, 202):
            raise UnexpectedAnswer(status, text)
        self._faults.sent[name] += 1
        if isinstance(effect, UpdateRoles):
            self._info = dataclasses.replace(self._info, roles=effect.roles)

    def _on_event(self, raw: Json) -> None:
        if self._stopped or self._stream is None:
            return
        if raw["type"] == "SUBSCRIBED":
            self.trouble = None
            framework_id = FrameworkId(raw["subscribed"]["framework_id"]["value"])
            self._info = dataclasses.replace(self._info, framework_id=framework_id)
        elif raw["type"] == "ERROR":
            self.trouble = str(raw["error"]["message"])
            if self.trouble.startswith((FRAMEWORK_REMOVED, FRAMEWORK_FAILED_OVER)):
                self.failure, self._stopped = self.trouble, True
        event = wire.event(raw, self._info, MASTER)
        if event is not None:
            self._post(event)

    def _closed(self) -> None:
        """The master ended the stream."""
        if self._stream is not None:
            self._stream = None
            self._lost("the master ended the stream")

    def _hang_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._cluster.scheduler_gone(stream)

    def _lost(self, why: str) -> None:
        if self._stopped:
            return
        self.trouble = why
        self._post(Disconnected(why=why))
        self._cluster.later(_AGAIN, self.start)
