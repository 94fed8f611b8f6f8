"""The scheduler's way to Mesos in values: events come out, effects go in. What the runner uses instead of callbacks."""

import dataclasses
from collections.abc import Callable

import structlog

from sdk.core import effects
from sdk.core.events import Disconnected, Event
from sdk.errors import SdkError
from sdk.mesos import base, calls, parse
from sdk.mesos.auth import Credentials
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.connection import Limits
from sdk.mesos.detector import Masters
from sdk.mesos.driver import MesosDriver
from sdk.mesos.subscription import WireEvent
from sdk.mesos.tls import Tls
from sdk.retry import Backoff

_log = structlog.get_logger()


class MesosFeed:
    """One framework's subscription. `post` gets every event on the stream's thread and must return at once.

    After `Failed` with an end for good (`failure` is set) nothing more comes; after any other `Failed` the feed goes on
    trying.
    """

    def __init__(
        self,
        *,
        info: FrameworkInfo,
        master: str,
        post: Callable[[Event], None],
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        source: Masters | None = None,
    ) -> None:
        """`master` is `host:port[,host:port]`, `http(s)://host:port` or `zk://host:port[,..]/path`."""
        self._info = info
        self._post = post
        self._driver = MesosDriver(
            base.Scheduler(),
            calls.framework_info(info),
            master,
            implicit_acknowledgements=False,
            credentials=credentials,
            tls=tls,
            limits=limits,
            backoff=backoff,
            source=source,
            suppressed_roles=info.suppressed_roles,
            sink=self,
        )

    def start(self) -> None:
        """Begin to subscribe; returns at once."""
        self._driver.start()

    def stop(self) -> None:
        """End the stream; the framework and its tasks stay. Returns at once."""
        self._driver.stop()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the last event has been posted; False when `timeout` seconds passed first."""
        return self._driver.join(timeout)

    @property
    def connected(self) -> bool:
        """Whether calls can go out."""
        return bool(self._driver.connected)

    @property
    def failure(self) -> str | None:
        """The ERROR that ended the feed for good: the framework was removed, or a newer instance subscribed."""
        return self._driver.failure

    @property
    def trouble(self) -> str | None:
        """Why there is no subscription, None while there is one."""
        return self._driver.trouble

    # -- calls ---------------------------------------------------------------------------------------------------------

    def call(self, effect: effects.CallEffect) -> None:
        """Make the call and return when the master took it.

        Raises NotConnected (certainly not sent), another TemporaryFailure (may or may not have arrived) or Refused.
        """
        driver = self._driver
        match effect:
            case effects.Accept():
                operations = [calls.operation(each, str(driver.framework_id)) for each in effect.operations]
                driver.acceptOffers(
                    [calls.value(each) for each in effect.offer_ids],
                    operations,
                    filters={"refuse_seconds": effect.refuse_seconds},
                )
            case effects.Decline():
                driver.declineOffer(
                    [calls.value(each) for each in effect.offer_ids],
                    filters={"refuse_seconds": effect.refuse_seconds},
                )
            case effects.AcceptInverseOffers():
                driver.acceptInverseOffers(
                    [calls.value(each) for each in effect.offer_ids],
                    filters={"refuse_seconds": effect.refuse_seconds},
                )
            case effects.DeclineInverseOffers():
                driver.declineInverseOffer(
                    [calls.value(each) for each in effect.offer_ids],
                    filters={"refuse_seconds": effect.refuse_seconds},
                )
            case effects.Kill():
                driver.killTask(
                    calls.value(effect.task_id),
                    None if effect.agent_id is None else calls.value(effect.agent_id),
                    None if effect.grace is None else {"grace_period": calls.nanoseconds(effect.grace)},
                )
            case effects.Acknowledge():
                if effect.status.uuid is not None and effect.status.agent_id is not None:
                    driver.acknowledgeStatusUpdate(calls.task_acknowledgement(effect.status))
            case effects.AcknowledgeOperation():
                driver.acknowledgeOperationStatusUpdate(calls.operation_acknowledgement(effect.status))
            case effects.Reconcile():
                driver.reconcileTasks(
                    [
                        {"task_id": calls.value(task_id)} | ({"agent_id": calls.value(agent_id)} if agent_id else {})
                        for task_id, agent_id in effect.tasks
                    ]
                )
            case effects.Suppress():
                if effect.roles:  # the call without roles means all of them
                    driver.suppressOffers(effect.roles)
            case effects.Revive():
                if effect.roles:
                    driver.reviveOffers(effect.roles)
            case effects.UpdateRoles():
                info = dataclasses.replace(self._info, roles=effect.roles)
                driver.updateFramework(calls.framework_info(info))
                self._info = info
            case effects.SendMessage():
                driver.sendFrameworkMessage(
                    calls.value(effect.executor_id), calls.value(effect.agent_id), calls.data(effect.data)
                )
            case effects.Teardown():
                driver.teardown()

    # -- events, on the stream's thread --------------------------------------------------------------------------------

    def on_event(self, event: WireEvent) -> None:
        """Parse and post; an event that cannot be read is logged, the next ones are not concerned."""
        try:
            if event.get("type") == "SUBSCRIBED":
                subscribed = parse.subscribed(event, self._driver.master or "unknown")
                # Whether roles have to be added is known only when it is known which ones were subscribed with.
                self._post(dataclasses.replace(subscribed, roles=self._info.roles))
            elif (parsed := parse.scheduler_event(event)) is not None:
                self._post(parsed)
        except SdkError as error:
            _log.error("An event of Mesos was skipped", why=str(error), event_type=event.get("type"))

    def on_disconnected(self, why: str) -> None:
        """The stream ended after it was subscribed."""
        self._post(Disconnected(why=why))

    def on_trouble(self, error: Exception) -> None:
        """Logged by the subscription; `trouble` tells."""

    def on_stopped(self) -> None:
        """Nothing more comes."""
