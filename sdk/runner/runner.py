"""The life of one framework in this process: standby, a term of leadership, standby again; and its plugin's host.

Knows when a term begins and ends, which events belong to it and who waits for them. What is done with events is in
`sdk.runner.frames`, the way into Mesos in `sdk.runner.subscribing`.
"""

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial

import structlog

from sdk.clock import Clock
from sdk.codecs import decode
from sdk.core import decide as core
from sdk.core.effects import CallEffect, SendMessage, UpdateRoles
from sdk.core.events import (
    Event,
    ExecutorMessage,
    Failed,
    RenewalRequested,
    RolesAccepted,
    Subscribed,
    Tick,
    UninstallRequested,
)
from sdk.core.settings import Settings
from sdk.core.snapshot import Snapshot
from sdk.core.state import Connection, State
from sdk.errors import LeadershipLost, PermanentFailure, SdkError, StorageUnavailable
from sdk.framework_store import FrameworkStore, Stored
from sdk.metrics import Metrics
from sdk.model.ids import AgentId, ExecutorId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.plugin import ADVERTISED, HostSettings, Plugin
from sdk.retry import Policy
from sdk.runner.calls import call_failed, filled
from sdk.runner.edges import Charge, FeedFactory, NotInCharge, Phase, Status
from sdk.runner.frames import STORAGE, Frames, Item
from sdk.runner.inbox import Inbox
from sdk.runner.publishing import PublishedTargets
from sdk.runner.subscribing import Subscribing
from sdk.runner.term import Term
from sdk.storage.connection import Handle, ZooKeeper
from sdk.storage.election import Role

_SNAPSHOT_AGE = 0.5
_IDLE = 5.0
# A plugin that fails to publish its targets.
_ASK = Policy(first=1.0, most=60.0)
# A Tick that leaves its own time due would come again at once: each such one doubles the wait for the next.
_TICK_FIRST, _TICK_MAX = 0.02, 1.0


