"""The leadership of a framework, given and taken by the story: what `sdk.storage.election` does over ZooKeeper.

Knows epochs, and that a process may be in charge no more before it hears of it.
"""

from collections.abc import Callable

from sdk.errors import LeadershipLost
from sdk.storage.connection import Check
from sdk.storage.holder import Holder, Role
from sdk.storage.persister import Persister, Put

SESSION_TIMEOUT = 6.0
"""Seconds after which a process that ZooKeeper does not hear has lost its charge."""


class PlayedCharge:
    """One process' side; see `sdk.runner.edges.Charge`."""

    def __init__(self, lock: "Lock", name: str, pause: Callable[[float], None], reachable: Callable[[], bool]) -> None:
        """`pause` lets time pass; `reachable` tells whether the process reaches ZooKeeper."""
        self.reachable = reachable
        self.name = name
        self.role = Role.STANDBY
        self._lock = lock
        self._pause = pause
        self._epoch = 0
        self._gained: Callable[[int], None] = lambda _epoch: None
        self._lost: Callable[[], None] = lambda: None

    @property
    def holder(self) -> Holder | None:
        """Who is in charge."""
        holder = self._lock.holder
        return None if holder is None else Holder(id=holder.name, url=f"http://{holder.name}", pid=1, since=0.0)

    def check(self) -> Check:
        """The operation that fences writes; raises LeadershipLost."""
        if self.role is Role.STANDBY:
            raise LeadershipLost("this process is not in charge")
        return Check(self._lock.path, self._epoch)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait out a suspension; whether writes may go on."""
        if self.role is Role.SUSPENDED:
            self._pause(timeout or 1.0)
        return self.role is Role.LEADER

    def start(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Compete."""
        self._gained, self._lost = on_gained, on_lost
        self._lock.enter(self)

    def stop(self, timeout: float = 10.0) -> None:  # noqa: ARG002 - nothing is waited for
        """Give it up cleanly: another one takes over at once."""
        self.hear_of_the_loss()
        self._lock.leave(self)

    def take(self, epoch: int) -> None:
        """It is ours."""
        self._epoch, self.role = epoch, Role.LEADER
        self._gained(epoch)

    def suspend(self) -> None:
        """ZooKeeper does not answer."""
        if self.role is Role.LEADER:
            self.role = Role.SUSPENDED

    def resume(self) -> None:
        """ZooKeeper answers again."""
        if self.role is Role.SUSPENDED:
            self.role = Role.LEADER

    def hear_of_the_loss(self) -> None:
        """The process knows now that it is not in charge."""
        if self.role is not Role.STANDBY:
            self.role = Role.STANDBY
            self._lost()
            self._lock.settle()


class Lock:
    """Which process is in charge."""

    def __init__(self, persister: Persister, path: str) -> None:
        self.path = path
        self.holder: PlayedCharge | None = None
        """By the books of ZooKeeper, whatever the processes know."""
        self._persister = persister
        self._candidates: list[PlayedCharge] = []

    def enter(self, charge: PlayedCharge) -> None:
        """One process more."""
        self._candidates.append(charge)
        self.settle()

    def leave(self, charge: PlayedCharge) -> None:
        """One process less."""
        if charge in self._candidates:
            self._candidates.remove(charge)
        self.expire(charge)

    def expire(self, charge: PlayedCharge) -> None:
        """Its session is over: the next one in line takes over, and it is the last one in line itself."""
        if charge in self._candidates:
            self._candidates.remove(charge)
            self._candidates.append(charge)
        if self.holder is charge:
            self.holder = None
            self.settle()

    def settle(self) -> None:
        """Nobody is in charge: the first one that can."""
        if self.holder is not None:
            return
        free = next((each for each in self._candidates if each.role is Role.STANDBY and each.reachable()), None)
        if free is None:
            return
        self.holder = free
        self._persister.apply([Put(self.path, b"{}")])
        version = self._persister.version(self.path)
        assert version is not None
        free.take(version)
