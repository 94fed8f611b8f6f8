"""The scheduler driver: pymesos' calls and callbacks over a connection of our own.

From pymesos come the builders of calls (`acceptOffers`, `declineOffer`, ...), the dispatch of events by name and the
callback interface, so that a scheduler written for pymesos runs unchanged. Ours are threads, connection, errors,
deadlines and the rules of shutdown: TEARDOWN is sent by `teardown()` and by nothing else.

Two threads: one reads the stream, one runs callbacks in order, so that slow callbacks never let the stream die. With a
`sink` there is only the first, and the sink gets the raw events.
"""

# ruff: noqa: N802, N815 - pymesos' names

import functools
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from sdk.errors import NotConnected, Refused
from sdk.mesos import base
from sdk.mesos.auth import Basic, Credentials
from sdk.mesos.connection import Client, Limits, NotSent
from sdk.mesos.detector import Masters, masters
from sdk.mesos.subscription import Listener, LiveSubscription, Subscription, WireEvent
from sdk.mesos.tls import Tls
from sdk.retry import Backoff

_log = structlog.get_logger()

API = "/api/v1/scheduler"
# Mesos' default of 0 kills all tasks at the first disconnect. A week lets a scheduler be away over a weekend.
DEFAULT_FAILOVER_TIMEOUT = 7 * 24 * 3600.0
# Repeating these after a broken connection changes nothing; an ACCEPT or MESSAGE might be carried out twice.
_IDEMPOTENT = frozenset(
    {
        "ACKNOWLEDGE",
        "ACKNOWLEDGE_OPERATION_STATUS",
        "DECLINE",
        "KILL",
        "RECONCILE",
        "RECONCILE_OPERATIONS",
        "REVIVE",
        "SHUTDOWN",
        "SUPPRESS",
        "UPDATE_FRAMEWORK",
    }
)
# After these ERRORs a new SUBSCRIBE is wrong: it would fight the newer instance, or fail for ever.
FRAMEWORK_REMOVED = "Framework has been removed"
FRAMEWORK_FAILED_OVER = "Framework failed over"


# What pymesos' dispatch may call: it takes any `on_...` of the driver, also those that are not for the network.
_EVENTS = frozenset(
    {
        "ERROR",
        "FAILURE",
        "HEARTBEAT",
        "INVERSE_OFFERS",
        "MESSAGE",
        "OFFERS",
        "RESCIND",
        "RESCIND_INVERSE_OFFER",
        "SUBSCRIBED",
        "UPDATE",
        "UPDATE_OPERATION_STATUS",
    }
)


def _guarded(name: str) -> Callable[..., Any]:
    """A builder of pymesos that raises NotConnected while there is no subscription; pymesos drops the call silently."""
    builder = getattr(base.SchedulerDriver, name)

    @functools.wraps(builder)
    def call(self: "MesosDriver", *args: object, **kwargs: object) -> Any:
        self._subscribed()
        return builder(self, *args, **kwargs)

    return call


