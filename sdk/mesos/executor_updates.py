"""An executor's updates of its tasks: kept until the agent has stored them, and sent in order on a thread of their own.

Knows what a subscription has to bring up again, and how long the end waits for the last acknowledgements. Does not know
how anything is sent.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from sdk.errors import Refused, SdkError
from sdk.mesos import base

_log = structlog.get_logger()

_RESEND_SECONDS = 1.0
# The end gives the agent so long to store the last updates.
_FLUSH_SECONDS = 5.0


class Updates:
    """All methods but those of the thread return at once, and may be called from any."""

    def __init__(
        self,
        *,
        send: Callable[[Mapping[str, Any]], None],
        connected: Callable[[], bool],
        ended: Callable[[], bool],
        finished: Callable[[], None],
    ) -> None:
        """`send` gets the content of an UPDATE and raises SdkError; `ended` tells that nothing can be sent any more;
        `finished` is called on the thread when there is nothing left to do.
        """
        self.tasks: dict[str, Any] = {}
        """By id: tasks of which no update has been acknowledged."""
        self.kept: dict[uuid.UUID, dict[str, Any]] = {}
        """Updates that the agent has not acknowledged, in the order they were sent."""
        self._send = send
        self._connected = connected
        self._ended = ended
        self._finished = finished
        self._changed = threading.Condition()
        """Guards all of it; notified when something of it or the connection changes."""
        self._unsent: list[uuid.UUID] = []
        self._stopping = False
        self._flush_until = 0.0
        self.thread = threading.Thread(target=self._run, name="executor-updates", daemon=True)

    def add(self, status: dict[str, Any]) -> None:
        """Keep an update, and send it as soon as there is a connection."""
        identity = uuid.uuid4()
        if "uuid" in status:
            identity = uuid.UUID(bytes=base.decode_data(status["uuid"]))
        else:
            status["uuid"] = base.encode_data(identity.bytes)
        with self._changed:
            self.kept[identity] = {"status": status}
            self._unsent.append(identity)
            self._changed.notify_all()

    def launched(self, tasks: Sequence[Any]) -> None:
        """The agent has given these to the executor."""
        with self._changed:
            for task in tasks:
                self.tasks[task["task_id"]["value"]] = task

    def acknowledged(self, task_id: str, identity: uuid.UUID) -> None:
        """The agent has stored it."""
        with self._changed:
            self.kept.pop(identity, None)
            self.tasks.pop(task_id, None)
            self._changed.notify_all()

    def wait_acknowledged(self, timeout: float) -> bool:
        """Wait until the agent has stored every update; False when `timeout` seconds passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.kept, timeout)

    def brought_up(self) -> dict[str, Any]:
        """What a SUBSCRIBE says of them: the agent takes them as if they were sent now."""
        with self._changed:
            self._unsent.clear()
            return {
                "unacknowledged_tasks": list(self.tasks.values()),
                "unacknowledged_updates": list(self.kept.values()),
            }

    def wake(self) -> None:
        """The connection has changed."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Send what is left, for a few seconds at most."""
        with self._changed:
            self._stopping = True
            self._flush_until = time.monotonic() + _FLUSH_SECONDS
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._ended() or (self._unsent and self._connected()))
                if self._done():
                    break
                if not (self._unsent and self._connected()):
                    # Stopping: wait for the last acknowledgements, or for the agent to come back.
                    self._changed.wait(0.1)
                    continue
                identity = self._unsent[0]
                update = self.kept.get(identity)
            if update is not None and not self._sent(update):
                with self._changed:
                    self._changed.wait_for(self._done, _RESEND_SECONDS)
                continue
            with self._changed:
                if identity in self._unsent:
                    self._unsent.remove(identity)
        self._finished()

    def _done(self) -> bool:
        if self._ended():
            return True
        return self._stopping and (not self.kept or time.monotonic() >= self._flush_until)

    def _sent(self, update: Mapping[str, Any]) -> bool:
        try:
            self._send(update)
        except Refused as error:
            if error.status != 400:  # 403: the agent restarted and has not taken our subscription yet
                _log.warning("The agent did not take an update; trying again", why=str(error))
                return False
            # The same update would be refused for ever, and hold up those behind it.
            _log.error("The agent refused an update", why=str(error), state=update["status"].get("state"))
            with self._changed:
                for identity in [each for each, kept in self.kept.items() if kept is update]:
                    del self.kept[identity]
        except SdkError as error:
            _log.warning("An update did not reach the agent; trying again", why=str(error))
            return False
        return True
