"""One call of `decide` in the making: the changes to the state and the effects, until both are final.

The only mutable thing of the core; it lives for one event. It keeps the indexes of the state true and knows the order
of effects (storing comes first); it decides nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from sdk.core.cow import Draft, Groups
from sdk.core.effects import (
    CallEffect,
    DeleteFramework,
    DeletePod,
    DeleteService,
    Effect,
    Kill,
    Log,
    StoreEffect,
    StoreFramework,
    StorePod,
    StoreTarget,
)
from sdk.core.state import Connection, PodKey, RoleState, State, agents, task_ids
from sdk.model.ids import AgentId, OperationId, ResourceId, TaskId
from sdk.model.leaving import Leaving
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.resources import Range
from sdk.plan.backoff import Retry
from sdk.plan.need import LacksPorts, MustPlace, MustRelease, Need, Outdated, Overdue, Rest, Waits
from sdk.plan.wish import PodWish, Target

_OF_THE_STATE_ALONE = frozenset({"settings", "wake_at"})


class Frame:
    """Reads like a `State`; changes go through its methods."""

    def __init__(self, state: State, now: float, new_id: Callable[[], str]) -> None:
        self.before = state
        self.now = now
        self.new_id = new_id
        self.settings = state.settings
        self.framework = state.framework
        self.connection = state.connection
        self.master = state.master
        self.error = state.error
        self.broken = state.broken
        self.targets: Draft[str, Target] = Draft(state.targets)
        self.invalid: Draft[str, str] = Draft(state.invalid)
        self.faults: Draft[tuple[str, str], str] = Draft(state.faults)
        self.pods: Draft[PodKey, PodRecord] = Draft(state.pods)
        self.services: Groups[str, PodKey] = Groups(state.services)
        self.by_task: Draft[TaskId, PodKey] = Draft(state.by_task)
        self.by_agent: Groups[AgentId, PodKey] = Groups(state.by_agent)
        self.by_resource: Draft[ResourceId, PodKey] = Draft(state.by_resource)
        self.needs: Draft[PodKey, Need] = Draft(state.needs)
        self.unrest: Groups[str, PodKey] = Groups(state.unrest)
        self.queued: Groups[str, PodKey] = Groups(state.queued)
        self.placing: Draft[PodKey, bool] = Draft(state.placing)
        self.needs_due = state.needs_due
        self.updates_due: Draft[str, float] = Draft(state.updates_due)
        self.leftovers = state.leftovers
        self.kills: Draft[TaskId, Retry] = Draft(state.kills)
        self.kill_agents: Draft[TaskId, AgentId | None] = Draft(state.kill_agents)
        self.reconciles: Draft[TaskId, Retry] = Draft(state.reconciles)
        self.calls_due = state.calls_due
        self.implicit_due = state.implicit_due
        self.waiting_since: Draft[PodKey, float] = Draft(state.waiting_since)
        self.heard: Draft[AgentId, float] = Draft(state.heard)
        self.offered_ports: Draft[tuple[AgentId, str], tuple[Range, ...]] = Draft(state.offered_ports)
        self.leaving: Draft[AgentId, Leaving] = Draft(state.leaving)
        self.leaving_due: Draft[AgentId, float] = Draft(state.leaving_due)
        self.replacing: Draft[PodKey, float] = Draft(state.replacing)
        self.twice: Draft[PodKey, bool] = Draft(state.twice)
        self.room_for_others = state.room_for_others
        self.asking: Draft[PodKey, float] = Draft(state.asking)
        self.absent_since: Draft[ResourceId, float] = Draft(state.absent_since)
        self.released: Draft[ResourceId, float] = Draft(state.released)
        self.operations: Draft[OperationId, ResourceId] = Draft(state.operations)
        self.release_errors: Draft[ResourceId, int] = Draft(state.release_errors)
        self.alone = state.alone
        self.unproven = state.unproven
        self.refusals: Draft[PodKey, Mapping[AgentId, tuple[str, ...]]] = Draft(state.refusals)
        self.offers_seen = state.offers_seen
        self.roles: Draft[str, RoleState] = Draft(state.roles)
        self.membership = state.membership
        self.revives = state.revives
        self.sweep_until = state.sweep_until
        self.sweep_due = state.sweep_due
        self.sweeps = state.sweeps
        self.final_since = state.final_since
        self.teardown_due = state.teardown_due
        self.uninstalled = state.uninstalled
        self.notes: Draft[str, str] = Draft(state.notes)
        self.dirty: set[PodKey] = set()
        self.touched: dict[str, set[PodKey]] = {}
        """Services of which something changed, with the instances whose need was found anew."""
        self._stores: dict[tuple[str, ...], StoreEffect] = {}
        self._calls: list[CallEffect] = []
        self._logs: list[Log] = []

    @property
    def subscribed(self) -> bool:
        """Whether calls may be made."""
        return self.connection is Connection.SUBSCRIBED

    def wish(self, key: PodKey) -> PodWish | None:
        """What the instance should be; None when it is to be removed."""
        target = self.targets.get(key[0])
        record = self.pods.get(key)
        if target is None or record is None or self.framework.uninstalling:
            return None
        return target.wish(record.pod, record.index)

    # Records

    def put(self, record: PodRecord) -> None:
        """Change or add an instance: stored, indexed and looked at again."""
        key = (record.service, record.name)
        old = self.pods.get(key)
        self.dirty.add(key)
        if old == record:
            return
        self.pods[key] = record
        if old is None or _indexed(old) != _indexed(record):
            self._unindex(key, old)
            self._index(key, record)
        self._store(("pod", *key), StorePod(record=record))

    def remove(self, key: PodKey) -> None:
        """Forget an instance for good."""
        old = self.pods.pop(key)
        self._unindex(key, old)
        self.touched.setdefault(key[0], set())
        self.dirty.discard(key)
        self.waiting_since.pop(key, None)
        self.refusals.pop(key, None)
        self.alone -= {key}
        self.set_need(key, Rest())
        # Should a task of it show up again, nobody's tasks are killed as well.
        for task_id in task_ids(old):
            self.forget_kill(task_id)
        if key in self.before.pods:
            self._store(("pod", *key), DeletePod(service=key[0], pod=key[1]))
        else:
            self._stores.pop(("pod", *key), None)

    def set_framework(self, record: FrameworkRecord) -> None:
        """Change the framework's identity."""
        if record != self.framework:
            self.framework = record
            self._store(("framework",), StoreFramework(record=record))

    def set_target(self, name: str, target: Target) -> None:
        """Change what a service should be."""
        self.targets[name] = target
        self._store(("target", name), StoreTarget(config=target.config, spec=target.spec))
        self.touch(name)

    def delete_service(self, name: str) -> None:
        """Forget a service of which no instance is left."""
        self.services.drop(name)
        self.unrest.drop(name)
        self.invalid.pop(name, None)
        for key in [key for key in self.faults if key[0] == name]:
            del self.faults[key]
        self.updates_due.pop(name, None)
        self._stores.pop(("target", name), None)
        self._store(("service", name), DeleteService(service=name))

    def delete_framework(self) -> None:
        """The last act of an uninstall."""
        self._store(("framework",), DeleteFramework())

    @contextmanager
    def apart(self, service: str, part: str) -> Iterator[None]:
        """Keep a defect, in here or in what a plugin wished for, from the other services: it is told and left behind.

        `part` names what is done, as a gerund: what failed is well again when the same part succeeds.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this service only
            sentence = f"{part} fails with an internal error: {type(error).__name__}: {error}"
            if self.faults.get((service, part)) != sentence:
                self.log("error", f"Service {service}: {sentence}", service=service, exc_info=error)
                self.faults[service, part] = sentence
        else:
            self.faults.pop((service, part), None)

    def touch(self, service: str) -> None:
        """Look at all instances of a service again."""
        self.touched.setdefault(service, set())
        self.dirty.update(self.services.get(service))

    def set_need(self, key: PodKey, need: Need) -> None:
        """Remember what an instance needs."""
        if self.needs.get(key, Rest()) == need:
            return
        service = key[0]
        if isinstance(need, Outdated | Overdue | LacksPorts) or (
            isinstance(need, MustPlace) and need.instead is not None
        ):
            self.queued.add(service, key)
        else:
            self.queued.discard(service, key)
        if isinstance(need, MustPlace | MustRelease):
            self.placing[key] = True
        else:
            self.placing.pop(key, None)
        if not isinstance(need, Outdated | MustPlace | LacksPorts) or (
            isinstance(need, Outdated) and isinstance(self.needs.get(key), LacksPorts)
        ):
            self.asking.pop(key, None)
        if isinstance(need, Waits | MustRelease) and need.until is not None:
            self.needs_due = min(need.until, self.needs_due or need.until)
        if isinstance(need, Rest):
            del self.needs[key]
        else:
            self.needs[key] = need
        if isinstance(need, Rest | LacksPorts):
            self.unrest.discard(service, key)
        else:
            self.unrest.add(service, key)

    # Calls

    def call(self, effect: CallEffect) -> None:
        """Something to be said to Mesos after everything is stored."""
        self._calls.append(effect)

    def log(self, level: str, sentence: str, **fields: object) -> None:
        """A sentence for the log."""
        self._logs.append(Log(level=level, sentence=sentence, fields=fields))

    def kill(self, task_id: TaskId, agent_id: AgentId | None, *, again: bool = False) -> None:
        """End a task, and go on asking until it has ended. `again`: ask at once even if it was asked before."""
        present = self.kills.get(task_id)
        if present is not None and not again:
            return
        self.kill_agents[task_id] = agent_id
        first = Retry(due=self.now, delay=self.settings.kill_first)
        if self.subscribed:
            self.call(Kill(task_id=task_id, agent_id=agent_id))
            first = first.after_try(self.now, self.settings.kill_limit)
        self.retry_kill(task_id, first)

    def forget_kill(self, task_id: TaskId) -> None:
        """The task has ended."""
        self.kills.pop(task_id, None)
        self.kill_agents.pop(task_id, None)

    def reconcile(self, task_id: TaskId) -> None:
        """Ask Mesos about a task, and go on until it answers."""
        if task_id not in self.reconciles:
            self.retry_reconcile(task_id, Retry(due=self.now, delay=self.settings.reconcile_first))

    def retry_kill(self, task_id: TaskId, retry: Retry) -> None:
        """Send KILL when `retry` says, and again."""
        self.kills[task_id] = retry
        self.calls_due = min(self.calls_due, retry.due)

    def retry_reconcile(self, task_id: TaskId, retry: Retry) -> None:
        """Ask about a task when `retry` says, and again."""
        self.reconciles[task_id] = retry
        self.calls_due = min(self.calls_due, retry.due)

    def sweep(self, seconds: float) -> None:
        """Look through all offers for so long: new ones are asked for, in all roles."""
        self.sweep_until = max(self.sweep_until, self.now + seconds)
        self.sweep_due = self.now + self.settings.sweep_every
        self.sweeps += 1

    def proven(self, *, task: TaskId | None = None, resource: ResourceId | None = None) -> None:
        """Mesos said something that it can only say after the ACCEPT for this came."""
        if self.unproven:
            self.unproven = tuple(
                accept for accept in self.unproven if task not in accept.tasks and resource not in accept.resources
            )

    # The end

    def result(self, wake_at: float | None) -> tuple[State, tuple[Effect, ...]]:
        """The new state, and the effects in the order in which they are carried out."""
        changes: dict[str, Any] = {}
        for each in fields(State):
            if each.name not in _OF_THE_STATE_ALONE:
                value = getattr(self, each.name)
                changes[each.name] = value.result() if isinstance(value, Draft | Groups) else value
        state = replace(self.before, wake_at=wake_at, **changes)
        return state, (*self._stores.values(), *self._calls, *self._logs)

    def _store(self, what: tuple[str, ...], effect: StoreEffect) -> None:
        self._stores.pop(what, None)  # the last word counts, and in the order of the last words
        self._stores[what] = effect

    def _index(self, key: PodKey, record: PodRecord) -> None:
        self.services.add(key[0], key)
        for task_id in task_ids(record):
            self.by_task[task_id] = key
        for agent_id in agents(record):
            self.by_agent.add(agent_id, key)
        if record.holding is not None and record.holding.resource_id is not None:
            self.by_resource[record.holding.resource_id] = key
        if record.superseded:
            self.leftovers |= {key}
        if record.replacing_since is not None:
            self.replacing[key] = record.replacing_since
        if record.runs_twice:
            self.twice[key] = True

    def _unindex(self, key: PodKey, record: PodRecord | None) -> None:
        if record is None:
            return
        self.services.discard(key[0], key)
        for task_id in task_ids(record):
            self.by_task.pop(task_id, None)
        for agent_id in set(agents(record)):
            self.by_agent.discard(agent_id, key)
        if record.holding is not None and record.holding.resource_id is not None:
            self.by_resource.pop(record.holding.resource_id, None)
        if key in self.leftovers:
            self.leftovers -= {key}
        self.replacing.pop(key, None)
        self.twice.pop(key, None)


def _indexed(record: PodRecord) -> tuple[object, ...]:
    """What the indexes are made of: most updates change none of it."""
    held = record.holding.resource_id if record.holding is not None else None
    return (tuple(task_ids(record)), tuple(agents(record)), held, record.superseded, record.replacing_since)