class MesosDriver(base.SchedulerDriver):  # type: ignore[misc]  # pymesos ships no types
    """A framework's connection to Mesos.

    Every call raises NotConnected while there is no subscription, Refused when the master refuses it, UnexpectedAnswer
    or NoAnswer (both temporary) when it may be tried again.
    """

    _framework: dict[str, Any]
    _started: bool
    _registered = False
    _torn_down = False

    def __init__(
        self,
        sched: Any,
        framework: Mapping[str, Any],
        master_uri: str,
        use_addict: bool = False,
        implicit_acknowledgements: bool = True,
        principal: str | None = None,
        secret: str | None = None,
        failover: bool = True,  # noqa: ARG002 - callers of pymesos pass it
        timeout: float | None = None,
        *,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        source: Masters | None = None,
        suppressed_roles: Sequence[str] = (),
        sink: Listener | None = None,
        on_exception: Callable[[Exception, WireEvent], None] | None = None,
    ) -> None:
        """The positional arguments are pymesos'. `failover` is accepted and without effect: see `stop`.

        `timeout` overrides `limits.answer`. `on_exception` gets what a callback raised, with its event.
        """
        super().__init__(sched, dict(framework), master_uri, use_addict, implicit_acknowledgements)
        if credentials is None and principal is not None and secret is not None:
            credentials = Basic(principal, secret)
        if timeout is not None:
            limits = Limits(answer=timeout) if limits is None else limits
        self._client = Client(credentials=credentials, tls=tls, limits=limits)
        self._suppressed_roles = tuple(suppressed_roles)
        self._on_exception = on_exception
        self._sink: Listener = sink or _Callbacks(self)
        self._failure: str | None = None
        self._trouble: str | None = None
        self._subscription = Subscription(
            client=self._client,
            masters=source or masters(master_uri, scheme="https" if tls else "http"),
            path=API,
            request=self._subscribe_call,
            listener=self,
            backoff=backoff,
            name=f"mesos-{self._framework.get('name', 'framework')}",
        )

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to subscribe; returns at once. A driver starts once, later calls only warn."""
        if self._started:
            _log.warning("The Mesos driver was started already")
            return
        self._started = True
        if isinstance(self._sink, _Callbacks):
            self._sink.start()
        self._subscription.start()

    def stop(self, failover: bool = True) -> None:
        """End the stream; tasks go on and the framework may come back within its failover timeout. Returns at once."""
        if not failover:
            _log.warning("stop(failover=False) ends no tasks here: call teardown() first to remove the framework")
        self._started = False
        self._subscription.stop()

    def abort(self) -> None:
        """The same as `stop`."""
        self.stop()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the driver has ended, all callbacks included; False when `timeout` seconds passed first."""
        ended = self._subscription.join(timeout)
        if ended and isinstance(self._sink, _Callbacks):
            return self._sink.join(timeout)
        return ended

    def teardown(self) -> None:
        """TEARDOWN: Mesos kills all tasks and forgets the framework.

        pymesos' own forgets the id as well, and the next subscription would make a new framework. Under the old id it
        is refused for good, which is the proof that the framework is gone.
        """
        self._send({"type": "TEARDOWN", "framework_id": {"value": self.framework_id}})
        self._torn_down = True

    def _shutdown(self) -> None:
        """pymesos sends TEARDOWN here."""

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the master said SUBSCRIBED on the present stream."""
        return self._subscription.current is not None

    @property
    def master(self) -> str | None:
        """`host:port` of the master of the present subscription."""
        current = self._subscription.current
        return None if current is None else current.endpoint.address

    @property
    def stream_id(self) -> str | None:
        """Mesos-Stream-Id of the present subscription."""
        current = self._subscription.current
        return None if current is None else current.stream_id

    @property
    def failure(self) -> str | None:
        """The ERROR that ended this driver for good: the framework was removed, or another instance took over."""
        return self._failure

    @property
    def trouble(self) -> str | None:
        """Why there is no subscription, as far as is known; None while there is one."""
        return self._failure or self._trouble

    @property
    def framework(self) -> dict[str, Any]:
        """FrameworkInfo as it is sent: the caller's, and a failover timeout when it has none."""
        return {"failover_timeout": DEFAULT_FAILOVER_TIMEOUT, **self._framework}

    def _subscribed(self) -> LiveSubscription:
        current = self._subscription.current
        if current is None:
            why = f": {self.trouble}" if self.trouble else ""
            raise NotConnected(f"there is no subscription to Mesos, so the call was not sent{why}")
        return current

    def _subscribe_call(self) -> dict[str, Any]:
        subscribe: dict[str, Any] = {"framework_info": self.framework}
        if self._suppressed_roles:
            subscribe["suppressed_roles"] = list(self._suppressed_roles)
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": subscribe}
        if "id" in self._framework:
            call["framework_id"] = self._framework["id"]
        return call

    # -- the stream's thread -------------------------------------------------------------------------------------------

    def on_event(self, event: WireEvent) -> None:
        """Note what concerns the connection, then pass the event on."""
        match event.get("type"):
            case "SUBSCRIBED":
                try:
                    info = event["subscribed"]
                    framework_id = info["framework_id"]["value"]
                    version = info.get("master_info", {}).get("version")
                    if not framework_id or not isinstance(framework_id, str):
                        raise TypeError(f"the framework id is {framework_id!r}")
                except (KeyError, TypeError, AttributeError) as error:
                    # Without its id the framework can make no call; the next subscription may be better.
                    self._trouble = f"a SUBSCRIBED event cannot be read: {type(error).__name__} {error}"
                    _log.error("Mesos accepted the subscription in words that cannot be read", why=self._trouble)
                    if (current := self._subscription.current) is not None:
                        self._subscription.drop(current)
                    return
                self._trouble = None
                self.framework_id, self.version = framework_id, version
                _log.info("Subscribed to Mesos", framework_id=self.framework_id, master=self.master)
            case "ERROR":
                message = str(event.get("error", {}).get("message", "no reason given"))
                self._trouble = message
                if message.startswith((FRAMEWORK_REMOVED, FRAMEWORK_FAILED_OVER)):
                    if self._torn_down:
                        _log.info("Mesos ended the framework, as asked", reason=message)
                    else:
                        _log.error("Mesos ended the framework's subscription for good", reason=message)
                    self._failure = message
                    self._subscription.stop()
                else:
                    _log.error("Mesos refused the framework's subscription", reason=message)
                    # Most masters end the stream now. On one that stays open nothing would ever come, while we are
                    # told apart from the framework that we were.
                    self._subscription.give_up(message)
        self._sink.on_event(event)

    def on_disconnected(self, why: str) -> None:
        """The stream ended."""
        self._trouble = why
        _log.warning("Disconnected from Mesos", why=why)
        self._sink.on_disconnected(why)

    def on_trouble(self, error: Exception) -> None:
        """A try to subscribe failed."""
        self._trouble = str(error)
        self._sink.on_trouble(error)

    def on_stopped(self) -> None:
        """The driver ended."""
        self._started = False
        self._sink.on_stopped()

    # -- the callbacks' thread -----------------------------------------------------------------------------------------

    def dispatch(self, event: WireEvent) -> None:
        """Run the callback for an event, as pymesos does. What it raises is logged and reported, never more."""
        if str(event.get("type")) not in _EVENTS:
            _log.warning("Mesos sent an event of an unknown type", event_type=event.get("type"))
            return
        try:
            super().on_event(event)
        except Exception as error:  # noqa: BLE001 - foreign code; its failure must not end the framework
            _log.exception("A callback of the scheduler failed; the stream goes on", event_type=event.get("type"))
            if self._on_exception is not None:
                try:
                    self._on_exception(error, event)
                except Exception:  # noqa: BLE001 - foreign code
                    _log.exception("The handler of failed callbacks failed itself")

    def on_subscribed(self, info: Mapping[str, Any]) -> None:
        """`registered` for the first subscription of this driver, `reregistered` for later ones."""
        master_info = self._dict_cls(info.get("master_info") or {})
        if not self._registered:
            self._registered = True
            self.sched.registered(self, self._dict_cls(info["framework_id"]), master_info)
        else:
            self.sched.reregistered(self, master_info)

    def on_offers(self, event: Mapping[str, Any]) -> None:
        """Offers; pymesos also reads the master's version here, and dies of one like 1.12.0-rc1."""
        offers = [self._dict_cls(offer) for offer in event.get("offers", [])]
        if offers:
            self.sched.resourceOffers(self, offers)

    def on_message(self, message: Mapping[str, Any]) -> None:
        """`data` is absent when it is empty."""
        self.sched.frameworkMessage(
            self,
            self._dict_cls(message.get("executor_id", {})),
            self._dict_cls(message.get("agent_id", {})),
            message.get("data", ""),
        )

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        """All three fields are optional in Mesos' protocol."""
        agent_id = self._dict_cls(failure.get("agent_id", {}))
        if "executor_id" in failure:
            self.sched.executorLost(self, self._dict_cls(failure["executor_id"]), agent_id, failure.get("status"))
        else:
            self.sched.slaveLost(self, agent_id)

    # -- calls ---------------------------------------------------------------------------------------------------------

    acceptOffers = _guarded("acceptOffers")
    acceptInverseOffers = _guarded("acceptInverseOffers")
    declineOffer = _guarded("declineOffer")
    declineInverseOffer = _guarded("declineInverseOffer")
    launchTasks = _guarded("launchTasks")
    requestResources = _guarded("requestResources")
    reviveOffers = _guarded("reviveOffers")
    sendFrameworkMessage = _guarded("sendFrameworkMessage")
    suppressOffers = _guarded("suppressOffers")
    acknowledgeStatusUpdate = _guarded("acknowledgeStatusUpdate")
    reconcileOperations = _guarded("reconcileOperations")

    def killTask(
        self,
        task_id: Mapping[str, Any],
        agent_id: Mapping[str, Any] | None = None,
        kill_policy: Mapping[str, Any] | None = None,
    ) -> None:
        """KILL; with `agent_id` the master can pass it on although it forgot the task."""
        kill: dict[str, Any] = {"task_id": task_id}
        if agent_id is not None:
            kill["agent_id"] = agent_id
        if kill_policy is not None:
            kill["kill_policy"] = kill_policy
        self._call("KILL", "kill", kill)

    def reconcileTasks(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """RECONCILE; for a task with `agent_id` the master also answers while that agent is coming back."""
        wanted = [{key: task[key] for key in ("task_id", "agent_id") if task.get(key)} for task in tasks]
        self._call("RECONCILE", "reconcile", {"tasks": wanted})

    def acknowledgeOperationStatusUpdate(self, status: Mapping[str, Any]) -> None:
        """ACKNOWLEDGE_OPERATION_STATUS, when the status wants it.

        The update has its uuid as `{"value": ...}`, the call wants the plain string and answers 400 to the object.
        """
        if "uuid" not in status or "operation_id" not in status:
            return
        uuid = status["uuid"]
        acknowledge = {
            key: status[key] for key in ("agent_id", "resource_provider_id", "operation_id") if key in status
        }
        acknowledge["uuid"] = uuid["value"] if isinstance(uuid, Mapping) else uuid
        self._call("ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status", acknowledge)

    def updateFramework(self, framework: Mapping[str, Any], suppressed_roles: Sequence[str] = ()) -> None:
        """UPDATE_FRAMEWORK; later subscriptions use the new FrameworkInfo once the master took it."""
        self._subscribed()
        info = {**framework, "id": self._framework["id"]}
        update: dict[str, Any] = {"framework_info": {"failover_timeout": DEFAULT_FAILOVER_TIMEOUT, **info}}
        if suppressed_roles:
            update["suppressed_roles"] = list(suppressed_roles)
        self._call("UPDATE_FRAMEWORK", "update_framework", update)
        self._framework = info
        self._suppressed_roles = tuple(suppressed_roles)

    def shutdownExecutor(self, executor_id: Mapping[str, Any], agent_id: Mapping[str, Any]) -> None:
        """SHUTDOWN of one executor and all its tasks."""
        self._call("SHUTDOWN", "shutdown", {"executor_id": executor_id, "agent_id": agent_id})

    def _call(self, kind: str, field: str, body: Mapping[str, Any]) -> None:
        self._subscribed()
        self._send({"type": kind, "framework_id": {"value": self.framework_id}, field: body})

    def _send(self, body: Any, path: str = API, method: str = "POST", headers: Mapping[str, str] | None = None) -> Any:
        subscribed = self._subscribed()
        own = {"Mesos-Stream-Id": subscribed.stream_id} if subscribed.stream_id else {}
        try:
            return self._client.call(
                subscribed.endpoint,
                path,
                body or None,
                method=method,
                headers={**(headers or {}), **own},
                idempotent=isinstance(body, Mapping) and body.get("type") in _IDEMPOTENT,
            )
        except NotSent as error:
            raise NotConnected(str(error)) from error
        except Refused as error:
            if _unknown_subscription(error):
                # Our stream may look alive for a long time yet; the master has forgotten it.
                self._subscription.drop(subscribed)
                raise NotConnected(f"the master does not know this subscription any more: {error.text}") from error
            raise


def _unknown_subscription(error: Refused) -> bool:
    return (error.status == 403 and "not subscribed" in error.text) or (
        error.status == 400 and "didn't match the stream ID" in error.text
    )


class _Callbacks:
    """The thread that runs callbacks, one after the other, in the order of the events."""

    def __init__(self, driver: MesosDriver) -> None:
        self._driver = driver
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mesos-callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float | None) -> bool:
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def on_event(self, event: WireEvent) -> None:
        self._queue.put(functools.partial(self._driver.dispatch, event))

    def on_disconnected(self, why: str) -> None:
        self._queue.put(functools.partial(self._disconnected, why))

    def on_trouble(self, error: Exception) -> None:
        """pymesos has no callback for it; the driver's `trouble` tells."""

    def on_stopped(self) -> None:
        self._queue.put(None)

    def _disconnected(self, why: str) -> None:
        try:
            self._driver.sched.disconnected(self._driver)
        except Exception:  # noqa: BLE001 - foreign code
            _log.exception("The callback `disconnected` of the scheduler failed", why=why)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
