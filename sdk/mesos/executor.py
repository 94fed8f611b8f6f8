"""The executor driver: pymesos' callbacks over a connection of our own, for a process that the agent started.

Runs on the agent's plain Python: pure Python all the way down. Updates are in `sdk.mesos.executor_updates`, an agent
that restarts in `sdk.mesos.agent_absence`.

Three threads: one reads the stream, one runs callbacks in order, one sends updates in order.
"""

# ruff: noqa: N802 - pymesos' names

import functools
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from addict import Dict

from sdk.clock import Clock, SystemClock
from sdk.errors import NotConnected
from sdk.mesos import base
from sdk.mesos.agent_absence import AgentAbsence
from sdk.mesos.auth import Anonymous, Credentials, Token
from sdk.mesos.connection import Client, NotSent
from sdk.mesos.detector import FixedMasters
from sdk.mesos.executor_callbacks import ExecutorCallbacks
from sdk.mesos.executor_environment import read
from sdk.mesos.executor_updates import Updates
from sdk.mesos.stream import Limits
from sdk.mesos.subscription import Subscription, WireEvent
from sdk.mesos.tls import Tls
from sdk.retry import Backoff, ExponentialBackoff

_log = structlog.get_logger()

API = "/api/v1/executor"


class ExecutorDriver(ExecutorCallbacks):
    """An executor's connection to its agent.

    `executor` has pymesos' callbacks; if it has a method `kill(driver, task_id, grace)` that one is called in place of
    `killTask`. When the agent asks for it, or stays away longer than its recovery timeout, or goes away without
    checkpointing, `shutdown` is called, and the driver stops after it unless `stop_after_shutdown` is False.
    """

    _started: bool

    def __init__(
        self,
        executor: Any,
        use_addict: bool = False,
        timeout: float | None = None,
        http_timeout: float | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        stop_after_shutdown: bool = True,
        on_exception: Callable[[Exception, WireEvent], None] | None = None,
    ) -> None:
        """The positional arguments are pymesos'; `timeout` and `http_timeout` bound calls when `limits` is None.

        `environment` is the process' unless given. Raises EnvironmentProblem when it is not that of an executor.
        """
        told = read(os.environ if environment is None else environment, tls)
        # Past pymesos' own constructor, which reads os.environ and cannot do without its notion of booleans there.
        base.Process.__init__(self, told.agent.address)
        self.executor = executor
        self.framework_id = {"value": told.framework_id}
        self.executor_id = {"value": told.executor_id}
        self.framework_info: Mapping[str, Any] | None = None
        self.executor_info: Mapping[str, Any] | None = None
        self._dict_cls = Dict if use_addict else dict
        self.grace_shutdown_period = told.shutdown_grace
        self.checkpoint, self.recovery_timeout = told.checkpoint, told.recovery_timeout
        if credentials is None:
            token = told.token
            credentials = Token(lambda: token) if token else Anonymous()
        if limits is None:
            answer = http_timeout or timeout
            limits = Limits(answer=answer) if answer else Limits()
        self._client = Client(credentials=credentials, tls=told.tls, limits=limits)
        self._clock: Clock = clock or SystemClock()
        self._stop_after_shutdown = stop_after_shutdown
        self._on_exception = on_exception
        self._shutting_down = False
        self._stop_lock = threading.Lock()
        self._stopping = False
        self._updates = Updates(
            send=self._send_update,
            connected=lambda: self.connected,
            ended=lambda: self._subscription.stopped,
            finished=lambda: self._subscription.stop(),
        )
        # pymesos' names.
        self.tasks, self.updates = self._updates.tasks, self._updates.kept
        self._callbacks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._callback_thread = threading.Thread(target=self._run_callbacks, name="executor-callbacks", daemon=True)
        self._absence = AgentAbsence(
            clock=self._clock,
            recovery_timeout=self.recovery_timeout,
            checkpoint=self.checkpoint,
            over=lambda: self._callbacks.put(self.on_shutdown),
        )
        self._subscription = Subscription(
            client=self._client,
            masters=FixedMasters((told.agent,)),
            path=API,
            request=self._subscribe_call,
            listener=self,
            backoff=backoff or ExponentialBackoff(first=0.1, most=told.backoff_most),
            name="executor",
        )

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to subscribe; returns at once. A driver starts once."""
        if self._started:
            _log.warning("The executor driver was started already")
            return
        self._started = True
        self._callback_thread.start()
        self._updates.thread.start()
        self._absence.begins()
        self._subscription.start()

    def stop(self) -> None:
        """Send what is left of the updates, for a few seconds at most, and end the stream. Returns at once."""
        with self._stop_lock:
            if self._stopping:
                return
            self._stopping = True
        self._started = False
        self._absence.close()
        self._updates.stop()

    def abort(self) -> None:
        """The same as `stop`."""
        self.stop()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the driver has ended, all callbacks included; False when `timeout` seconds passed first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in (self._updates.thread, self._callback_thread):
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    return False
        return self._subscription.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def wait_acknowledged(self, timeout: float) -> bool:
        """Wait until the agent has stored every update; False when `timeout` seconds passed first."""
        return self._updates.wait_acknowledged(timeout)

    def _delay_kill(self) -> None:
        """pymesos kills the whole process group here; the agent does that itself after the grace period."""

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the agent said SUBSCRIBED on the present stream."""
        return self._subscription.current is not None

    @property
    def master(self) -> str | None:
        """`host:port` of the agent while subscribed; the name is pymesos'."""
        current = self._subscription.current
        return None if current is None else current.endpoint.address

    @property
    def stream_id(self) -> str | None:
        """Agents give none."""
        current = self._subscription.current
        return None if current is None else current.stream_id

    def _subscribe_call(self) -> dict[str, Any]:
        return {
            "type": "SUBSCRIBE",
            "framework_id": self.framework_id,
            "executor_id": self.executor_id,
            "subscribe": self._updates.brought_up(),
        }

    # -- the stream's thread -------------------------------------------------------------------------------------------

    def on_event(self, event: WireEvent) -> None:
        """Note what concerns the connection, then let the callback run on its own thread."""
        match event.get("type"):
            case "SUBSCRIBED":
                self._absence.ends()
                self._updates.wake()
                _log.info("Subscribed to the agent", agent=self.master)
            case "LAUNCH" | "LAUNCH_GROUP":
                self._note_tasks(event)
            case "ACKNOWLEDGED":
                self.on_acknowledged(event["acknowledged"])
                return
        self._callbacks.put(functools.partial(self.dispatch, event))

    def on_disconnected(self, why: str) -> None:
        """The agent went away, or restarts."""
        if self._stopping:
            return  # we did
        _log.warning("Disconnected from the agent", why=why)
        self._absence.begins()
        self._callbacks.put(self.tell_disconnected)

    def on_trouble(self, error: Exception) -> None:
        """The agent is not back yet."""

    def on_stopped(self) -> None:
        """The stream's thread ended."""
        self._callbacks.put(None)
        self._absence.close()
        self._updates.wake()

    def _note_tasks(self, event: WireEvent) -> None:
        self._updates.launched(
            [event["launch"]["task"]] if "launch" in event else event["launch_group"]["task_group"]["tasks"]
        )

    def on_acknowledged(self, acknowledged: Mapping[str, Any]) -> None:
        """At once, not behind a slow callback: `wait_acknowledged` may be what that callback waits for."""
        identity = uuid.UUID(bytes=base.decode_data(acknowledged["uuid"]))
        self._updates.acknowledged(acknowledged["task_id"]["value"], identity)

    # -- the callbacks' thread -----------------------------------------------------------------------------------------

    def _run_callbacks(self) -> None:
        while (work := self._callbacks.get()) is not None:
            work()

    def on_shutdown(self) -> None:
        """The agent ends this executor, or is gone for too long."""
        if self._shutting_down:
            return
        self._shutting_down = True
        try:
            self.executor.shutdown(self)
        except Exception:  # noqa: BLE001 - foreign code
            _log.exception("The callback `shutdown` of the executor failed")
        if self._stop_after_shutdown:
            self.stop()

    # -- updates -------------------------------------------------------------------------------------------------------

    def sendStatusUpdate(self, status: Mapping[str, Any]) -> None:
        """Keep an update until the agent has stored it, and send it as soon as there is a connection. Never blocks."""
        self._updates.add(
            {
                "timestamp": self._clock.now(),
                "source": "SOURCE_EXECUTOR",
                "executor_id": self.executor_id,
                **status,
            }
        )

    def sendFrameworkMessage(self, data: str) -> None:
        """MESSAGE to the scheduler, best effort; raises NotConnected, Refused or another temporary failure."""
        self._send(
            {
                "type": "MESSAGE",
                "framework_id": self.framework_id,
                "executor_id": self.executor_id,
                "message": {"data": data},
            }
        )

    def _send_update(self, update: Mapping[str, Any]) -> None:
        self._send(
            {
                "type": "UPDATE",
                "framework_id": self.framework_id,
                "executor_id": self.executor_id,
                "update": update,
            }
        )

    def _send(self, body: Any, path: str = API, method: str = "POST", headers: Mapping[str, str] | None = None) -> Any:
        current = self._subscription.current
        if current is None:
            raise NotConnected("there is no subscription to the agent, so the call was not sent")
        try:
            # An update sent twice has the same uuid, which the agent recognises.
            repeat = isinstance(body, Mapping) and body.get("type") == "UPDATE"
            return self._client.call(
                current.endpoint, path, body or None, method=method, headers=headers, idempotent=repeat
            )
        except NotSent as error:
            raise NotConnected(str(error)) from error