class Runner:
    """Runs one framework and is the `Host` of its plugin."""

    def __init__(
        self,
        *,
        settings: HostSettings,
        plugin: Plugin,
        zookeeper: ZooKeeper,
        store: FrameworkStore,
        charge: Charge,
        feeds: FeedFactory,
        clock: Clock,
        new_id: Callable[[], str],
        metrics: Metrics,
        core_settings: Settings | None = None,
    ) -> None:
        self._settings = settings
        self._words: Mapping[str, str] = {ADVERTISED: settings.advertised_url}
        self._plugin = plugin
        self._zookeeper = zookeeper
        self._store = store
        self._charge = charge
        self._clock = clock
        self._new_id = new_id
        self._metrics = metrics
        self._core_settings = core_settings or Settings(
            principal=settings.framework.principal,
            own_roles=frozenset(settings.framework.roles),
            # What is given up on a lost agent when it is replaced need not be waited for longer when it is removed.
            removal_patience=settings.replace_after,
            replacements_at_once=settings.replacements_at_once,
        )
        self.name = settings.framework.name
        self._log = structlog.get_logger().bind(framework=self.name)

        # Guards what follows; the frames (and their state) belong to the runner's thread, others read whole values.
        self._wake = threading.Condition()
        self._inbox = Inbox(self._wake, metrics.queue.labels(settings.framework.name).set)
        self._term: Term | None = None
        self._subscribing = Subscribing(
            name=self.name,
            feeds=feeds,
            inbox=self._inbox,
            wake=self._wake,
            own_roles=settings.framework.roles,
            clock=clock,
        )
        self._stopping = False
        self._asked = False
        """Whether the plugin was asked, in this term, for its targets."""

        self._frames: Frames | None = None
        self._phase = Phase.STANDBY
        self._error: str | None = None
        self._reported: Mapping[str, str] = {}
        self._ask_again = _ASK.backoff()
        self._ask_due = 0.0
        self._tick_delay = 0.0
        self._shown: tuple[State, float, Snapshot] | None = None
        self._named: tuple[object, object, frozenset[str]] | None = None
        self._uninstall_watch: Handle | None = None
        self._uninstaller = False
        self._thread = threading.Thread(target=self._run, name=f"runner {self.name}", daemon=True)

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Start the plugin and compete for the charge; returns at once."""
        self._plugin.start(self)
        self._thread.start()
        self._charge.start(self._on_gained, self._on_lost)
        self._watch_uninstall()

    def stop(self) -> None:
        """End cleanly: tasks go on, the framework may come back, a standby takes over at once. No TEARDOWN."""
        with self._wake:
            self._stopping = True
            term = self._term
            self._wake.notify_all()
        if term is not None:
            term.end()
        self._subscribing.close()
        if self._thread.ident is not None:
            self._thread.join(15)
        self._charge.stop()
        self._plugin.stop()
        if self._uninstall_watch is not None:
            self._uninstall_watch.close()
        if self._uninstaller:
            try:
                self._store.remove_leader()
            except SdkError as error:
                self._log.warning("The leadership node of the removed framework stays behind", error=str(error))
        if self._phase is not Phase.UNINSTALLED:
            self._phase = Phase.STOPPED

    @property
    def working(self) -> bool:
        """False when the thread that does the work ended by itself."""
        return self._thread.ident is None or self._thread.is_alive()

    # ------------------------------------------------------------------------------------------------ host

    @property
    def plugin(self) -> Plugin:
        """The plugin that it hosts."""
        return self._plugin

    @property
    def settings(self) -> HostSettings:
        """See `Host`."""
        return self._settings

    @property
    def zookeeper(self) -> ZooKeeper:
        """See `Host`."""
        return self._zookeeper

    @property
    def leading(self) -> bool:
        """See `Host`."""
        return self._term is not None and self._charge.role is not Role.STANDBY

    def report(self, problems: Mapping[str, str]) -> None:
        """See `Host`."""
        self._reported = dict(problems)

    @property
    def services(self) -> frozenset[str] | None:
        """See `Host`."""
        frames = self._frames
        if frames is None:
            return None
        state, named = frames.state, self._named
        if named is None or named[0] is not state.targets or named[1] is not state.index.services:
            names = frozenset((*state.targets, *state.index.services, *state.troubles.broken))
            named = (state.targets, state.index.services, names)
            self._named = named
        return named[2]

    def fill_in(self, words: Mapping[str, str]) -> None:
        """See `Host`."""
        self._words = {**self._words, **words}

    def snapshot(self) -> Snapshot | None:
        """See `Host`. Made when asked for; sentences with seconds in them may be half a second old."""
        frames, shown, now = self._frames, self._shown, self._clock.now()
        if frames is None:
            return None
        state = frames.state
        if shown is None or shown[0] is not state or not 0 <= now - shown[1] < _SNAPSHOT_AGE:
            shown = (state, now, core.snapshot(state, now))
            self._shown = shown
        return shown[2]

    def records(self, service: str) -> Sequence[PodRecord]:
        """See `Host`."""
        frames = self._frames
        if frames is None:
            return ()
        state = frames.state
        return tuple(state.pods[key] for key in sorted(state.index.services.of(service)) if key in state.pods)

    def hear(self, hearer: Callable[[ExecutorMessage], None]) -> None:
        """See `Host`."""
        self._subscribing.hear(hearer)

    def tell(self, agent_id: AgentId, executor_id: ExecutorId, data: bytes) -> None:
        """See `Host`."""
        self._subscribing.call(SendMessage(agent_id=agent_id, executor_id=executor_id, data=data))

    # ------------------------------------------------------------------------------------------------ operators

    def submit(self, event: Event, timeout: float = 10.0) -> None:
        """Decide on `event` and return once what follows from it is stored.

        Raises NotInCharge, LeadershipLost when that was lost meanwhile, TimeoutError, or what made it impossible.
        """
        term = self._term
        if term is None or self._frames is None:
            raise NotInCharge(f"this process is not in charge of {self.name}: {self.status().reason}")
        answer: Future[None] = Future()
        self._inbox.put(Item(event, term.epoch, answer))
        answer.result(timeout)

    def status(self) -> Status:
        """See `Status`."""
        frames, holder = self._frames, self._charge.holder
        state = frames.state if frames is not None else None
        reason = self._why_not_ready(state)
        stored_error = frames.error if frames is not None else None
        return Status(
            phase=self._phase,
            leading=self.leading,
            ready=not reason,
            reason=reason,
            leader_url=holder.url if holder is not None else None,
            error=self._error or stored_error or (state.link.error if state is not None else None),
            skipped=tuple(frames.skipped) if frames is not None else (),
            problems={**(core.problems(state) if state is not None else {}), **self._reported},
        )

    def _why_not_ready(self, state: State | None) -> str:
        why = f": {self._error}" if self._error else ""
        match self._phase:
            case Phase.STANDBY:
                holder = self._charge.holder
                return f"standby: {f'{holder.url} is in charge' if holder else 'nobody is in charge yet'}{why}"
            case Phase.LOADING:
                return f"in charge, reading what is stored{why}"
            case Phase.UNINSTALLED:
                return "the framework was uninstalled; stop this process, or restart it to install it again"
            case Phase.STOPPED:
                return "stopped"
            case Phase.REMOVED:
                return self._error or "Mesos removed the framework"
            case Phase.LEADING:
                if self._charge.role is Role.SUSPENDED:
                    return "in charge, but ZooKeeper does not answer"
                if state is None or state.connection is not Connection.SUBSCRIBED:
                    told = state.link.error if state is not None else None
                    trouble = self._error or told or self._subscribing.trouble
                    return "not subscribed to Mesos" + (f": {trouble}" if trouble else "")
                frames = self._frames
                if frames is not None and frames.error is not None:
                    return f"in charge, but nothing can be stored: {frames.error}"
                return (frames.unusable or "") if frames is not None else ""

    # ------------------------------------------------------------------------------------------------ terms

    def _on_gained(self, epoch: int) -> None:
        with self._wake:
            self._inbox.forget_published()
            self._term = Term(epoch, self._wake)
            self._wake.notify_all()

    def _on_lost(self) -> None:
        """On the leadership's thread: whatever the runner's thread waits for, the stream closes now."""
        term = self._term
        if term is not None:
            term.end()
        self._subscribing.close()

    def _watch_uninstall(self) -> None:
        """A standby that saw the framework being uninstalled must not begin again when its nodes are gone."""
        seen = False

        def look(found: tuple[bytes, int] | None) -> None:
            nonlocal seen
            if found is not None:
                seen = decode(FrameworkRecord, found[0], self._store.record_path).uninstalling
            elif seen and self._frames is None:
                self._phase = Phase.UNINSTALLED
                # Stopping waits for the leadership's thread, which this thread's callbacks serve.
                threading.Thread(target=self._charge.stop, name=f"resign {self.name}", daemon=True).start()

        self._uninstall_watch = self._zookeeper.watch_data(self._store.record_path, look)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or (self._term is not None and self._term.alive()))
                term = self._term
            if self._stopping or term is None:
                break
            self._guarded_term(term)
        self._inbox.drain(NotInCharge("this process is stopping"))

    def _guarded_term(self, term: Term) -> None:
        try:
            self._lead(term)
        except Exception as error:  # noqa: BLE001 - a defect here must neither end the process nor go unseen
            self._error = f"internal error: {type(error).__name__}: {error}"
            self._log.exception("Leading failed; beginning again from what is stored")
            self._subscribing.close()
            term.pause(STORAGE.most)
        finally:
            self._subscribing.close()
            self._inbox.drain(LeadershipLost("this process is no longer in charge"))
            self._frames = None
            for gauge in (self._metrics.leader, self._metrics.subscribed):
                gauge.labels(self.name).set(0)
            if self._phase is not Phase.UNINSTALLED:
                self._phase = Phase.STANDBY

    def _lead(self, term: Term) -> None:
        self._phase = Phase.LOADING
        self._metrics.leader.labels(self.name).set(1)
        stored = self._load(term)
        if stored is None:
            return
        self._error = None
        record = self._with_roles(stored.framework or FrameworkRecord(name=self.name))
        targets = {name: service.target for name, service in stored.services.items() if service.target is not None}
        pods = [pod for service in stored.services.values() for pod in service.pods.values()]
        frames = Frames(
            name=self.name,
            term=term,
            state=State.restore(record, targets, pods, self._core_settings, stored.broken),
            store=self._store,
            charge=self._charge,
            send=lambda effect: self._send(term, effect),
            clock=self._clock,
            new_id=self._new_id,
            metrics=self._metrics,
        )
        self._frames = frames
        for name, why in stored.broken.items():
            self._log.error("What is stored of a service cannot be read; it is left as it is", service=name, why=why)
        self._log.info("Taking charge", services=len(stored.services), pods=len(pods), framework_id=record.framework_id)
        self._phase = Phase.LEADING
        self._asked, self._ask_due = False, 0.0
        self._ask_again.reset()
        self._subscribing.begin(term, frames.state.framework)
        while term.alive():
            self._ask_plugin(term)
            before = frames.state
            batch = self._next_batch(term, before)
            frames.run(batch)
            self._look_back(term, batch, before, frames.state)
            if frames.state is not before:
                self._tell_plugin()
            if frames.state.removal.uninstalled:
                self._finish_uninstall(term)
                return
            if frames.state.connection is not Connection.REMOVED:
                self._subscribing.keep_up(term, frames.state.framework)

    def _ask_plugin(self, term: Term) -> None:
        """Have the plugin publish its targets."""
        if self._asked or self._clock.monotonic() < self._ask_due:
            return
        try:
            self._plugin.took_charge(PublishedTargets(partial(self._inbox.publish, term)))
            self._asked = True
        except Exception:  # noqa: BLE001 - foreign code; what is stored holds meanwhile
            self._log.exception("The plugin could not publish its targets; asking it again")
            self._ask_due = self._clock.monotonic() + self._ask_again.delay()

    def _with_roles(self, record: FrameworkRecord) -> FrameworkRecord:
        """The core has to know every role that we subscribe with: offers come in it, wanted or not."""
        return dataclasses.replace(record, roles=tuple(sorted({*self._settings.framework.roles, *record.roles})))

    def _load(self, term: Term) -> Stored | None:
        """What is stored; None when the term ended first."""
        attempts = STORAGE.attempts(
            on=(StorageUnavailable, PermanentFailure), pause=term.pause, alive=term.alive, failed=self._not_loaded
        )
        try:
            for attempt in attempts:
                with attempt:
                    if not term.alive():
                        return None
                    return self._store.load()
        except (StorageUnavailable, PermanentFailure):
            pass  # the term is over; the failure was told
        return None

    def _not_loaded(self, error: BaseException, _seconds: float) -> None:
        why = str(error)
        if isinstance(error, PermanentFailure):
            # Acting without a record could kill or lose what it told about: an operator has to look at the node.
            why = f"stored state cannot be read: {error}; repair or remove that node"
            if why != self._error:
                self._log.error("Stored state cannot be read; not subscribing", error=str(error))
        self._error = why

    def _look_back(self, term: Term, batch: list[Item], before: State, state: State) -> None:
        """What the runner itself takes from the events that were decided on."""
        for item in batch:
            if isinstance(item.event, Subscribed):
                self._error = None
                self._subscribing.succeeded()
            elif isinstance(item.event, RenewalRequested) and _id_given_up(before, state):
                self._phase, self._error = Phase.LEADING, None
                self._subscribing.begin(term, state.framework)
            elif isinstance(item.event, Failed) and item.event.removed and not state.framework.uninstalling:
                self._phase = Phase.REMOVED
                self._error = (
                    f"Mesos removed the framework {state.framework.framework_id} for good ({item.event.message}): "
                    "its tasks are gone, its reservations are still there. To go on as a new framework, with the same "
                    "reservations and ports, ask for a renewal, with its secret: POST "
                    f"{self._settings.advertised_url}/v1/renew"
                )
                self._log.error(self._error)
            elif isinstance(item.event, Failed) and before.connection is Connection.DISCONNECTED:
                self._subscribing.failed(item.event.message, state.framework)
        if any(isinstance(item.event, Failed | UninstallRequested) for item in batch) and _removed_too_soon(state):
            self._log.warning("Mesos removed the framework before all its reservations were released; subscribing anew")
            self._inbox.put(Item(RenewalRequested(), term.epoch))
        self._metrics.subscribed.labels(self.name).set(int(state.connection is Connection.SUBSCRIBED))

    def _finish_uninstall(self, term: Term) -> None:
        self._subscribing.close()
        self._log.info("The framework is uninstalled; nothing of it is left in Mesos")
        attempts = STORAGE.attempts(on=SdkError, pause=term.pause, alive=term.alive, failed=self._plugin_left_something)
        try:
            for attempt in attempts:
                with attempt:
                    self._plugin.uninstalled()
        except Exception:  # noqa: BLE001 - foreign code; beginning again here would install the framework anew
            self._log.exception("The plugin failed to remove its own nodes; they stay")
        self._phase, self._uninstaller = Phase.UNINSTALLED, True
        # The lock stays with us, so that no standby installs the framework again.
        term.pause(None)

    def _plugin_left_something(self, error: BaseException, _seconds: float) -> None:
        self._log.warning("The plugin's own nodes could not be removed yet", error=str(error))

    def _send(self, term: Term, effect: CallEffect) -> None:
        kind = type(effect).__name__
        try:
            self._subscribing.call(filled(effect, self._words))
        except Exception as error:  # noqa: BLE001 - the core decides what to do about any failed call
            if not isinstance(error, SdkError):
                self._log.exception("A call failed in an unexpected way", call=kind)
            self._metrics.call_failures.labels(self.name, kind).inc()
            self._inbox.put(Item(call_failed(effect, error), term.epoch))
        else:
            self._log.debug("Mesos took a call", call=kind)
            self._metrics.calls.labels(self.name, kind).inc()
            if isinstance(effect, UpdateRoles):
                self._inbox.put(Item(RolesAccepted(roles=effect.roles), term.epoch))

    # ------------------------------------------------------------------------------------------------ queue

    def _next_batch(self, term: Term, state: State) -> list[Item]:
        """The next events, at the latest a Tick when the core or the feed is due; empty when the term ended."""
        due = core.next_wake(state, self._clock.now())
        if due is None or due > self._clock.now():
            self._tick_delay = 0.0
        timeout = _IDLE if due is None else max(self._tick_delay, due - self._clock.now())
        reopening = self._subscribing.due_in()
        if reopening is not None and state.connection is not Connection.REMOVED:
            timeout = min(timeout, reopening)
        if not self._asked:
            timeout = min(timeout, max(0.0, self._ask_due - self._clock.monotonic()))
        batch = self._inbox.take(term, timeout)
        if not term.alive():
            return []
        if due is not None and due <= self._clock.now():
            if not batch:
                self._tick_delay = min(max(self._tick_delay * 2, _TICK_FIRST), _TICK_MAX)
            batch.append(Item(Tick(), term.epoch))
        return batch

    def _tell_plugin(self) -> None:
        try:
            self._plugin.on_change()
        except Exception:  # noqa: BLE001 - foreign code must not stop the framework
            self._log.exception("The plugin failed to look at a change")


def _id_given_up(before: State, state: State) -> bool:
    return before.framework.framework_id is not None and state.framework.framework_id is None


def _removed_too_soon(state: State) -> bool:
    """The id is gone, and what is to be uninstalled is not."""
    return state.connection is Connection.REMOVED and state.framework.uninstalling and not state.removal.uninstalled
