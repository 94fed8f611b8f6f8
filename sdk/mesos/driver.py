"""The scheduler driver: pymesos' calls and callbacks over a connection of our own.

From pymesos come the builders of calls (`acceptOffers`, `declineOffer`, ...), the dispatch of events by name and the
callback interface, so that a scheduler written for pymesos runs unchanged. Ours are threads, connection, errors,
deadlines and the rules of shutdown: TEARDOWN is sent when it is asked for and never else.

Two threads: one reads the stream, one runs callbacks. With a `sink` there is only the first, and the sink gets the raw
events.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from sdk.errors import NotConnected, Refused
from sdk.mesos.auth import Basic, Credentials
from sdk.mesos.connection import Client, NotSent
from sdk.mesos.detector import Masters, masters
from sdk.mesos.scheduler_callbacks import CallbackThread, SchedulerCallbacks
from sdk.mesos.scheduler_calls import DEFAULT_FAILOVER_TIMEOUT, SchedulerCalls
from sdk.mesos.stream import Limits
from sdk.mesos.subscription import Listener, LiveSubscription, Subscription, WireEvent
from sdk.mesos.tls import Tls
from sdk.retry import Backoff

_log = structlog.get_logger()

API = "/api/v1/scheduler"
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


class MesosDriver(SchedulerCallbacks, SchedulerCalls):
    """A framework's connection to Mesos.

    Every call raises NotConnected while there is no subscription, Refused when the master refuses it, UnexpectedAnswer
    or NoAnswer (both temporary) when it may be tried again.
    """

    _framework: dict[str, Any]
    _started: bool
    _teardown_sent = False

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
        self._sink: Listener = sink or CallbackThread(self)
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
        if isinstance(self._sink, CallbackThread):
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
        if ended and isinstance(self._sink, CallbackThread):
            return self._sink.join(timeout)
        return ended

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

    def require_subscription(self) -> LiveSubscription:
        """The one that lasts now; NotConnected, with what is known of why, while there is none."""
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
                    if self._teardown_sent:
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

    # -- calls ---------------------------------------------------------------------------------------------------------

    def send(self, call: Mapping[str, Any]) -> None:
        """See `SchedulerCalls`."""
        self.require_subscription()
        body = {**call, "framework_id": {"value": self.framework_id}}
        if call["type"] == "UPDATE_FRAMEWORK":
            info = call["update_framework"]["framework_info"]
            timeout = {"failover_timeout": DEFAULT_FAILOVER_TIMEOUT}
            body["update_framework"] = {**call["update_framework"], "framework_info": {**timeout, **info}}
        if call["type"] == "TEARDOWN":
            self._teardown_sent = True  # the stream may end before this call is answered
        self._send(body)
        if call["type"] == "UPDATE_FRAMEWORK":
            self._framework = dict(call["update_framework"]["framework_info"])
            self._suppressed_roles = tuple(call["update_framework"].get("suppressed_roles", ()))

    def _send(self, body: Any, path: str = API, method: str = "POST", headers: Mapping[str, str] | None = None) -> Any:
        subscribed = self.require_subscription()
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
