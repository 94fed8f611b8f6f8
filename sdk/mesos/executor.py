"""The executor driver: pymesos' callbacks over a connection of our own, for a process that the agent started.

Knows the environment that agents give, updates that are kept until the agent has stored them, and how long an executor
waits for an agent that restarts. Runs on the agent's plain Python: pure Python all the way down.

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
from sdk.errors import EnvironmentProblem, NotConnected, Refused, SdkError
from sdk.mesos import base
from sdk.mesos.auth import Anonymous, Credentials, Token
from sdk.mesos.connection import Client, NotSent
from sdk.mesos.detector import FixedMasters
from sdk.mesos.executor_environment import agent, duration, truth
from sdk.mesos.stream import Limits
from sdk.mesos.subscription import Subscription, WireEvent
from sdk.mesos.tls import Tls
from sdk.retry import Backoff, ExponentialBackoff

_log = structlog.get_logger()

API = "/api/v1/executor"
_DEFAULT_RECOVERY_TIMEOUT = 15 * 60.0
_DEFAULT_BACKOFF_MAX = 2.0
_DEFAULT_SHUTDOWN_GRACE = 5.0
_RESEND_SECONDS = 1.0
# `stop` gives the agent so long to store the last updates.
_FLUSH_SECONDS = 5.0
# What pymesos' dispatch may call: it takes any `on_...` of the driver, also those that are not for the network.
_EVENTS = frozenset(
    {"ACKNOWLEDGED", "ERROR", "HEARTBEAT", "KILL", "LAUNCH", "LAUNCH_GROUP", "MESSAGE", "SHUTDOWN", "SUBSCRIBED"}
)


class Executor(base.Executor):  # type: ignore[misc]  # pymesos ships no types
    """pymesos' callbacks, and `kill` with the grace period that pymesos drops."""

    def kill(self, driver: "ExecutorDriver", task_id: Mapping[str, Any], grace: float | None) -> None:  # noqa: ARG002
        """End a task within `grace` seconds, by the task's own kill policy when None."""
        self.killTask(driver, task_id)


