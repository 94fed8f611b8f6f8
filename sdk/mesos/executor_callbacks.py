"""The callbacks of an executor as pymesos names them, and which event each is for.

Where events come from, and on which thread callbacks run, is in `sdk.mesos.executor`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog

from sdk.mesos import base
from sdk.mesos.dispatch import Dispatch, OnException
from sdk.mesos.subscription import WireEvent

_log = structlog.get_logger()

_DISPATCH = Dispatch(
    events=frozenset(
        {"ACKNOWLEDGED", "ERROR", "HEARTBEAT", "KILL", "LAUNCH", "LAUNCH_GROUP", "MESSAGE", "SHUTDOWN", "SUBSCRIBED"}
    ),
    sender="The agent",
    side="executor",
)


class Executor(base.Executor):  # type: ignore[misc]  # pymesos ships no types
    """pymesos' callbacks, and `kill` with the grace period that pymesos drops."""

    def kill(self, driver: "ExecutorCallbacks", task_id: Mapping[str, Any], grace: float | None) -> None:  # noqa: ARG002
        """End a task within `grace` seconds, by the task's own kill policy when None."""
        self.killTask(driver, task_id)


class ExecutorCallbacks(base.ExecutorDriver):  # type: ignore[misc]  # pymesos ships no types
    """Events in, callbacks of `executor` out."""

    _registered = False
    _on_exception: OnException | None = None

    def dispatch(self, event: WireEvent) -> None:
        """Run the callback for an event, as pymesos does. What it raises is logged and reported, never more."""
        _DISPATCH.run(event, partial(base.ExecutorDriver.on_event, self), self._on_exception)

    def tell_disconnected(self) -> None:
        """The callback for an agent that went away."""
        try:
            self.executor.disconnected(self)
        except Exception:  # noqa: BLE001 - foreign code
            _log.exception("The callback `disconnected` of the executor failed")

    def on_subscribed(self, info: Mapping[str, Any]) -> None:
        """`registered` for the first subscription, `reregistered` for later ones."""
        self.executor_info, self.framework_info = info["executor_info"], info["framework_info"]
        agent_info = self._dict_cls(info["agent_info"])
        if self._registered:
            self.executor.reregistered(self, agent_info)
        else:
            self._registered = True
            self.executor.registered(
                self, self._dict_cls(self.executor_info), self._dict_cls(self.framework_info), agent_info
            )

    def on_launch(self, event: Mapping[str, Any]) -> None:
        """A task; it was noted when the event came."""
        self.executor.launchTask(self, self._dict_cls(event["task"]))

    def on_launch_group(self, event: Mapping[str, Any]) -> None:
        """A group of tasks; they were noted when the event came."""
        self.executor.launchTaskGroup(self, [self._dict_cls(task) for task in event["task_group"]["tasks"]])

    def on_kill(self, event: Mapping[str, Any]) -> None:
        """With the grace period, which is absent when the KILL of the scheduler had none."""
        task_id = self._dict_cls(event["task_id"])
        kill = getattr(self.executor, "kill", None)
        if kill is None:
            self.executor.killTask(self, task_id)
            return
        nanoseconds = event.get("kill_policy", {}).get("grace_period", {}).get("nanoseconds")
        kill(self, task_id, None if nanoseconds is None else nanoseconds / 1e9)

    def on_message(self, event: Mapping[str, Any]) -> None:
        """`data` is absent when it is empty."""
        self.executor.frameworkMessage(self, event.get("data", ""))
