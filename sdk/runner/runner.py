"""One framework in this process: the host of its plugin, what operators ask of it, and the parts that it consists of.

What is done during a term of leadership is in `sdk.runner.turns`, when there is one in `sdk.runner.terms`, the way into
Mesos in `sdk.runner.subscribing`.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

import structlog

from sdk.clock import Clock
from sdk.codecs import decode
from sdk.core import decide as core
from sdk.core.effects import SendMessage
from sdk.core.events import Event, ExecutorMessage
from sdk.core.settings import Settings
from sdk.core.snapshot import Snapshot
from sdk.core.state import State
from sdk.errors import SdkError
from sdk.framework_store import FrameworkStore
from sdk.metrics import Metrics
from sdk.model.ids import AgentId, ExecutorId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.plan.policies import Policy
from sdk.plugin import ADVERTISED, HostSettings, Plugin
from sdk.runner.core_settings import core_settings_of
from sdk.runner.edges import Charge, FeedFactory, NotInCharge, Status
from sdk.runner.frames import Item
from sdk.runner.inbox import Inbox
from sdk.runner.readiness import Standing
from sdk.runner.subscribing import Subscribing
from sdk.runner.take_over import TakeOver
from sdk.runner.term import Term
from sdk.runner.terms import Terms
from sdk.runner.turns import Turns
from sdk.storage.connection import Handle, ZooKeeper
from sdk.storage.holder import Role

T = TypeVar("T")
_SNAPSHOT_AGE = 0.5


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
        superseded: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """`superseded` is told why this process has given way to another scheduler, and has nothing more to do."""
        self._settings = settings
        self._words: Mapping[str, str] = {ADVERTISED: settings.advertised_url}
        self._policies: dict[str, Policy] = {}
        self._plugin = plugin
        self._zookeeper = zookeeper
        self._store = store
        self._charge = charge
        self._clock = clock
        self._new_id = new_id
        self._metrics = metrics
        self.name = settings.framework.name
        self._log = structlog.get_logger().bind(framework=self.name)

        # Guards what waits between threads; the turns (and their state) belong to the runner's thread, others read
        # whole values.
        wake = threading.Condition()
        self._inbox = Inbox(wake, metrics.queue.labels(self.name).set)
        self._subscribing = Subscribing(
            name=self.name,
            feeds=feeds,
            inbox=self._inbox,
            wake=wake,
            own_roles=settings.framework.roles,
            clock=clock,
        )
        self._terms = Terms(
            name=self.name,
            wake=wake,
            inbox=self._inbox,
            subscribing=self._subscribing,
            take_over=TakeOver(
                name=self.name,
                store=store,
                own_roles=settings.framework.roles,
                settings=replace(core_settings or core_settings_of(settings), policies=self._policies),
            ),
            turns=self._make_turns,
            clean_up=plugin.uninstalled,
            give_way=self._give_way,
            metrics=metrics,
        )
        self._superseded = superseded
        self._reported: Mapping[str, str] = {}
        self._shown: tuple[State, float, Snapshot] | None = None
        self._named: tuple[tuple[object, ...], frozenset[str]] | None = None
        self._uninstall_watch: Handle | None = None

    def _make_turns(self, term: Term, take_over: TakeOver) -> Turns | None:
        state = take_over.state(term)
        if state is None:
            return None
        return Turns(
            name=self.name,
            term=term,
            state=state,
            store=self._store,
            charge=self._charge,
            inbox=self._inbox,
            subscribing=self._subscribing,
            plugin=self._plugin,
            words=lambda: self._words,
            advertised_url=self._settings.advertised_url,
            clock=self._clock,
            new_id=self._new_id,
            metrics=self._metrics,
        )

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Start the plugin and compete for the charge; returns at once."""
        self._plugin.start(self)
        self._terms.start()
        self._charge.start(self._terms.gained, self._terms.lost)
        self._watch_uninstall()

    def stop(self) -> None:
        """End cleanly: tasks go on, the framework may come back, a standby takes over at once. No TEARDOWN."""
        self._terms.stop()
        self._charge.stop()
        self._plugin.stop()
        if self._uninstall_watch is not None:
            self._uninstall_watch.close()
        if self._terms.uninstaller:
            try:
                self._store.remove_leader()
            except SdkError as error:
                self._log.warning("The leadership node of the removed framework stays behind", error=str(error))
        self._terms.stopped()

    @property
    def working(self) -> bool:
        """False when the thread that does the work ended by itself."""
        return self._terms.working

    def _give_way(self, why: str) -> None:
        self._charge.stop()
        self._superseded(why)

    def _watch_uninstall(self) -> None:
        """A standby that saw the framework being uninstalled must not begin again when its nodes are gone."""
        seen = False

        def look(found: tuple[bytes, int] | None) -> None:
            nonlocal seen
            if found is not None:
                seen = decode(FrameworkRecord, found[0], self._store.record_path).uninstalling
            elif seen and self._terms.uninstalled_elsewhere():
                # Stopping waits for the leadership's thread, which this thread's callbacks serve.
                threading.Thread(target=self._charge.stop, name=f"resign {self.name}", daemon=True).start()

        self._uninstall_watch = self._zookeeper.watch_data(self._store.record_path, look)

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
        return self._terms.term is not None and self._charge.role is not Role.STANDBY

    def report(self, problems: Mapping[str, str]) -> None:
        """See `Host`."""
        self._reported = dict(problems)

    @property
    def services(self) -> frozenset[str] | None:
        """See `Host`."""
        state = self._state
        if state is None:
            return None
        named = self._named
        made_of = (state.targets, state.index.services, state.troubles.targetless)
        if named is None or any(one is not other for one, other in zip(named[0], made_of, strict=True)):
            named = (made_of, core.services(state))
            self._named = named
        return named[1]

    def fill_in(self, words: Mapping[str, str]) -> None:
        """See `Host`."""
        self._words = {**self._words, **words}

    def plan_policies(self, policies: Mapping[str, Policy]) -> None:
        """See `Host`."""
        self._policies.update(policies)

    def snapshot(self) -> Snapshot | None:
        """See `Host`. Made when asked for; sentences with seconds in them may be half a second old."""
        state, shown, now = self._state, self._shown, self._clock.now()
        if state is None:
            return None
        if shown is None or shown[0] is not state or not 0 <= now - shown[1] < _SNAPSHOT_AGE:
            shown = (state, now, core.snapshot(state, now))
            self._shown = shown
        return shown[2]

    def records(self, service: str) -> Sequence[PodRecord]:
        """See `Host`."""
        state = self._state
        if state is None:
            return ()
        return tuple(state.pods[key] for key in sorted(state.index.services.of(service)) if key in state.pods)

    def hear(self, hearer: Callable[[ExecutorMessage], None]) -> None:
        """See `Host`."""
        self._subscribing.hear(hearer)

    def tell(self, agent_id: AgentId, executor_id: ExecutorId, data: bytes) -> None:
        """See `Host`."""
        self._subscribing.call(SendMessage(agent_id=agent_id, executor_id=executor_id, data=data))

    def inspect(self, look: Callable[[State], T]) -> T | None:
        """What one of `sdk.core.inspection` sees, None while this process is not in charge. For people; costs as much
        as there is.
        """
        state = self._state
        return None if state is None else look(state)

    @property
    def _state(self) -> State | None:
        turns = self._terms.turns
        return None if turns is None else turns.frames.state

    # ------------------------------------------------------------------------------------------------ operators

    def submit(self, event: Event, timeout: float = 10.0) -> None:
        """Decide on `event` and return once what follows from it is stored.

        Raises NotInCharge, LeadershipLost when that was lost meanwhile, TimeoutError, or what made it impossible.
        """
        term = self._terms.term
        if term is None or self._terms.turns is None:
            raise NotInCharge(f"this process is not in charge of {self.name}: {self.status().reason}")
        answer: Future[None] = Future()
        self._inbox.put(Item(event, term.epoch, answer))
        answer.result(timeout)

    def status(self) -> Status:
        """See `Status`."""
        turns, holder = self._terms.turns, self._charge.holder
        standing = Standing(
            phase=self._terms.phase,
            error=self._terms.error,
            charge=self._charge,
            frames=None if turns is None else turns.frames,
            trouble=self._subscribing.trouble,
        )
        reason, state = standing.why_not_ready, standing.state
        return Status(
            phase=standing.phase,
            leading=self.leading,
            ready=not reason,
            reason=reason,
            leader_url=holder.url if holder is not None else None,
            error=standing.last_error,
            skipped=() if turns is None else tuple(turns.frames.skipped),
            quarantined=core.quarantined(state) if state is not None else (),
            problems={**(core.problems(state) if state is not None else {}), **self._reported},
        )