class ExecutorDriver(base.ExecutorDriver):  # type: ignore[misc]  # pymesos ships no types
    """An executor's connection to its agent.

    `executor` has pymesos' callbacks; if it has a method `kill(driver, task_id, grace)` that one is called in place of
    `killTask`. When the agent asks for it, or stays away longer than its recovery timeout, or goes away without
    checkpointing, `shutdown` is called, and the driver stops after it unless `stop_after_shutdown` is False.
    """

    _started: bool
    _registered = False

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
        env = os.environ if environment is None else environment
        for name in ("MESOS_AGENT_ENDPOINT", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"):
            if not env.get(name):
                raise EnvironmentProblem(f"{name} is not set: this program is started by a Mesos agent, not by hand")
        endpoint, tls = agent(env, tls)
        # Past pymesos' own constructor, which reads os.environ and cannot do without its notion of booleans there.
        base.Process.__init__(self, endpoint.address)
        self.executor = executor
        self.framework_id = {"value": env["MESOS_FRAMEWORK_ID"]}
        self.executor_id = {"value": env["MESOS_EXECUTOR_ID"]}
        self.framework_info: Mapping[str, Any] | None = None
        self.executor_info: Mapping[str, Any] | None = None
        self.tasks: dict[str, Any] = {}
        """By id: tasks of which no update has been acknowledged."""
        self.updates: dict[uuid.UUID, dict[str, Any]] = {}
        """Updates that the agent has not acknowledged, in the order they were sent."""
        self._dict_cls = Dict if use_addict else dict
        self.grace_shutdown_period = duration(env.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"), _DEFAULT_SHUTDOWN_GRACE)
        # pymesos reads bool(text), for which "0" is true.
        self.checkpoint = truth(env.get("MESOS_CHECKPOINT"))
        self.recovery_timeout = duration(env.get("MESOS_RECOVERY_TIMEOUT"), _DEFAULT_RECOVERY_TIMEOUT)
        if credentials is None:
            token = env.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
            credentials = Token(lambda: token) if token else Anonymous()
        if limits is None:
            answer = http_timeout or timeout
            limits = Limits(answer=answer) if answer else Limits()
        self._client = Client(credentials=credentials, tls=tls, limits=limits)
        self._clock: Clock = clock or SystemClock()
        self._stop_after_shutdown = stop_after_shutdown
        self._on_exception = on_exception
        self._state = threading.Condition()
        """Guards `tasks`, `updates` and `_unsent`; notified when one of them or the connection changes."""
        self._unsent: list[uuid.UUID] = []
        self._shutting_down = False
        self._stopping = False
        self._flush_until = 0.0
        self._seen = False
        """Whether the agent has ever accepted a subscription."""
        self._away_since: float | None = None
        self._recovery: threading.Timer | None = None
        self._callbacks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._callback_thread = threading.Thread(target=self._run_callbacks, name="executor-callbacks", daemon=True)
        self._update_thread = threading.Thread(target=self._run_updates, name="executor-updates", daemon=True)
        self._subscription = Subscription(
            client=self._client,
            masters=FixedMasters((endpoint,)),
            path=API,
            request=self._subscribe_call,
            listener=self,
            backoff=backoff
            or ExponentialBackoff(
                first=0.1, most=duration(env.get("MESOS_SUBSCRIPTION_BACKOFF_MAX"), _DEFAULT_BACKOFF_MAX)
            ),
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
        self._update_thread.start()
        self._agent_away()
        self._subscription.start()

    def stop(self) -> None:
        """Send what is left of the updates, for a few seconds at most, and end the stream. Returns at once."""
        with self._state:
            if self._stopping:
                return
            self._stopping = True
            self._started = False
            self._flush_until = time.monotonic() + _FLUSH_SECONDS
            self._state.notify_all()

    def abort(self) -> None:
        """The same as `stop`."""
        self.stop()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the driver has ended, all callbacks included; False when `timeout` seconds passed first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in (self._update_thread, self._callback_thread):
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    return False
        return self._subscription.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def wait_acknowledged(self, timeout: float) -> bool:
        """Wait until the agent has stored every update; False when `timeout` seconds passed first."""
        with self._state:
            return self._state.wait_for(lambda: not self.updates, timeout)

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
        with self._state:
            # The agent takes these updates as if they were sent now, so they need no sending of their own.
            self._unsent.clear()
            return {
                "type": "SUBSCRIBE",
                "framework_id": self.framework_id,
                "executor_id": self.executor_id,
                "subscribe": {
                    "unacknowledged_tasks": list(self.tasks.values()),
                    "unacknowledged_updates": list(self.updates.values()),
                },
            }

    # -- the stream's thread -------------------------------------------------------------------------------------------

    def on_event(self, event: WireEvent) -> None:
        """Note what concerns the connection, then let the callback run on its own thread."""
        match event.get("type"):
            case "SUBSCRIBED":
                self._agent_back()
                _log.info("Subscribed to the agent", agent=self.master)
            case "LAUNCH" | "LAUNCH_GROUP":
                self._note_tasks(event)
            case "ACKNOWLEDGED":
                # At once, not behind a slow callback: `wait_acknowledged` may be what that callback waits for.
                self._note_acknowledged(event["acknowledged"])
                return
        self._callbacks.put(functools.partial(self.dispatch, event))

    def on_disconnected(self, why: str) -> None:
        """The agent went away, or restarts."""
        if self._stopping:
            return  # we did
        _log.warning("Disconnected from the agent", why=why)
        self._agent_away()
        self._callbacks.put(self._tell_disconnected)

    def on_trouble(self, error: Exception) -> None:
        """The agent is not back yet."""

    def on_stopped(self) -> None:
        """The stream's thread ended."""
        self._callbacks.put(None)
        with self._state:
            self._state.notify_all()

    def _note_tasks(self, event: WireEvent) -> None:
        launched = [event["launch"]["task"]] if "launch" in event else event["launch_group"]["task_group"]["tasks"]
        with self._state:
            for task in launched:
                self.tasks[task["task_id"]["value"]] = task

    def _note_acknowledged(self, acknowledged: Mapping[str, Any]) -> None:
        with self._state:
            super().on_acknowledged(acknowledged)
            self._state.notify_all()

    def _agent_back(self) -> None:
        with self._state:
            self._seen = True
            self._away_since = None
            if self._recovery is not None:
                self._recovery.cancel()
                self._recovery = None
            self._state.notify_all()

    def _agent_away(self) -> None:
        with self._state:
            if self._stopping or self._away_since is not None:
                return
            self._away_since = self._clock.monotonic()
            # Without checkpointing the agent does not know us after its restart.
            wait = 0.0 if self._seen and not self.checkpoint else self.recovery_timeout
            self._recovery = threading.Timer(wait, self._recovery_over, (self._away_since, wait))
            self._recovery.daemon = True
            self._recovery.start()

    def _recovery_over(self, since: float, waited: float) -> None:
        with self._state:
            if self._away_since != since or self._stopping:
                return  # it came back in the meantime
        _log.error(f"The agent did not come back within {waited:g} s; shutting down", checkpoint=self.checkpoint)
        self._callbacks.put(self.on_shutdown)

    # -- the callbacks' thread -----------------------------------------------------------------------------------------

    def _run_callbacks(self) -> None:
        while (work := self._callbacks.get()) is not None:
            work()

    def dispatch(self, event: WireEvent) -> None:
        """Run the callback for an event, as pymesos does. What it raises is logged and reported, never more."""
        if str(event.get("type")) not in _EVENTS:
            _log.warning("The agent sent an event of an unknown type", event_type=event.get("type"))
            return
        try:
            super().on_event(event)
        except Exception as error:  # noqa: BLE001 - foreign code; its failure must not end the executor
            _log.exception("A callback of the executor failed; the stream goes on", event_type=event.get("type"))
            if self._on_exception is not None:
                try:
                    self._on_exception(error, event)
                except Exception:  # noqa: BLE001 - foreign code
                    _log.exception("The handler of failed callbacks failed itself")

    def _tell_disconnected(self) -> None:
        try:
            self.executor.disconnected(self)
        except Exception:  # noqa: BLE001 - foreign code
            _log.exception("The callback `disconnected` of the executor failed")

    def on_subscribed(self, info: Mapping[str, Any]) -> None:
        """`registered` for the first subscription, `reregistered` for later ones."""
        self.executor_info, self.framework_info = info["executor_info"], info["framework_info"]
        agent_info = self._dict_cls(info["agent_info"])
        if self._registered:
            self.executor.reregistered(self, agent_info)
        else:
            self._registered = True
            self.executor.registered(
                self, self._dict_cls(self.executor_info), self._dict_cls(self.framework_info), agent_info
            )

    def on_launch(self, event: Mapping[str, Any]) -> None:
        """A task; it was noted when the event came."""
        self.executor.launchTask(self, self._dict_cls(event["task"]))

    def on_launch_group(self, event: Mapping[str, Any]) -> None:
        """A group of tasks; they were noted when the event came."""
        self.executor.launchTaskGroup(self, [self._dict_cls(task) for task in event["task_group"]["tasks"]])

    def on_kill(self, event: Mapping[str, Any]) -> None:
        """With the grace period, which is absent when the KILL of the scheduler had none."""
        task_id = self._dict_cls(event["task_id"])
        kill = getattr(self.executor, "kill", None)
        if kill is None:
            self.executor.killTask(self, task_id)
            return
        nanoseconds = event.get("kill_policy", {}).get("grace_period", {}).get("nanoseconds")
        kill(self, task_id, None if nanoseconds is None else nanoseconds / 1e9)

    def on_message(self, event: Mapping[str, Any]) -> None:
        """`data` is absent when it is empty."""
        self.executor.frameworkMessage(self, event.get("data", ""))

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
        identity = uuid.uuid4()
        filled = {
            "timestamp": self._clock.now(),
            "source": "SOURCE_EXECUTOR",
            "executor_id": self.executor_id,
            **status,
        }
        if "uuid" in filled:
            identity = uuid.UUID(bytes=base.decode_data(filled["uuid"]))
        else:
            filled["uuid"] = base.encode_data(identity.bytes)
        with self._state:
            self.updates[identity] = {"status": filled}
            self._unsent.append(identity)
            self._state.notify_all()

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

    def _run_updates(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(
                    lambda: self._stopping or self._subscription.stopped or (self._unsent and self.connected)
                )
                if self._finished():
                    break
                if not (self._unsent and self.connected):
                    # Stopping: wait for the last acknowledgements, or for the agent to come back.
                    self._state.wait(0.1)
                    continue
                identity = self._unsent[0]
                update = self.updates.get(identity)
            if update is not None and not self._send_update(update):
                with self._state:
                    self._state.wait_for(self._finished, _RESEND_SECONDS)
                continue
            with self._state:
                if identity in self._unsent:
                    self._unsent.remove(identity)
        self._subscription.stop()
        with self._state:
            if self._recovery is not None:
                self._recovery.cancel()

    def _finished(self) -> bool:
        if self._subscription.stopped:
            return True
        return self._stopping and (not self.updates or time.monotonic() >= self._flush_until)

    def _send_update(self, update: Mapping[str, Any]) -> bool:
        try:
            self._send(
                {
                    "type": "UPDATE",
                    "framework_id": self.framework_id,
                    "executor_id": self.executor_id,
                    "update": update,
                }
            )
        except Refused as error:
            if error.status != 400:  # 403: the agent restarted and has not taken our subscription yet
                _log.warning("The agent did not take an update; trying again", why=str(error))
                return False
            # The same update would be refused for ever, and hold up those behind it.
            _log.error("The agent refused an update", why=str(error), state=update["status"].get("state"))
            with self._state:
                for identity in [each for each, kept in self.updates.items() if kept is update]:
                    del self.updates[identity]
        except SdkError as error:
            _log.warning("An update did not reach the agent; trying again", why=str(error))
            return False
        return True

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
