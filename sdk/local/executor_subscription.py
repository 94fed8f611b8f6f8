"""The command executor's subscription with its agent: made again when it is lost, and updates until they are
acknowledged.

Knows the agent's address and its patience from the environment; what events mean and what the updates say is the
executor's business.
"""

from __future__ import annotations

import os
import time

from sdk.local.executor_link import AgentLink, Gone, Rejected, parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

# Without checkpoints an agent that comes back does not know us; but a stream may just have been cut.
UNCHECKPOINTED_PATIENCE = 5.0


class Subscription:
    """Of one executor; not there before the first `connect`."""

    def __init__(self) -> None:
        self._link = AgentLink(os.environ["MESOS_AGENT_ENDPOINT"])
        self._identity = {
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
            "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        }
        recovery_timeout = parse_duration(os.environ.get("MESOS_RECOVERY_TIMEOUT", "0secs"))
        checkpointed = "MESOS_RECOVERY_TIMEOUT" in os.environ
        self._patience = recovery_timeout if checkpointed else UNCHECKPOINTED_PATIENCE
        self._lost_at: float | None = None
        self.retry_at = 0.0
        """When to connect again."""
        self.pending: list[dict[str, Any]] = []
        """Updates that are not acknowledged."""
        self._unsent: list[dict[str, Any]] = []

    @property
    def executor_id(self) -> dict[str, Any]:
        """The executor's id."""
        return self._identity["executor_id"]

    @property
    def stream(self) -> socket.socket | None:
        """Readable when there are events; None while there is no subscription."""
        return self._link.socket

    def connect(self, unacknowledged_tasks: list[dict[str, Any]] | None) -> str | None:
        """Try to subscribe (again) with what the agent may not know; the tasks are None before the first one.

        Returns why there is no use in trying any more: the agent was away for the recovery timeout, or refuses.
        """
        now = time.monotonic()
        if now < self.retry_at:
            return None
        content: dict[str, Any] = {}
        if unacknowledged_tasks is not None:
            content["unacknowledged_tasks"] = unacknowledged_tasks
            content["unacknowledged_updates"] = [{"status": status} for status in self.pending]
        try:
            self._link.subscribe({"type": "SUBSCRIBE", **self._identity, "subscribe": content})
        except Gone:
            self._lost()
            assert self._lost_at is not None
            if now > self._lost_at + self._patience:
                return "the agent did not come back within the recovery timeout"
        except Rejected as error:
            return str(error)
        else:
            self._unsent = []
            self._lost_at = None
        return None

    def _lost(self) -> None:
        """The stream ended."""
        self._link.close()
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
        self.retry_at = now + 0.2

    def events(self) -> list[dict[str, Any]]:
        """What can be read now; nothing while there is no subscription."""
        if self._link.socket is None:
            return []
        try:
            return self._link.events()
        except Gone:
            self._lost()
            return []

    def update(self, status: dict[str, Any]) -> None:
        """Report a status until it is acknowledged."""
        self.pending.append(status)
        self._unsent.append(status)
        self.flush()

    def acknowledged(self, uuid: str) -> None:
        """The update with that uuid need not be told again."""
        self.pending = [status for status in self.pending if status["uuid"] != uuid]

    def flush(self) -> None:
        """Send what was not sent on this subscription."""
        while self._unsent and self._link.socket is not None:
            try:
                self._link.call({"type": "UPDATE", **self._identity, "update": {"status": self._unsent[0]}})
            except Gone:
                self._lost()
                return
            self._unsent.pop(0)
