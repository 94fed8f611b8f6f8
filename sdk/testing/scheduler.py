"""A framework's scheduler in a simulation: its processes, what they store, the lock that one of them holds.

Each process is the real one but for its edges (`sdk.testing.process`): what is decided, stored and said is exactly what
the runner would decide, store and say.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sdk.core import decide as core
from sdk.core.effects import DeleteService, Effect
from sdk.core.events import Event, RenewalRequested
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.framework_store import FrameworkStore
from sdk.metrics import Metrics
from sdk.model.spec import ServiceSpec
from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Put, Remove, Write
from sdk.testing.cluster import Cluster
from sdk.testing.faults import Faults, ProcessDied
from sdk.testing.lock import SESSION_TIMEOUT, Lock
from sdk.testing.process import Process

Json = dict[str, Any]
_ROOT = "/sim"


class PlayedScheduler:
    """All processes of one framework."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        name: str,
        settings: Settings,
        new_id: Callable[[], str],
        pass_time: Callable[[float], None],
    ) -> None:
        """`pass_time` lets the world go on for so many seconds, while a process waits."""
        self.faults = Faults()
        self.services: Mapping[str, ServiceSpec] | None = None
        """What the plugin publishes; None before anything was said."""
        self.effects: list[Effect] = []
        """Everything that was decided, in order."""
        self.processes: list[Process] = []
        """Those that are alive, the oldest first."""
        self._name = name
        self._cluster = cluster
        self._settings = settings
        self._new_id = new_id
        self._pass_time = pass_time
        self._metrics = Metrics()
        self._persister = MemoryPersister()
        self._store = FrameworkStore(self._persister, _ROOT, name)
        self._lock = Lock(self._persister, self._store.leader_path)

    # What there is

    @property
    def leader(self) -> Process | None:
        """The process in charge, by the books of ZooKeeper."""
        holder = self._lock.holder
        return next((each for each in self.processes if each.charge is holder), None)

    @property
    def state(self) -> State | None:
        """What the process in charge knows; None while there is none."""
        leader = self.leader
        return None if leader is None else leader.state

    @property
    def sent(self) -> Counter[str]:
        """Calls that reached the master, by name."""
        return self.faults.sent

    @property
    def failed(self) -> Counter[str]:
        """Calls that failed or were refused, by name."""
        return self.faults.failed

    @property
    def wake(self) -> float | None:
        """When one of the processes wants a turn."""
        return min((due for each in self.processes if (due := each.due) is not None), default=None)

    def stored_pods(self) -> list[str]:
        """Names of all instances on record."""
        services = self._store.load().services
        return sorted(f"{name}/{pod}" for name, service in services.items() for pod in service.pods)

    def stored_anything(self) -> bool:
        """Whether any node is left."""
        stored = self._store.load()
        return stored.framework is not None or bool(stored.services)

    # Life

    def start(self) -> None:
        """One process more: it takes over when nobody is in charge, else it stands by."""
        self.bury()
        process = Process(
            name=f"scheduler{self._cluster.number()}",
            framework=self._name,
            cluster=self._cluster,
            faults=self.faults,
            persister=self._persister,
            lock=self._lock,
            root=_ROOT,
            settings=self._settings,
            services=lambda: self.services,
            new_id=self._new_id,
            metrics=self._metrics,
            decide=self._decide,
            pass_time=self._pass_time,
        )
        self.processes.append(process)
        process.start()

    def die(self) -> None:
        """The process in charge is killed."""
        leader = self.leader
        if leader is not None:
            leader.die()
            self.bury()

    def bury(self) -> None:
        """Let the lock of dead processes go: at once when nobody else wants it, else with the end of the session."""
        for process in [each for each in self.processes if each.dead]:
            self.processes.remove(process)
            if self.processes:
                self._cluster.later(SESSION_TIMEOUT, partial(self._lock.leave, process.charge))
            else:
                self._lock.leave(process.charge)

    def turn(self, now: float) -> None:
        """Whoever wants one gets it."""
        for process in list(self.processes):
            due = process.due
            if due is not None and due <= now:
                process.run()
        self.bury()

    # What happens

    def publish(self, services: Mapping[str, ServiceSpec]) -> None:
        """What the plugin wants now; it says so again after each take-over."""
        self.services = services
        for process in list(self.processes):
            process.publish()

    def give(self, event: Event) -> None:
        """An event for the process in charge."""
        leader = self.leader
        if leader is not None:
            leader.give(event)

    def renew(self) -> None:
        """An operator lets a framework that Mesos removed go on under a new id."""
        self.give(RenewalRequested())

    def disconnect(self, why: str = "the connection broke") -> None:
        """The streams of all processes break."""
        for process in list(self.processes):
            process.drop_connection(why)

    def lose_charge(self) -> None:
        """The session of the process in charge ends, and it hears of it at once; the next one in line takes over."""
        leader = self.leader
        if leader is not None:
            leader.charge.hear_of_the_loss()
            self._lock.expire(leader.charge)

    def cut_off(self, seconds: float) -> None:
        """The process in charge does not reach ZooKeeper for so long."""
        leader = self.leader
        if leader is None:
            return
        leader.cut_off_until = max(leader.cut_off_until, self._cluster.now + seconds)
        leader.charge.suspend()
        if seconds >= SESSION_TIMEOUT:
            self._cluster.later(SESSION_TIMEOUT, partial(self._expire, leader))
        self._cluster.later(seconds, partial(self._reach_again, leader))

    def freeze(self, seconds: float) -> None:
        """The process in charge stands still, in the middle of what it does; it goes on as if nothing had happened."""
        leader = self.leader
        if leader is None:
            return
        if seconds >= SESSION_TIMEOUT:
            self._cluster.later(SESSION_TIMEOUT, partial(self._lock.expire, leader.charge))
        held, leader.held = leader.held, True
        self._pass_time(seconds)
        leader.held = held
        self._cluster.soon(leader.run)
        if self._lock.holder is not leader.charge:
            # It hears of it with the first thing that it does of its own; what it was at comes before.
            self._cluster.soon(leader.charge.hear_of_the_loss)

    def before(self, call: str, happening: Callable[[], None]) -> None:
        """Have something happen after storing, before the next call of that name."""
        self.faults.before[call] = happening

    def die_before(self, call: str) -> None:
        """The process dies after storing, before its next call of that name."""
        self.before(call, _die)

    def refuse_writes(self, why: Callable[[Write], str | None]) -> None:
        """The storage can never take the writes for which `why` gives a reason."""
        self.faults.refuse_write = why

    def forget(self, service: str) -> None:
        """Somebody removes the stored nodes of a service by hand while the process is down."""
        self._store.apply([DeleteService(service=service)])

    def corrupt(self, service: str, pod: str, data: bytes | None) -> bytes | None:
        """Somebody writes other bytes into the node of a record; what was there comes back."""
        path = f"{self._store.path}/services/{service}/pods/{pod}"
        before = self._persister.get(path)
        self._persister.apply([Remove(path) if data is None else Put(path, data)])
        return before

    def spoil_target(self, service: str) -> None:
        """Somebody writes what is no configuration into the nodes of a service."""
        path = f"{self._store.path}/services/{service}/configs"
        for config in self._persister.children(path):
            self._persister.apply([Put(f"{path}/{config}", b"{")])

    def _expire(self, process: Process) -> None:
        if process.cut_off and process.charge is self._lock.holder:
            process.charge.hear_of_the_loss()
            self._lock.expire(process.charge)

    def _reach_again(self, process: Process) -> None:
        if not process.cut_off:
            process.charge.resume()
            self._lock.settle()

    def _decide(
        self, state: State, event: Event, now: float, new_id: Callable[[], str]
    ) -> tuple[State, tuple[Effect, ...]]:
        state, effects = core.decide(state, event, now, new_id)
        self.effects.extend(effects)
        return state, effects


def _die() -> None:
    raise ProcessDied
