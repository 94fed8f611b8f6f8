"""A Mesos master's operator API: a model of the cluster whose every change is an event on all streams.

Snapshots are made from the model, so that a reader who comes back finds what happened meanwhile. Does not know
frameworks' side of Mesos.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from tests.contracts.mesos.server import Peer, ScriptedServer, chunk, record
from tests.unit.api.mesos_listener import messages as m

AGENT, FRAMEWORK = "a1", "f1"
_BEAT = 1.0
"""Seconds between heartbeats; a reader is told to expect one in each `Mesos.interval`."""


class Mesos:
    """The master that leads: `address` is what `--mesos` names. A context manager."""

    def __init__(self) -> None:
        self._server = ScriptedServer(self._serve)
        self.address = self._server.address
        self.interval = 15.0
        """What readers who subscribe from now on are told of heartbeats, in seconds."""
        self.agents = {AGENT: m.agent_json(AGENT, "127.0.0.1")}
        self.recovered: dict[str, m.Json] = {}
        """Agents of which this master only knows that they were there."""
        self._absent: dict[str, m.Json] = {}
        """Agents that have yet to register with it."""
        self.frameworks = {FRAMEWORK: m.framework_json(FRAMEWORK, "marathon")}
        self.tasks: dict[str, m.Json] = {}
        """Tasks that this master names."""
        self._unnamed: dict[str, m.Json] = {}
        """Tasks on agents that have yet to register with it."""
        self._lock = threading.RLock()
        self._streams: set[Peer] = set()
        self._away = self._silent = False
        self._end = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._beating.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self.leave()
        self._server.__exit__(*exception)
        self._beating.join(10)

    # -- the cluster

    def start(self, task_id: str, name: str, port: int, **fields: Any) -> None:
        """A task is launched, and runs."""
        ports = {"ports": [{"number": port, "name": "web", "protocol": "tcp"}]}
        fields = {"discovery": {"name": name, "ports": ports}, "name": name} | fields
        task = m.task_json(task_id, **fields)
        task["resources"].append(m.ports_json(port, port))
        self.add(task)
        self.update(task_id, "TASK_RUNNING")

    def add(self, task: m.Json) -> None:
        """Any task, as it is."""
        with self._lock:
            self.tasks[str(task["task_id"]["value"])] = task
            self.say(m.task_added(task))

    def update(self, task_id: str, state: str, **fields: Any) -> None:
        """A task comes into another state; one that has ended is not named any more."""
        with self._lock:
            status = m.status_json(state, **fields)
            if task_id in self._unnamed:
                # Its agent will say so, or rather not name it.
                del self._unnamed[task_id]
                return
            task = self.tasks[task_id]
            self.tasks[task_id] = {**task, "state": state, "statuses": [*task.get("statuses", ()), status]}
            self.say(m.task_updated(task_id, status, framework=task["framework_id"]["value"]))
            if state not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"):
                del self.tasks[task_id]

    def has(self, task_id: str) -> bool:
        """Whether the task has not ended, though its agent may have yet to say so."""
        return task_id in self.tasks or task_id in self._unnamed

    def forget(self, task_id: str) -> None:
        """A task ends, and readers hear nothing of it but from the next snapshot."""
        with self._lock:
            del self.tasks[task_id]

    def fail_over(self, *, registry: bool = True, recovers: bool = False) -> None:
        """Another master leads: readers lose their streams, and subscribe with it.

        When it `recovers`, it knows of agents and tasks only what its `registry` has, which is the names of the agents,
        until they `register`.
        """
        with self._lock:
            if recovers:
                self._unnamed |= self.tasks
                self.tasks = {}
                self._absent |= self.agents
                self.recovered = dict(self._absent) if registry else {}
                self.agents = {}
            self._hang_up()

    def register(self, agent: str) -> None:
        """An agent registers again with a master that recovers: its tasks are named, then itself."""
        with self._lock:
            self.recovered.pop(agent, None)
            for task_id, task in tuple(self._unnamed.items()):
                if task["agent_id"]["value"] == agent:
                    self.add(self._unnamed.pop(task_id))
            self.agents[agent] = self._absent.pop(agent)
            self.say(m.agent_added(self.agents[agent]))

    # -- its readers

    @property
    def readers(self) -> int:
        """How many have subscribed and are still there."""
        return len(self._streams)

    def say(self, event: Mapping[str, Any]) -> None:
        """One event to everybody who has subscribed."""
        self.say_bytes(chunk(record(event)))

    def say_bytes(self, data: bytes) -> None:
        """Events in the form of the stream."""
        with self._lock:
            for peer in tuple(self._streams):
                try:
                    peer.send(data)
                except OSError:
                    self._streams.discard(peer)  # it went away

    def leave(self) -> None:
        """End all streams and take no new ones."""
        with self._lock:
            self._away = True
            self._hang_up()

    def come_back(self) -> None:
        """Take subscriptions again."""
        with self._lock:
            self._away = False

    @contextmanager
    def silence(self) -> Iterator[None]:
        """No heartbeat, no event, no answer to who connects; connections stay open."""
        with self._lock:
            self._silent = True
            mute, self._streams = self._streams, set()
        try:
            yield
        finally:
            with self._lock:
                self._silent = False
                self._streams |= mute
                # What was not said meanwhile is lost on these streams.
                self._hang_up()

    def _hang_up(self) -> None:
        for peer in tuple(self._streams):
            self._streams.discard(peer)
            try:
                peer.connection.shutdown(2)
            except OSError:
                continue  # the reader was quicker

    def _beat(self) -> None:
        while not self._end.wait(_BEAT):
            if not self._silent:
                self.say({"type": "HEARTBEAT"})

    def _snapshot(self) -> m.Json:
        event = m.subscribed(
            list(self.tasks.values()),
            list(self.agents.values()),
            list(self.frameworks.values()),
            [agent["agent_info"] for agent in self.recovered.values()],
        )
        event["subscribed"]["heartbeat_interval_seconds"] = self.interval
        return event

    def _serve(self, peer: Peer) -> None:
        while not self._away and (request := peer.request()) is not None:
            if self._silent:
                break
            with self._lock:
                if request.kind == "SUBSCRIBE" and not self._away:
                    peer.begin(None)
                    peer.event(self._snapshot())
                    self._streams.add(peer)
                    break
                state = self._snapshot()["subscribed"]["get_state"]
            if request.kind == "GET_STATE":
                peer.answer("200 OK", json.dumps({"type": "GET_STATE", "get_state": state}).encode())
            else:
                peer.answer("501 Not Implemented", b"no such call here")
        if not self._away:
            peer.wait_closed()
