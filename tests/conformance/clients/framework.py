"""A scheduler for our driver that does what the recorded one did, call by call."""

from collections.abc import Callable
from typing import Any

from sdk.mesos.driver import MesosDriver

Json = dict[str, Any]


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
