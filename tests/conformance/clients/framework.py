"""A scheduler for our driver that does what the recorded one did, call by call."""

from collections.abc import Callable
from typing import Any

from sdk.mesos import base
from sdk.mesos.driver import MesosDriver

Json = dict[str, Any]


class Recorder(base.Scheduler):  # type: ignore[misc]  # pymesos ships no types
    """Keeps every callback with its arguments."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def registered(self, driver: Any, framework_id: Any, master_info: Any) -> None:
        self.seen.append(("registered", (framework_id, master_info)))

    def reregistered(self, driver: Any, master_info: Any) -> None:
        self.seen.append(("reregistered", master_info))

    def disconnected(self, driver: Any) -> None:
        self.seen.append(("disconnected", None))

    def processHeartBeat(self, driver: Any) -> None:  # noqa: N802
        self.seen.append(("heartbeat", None))

    def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802
        self.seen.append(("offers", offers))

    def offerRescinded(self, driver: Any, offer_id: Any) -> None:  # noqa: N802
        self.seen.append(("rescinded", offer_id))

    def statusUpdate(self, driver: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("update", status))

    def operationStatusUpdate(self, driver: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("operation", status))

    def frameworkMessage(self, driver: Any, executor_id: Any, agent_id: Any, message: Any) -> None:  # noqa: N802
        self.seen.append(("message", (executor_id, agent_id, message)))

    def slaveLost(self, driver: Any, agent_id: Any) -> None:  # noqa: N802
        self.seen.append(("agent lost", agent_id))

    def executorLost(self, driver: Any, executor_id: Any, agent_id: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("executor lost", (executor_id, agent_id, status)))

    def error(self, driver: Any, message: Any) -> None:
        self.seen.append(("error", message))

    def told(self, name: str) -> list[Any]:
        """The arguments of all calls of one callback."""
        return [arguments for each, arguments in self.seen if each == name]


def acknowledgement(status: Json) -> Json:
    """What an ACKNOWLEDGE of this status says."""
    return {key: status.get(key) for key in ("agent_id", "task_id", "uuid")}


def intent(driver: MesosDriver, body: Json, updates: list[Json], operations: list[Json]) -> Callable[[], Any] | None:
    """The driver's method for what a recorded call wanted; None when nobody can want it: it is malformed on purpose.

    Acknowledgements are made from the status that the framework was told, as a scheduler makes them.
    """
    content = body.get(str(body.get("type")).lower())
    match body.get("type"):
        case "TEARDOWN":
            return driver.teardown
        case "SUPPRESS" | "REVIVE" as kind:
            call = driver.suppressOffers if kind == "SUPPRESS" else driver.reviveOffers
            return lambda: call((content or {}).get("roles", ()))
    if not content:
        return None
    match body["type"]:
        case "ACCEPT" if "offer_ids" in content:
            return lambda: driver.acceptOffers(content["offer_ids"], content["operations"], content.get("filters"))
        case "DECLINE":
            return lambda: driver.declineOffer(content["offer_ids"], content.get("filters"))
        case "ACKNOWLEDGE":
            status = next((each for each in updates if acknowledgement(each) == content), None)
            return None if status is None else lambda: driver.acknowledgeStatusUpdate(status)
        case "ACKNOWLEDGE_OPERATION_STATUS":
            known = next((each for each in operations if each.get("uuid", {}).get("value") == content["uuid"]), None)
            return None if known is None else lambda: driver.acknowledgeOperationStatusUpdate(known)
        case "KILL" if "task_id" in content:
            return lambda: driver.killTask(content["task_id"], content.get("agent_id"), content.get("kill_policy"))
        case "RECONCILE":
            return lambda: driver.reconcileTasks(content.get("tasks", []))
        case "RECONCILE_OPERATIONS":
            return lambda: driver.reconcileOperations(content.get("operations", []))
        case "MESSAGE" if "data" in content:
            return lambda: driver.sendFrameworkMessage(content["executor_id"], content["agent_id"], content["data"])
        case "SHUTDOWN" if "agent_id" in content:
            return lambda: driver.shutdownExecutor(content["executor_id"], content["agent_id"])
        case "REQUEST":
            return lambda: driver.requestResources(content["requests"])
        case "UPDATE_FRAMEWORK":
            return lambda: driver.updateFramework(content["framework_info"], content.get("suppressed_roles", ()))
    return None
