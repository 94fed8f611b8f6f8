"""The edges of a runner as doubles: a master that says what the test tells it, a lock that the test holds, a plugin."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint

from sdk.core.effects import Accept, CallEffect, Teardown, UpdateRoles
from sdk.core.events import (
    Disconnected,
    Event,
    Failed,
    OffersReceived,
    OperationStatusReceived,
    StatusReceived,
    Subscribed,
)
from sdk.errors import LeadershipLost, NotConnected, Refused, SdkError, StorageUnavailable
from sdk.model.ids import AgentId, FrameworkId, TaskId
from sdk.model.operations import Launch, Reserve, TaskLaunch, Unreserve
from sdk.model.records import FrameworkRecord
from sdk.model.resources import Offer, Resource
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec, UriSpec
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus
from sdk.plugin import ADVERTISED, Host, Targets
from sdk.storage.connection import Check
from sdk.storage.holder import Holder, Role
from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Put, Write


class Master:
    """Every feed that was made; the last one is alive."""

    def __init__(self) -> None:
        self.feeds: list[ScriptedFeed] = []
        self.refuse: SdkError | None = None
        self.forbidden: set[str] = set()
        """Roles that are not given to anybody."""

    def __call__(self, record: FrameworkRecord, post: Callable[[Event], None]) -> "ScriptedFeed":
        feed = ScriptedFeed(self, record, post)
        self.feeds.append(feed)
        return feed

    @property
    def feed(self) -> "ScriptedFeed":
        """The last one."""
        return self.feeds[-1]

    @property
    def calls(self) -> list[CallEffect]:
        """Every call that was taken, of all feeds."""
        return [call for feed in self.feeds for call in feed.calls]

    def launched(self) -> list[TaskLaunch]:
        """Every task that was launched."""
        return [
            task
            for call in self.calls
            if isinstance(call, Accept)
            for operation in call.operations
            if isinstance(operation, Launch)
            for task in operation.tasks
        ]


class ScriptedFeed:
    """One subscription."""

    def __init__(self, master: Master, record: FrameworkRecord, post: Callable[[Event], None]) -> None:
        self.record, self.roles, self.post = record, record.roles, post
        self.failure: str | None = None
        self.trouble: str | None = None
        self.calls: list[CallEffect] = []
        self.refused: list[CallEffect] = []
        self.started = threading.Event()
        self.stopped = threading.Event()
        self._master = master

    def start(self) -> None:
        self.started.set()
        if forbidden := self._master.forbidden.intersection(self.roles):
            # As a real master: an ERROR, and the stream ends before it was subscribed.
            self.post(Failed(message=f"Not authorized to register framework with roles {forbidden}"))
            return
        framework_id = self.record.framework_id or FrameworkId("framework-1")
        self.post(Subscribed(framework_id=framework_id, master="master:5050", roles=self.roles))

    def stop(self) -> None:
        self.stopped.set()

    def join(self, timeout: float | None = None) -> bool:
        return True

    def call(self, effect: CallEffect) -> None:
        if self.stopped.is_set():
            raise NotConnected("stopped")
        if self._master.refuse is not None:
            raise self._master.refuse
        if isinstance(effect, UpdateRoles) and (forbidden := self._master.forbidden.intersection(effect.roles)):
            self.refused.append(effect)
            raise Refused(403, f"Not authorized to register framework with roles {forbidden}")
        self.calls.append(effect)
        if isinstance(effect, Accept):
            for operation in effect.operations:
                if isinstance(operation, Reserve | Unreserve) and operation.operation_id is not None:
                    finished = OperationStatus(
                        operation_id=operation.operation_id, state=OperationState.FINISHED, uuid=f"u-{len(self.calls)}"
                    )
                    # Whoever calls does not read the stream as well, which waits while too many events do.
                    told = OperationStatusReceived(status=finished)
                    threading.Thread(target=self.post, args=(told,), daemon=True).start()
        if isinstance(effect, Teardown):
            # As a real master: the stream ends, and the next try to subscribe is refused for ever.
            self.post(Disconnected(why="the stream ended"))
            self.fail("Framework has been removed", removed=True)

    def fail(self, message: str, *, removed: bool = False) -> None:
        self.failure = message
        self.post(Failed(message=message, removed=removed))

    def offer(self, number: int = 1, agent: str = "a1") -> None:
        role = self.roles[0]
        self.post(OffersReceived(offers=(make_offer(number, agent, role),)))

    def offer_reserved(self, number: int, agent: str = "a1") -> None:
        """What was reserved comes back in an offer."""
        reserved = tuple(
            resource
            for call in self.calls
            if isinstance(call, Accept)
            for operation in call.operations
            if isinstance(operation, Reserve)
            for resource in operation.resources
        )
        offer = make_offer(number, agent, self.roles[0])
        self.post(OffersReceived(offers=(replace(offer, resources=reserved),)))

    def status(self, task: TaskLaunch, state: TaskState) -> None:
        self.post(
            StatusReceived(
                status=TaskStatus(
                    task_id=TaskId(task.task_id), state=state, agent_id=task.agent_id, uuid=f"u-{state}-{task.task_id}"
                )
            )
        )


def make_offer(number: int, agent: str, role: str) -> Offer:
    """Four cores and ten ports."""
    return Offer(
        id=f"o{number}",
        framework_id="framework-1",
        agent_id=AgentId(agent),
        hostname=f"{agent}.example",
        role=role,
        resources=(
            Resource(name="cpus", scalar=4000, allocation_role=role),
            Resource(name="mem", scalar=4_000_000, allocation_role=role),
            Resource(name="disk", scalar=4_000_000, allocation_role=role),
            Resource(name="ports", ranges=((31000, 31009),), allocation_role=role),
        ),
    )


class Lock:
    """A leadership that the test gives and takes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.role = Role.STANDBY
        self.holder: Holder | None = None
        self.epoch = 0
        self._gained: Callable[[int], None] | None = None
        self._lost: Callable[[], None] | None = None
        self.stopped = False

    def start(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        self._gained, self._lost = on_gained, on_lost

    def stop(self, timeout: float = 10.0) -> None:
        self.stopped = True
        if self.role is not Role.STANDBY:
            self.take()

    def give(self, persister: MemoryPersister) -> None:
        """Put the process in charge, as an election does."""
        persister.apply([Put(self.path, b"{}")])
        version = persister.version(self.path)
        assert version is not None
        assert self._gained is not None
        self.epoch, self.role = version, Role.LEADER
        self._gained(version)

    def take(self) -> None:
        """Another process is in charge."""
        self.role = Role.STANDBY
        assert self._lost is not None
        self._lost()

    def suspend(self, suspended: bool = True) -> None:
        """ZooKeeper stops or starts to answer."""
        self.role = Role.SUSPENDED if suspended else Role.LEADER

    def check(self) -> Check:
        if self.role is Role.STANDBY:
            raise LeadershipLost("not in charge")
        return Check(self.path, self.epoch)

    def wait_ready(self, timeout: float | None = None) -> bool:
        if self.role is Role.SUSPENDED:
            threading.Event().wait(min(timeout or 0.01, 0.01))
        return self.role is Role.LEADER


class FlakyPersister(MemoryPersister):
    """Memory whose writes fail when the test says so, and that remembers each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.down = threading.Event()
        self.refused = 0
        self.batches: list[Sequence[Write]] = []
        self.on_apply: Callable[[Sequence[Write]], None] = lambda operations: None

    def apply(self, operations: Sequence[Write], check: Check | None = None) -> None:
        if self.down.is_set():
            self.refused += 1
            raise StorageUnavailable("the test took ZooKeeper away")
        self.on_apply(operations)
        super().apply(operations, check)
        self.batches.append(operations)


class NoZooKeeper:
    """What the runner uses of a connection beside the store: a watch, which never fires here."""

    def watch_data(self, path: str, callback: object) -> "NoZooKeeper":
        return self

    def close(self) -> None:
        pass


WORD = "{a word}"
"""Stands in what is wished for, as text for the shell."""


class Wisher:
    """A plugin that wishes what the test says."""

    def __init__(self, services: Mapping[str, ServiceSpec] | None = None) -> None:
        self.services = dict(services or {})
        self.host: Host | None = None
        self.gone = threading.Event()
        self.asked: list[Targets] = []
        self.changes = 0

    def start(self, host: Host) -> None:
        self.host = host
        host.fill_in({WORD: "filled in"})

    def took_charge(self, targets: Targets) -> None:
        self.asked.append(targets)
        targets.publish_all(self.services)

    def stop(self) -> None:
        pass

    def blueprints(self, host: Host) -> Sequence[Blueprint]:
        return []

    def on_change(self) -> None:
        self.changes += 1

    def uninstalled(self) -> None:
        self.gone.set()


def service(name: str = "web", count: int = 1, *, role: str = "test", **task: Any) -> ServiceSpec:
    """One pod of one small command task."""
    command = CommandSpec(value=f"sleep 1; : {WORD}", uris=(UriSpec(value=f"{ADVERTISED}/x"),))
    spec = TaskSpec(name="main", cpus=100, mem=32_000, command=command, **task)
    return ServiceSpec(name=name, pods=(PodSpec(name="pod", count=count, tasks=(spec,), role=role),))
