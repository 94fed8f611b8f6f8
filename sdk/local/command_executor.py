"""The executor of command tasks and of task groups: runs commands, reports their life, checks their health, kills them.

A separate process that outlives the agent, so it uses only the standard library, and little of that: it starts once per
task. Speaks the v1 executor API with the agent named in MESOS_AGENT_ENDPOINT and subscribes again when the agent comes
back. As the command executor it gets one LAUNCH; as the default executor it gets LAUNCH_GROUPs, whose tasks have
sandboxes of their own below `tasks/` and end together. It ends when all its tasks have.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

# Started by path with -I: the package must be found without the environment.
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120 - pathlib would cost its import in every task

from sdk.local.executor_checks import kill_group
from sdk.local.executor_link import AgentLink, Gone, Rejected, parse_duration
from sdk.local.executor_sandbox import Unstartable
from sdk.local.executor_task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_GRACE = 3.0
# Without an acknowledgement of the last update the executor waits this long, then it ends anyway.
LAST_WORD_TIMEOUT = 10.0
# Without checkpoints an agent that comes back does not know us; but a stream may just have been cut.
UNCHECKPOINTED_PATIENCE = 5.0


class Executor:
    """All tasks of this executor, and the agent."""

    def __init__(self) -> None:
        self.link = AgentLink(os.environ["MESOS_AGENT_ENDPOINT"])
        self.identity = {
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
            "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        }
        self.sandbox = os.environ["MESOS_SANDBOX"]
        self.recovery_timeout = parse_duration(os.environ.get("MESOS_RECOVERY_TIMEOUT", "0secs"))
        self.checkpointed = "MESOS_RECOVERY_TIMEOUT" in os.environ
        self.lost_at: float | None = None
        self.retry_at = 0.0
        self.tasks: dict[str, Task] = {}
        self.pending: list[dict[str, Any]] = []
        self.unsent: list[dict[str, Any]] = []
        self.capabilities: set[str] = set()
        self.container_id: dict[str, Any] = {}
        self.user: str | None = None
        self.ended_at: float | None = None
        self.shutting_down = False
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self.wakeup = reader
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The agent's end of a terminal's session must not end the task.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    # --- talking --------------------------------------------------------------------------------------------------

    def subscribe(self) -> None:
        """(Again) with what the agent may not know."""
        content: dict[str, Any] = {}
        if self.tasks:
            content["unacknowledged_tasks"] = [task.info for task in self.tasks.values() if not task.known]
            content["unacknowledged_updates"] = [{"status": status} for status in self.pending]
        self.link.subscribe({"type": "SUBSCRIBE", **self.identity, "subscribe": content})
        self.unsent = []
        self.lost_at = None

    def lost(self) -> None:
        """The stream ended."""
        self.link.close()
        now = time.monotonic()
        if self.lost_at is None:
            self.lost_at = now
        self.retry_at = now + 0.2

    def update(self, task: Task, state: str, **fields: object) -> None:
        """Report a state."""
        status = task.status(state, self.identity["executor_id"], **fields)
        self.pending.append(status)
        self.unsent.append(status)
        self.flush()

    def flush(self) -> None:
        """Send what was not sent on this subscription."""
        while self.unsent and self.link.socket is not None:
            try:
                self.link.call({"type": "UPDATE", **self.identity, "update": {"status": self.unsent[0]}})
            except Gone:
                self.lost()
                return
            self.unsent.pop(0)

    # --- tasks ----------------------------------------------------------------------------------------------------

    def launch(self, infos: list[dict[str, Any]], *, nested: bool) -> None:
        """Fork the commands of a task, or of the tasks of a group."""
        group = tuple(info["task_id"]["value"] for info in infos)
        fresh = [info for info in infos if info["task_id"]["value"] not in self.tasks]
        if self.ended_at is not None or self.shutting_down:
            # The last task has ended; the agent sees this launch fail with the executor.
            return
        made: list[Task] = []
        for info in fresh:
            container = {"value": _new_id(), "parent": self.container_id} if nested else None
            made.append(Task(info, group if nested else group[:1], container, self.sandbox))
            self.tasks[made[-1].task_id] = made[-1]
        for task in made:
            task.start_check()
            self.update(task, "TASK_STARTING")
        for task in made:
            # What failed before it may have ended its group.
            if not task.ended and not task.killed:
                self._start(task)

    def _start(self, task: Task) -> None:
        command = task.info.get("command", {})
        if task.container is None and command.get("shell", True) and "value" not in command:
            # As the real one: the executor cannot go on, the agent reports the task's end.
            sys.stderr.write("Shell command is not specified\n")
            sys.exit(1)
        try:
            entry = task.prepare(self.user)
        except (Unstartable, OSError) as error:
            self._unstarted(task, f"Failed to launch container: {error}")
            return
        # What prepares itself first, `look_after` sees run.
        if task.fork(entry):
            self._runs(task)

    def _runs(self, task: Task) -> None:
        task.runs()
        self.update(task, "TASK_RUNNING")

    def _listen(self, task: Task) -> None:
        if task.pipe is not None and task.listen():
            self._runs(task)

    def _unstarted(self, task: Task, why: str) -> None:
        """It never had a process; its group ends with it."""
        sys.stderr.write(f"{why}\n")
        sys.stderr.flush()
        task.ended = True
        self.update(task, "TASK_FAILED", message=why, reason="REASON_CONTAINER_LAUNCH_FAILED")
        self.kill_together(task, None)

    def kill(self, task: Task, policy: dict[str, Any] | None, *, quiet: bool = False) -> None:
        """SIGTERM, and SIGKILL after the grace period; a later call may shorten it."""
        if task.pid is None and not task.ended:
            # A member of its group failed before its turn to start came.
            task.killed = task.ended = True
            self.update(task, "TASK_KILLED", message="Its group ended before the command was started")
            return
        if not task.running:
            return
        assert task.pid is not None
        chosen = policy or task.info.get("kill_policy") or {}
        grace = chosen.get("grace_period", {}).get("nanoseconds")
        deadline = time.monotonic() + (DEFAULT_GRACE if grace is None else grace / 1e9)
        if task.killed:
            task.kill_at = min(task.kill_at or deadline, deadline)
            return
        task.killed = True
        task.kill_at = deadline
        task.stop_checks()
        if "TASK_KILLING_STATE" in self.capabilities and not quiet:
            self.update(task, "TASK_KILLING")
        kill_group(task.pid, signal.SIGTERM)

    def kill_together(self, task: Task, policy: dict[str, Any] | None) -> None:
        """Kill a task with all its group."""
        for name in (task.task_id, *(name for name in task.group if name != task.task_id)):
            if name in self.tasks:
                self.kill(self.tasks[name], policy)

    def reap(self) -> None:
        """See which commands ended."""
        for task in list(self.tasks.values()):
            if not task.running:
                continue
            assert task.pid is not None
            pid, status = os.waitpid(task.pid, os.WNOHANG)
            if pid != 0:
                self._ended(task, status)
        if self.tasks and self.ended_at is None and all(task.ended for task in self.tasks.values()):
            self.ended_at = time.monotonic()

    def _ended(self, task: Task, status: int) -> None:
        assert task.pid is not None
        # What the command left in its session ends with it.
        kill_group(task.pid, signal.SIGKILL)
        self._listen(task)
        task.close_pipe()
        task.ended = True
        task.stop_checks()
        state, message, reason = task.outcome(status)
        self.update(task, state, message=message, reason=reason)
        if state == "TASK_FAILED":
            self.kill_together(task, None)

    def look_after(self, task: Task) -> None:
        """What is due for a running task: checks, patience that ended, time that ran out."""
        if not task.running:
            return
        assert task.pid is not None
        now = time.monotonic()
        self._listen(task)
        if task.kill_at is not None and now >= task.kill_at:
            kill_group(task.pid, signal.SIGKILL)
            task.kill_at = now + 1.0
        if task.complete_by is not None and now >= task.complete_by:
            task.complete_by = None
            task.overdue = not task.killed
            self.kill(task, None, quiet=True)
        if task.killed:
            return
        if task.check is not None and task.check.step(now):
            self.update(task, "TASK_RUNNING", reason="REASON_TASK_CHECK_STATUS_UPDATED")
        if task.health is not None and task.health.step(now):
            self.update(task, "TASK_RUNNING", reason="REASON_TASK_HEALTH_CHECK_STATUS_UPDATED")
            if task.health.fatal:
                task.unhealthy = True
                self.kill_together(task, None)

    # --- the loop -------------------------------------------------------------------------------------------------

    def on_event(self, event: dict[str, Any]) -> None:
        """One event of the agent."""
        kind = event["type"]
        if kind == "SUBSCRIBED":
            framework = event["subscribed"]["framework_info"]
            self.capabilities = {item.get("type") for item in framework.get("capabilities", ())}
            self.container_id = event["subscribed"].get("container_id", {})
            executor = event["subscribed"]["executor_info"]
            self.user = executor.get("command", {}).get("user") or framework.get("user")
        elif kind == "LAUNCH":
            self.launch([event["launch"]["task"]], nested=False)
        elif kind == "LAUNCH_GROUP":
            self.launch(event["launch_group"]["task_group"]["tasks"], nested=True)
        elif kind == "KILL":
            task = self.tasks.get(event["kill"]["task_id"]["value"])
            if task is not None:
                self.kill_together(task, event["kill"].get("kill_policy"))
        elif kind == "ACKNOWLEDGED":
            acknowledged = event["acknowledged"]
            if acknowledged["task_id"]["value"] in self.tasks:
                self.tasks[acknowledged["task_id"]["value"]].known = True
            self.pending = [status for status in self.pending if status["uuid"] != acknowledged["uuid"]]
        elif kind == "SHUTDOWN":
            self.shutting_down = True
            if not self.tasks:
                sys.exit(0)
            grace = parse_duration(os.environ.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"))
            # Sooner than the agent's own patience ends.
            policy = {"grace_period": {"nanoseconds": int(max(0.0, min(grace - 1.0, DEFAULT_GRACE)) * 1e9)}}
            for task in self.tasks.values():
                self.kill(task, policy)

    def timeout(self) -> float | None:
        """Seconds until something is due."""
        due = [item for task in self.tasks.values() for item in task.due()]
        if self.link.socket is None:
            due.append(self.retry_at)
        if self.ended_at is not None:
            due.append(self.ended_at + LAST_WORD_TIMEOUT)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _pipes(self) -> list[int]:
        """Tasks that prepare themselves; one that is killed meanwhile is heard of by its end."""
        return [task.pipe for task in self.tasks.values() if task.pipe is not None and not task.killed]

    def done(self) -> bool:
        """Whether there is nothing left to do."""
        if self.ended_at is None:
            return False
        if not self.pending:
            return True
        # With the agent away the last update waits for it; with the agent there it is a matter of moments.
        return self.link.socket is not None and time.monotonic() > self.ended_at + LAST_WORD_TIMEOUT

    def connect(self) -> None:
        """Try to subscribe; give up when the agent was away for the recovery timeout."""
        now = time.monotonic()
        if now < self.retry_at:
            return
        try:
            self.subscribe()
        except Gone:
            self.lost()
            assert self.lost_at is not None
            if now > self.lost_at + (self.recovery_timeout if self.checkpointed else UNCHECKPOINTED_PATIENCE):
                self.abandon("the agent did not come back within the recovery timeout")
        except Rejected as error:
            self.abandon(str(error))

    def abandon(self, why: str) -> None:
        """End without an agent that wants to know."""
        sys.stderr.write(f"Command executor ends: {why}\n")
        for task in self.tasks.values():
            if task.running:
                assert task.pid is not None
                kill_group(task.pid, signal.SIGKILL)
        sys.exit(1)

    def run(self) -> None:
        """Until the last update is acknowledged."""
        while not self.done():
            fresh = self.link.socket is None
            if fresh:
                self.connect()
            readable = [self.wakeup, *self._pipes()] + ([self.link.socket] if self.link.socket is not None else [])
            # Events may have come with the head of a new stream; nothing would wake us for them.
            ready, _, _ = select.select(readable, [], [], 0 if fresh and self.link.socket else self.timeout())
            if self.wakeup in ready:
                os.read(self.wakeup, 4096)
            if self.link.socket is not None:
                try:
                    for event in self.link.events():
                        self.on_event(event)
                except Gone:
                    self.lost()
            self.reap()
            for task in list(self.tasks.values()):
                self.look_after(task)
            self.flush()


def _new_id() -> str:
    """A random id in the form of a UUID; the module of that name would cost its import in every task."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


if __name__ == "__main__":
    Executor().run()
