"""One process of a scheduler: the runner's own turns, store and way into Mesos, without a thread.

It takes a turn for each event that comes, as long as nobody holds it; while it waits for something (ZooKeeper, a lock)
the world goes on, and what it hears meanwhile waits.
"""

import threading
from collections.abc import Callable, Mapping

from sdk.core.events import Event
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.framework_store import FrameworkStore
from sdk.mesos.calls import FrameworkInfo
from sdk.metrics import Metrics
from sdk.model.records import FrameworkRecord
from sdk.model.spec import ServiceSpec
from sdk.runner.frames import Decide, Item
from sdk.runner.inbox import Inbox
from sdk.runner.subscribing import Subscribing
from sdk.runner.take_over import TakeOver
from sdk.runner.term import Term
from sdk.runner.turns import Turns
from sdk.storage.holder import Role
from sdk.storage.memory_persister import MemoryPersister
from sdk.testing.cluster import Cluster
from sdk.testing.faults import Faults, ProcessDied
from sdk.testing.feed import PlayedFeed
from sdk.testing.lock import Lock, PlayedCharge
from sdk.testing.surroundings import ProcessStorage, StoryClock, StoryPlugin, StoryTerm


class Process:
    """From its start to its death."""

    def __init__(
        self,
        *,
        name: str,
        framework: str,
        cluster: Cluster,
        faults: Faults,
        persister: MemoryPersister,
        lock: Lock,
        root: str,
        settings: Settings,
        services: Callable[[], Mapping[str, ServiceSpec] | None],
        new_id: Callable[[], str],
        metrics: Metrics,
        decide: Decide,
        pass_time: Callable[[float], None],
    ) -> None:
        """`pass_time` lets the world go on for so many seconds, while this process waits."""
        self.name = name
        self.held = False
        """Whether events only gather for now, to be decided on together."""
        self.cut_off_until = 0.0
        """When it reaches ZooKeeper again."""
        self.dead = False
        self.plugin = StoryPlugin(services)
        self.turns: Turns | None = None
        """None while it is not in charge."""
        self.charge = PlayedCharge(lock, name, pass_time, lambda: not self.cut_off)
        self._framework = framework
        self._cluster = cluster
        self._faults = faults
        self._principal = settings.principal
        self._new_id = new_id
        self._metrics = metrics
        self._decide = decide
        self._pass_time = pass_time
        self._clock = StoryClock(cluster)
        self._wake = threading.Condition()
        self._waiting = 0
        self._busy = False
        self._term: Term | None = None
        self._turns_term: Term | None = None
        """The one that `turns` belong to: it may lose the charge and have it again in the middle of a turn."""
        self._feed: PlayedFeed | None = None
        self._store = FrameworkStore(ProcessStorage(persister, faults, lambda: not self.cut_off), root, framework)
        self._inbox = Inbox(self._wake, self._note_length)
        self._subscribing = Subscribing(
            name=framework,
            feeds=self._make_feed,
            inbox=self._inbox,
            wake=self._wake,
            own_roles=settings.own_roles,
            clock=self._clock,
        )
        self._take_over = TakeOver(name=framework, store=self._store, own_roles=settings.own_roles, settings=settings)

    @property
    def cut_off(self) -> bool:
        """Whether it does not reach ZooKeeper."""
        return self._cluster.now < self.cut_off_until

    @property
    def state(self) -> State | None:
        """What it knows; None while it is not in charge."""
        return None if self.turns is None else self.turns.frames.state

    @property
    def due(self) -> float | None:
        """When it wants a turn."""
        turns = self.turns
        if turns is None or self._busy or self.held or turns.uninstalled:
            return None
        return turns.due()

    def start(self) -> None:
        """Compete for the charge."""
        self.charge.start(self._gained, self._lost)

    def die(self) -> None:
        """It is killed: what is not stored is gone, its connections break."""
        self.dead = True
        self.charge.role = Role.STANDBY
        self._end_term()

    def give(self, event: Event) -> None:
        """An event of its own, after those that wait already."""
        if self._term is not None:
            self._inbox.put(Item(event, self._term.epoch))
        self.run()

    def publish(self) -> None:
        """The plugin has something new to say."""
        self.plugin.publish()
        self.run()

    def drop_connection(self, why: str) -> None:
        """Its stream breaks; it notices."""
        if self._feed is not None:
            self._feed.broken(why)

    def run(self) -> None:
        """Take a turn, and others while something waits, unless it is at something already."""
        if self._busy or self.held or self.dead:
            return
        self._busy = True
        try:
            while self._turn() and self._waiting:
                pass
        except ProcessDied:
            self.die()
        finally:
            self._busy = False
        if self._term is not None and not self._term.alive():
            self._end_term()

    def _turn(self) -> bool:
        if self._term is None or not self._term.alive():
            return False
        if self.turns is None or self._turns_term is not self._term:
            self.turns, term = None, self._term
            state = self._take_over.state(term)
            if state is None:
                return False
            self.turns, self._turns_term = self._make_turns(term, state), term
            self.turns.begin()
        if self.turns.uninstalled:
            self._subscribing.close()
            return False
        self.turns.turn(0.0)
        if self.turns is not None and self.turns.superseded is not None:
            self.dead = True
            self.charge.stop()
            return False
        return True

    def _make_turns(self, term: Term, state: State) -> Turns:
        return Turns(
            name=self._framework,
            term=term,
            state=state,
            store=self._store,
            charge=self.charge,
            inbox=self._inbox,
            subscribing=self._subscribing,
            plugin=self.plugin,
            words=dict,
            advertised_url=f"http://{self.name}",
            clock=self._clock,
            new_id=self._new_id,
            metrics=self._metrics,
            decide=self._decide,
        )

    def _make_feed(self, record: FrameworkRecord, post: Callable[[Event], None]) -> PlayedFeed:
        info = FrameworkInfo(
            name=self._framework,
            roles=record.roles,
            principal=self._principal,
            user="root" if record.user is None else record.user,
            framework_id=record.framework_id,
        )

        def heard(event: Event) -> None:
            post(event)
            self.run()

        self._feed = PlayedFeed(self._cluster, self._faults, info, heard)
        return self._feed

    def _gained(self, epoch: int) -> None:
        self._inbox.forget_published()
        self._term = StoryTerm(epoch, self._wake, self._pass_time)
        self._cluster.soon(self.run)

    def _lost(self) -> None:
        """What it is at right now comes to its end first."""
        if self._term is not None:
            self._term.end()
        self._subscribing.close()
        if not self._busy:
            self._end_term()

    def _end_term(self) -> None:
        if self._term is not None:
            self._term.end()
        self._subscribing.close()
        self.turns = self._term = None

    def _note_length(self, length: int) -> None:
        self._waiting = length
