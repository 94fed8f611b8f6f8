"""Messages of the Mesos operator API in the shape that a master sends, and what the listener reads in them."""

import json
import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from api.mesos_listener import messages
from api.mesos_listener.delta import Delta
from api.mesos_listener.events import EventReader
from api.mesos_listener.index import TaskIndex
from api.mesos_listener.parse import joined, parse_agent, parse_task
from api.mesos_listener.reading import Reader
from api.mesos_listener.snapshot import Snapshot
from api.mesos_listener.task import Agent, Task
from sdk.errors import NotConnected
from sdk.mesos.recordio import Piece, PieceDecoder, encode

Json = dict[str, Any]


def wid(value: str) -> Json:
    """A Mesos id."""
    return {"value": value}


def agent_json(agent: str, address: str = "10.0.0.1") -> Json:
    """An `Agent` message."""
    return {
        "agent_info": {"hostname": f"{agent}.example", "port": 5051, "id": wid(agent)},
        "active": True,
        "pid": f"slave(1)@{address}:5051",
    }


def framework_json(framework: str, name: str) -> Json:
    """A `Framework` message."""
    return {"framework_info": {"user": "root", "name": name, "id": wid(framework)}, "active": True}


def status_json(state: str, healthy: bool | None = None, timestamp: float = 1000.0, ips: tuple[str, ...] = ()) -> Json:
    """A TaskStatus."""
    status: Json = {"state": state, "timestamp": timestamp}
    if healthy is not None:
        status["healthy"] = healthy
    if ips:
        infos = [{"ip_addresses": [{"protocol": "IPv4", "ip_address": ip} for ip in ips]}]
        status["container_status"] = {"network_infos": infos}
    return status


def task_json(task: str, agent: str = "a1", framework: str = "f1", state: str = "TASK_STAGING", **fields: Any) -> Json:
    """A `Task` message."""
    return {
        "name": task,
        "task_id": wid(task),
        "framework_id": wid(framework),
        "agent_id": wid(agent),
        "state": state,
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "allocation_info": {"role": "web"}}],
        **fields,
    }


def ports_json(first: int, last: int) -> Json:
    """A `ports` resource."""
    return {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": first, "end": last}]}}


def running(task: str, agent: str = "a1", framework: str = "f1", **fields: Any) -> Json:
    """A task in TASK_RUNNING."""
    return task_json(task, agent, framework, "TASK_RUNNING", statuses=[status_json("TASK_RUNNING")], **fields)


def subscribed(
    tasks: list[Json] | None = None,
    agents: list[Json] | None = None,
    frameworks: list[Json] | None = None,
    recovered: list[Json] | None = None,
    **more_tasks: list[Json],
) -> Json:
    """A SUBSCRIBED event."""
    return {
        "type": "SUBSCRIBED",
        "subscribed": {
            "get_state": {
                "get_tasks": {"tasks": tasks or [], **more_tasks},
                "get_frameworks": {"frameworks": frameworks or []},
                "get_agents": {"agents": agents or [], "recovered_agents": recovered or []},
            },
            "heartbeat_interval_seconds": 15.0,
        },
    }


def task_added(task: Json) -> Json:
    """A TASK_ADDED event."""
    return {"type": "TASK_ADDED", "task_added": {"task": task}}


def task_updated(task: str, status: Json, framework: str = "f1", state: str | None = None) -> Json:
    """A TASK_UPDATED event."""
    return {
        "type": "TASK_UPDATED",
        "task_updated": {
            "framework_id": wid(framework),
            "status": {"task_id": wid(task), **status},
            "state": state or status["state"],
        },
    }


def agent_added(agent: Json) -> Json:
    """An AGENT_ADDED event."""
    return {"type": "AGENT_ADDED", "agent_added": {"agent": agent}}


def agent_removed(agent: str) -> Json:
    """An AGENT_REMOVED event."""
    return {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": wid(agent)}}


def framework_added(framework: Json) -> Json:
    """A FRAMEWORK_ADDED event."""
    return {"type": "FRAMEWORK_ADDED", "framework_added": {"framework": framework}}


def framework_removed(framework: str) -> Json:
    """A FRAMEWORK_REMOVED event."""
    return {"type": "FRAMEWORK_REMOVED", "framework_removed": {"framework_info": {"id": wid(framework)}}}


def read(event: Mapping[str, Any]) -> messages.Event | Snapshot | None:
    """The event as the listener reads it from the wire; None when it leaves it out."""
    data = json.dumps(event).encode()
    return EventReader().read(Piece(data, len(data), True))


class JsonIndex(TaskIndex):
    """An index that takes events as a master writes them."""

    def take(self, event: Mapping[str, Any], now: float) -> Delta:
        """Read the event and apply it; one that is left out lets time pass."""
        found = read(event)
        return self.tick(now) if found is None else self.apply(found, now)


def read_task(raw: Json, framework_name: str = "", agent: Agent | None = None) -> Task | None:
    """The task in a message, joined to its framework and agent."""
    task = parse_task(Reader(messages.Task).read(json.dumps(raw).encode()))
    if task is None:
        return None
    return joined(
        task, framework_name=framework_name, marathon=False, agent=agent or Agent(id=""), started=task.started
    )


def read_agent(raw: Json) -> Agent | None:
    """The agent in a message."""
    return parse_agent(Reader(messages.Agent).read(json.dumps(raw).encode()))


class ScriptedOperator:
    """An operator stream whose events the test says; `break_off` ends one subscription."""

    def __init__(self) -> None:
        self._events: queue.Queue[Json | None] = queue.Queue()
        self._closed = False

    def say(self, *events: Json) -> None:
        """Send events."""
        for event in events:
            self._events.put(event)

    def break_off(self) -> None:
        """End the stream."""
        self._events.put(None)

    @contextmanager
    def subscription(self) -> Iterator["ScriptedOperator"]:
        """One subscription."""
        if self._closed:
            raise NotConnected("the test closed the stream")
        yield self

    def pieces(self) -> Iterator[Piece]:
        """The events, cut into pieces."""
        decoder = PieceDecoder()
        while not self._closed:
            event = self._events.get()
            if event is None:
                raise NotConnected("the test broke the stream")
            wire = encode(json.dumps(event).encode())
            for at in range(0, len(wire), 1000):
                yield from decoder.feed(wire[at : at + 1000])

    def set_heartbeat(self, interval: float | None) -> None:
        """The test says when the stream ends."""

    def close(self) -> None:
        """End all subscriptions."""
        self._closed = True
        self._events.put(None)
