"""The calls of a scheduler as pymesos names them, corrected: what pymesos drops, forgets or gets wrong is right here.

Knows how calls look. How they get to the master, and what to do when they do not, is in `sdk.mesos.driver`.
"""

# ruff: noqa: N802, N815 - pymesos' names

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sdk.mesos import base

# Mesos' default of 0 kills all tasks at the first disconnect. A week lets a scheduler be away over a weekend.
DEFAULT_FAILOVER_TIMEOUT = 7 * 24 * 3600.0


def _guarded(name: str) -> Callable[..., Any]:
    """A builder of pymesos that raises NotConnected while there is no subscription; pymesos drops the call silently."""
    builder = getattr(base.SchedulerDriver, name)

    @functools.wraps(builder)
    def call(self: "SchedulerCalls", *args: object, **kwargs: object) -> Any:
        self.require_subscription()
        return builder(self, *args, **kwargs)

    return call


class SchedulerCalls(base.SchedulerDriver):  # type: ignore[misc]  # pymesos ships no types
    """Every call raises NotConnected while there is no subscription, and what `send` raises."""

    def require_subscription(self) -> object:
        """Raises NotConnected when there is none."""
        raise NotImplementedError

    def send(self, call: Mapping[str, Any]) -> None:
        """Send a call as it is, but for the framework's id, which is put in; the master took it when this returns."""
        raise NotImplementedError

    acceptOffers = _guarded("acceptOffers")
    acceptInverseOffers = _guarded("acceptInverseOffers")
    declineOffer = _guarded("declineOffer")
    declineInverseOffer = _guarded("declineInverseOffer")
    launchTasks = _guarded("launchTasks")
    requestResources = _guarded("requestResources")
    reviveOffers = _guarded("reviveOffers")
    sendFrameworkMessage = _guarded("sendFrameworkMessage")
    suppressOffers = _guarded("suppressOffers")
    acknowledgeStatusUpdate = _guarded("acknowledgeStatusUpdate")
    reconcileOperations = _guarded("reconcileOperations")

    def teardown(self) -> None:
        """TEARDOWN: Mesos kills all tasks and forgets the framework.

        pymesos' own forgets the id as well, and the next subscription would make a new framework. Under the old id it
        is refused for good, which is the proof that the framework is gone.
        """
        self.send({"type": "TEARDOWN"})

    def killTask(
        self,
        task_id: Mapping[str, Any],
        agent_id: Mapping[str, Any] | None = None,
        kill_policy: Mapping[str, Any] | None = None,
    ) -> None:
        """KILL; with `agent_id` the master can pass it on although it forgot the task."""
        kill: dict[str, Any] = {"task_id": task_id}
        if agent_id is not None:
            kill["agent_id"] = agent_id
        if kill_policy is not None:
            kill["kill_policy"] = kill_policy
        self.send({"type": "KILL", "kill": kill})

    def reconcileTasks(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """RECONCILE; for a task with `agent_id` the master also answers while that agent is coming back."""
        wanted = [{key: task[key] for key in ("task_id", "agent_id") if task.get(key)} for task in tasks]
        self.send({"type": "RECONCILE", "reconcile": {"tasks": wanted}})

    def acknowledgeOperationStatusUpdate(self, status: Mapping[str, Any]) -> None:
        """ACKNOWLEDGE_OPERATION_STATUS, when the status wants it.

        The update has its uuid as `{"value": ...}`, the call wants the plain string and answers 400 to the object.
        """
        if "uuid" not in status or "operation_id" not in status:
            return
        uuid = status["uuid"]
        acknowledge = {
            key: status[key] for key in ("agent_id", "resource_provider_id", "operation_id") if key in status
        }
        acknowledge["uuid"] = uuid["value"] if isinstance(uuid, Mapping) else uuid
        self.send({"type": "ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status": acknowledge})

    def updateFramework(self, framework: Mapping[str, Any], suppressed_roles: Sequence[str] = ()) -> None:
        """UPDATE_FRAMEWORK; later subscriptions use the new FrameworkInfo once the master took it."""
        self.require_subscription()
        update: dict[str, Any] = {"framework_info": {**framework, "id": {"value": self.framework_id}}}
        if suppressed_roles:
            update["suppressed_roles"] = list(suppressed_roles)
        self.send({"type": "UPDATE_FRAMEWORK", "update_framework": update})

    def shutdownExecutor(self, executor_id: Mapping[str, Any], agent_id: Mapping[str, Any]) -> None:
        """SHUTDOWN of one executor and all its tasks."""
        self.send({"type": "SHUTDOWN", "shutdown": {"executor_id": executor_id, "agent_id": agent_id}})
