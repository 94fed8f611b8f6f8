"""The scheduler's way to Mesos in values: events come out, effects go in. What the runner uses instead of callbacks."""

import dataclasses
from collections.abc import Callable

import structlog

from sdk.core.effects import CallEffect, ListReservations, UpdateRoles
from sdk.core.events import Disconnected, Event, ReservationsListed
from sdk.errors import NotConnected, SdkError
from sdk.mesos import base, calls, wire
from sdk.mesos.auth import Credentials
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.detector import Masters
from sdk.mesos.driver import MesosDriver
from sdk.mesos.operator import OperatorClient
from sdk.mesos.reserved import PATH, reservations_listed
from sdk.mesos.stream import Limits
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
        self._credentials, self._tls, self._limits = credentials, tls, limits
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

    def call(self, effect: CallEffect) -> None:
        """Make the call and return when the master took it.

        Raises NotConnected (certainly not sent), another TemporaryFailure (may or may not have arrived) or Refused.
        """
        if isinstance(effect, ListReservations):
            self._post(self._reservations())
            return
        body = wire.call(effect, dataclasses.replace(self._info, framework_id=self._driver.framework_id))
        if body is None:
            return
        self._driver.send(body)
        if isinstance(effect, UpdateRoles):
            self._info = dataclasses.replace(self._info, roles=effect.roles)

    def _reservations(self) -> ReservationsListed:
        master = self._driver.master
        if master is None:
            raise NotConnected("no master is known that could be asked what is reserved")
        client = OperatorClient(master, credentials=self._credentials, tls=self._tls, limits=self._limits)
        try:
            return reservations_listed(client.get(PATH))
        finally:
            client.close()

    # -- events, on the stream's thread --------------------------------------------------------------------------------

    def on_event(self, event: WireEvent) -> None:
        """Parse and post; an event that cannot be read is logged, the next ones are not concerned."""
        try:
            parsed = wire.event(event, self._info, self._driver.master or "unknown")
        except SdkError as error:
            _log.error("An event of Mesos was skipped", why=str(error), event_type=event.get("type"))
            return
        if parsed is not None:
            self._post(parsed)

    def on_disconnected(self, why: str) -> None:
        """The stream ended after it was subscribed. One that ended for good has been told of already, as Failed."""
        if self._driver.failure is None:
            self._post(Disconnected(why=why))

    def on_trouble(self, error: Exception) -> None:
        """Logged by the subscription; `trouble` tells."""

    def on_stopped(self) -> None:
        """Nothing more comes."""
