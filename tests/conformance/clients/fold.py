"""What a recorded scheduler stream means, derived from the recording alone: what our clients are compared with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.clients.recording import Call, Event, Stream, conversations

Json = dict[str, Any]


@dataclass
class Expected:
    """A framework's state after its stream."""

    framework_id: str | None = None
    master_info: Json | None = None
    offers: set[str] = field(default_factory=set)
    """Outstanding: neither rescinded, used, nor void by the end of a stream."""
    tasks: dict[str, str] = field(default_factory=dict)
    """The last state told of each."""
    operations: dict[str, str] = field(default_factory=dict)
    acknowledgements: list[tuple[str, str, str]] = field(default_factory=list)
    """For each update that wants one: the call, the id of task or operation, and the uuid as the call writes it."""
    agents_lost: list[str] = field(default_factory=list)
    executors_lost: list[tuple[str, int | None]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self, event: Json) -> None:
        """One event."""
        match event["type"]:
            case "SUBSCRIBED":
                self.framework_id = event["subscribed"]["framework_id"]["value"]
                self.master_info = event["subscribed"]["master_info"]
                self.offers.clear()
            case "OFFERS":
                self.offers |= {offer["id"]["value"] for offer in event["offers"]["offers"]}
            case "RESCIND":
                self.offers.discard(event["rescind"]["offer_id"]["value"])
            case "UPDATE":
                status = event["update"]["status"]
                self.tasks[status["task_id"]["value"]] = status["state"]
                if "uuid" in status:
                    self.acknowledgements.append(("ACKNOWLEDGE", status["task_id"]["value"], status["uuid"]))
            case "UPDATE_OPERATION_STATUS":
                status = event["update_operation_status"]["status"]
                self.operations[status["operation_id"]["value"]] = status["state"]
                if "uuid" in status:
                    # An object in the update, plain text in the call: a call with the object is answered with 400.
                    self.acknowledgements.append(
                        ("ACKNOWLEDGE_OPERATION_STATUS", status["operation_id"]["value"], status["uuid"]["value"])
                    )
            case "FAILURE":
                failure = event["failure"]
                if "executor_id" in failure:
                    self.executors_lost.append((failure["executor_id"]["value"], failure.get("status")))
                else:
                    self.agents_lost.append(failure["agent_id"]["value"])
            case "ERROR":
                self.errors.append(event["error"]["message"])
                self.offers.clear()

    def sent(self, body: Json) -> None:
        """A call of the framework that Mesos took."""
        if body["type"] in ("ACCEPT", "DECLINE"):
            self.offers -= {each["value"] for each in body[body["type"].lower()].get("offer_ids", ())}


def expected(streams: Iterable[Stream]) -> Expected:
    """After these streams of one framework."""
    state = Expected()
    for stream in streams:
        for item in stream.items:
            if isinstance(item, Event):
                state.take(item.body)
            elif isinstance(item, Call) and item.answer is not None and item.answer.status < 300:
                state.sent(item.body)
    return state


def callbacks(event: Json, *, again: bool) -> list[tuple[str, Any]]:
    """The callbacks that an event means to a scheduler, with their arguments; `again`: not the first SUBSCRIBED."""
    body = event.get(event["type"].lower(), {})
    match event["type"]:
        case "SUBSCRIBED":
            info = body["master_info"]
            return [("reregistered", info)] if again else [("registered", (body["framework_id"], info))]
        case "HEARTBEAT":
            return [("heartbeat", None)]
        case "OFFERS":
            return [("offers", body["offers"])]
        case "RESCIND":
            return [("rescinded", body["offer_id"])]
        case "UPDATE":
            return [("update", body["status"])]
        case "UPDATE_OPERATION_STATUS":
            return [("operation", body["status"])]
        case "MESSAGE":
            return [("message", (body["executor_id"], body["agent_id"], body["data"]))]
        case "FAILURE" if "executor_id" in body:
            return [("executor lost", (body["executor_id"], body["agent_id"], body.get("status")))]
        case "FAILURE":
            return [("agent lost", body["agent_id"])]
        case "ERROR":
            return [("error", body["message"])]
    raise AssertionError(f"the recordings have a new type of event: {event['type']}")


Tasks = dict[tuple[str, str], tuple[str, str]]
"""By framework id and task id: agent id and state."""


def snapshots(recording: str) -> list[tuple[float, Tasks]]:
    """When a recorded client asked the master for all tasks, and what it was told, in order."""
    found = []
    for who in ("operator", "http"):
        for items in conversations(recording, who).values():
            for item in items:
                if not isinstance(item, Call) or item.answer is None or "?" in item.path or "agent" in item.to:
                    continue
                tasks = _tasks(item.answer.json)
                if tasks is not None:
                    found.append((item.at, tasks))
    return sorted(found, key=lambda each: each[0])


def _tasks(body: Any) -> Tasks | None:
    """Of an answer to GET_TASKS, GET_STATE or /tasks."""
    if not isinstance(body, dict):
        return None
    listed = body.get("get_tasks") or body.get("get_state", {}).get("get_tasks", {})
    if "tasks" in listed:
        return {
            (task["framework_id"]["value"], task["task_id"]["value"]): (task["agent_id"]["value"], task["state"])
            for kind in ("tasks", "unreachable_tasks", "completed_tasks")
            for task in listed.get(kind, [])
        }
    if isinstance(body.get("tasks"), list):
        return {(task["framework_id"], task["id"]): (task["slave_id"], task["state"]) for task in body["tasks"]}
    return None
