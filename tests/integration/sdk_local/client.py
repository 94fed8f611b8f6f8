"""A scheduler without any of our own clients: enough of the v1 API to launch, watch and kill tasks."""

import contextlib
import http.client
import json
import socket
import threading
from typing import Any

from tests.support.wait import wait_until

Json = dict[str, Any]
CAPABILITIES = ("PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT", "TASK_KILLING_STATE")


def read_record(stream: http.client.HTTPResponse) -> Json | None:
    """One RecordIO record, None at the end of the stream."""
    length = stream.readline()
    if not length:
        return None
    data = stream.read(int(length))
    return json.loads(data) if len(data) == int(length) else None


class Stream:
    """A long answer of the master, read by a thread into `events`."""

    def __init__(self, port: int, path: str, body: Json) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        self.answer = self.connection.getresponse()
        self.events: list[Json] = []
        self.ended = threading.Event()
        self._socket = self.connection.sock
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while (event := read_record(self.answer)) is not None:
                self.events.append(event)
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self.ended.set()

    def of(self, kind: str) -> list[Json]:
        """The events of one type so far."""
        return [event for event in self.events if event["type"] == kind]

    def close(self) -> None:
        """Disconnect, as a crash would."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.connection.close()
        self.answer.close()


class Scheduler:
    """One framework; acknowledges every update when it is asked for the state of tasks."""

    def __init__(
        self, port: int, *, roles: tuple[str, ...] = ("slave_public",), framework_id: str | None = None,
        failover_timeout: float = 600.0, **info: Any,
    ) -> None:  # fmt: skip
        self.port = port
        framework: Json = {
            "user": "root",
            "name": "test",
            "roles": list(roles),
            "failover_timeout": failover_timeout,
            "checkpoint": True,
            "capabilities": [{"type": name} for name in CAPABILITIES],
            **info,
        }
        body: Json = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}}
        if framework_id is not None:
            framework["id"] = {"value": framework_id}
            body["framework_id"] = {"value": framework_id}
        self.stream = Stream(port, "/api/v1/scheduler", body)
        assert self.stream.answer.status == 200
        self.stream_id = self.stream.answer.headers["Mesos-Stream-Id"]
        first = wait_until(lambda: self.stream.events[:1], what="the first event")[0]
        assert first["type"] == "SUBSCRIBED", first
        self.framework_id: str = first["subscribed"]["framework_id"]["value"]
        self._acknowledged = 0
        self.used: set[str] = set()

    def call(self, kind: str, content: Json | None = None) -> tuple[int, str]:
        """Send a call; returns status and text."""
        body: Json = {"type": kind, "framework_id": {"value": self.framework_id}}
        if content is not None:
            body[kind.lower()] = content
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id}
        connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def offer(self, hostname: str, role: str = "slave_public", timeout: float = 15.0) -> Json:
        """The newest outstanding offer of an agent in a role."""

        def find() -> Json | None:
            gone = {event["rescind"]["offer_id"]["value"] for event in self.stream.of("RESCIND")}
            for event in reversed(self.stream.of("OFFERS")):
                for offer in event["offers"]["offers"]:
                    wanted = offer["hostname"] == hostname and offer["allocation_info"]["role"] == role
                    if wanted and offer["id"]["value"] not in gone | self.used:
                        return offer
            return None

        return wait_until(find, timeout, f"an offer of {hostname} for {role}")

    def accept(self, offer: Json, *operations: Json, refuse: float = 0.0) -> None:
        """ACCEPT."""
        self.used.add(offer["id"]["value"])
        content = {
            "offer_ids": [offer["id"]],
            "operations": list(operations),
            "filters": {"refuse_seconds": refuse},
        }
        assert self.call("ACCEPT", content) == (202, "")

    def launch(self, offer: Json, task_id: str, command: Json | str, **fields: Any) -> None:
        """Launch one command task."""
        command = {"value": command} if isinstance(command, str) else command
        self.accept(offer, launch(task(offer, task_id, command=command, **fields)))

    def statuses(self, task_id: str) -> list[Json]:
        """All statuses of a task so far, after acknowledging the new ones."""
        updates = self.stream.of("UPDATE")
        for event in updates[self._acknowledged :]:
            status = event["update"]["status"]
            if "uuid" in status:
                self.call("ACKNOWLEDGE", {name: status[name] for name in ("agent_id", "task_id", "uuid")})
        self._acknowledged = len(updates)
        return [
            event["update"]["status"] for event in updates if event["update"]["status"]["task_id"]["value"] == task_id
        ]

    def wait_for(self, task_id: str, state: str, timeout: float = 15.0, **fields: Any) -> Json:
        """The first status of a task with that state and these fields."""

        def find() -> Json | None:
            for status in self.statuses(task_id):
                if status["state"] == state and all(status.get(name) == value for name, value in fields.items()):
                    return status
            return None

        return wait_until(find, timeout, f"{state} of {task_id}")

    def kill(self, task_id: str, grace: float | None = None) -> None:
        """KILL."""
        content: Json = {"task_id": {"value": task_id}}
        if grace is not None:
            content["kill_policy"] = {"grace_period": {"nanoseconds": int(grace * 1e9)}}
        assert self.call("KILL", content) == (202, "")

    def close(self) -> None:
        """Disconnect."""
        self.stream.close()


def amounts(role_source: Json, **values: float) -> list[Json]:
    """Scalars out of an offer, with the reservations it has for them: a little cpus and mem, and what is named."""
    found = []
    for name, value in ({"cpus": 0.1, "mem": 16.0} | values).items():
        resource = next(
            item for item in role_source["resources"] if item["name"] == name and item["scalar"]["value"] >= value
        )
        found.append(resource | {"scalar": {"value": value}})
    return found


def task(offer: Json, task_id: str, **fields: Any) -> Json:
    """A TaskInfo on the offer's agent."""
    return {
        "name": task_id,
        "task_id": {"value": task_id},
        "agent_id": offer["agent_id"],
        "resources": amounts(offer),
        **fields,
    }


def launch(*tasks: Json) -> Json:
    """A LAUNCH operation."""
    return {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}
