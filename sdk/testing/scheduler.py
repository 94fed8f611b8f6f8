"""The scheduler of a simulation: the real decisions, stores and wire forms, without threads and sockets.

It does what the runner does: store first, then call; a process that dies between the two is one of the stories.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sdk.core.decide import decide, next_wake
from sdk.core.effects import (
    Accept,
    AcceptInverseOffers,
    Acknowledge,
    AcknowledgeOperation,
    CallEffect,
    Decline,
    DeclineInverseOffers,
    DeleteFramework,
    DeletePod,
    DeleteService,
    Effect,
    Kill,
    Log,
    Reconcile,
    Revive,
    SendMessage,
    StoreFramework,
    StorePod,
    StoreTarget,
    Suppress,
    Teardown,
    UpdateRoles,
)
from sdk.core.events import (
    CallFailed,
    Disconnected,
    Event,
    RenewalRequested,
    RolesAccepted,
)
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.framework_store import FrameworkStore
from sdk.mesos import calls, parse
from sdk.model.ids import TaskId
from sdk.model.records import FrameworkRecord
from sdk.model.spec import ServiceSpec
from sdk.runner.publishing import PublishedTargets
from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Put, Remove
from sdk.testing.cluster import Cluster

Json = dict[str, Any]
STORES = (StoreFramework, StoreTarget, StorePod, DeletePod, DeleteService, DeleteFramework)


class PlayedScheduler:
    """One framework's scheduler process, which can die and start again."""

    def __init__(self, cluster: Cluster, *, name: str, settings: Settings, new_id: Callable[[], str]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._new_id = new_id
        self._info = calls.FrameworkInfo(name=name, roles=(), principal=settings.principal, user="root")
        self._persister = MemoryPersister()
        self._store = FrameworkStore(self._persister, "/sim", name)
        self._events: deque[Event] = deque()
        self._busy = False
        self._stream: str | None = None
        self._roles: tuple[str, ...] = ()
        self._wishes: Mapping[str, ServiceSpec] | None = None
        self.state: State | None = None
        """None while the process is down."""
        self.effects: list[Effect] = []
        """Everything that was decided, in order."""
        self.sent: Counter[str] = Counter()
        """Calls that reached the master, by name."""
        self.failed: Counter[str] = Counter()
        """Calls that failed or were refused, by name."""
        self.lose: Counter[str] = Counter()
        """How many of the next calls of a name get lost on the way without anybody noticing."""
        self.refuse: Callable[[Json], str | None] = lambda _call: None
        """Why the master answers 400 to a call; None for one that it takes."""
        self.fail: Counter[str] = Counter()
        """How many of the next calls of a name fail with an error that the scheduler sees."""
        self.die_before: str | None = None
        """The process dies after storing, before the next call of this name."""
        cluster.on_scheduler_event = self._on_event
        cluster.on_scheduler_closed = self._on_closed

    # Life

    def start(self) -> None:
        """A new process: read what is stored, subscribe."""
        stored = self._store.load()
        framework = stored.framework or FrameworkRecord(name=self._info.name)
        self.state = State.restore(
            framework,
            {name: service.target for name, service in stored.services.items() if service.target is not None},
            [pod for service in stored.services.values() for pod in service.pods.values()],
            self._settings,
            stored.broken,
        )
        if self._wishes is not None:
            self._publish(self._wishes)
        self._subscribe()

    def die(self) -> None:
        """The process is killed: what is not stored is gone."""
        self.state = None
        self._events.clear()
        stream, self._stream = self._stream, None
        if stream is not None:
            self._cluster.scheduler_gone(stream)

    def publish(self, services: Mapping[str, ServiceSpec]) -> None:
        """The plugin's wishes; it tells them again after each start."""
        self._wishes = services
        self._publish(services)

    def _publish(self, services: Mapping[str, ServiceSpec]) -> None:
        def post(events: Iterable[Event], listed: Event | None) -> None:
            for event in (*((listed,) if listed is not None else ()), *events):
                self.give(event)

        PublishedTargets(post).publish_all(services)

    @property
    def wake(self) -> float | None:
        """When it wants a Tick."""
        return None if self.state is None else next_wake(self.state, self._cluster.now)

    def give(self, event: Event) -> None:
        """An event, after those that wait already."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events and self.state is not None:
                self._frame(self._events.popleft())
        finally:
            self._busy = False

    def renew(self) -> None:
        """An operator lets a framework that Mesos removed go on under a new id."""
        self.give(RenewalRequested())
        self._stream = None
        self._subscribe()

    def disconnect(self) -> None:
        """The connection breaks; the scheduler notices and subscribes again a second later."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._cluster.scheduler_gone(stream)
            self._lost("the connection broke")

    def stored_pods(self) -> list[str]:
        """Names of all instances on record."""
        services = self._store.load().services
        return sorted(f"{name}/{pod}" for name, service in services.items() for pod in service.pods)

    def forget(self, service: str) -> None:
        """Somebody removes the stored nodes of a service by hand while the process is down."""
        self._store.apply([DeleteService(service=service)])

    def corrupt(self, service: str, pod: str, data: bytes | None) -> bytes | None:
        """Somebody writes other bytes into the node of a record; what was there comes back."""
        path = f"{self._store.path}/services/{service}/pods/{pod}"
        before = self._persister.get(path)
        self._persister.apply([Remove(path) if data is None else Put(path, data)])
        return before

    def stored_anything(self) -> bool:
        """Whether any node is left."""
        stored = self._store.load()
        return stored.framework is not None or bool(stored.services)

    # Frames

    def _frame(self, event: Event) -> None:
        assert self.state is not None
        state, effects = decide(self.state, event, self._cluster.now, self._new_id)
        self.effects.extend(effects)
        self._store.apply([effect for effect in effects if isinstance(effect, STORES)])
        self.state = state
        for effect in effects:
            if isinstance(effect, (*STORES, Log)):
                continue
            if type(effect).__name__ == self.die_before:
                self.die_before = None
                self.die()
                return
            self._carry_out(effect)

    def _carry_out(self, effect: CallEffect) -> None:
        name = type(effect).__name__
        if self.lose[name] > 0:
            self.lose[name] -= 1
            return
        status, text = 503, "the call failed on the way"
        if self.fail[name] > 0:
            self.fail[name] -= 1
        elif self._stream is None:
            text = "there is no subscription"
        elif (refusal := self.refuse(self._wire(effect))) is not None:
            status, text = 400, refusal
        else:
            status, text = self._cluster.call(self._wire(effect), self._stream)
        if status in (200, 202):
            self.sent[name] += 1
            if isinstance(effect, UpdateRoles):
                self._events.append(RolesAccepted(roles=effect.roles))
            return
        self.failed[name] += 1
        tasks: tuple[TaskId, ...] = ()
        if isinstance(effect, Accept):
            tasks = tuple(
                task.task_id
                for operation in effect.operations
                if type(operation).__name__ == "Launch"
                for task in getattr(operation, "tasks", ())
            )
        self._events.append(
            CallFailed(
                effect=name,
                why=f"HTTP {status}: {text}",
                task_ids=tasks,
                offer_ids=getattr(effect, "offer_ids", ()),
                refused=400 <= status < 500,
            )
        )

    def _wire(self, effect: CallEffect) -> Json:
        assert self.state is not None
        framework_id = str(self.state.framework.framework_id)
        kind, body = _call(effect, framework_id, self._info)
        call: Json = {"type": kind, "framework_id": {"value": framework_id}}
        return call | ({kind.lower(): body} if body is not None else {})

    # The stream

    def _subscribe(self) -> None:
        if self.state is None or self._stream is not None:
            return
        record = self.state.framework
        self._roles = record.roles
        info = calls.framework_info(
            calls.FrameworkInfo(
                name=self._info.name,
                roles=record.roles,
                principal=self._info.principal,
                user="root",
                framework_id=record.framework_id,
            )
        )
        call: Json = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if record.framework_id is not None:
            call["framework_id"] = {"value": record.framework_id}
        stream = f"scheduler-{self._cluster.number()}"
        self._stream = stream
        status, _ = self._cluster.call(call, None, stream)
        if status != 200:
            self._stream = None
            self._cluster.later(1.0, self._subscribe)

    def _on_event(self, stream: str, event: Json) -> None:
        if stream != self._stream or self.state is None:
            return
        if event["type"] == "SUBSCRIBED":
            self.give(replace(parse.subscribed(event, "master:5050"), roles=self._roles))
            return
        parsed = parse.scheduler_event(event)
        if parsed is not None:
            self.give(parsed)

    def _on_closed(self, stream: str) -> None:
        if stream == self._stream:
            self._stream = None
            self._lost("the master ended the stream")

    def _lost(self, why: str) -> None:
        if self.state is not None and self.state.connection.value != "removed":
            self.give(Disconnected(why=why))
            self._cluster.later(1.0, self._subscribe)

    def master_gone(self) -> None:
        """The master died: the stream breaks."""
        if self._stream is not None:
            self._stream = None
            self._lost("the master is gone")


def _call(effect: CallEffect, framework_id: str, info: calls.FrameworkInfo) -> tuple[str, Json | None]:
    match effect:
        case Accept():
            return "ACCEPT", {
                "offer_ids": [{"value": each} for each in effect.offer_ids],
                "operations": [calls.operation(each, framework_id) for each in effect.operations],
                "filters": {"refuse_seconds": effect.refuse_seconds},
            }
        case Decline():
            return "DECLINE", {
                "offer_ids": [{"value": each} for each in effect.offer_ids],
                "filters": {"refuse_seconds": effect.refuse_seconds},
            }
        case AcceptInverseOffers() | DeclineInverseOffers():
            kind = "ACCEPT" if isinstance(effect, AcceptInverseOffers) else "DECLINE"
            return f"{kind}_INVERSE_OFFERS", {
                "inverse_offer_ids": [{"value": each} for each in effect.offer_ids],
                "filters": {"refuse_seconds": effect.refuse_seconds},
            }
        case Kill():
            body: Json = {"task_id": {"value": effect.task_id}}
            return "KILL", body | ({"agent_id": {"value": effect.agent_id}} if effect.agent_id else {})
        case Acknowledge():
            return "ACKNOWLEDGE", calls.task_acknowledgement(effect.status)
        case AcknowledgeOperation():
            return "ACKNOWLEDGE_OPERATION_STATUS", calls.operation_acknowledgement(effect.status)
        case Reconcile():
            tasks = [
                {"task_id": {"value": task_id}} | ({"agent_id": {"value": agent_id}} if agent_id else {})
                for task_id, agent_id in effect.tasks
            ]
            return "RECONCILE", {"tasks": tasks}
        case Suppress():
            return "SUPPRESS", {"roles": list(effect.roles)}
        case Revive():
            return "REVIVE", {"roles": list(effect.roles)}
        case UpdateRoles():
            wire = calls.framework_info(
                calls.FrameworkInfo(
                    name=info.name,
                    roles=effect.roles,
                    principal=info.principal,
                    user="root",
                    framework_id=framework_id,
                )
            )
            return "UPDATE_FRAMEWORK", {"framework_info": wire}
        case SendMessage():
            return "MESSAGE", {
                "agent_id": {"value": effect.agent_id},
                "executor_id": {"value": effect.executor_id},
                "data": calls.data(effect.data),
            }
        case Teardown():
            return "TEARDOWN", None
