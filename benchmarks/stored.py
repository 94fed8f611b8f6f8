"""A scheduler of the SDK with all of its frames, whose records are stored: in memory, or in ZooKeeper.

Only Mesos is not there: calls are counted.
"""

import itertools
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sdk.clock import SystemClock
from sdk.core.effects import Acknowledge, CallEffect, StoreEffect, StoreFramework, StorePod, StoreTarget
from sdk.core.events import Event
from sdk.core.state import State
from sdk.framework_store import FrameworkStore
from sdk.local.zookeeper import ZooKeeperServer
from sdk.mesos.parse import scheduler_event
from sdk.metrics import Metrics
from sdk.runner.frames import Frames, Item
from sdk.runner.term import Term
from sdk.storage.connection import Check, connect
from sdk.storage.holder import Role
from sdk.storage.persister import Persister, Put
from sdk.storage.zookeeper_persister import ZooKeeperPersister
from tests.support.ports import free_port


def parsed(line: str) -> Event:
    """An event of Mesos."""
    event = scheduler_event(json.loads(line))
    assert event is not None
    return event


class InCharge:
    """Leadership that nobody takes away."""

    role = Role.LEADER
    holder = None

    def __init__(self, path: str, version: int) -> None:
        self._check = Check(path, version)

    def check(self) -> Check:
        """As for every write."""
        return self._check

    def wait_ready(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - it always is
        """Writes may go on."""
        return True

    def start(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """It has begun."""

    def stop(self, timeout: float = 10.0) -> None:
        """It goes with the process."""


class Stored:
    """A scheduler whose records are stored, with all of its frames but for Mesos."""

    def __init__(self, persister: Persister, state: State) -> None:
        self.store = FrameworkStore(persister, "/benchmark", "framework")
        path = self.store.leader_path
        persister.apply([Put(path, b"")])
        version = persister.version(path)
        assert version is not None
        self.called = 0
        self.frames = Frames(
            name="framework",
            term=Term(version, threading.Condition()),
            state=state,
            store=self.store,
            charge=InCharge(path, version),
            send=self._send,
            clock=SystemClock(),
            new_id=map("id{}".format, itertools.count()).__next__,
            metrics=Metrics(),
        )

    def fill(self) -> None:
        """Store all that there is."""
        state = self.frames.state
        targets = [StoreTarget(config=found.config, spec=found.spec) for found in state.targets.values()]
        records = (StorePod(record=record) for record in state.pods.values())
        stores: list[StoreEffect] = [StoreFramework(record=state.framework), *targets, *records]
        for start in range(0, len(stores), 100):
            self.store.apply(stores[start : start + 100])

    def take(self, lines: Sequence[str], waiting: int) -> tuple[float, float]:
        """Have updates stored and acknowledged, so many at a time; updates a second of the clock, and of CPU."""
        before, begin, spent = self.called, time.monotonic(), time.process_time()
        for start in range(0, len(lines), waiting):
            self.frames.run([Item(parsed(line), 0) for line in lines[start : start + waiting]])
        assert self.called - before >= len(lines)
        return len(lines) / (time.monotonic() - begin), len(lines) / (time.process_time() - spent)

    def _send(self, effect: CallEffect) -> None:
        self.called += isinstance(effect, Acknowledge)


@contextmanager
def zookeeper() -> Iterator[ZooKeeperPersister]:
    """A server of its own."""
    directory = Path(tempfile.mkdtemp(prefix="edgelb-benchmark-"))
    server = ZooKeeperServer(directory, free_port())
    server.start()
    connection = connect(server.address, session_timeout=30.0)
    try:
        assert connection.wait_connected(30)
        yield ZooKeeperPersister(connection)
    finally:
        connection.close()
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
