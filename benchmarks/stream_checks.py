"""A reader of the operator stream that checks every event against what was known before it, in a process of its own.

Knows which state of a task may follow which. What is done while it reads is the benchmark's.
"""

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from sdk.errors import SdkError
from sdk.mesos.operator import OperatorClient

_TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED"}
# What may follow what on the stream; a task begins with TASK_ADDED.
_NEXT = {
    "TASK_STAGING": {"TASK_STARTING"} | _TERMINAL,
    "TASK_STARTING": {"TASK_RUNNING"} | _TERMINAL,
    # The members of a group are killed when one fails.
    "TASK_RUNNING": {"TASK_RUNNING", "TASK_KILLING"} | _TERMINAL,
    "TASK_KILLING": {"TASK_KILLED"},
}


class Reader:
    """A process that runs `work(pipe, address)`, says "ready" when it is, and its result when it is asked."""

    def __init__(self, work: Callable[[Connection, str], None], address: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, address), daemon=True)
        self._process.start()

    def await_ready(self, timeout: float) -> Any:
        """Until it says that it is ready; what it says about it."""
        if not self._pipe.poll(timeout):
            raise TimeoutError("a reader of the operator stream did not become ready")
        return self._pipe.recv()

    def ask(self, what: str) -> Any:
        """Its answer."""
        self._pipe.send(what)
        return self._pipe.recv()

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


class Checks:
    """Every event of the stream against what was known before it."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[str, bool | None]] = {}
        self.errors: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Begin to measure."""
        self.latencies: list[float] = []
        self.events = 0
        self.since = self.last = time.monotonic()
        self.gap = 0.0

    def take(self, event: Mapping[str, Any]) -> None:
        """One event."""
        now = time.monotonic()
        self.gap, self.last = max(self.gap, now - self.last), now
        if event["type"] == "SUBSCRIBED":
            for task in event["subscribed"]["get_state"]["get_tasks"]["tasks"]:
                self.tasks[task["task_id"]["value"]] = (task["state"], _healthy(task.get("statuses", [])))
        elif event["type"] == "TASK_ADDED":
            self.events += 1
            name = event["task_added"]["task"]["task_id"]["value"]
            if name in self.tasks:
                self.errors.append(f"{name} was added twice")
            self.tasks[name] = ("TASK_STAGING", None)
        elif event["type"] == "TASK_UPDATED":
            self.events += 1
            self._updated(event["task_updated"]["status"], event["task_updated"]["state"])

    def _updated(self, status: Mapping[str, Any], latest: str) -> None:
        self.latencies.append((time.time() - status["timestamp"]) * 1000)
        name, state = status["task_id"]["value"], status["state"]
        if name not in self.tasks:
            # It ended, and was still waiting for the acknowledgement, when the snapshot was made.
            self.errors.append(f"{name} is {state} and was never added")
            return
        before, healthy = self.tasks[name]
        # The snapshot shows the newest state of a task of which older updates are still under way.
        if state not in _NEXT.get(before, ()) and state != before:
            self.errors.append(f"{name}: {state} after {before}")
        if state == before == "TASK_RUNNING" and status.get("healthy") == healthy:
            self.errors.append(f"{name}: healthy {healthy} twice")
        self.tasks[name] = (state, status.get("healthy"))
        if latest in _TERMINAL and state in _TERMINAL:
            del self.tasks[name]


def _healthy(statuses: list[Mapping[str, Any]]) -> bool | None:
    return statuses[-1].get("healthy") if statuses else None


def check_stream(pipe: Connection, address: str) -> None:
    """The process that checks every event."""
    checks, lock = Checks(), threading.Lock()
    client = OperatorClient(address)
    subscribed = threading.Event()

    def follow() -> None:
        try:
            for event in client.stream():
                with lock:
                    checks.take(event)
                subscribed.set()
        except SdkError as error:
            checks.errors.append(f"the stream ended: {error}")

    threading.Thread(target=follow, daemon=True).start()
    subscribed.wait()
    pipe.send("ready")
    while True:
        what = pipe.recv()
        with lock:
            if what == "reset":
                checks.reset()
                pipe.send(None)
            elif what == "delay":
                pipe.send(checks.latencies[-1] if checks.latencies else float("inf"))
            else:
                seconds = time.monotonic() - checks.since
                pipe.send((checks.events / seconds, checks.latencies, checks.gap, checks.errors))
