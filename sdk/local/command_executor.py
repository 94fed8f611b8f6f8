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
from sdk.local.executor_link import parse_duration
from sdk.local.executor_sandbox import Unstartable
from sdk.local.executor_subscription import Subscription
from sdk.local.executor_task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_GRACE = 3.0
# Without an acknowledgement of the last update the executor waits this long, then it ends anyway.
LAST_WORD_TIMEOUT = 10.0


class Executor:
    """All tasks of this executor, and the agent."""

    def __init__(self) -> None:
        self.subscription = Subscription()
        self.sandbox = os.environ["MESOS_SANDBOX"]
        self.tasks: dict[str, Task] = {}
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

    def update(self, task: Task, state: str, **fields: object) -> None:
        """Report a state."""
        self.subscription.update(task.status(state, self.subscription.executor_id, **fields))

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
            self.subscription.acknowledged(acknowledged["uuid"])
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
        if self.subscription.stream is None:
            due.append(self.subscription.retry_at)
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
        if not self.subscription.pending:
            return True
        # With the agent away the last update waits for it; with the agent there it is a matter of moments.
        return self.subscription.stream is not None and time.monotonic() > self.ended_at + LAST_WORD_TIMEOUT

    def connect(self) -> None:
        """Try to subscribe; give up when that is of no use any more."""
        unacknowledged = [task.info for task in self.tasks.values() if not task.known] if self.tasks else None
        why = self.subscription.connect(unacknowledged)
        if why is not None:
            self.abandon(why)

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
            fresh = self.subscription.stream is None
            if fresh:
                self.connect()
            stream = self.subscription.stream
            readable = [self.wakeup, *self._pipes()] + ([stream] if stream is not None else [])
            # Events may have come with the head of a new stream; nothing would wake us for them.
            ready, _, _ = select.select(readable, [], [], 0 if fresh and stream else self.timeout())
            if self.wakeup in ready:
                os.read(self.wakeup, 4096)
            for event in self.subscription.events():
                self.on_event(event)
            self.reap()
            for task in list(self.tasks.values()):
                self.look_after(task)
            self.subscription.flush()


def _new_id() -> str:
    """A random id in the form of a UUID; the module of that name would cost its import in every task."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


if __name__ == "__main__":
    Executor().run()
