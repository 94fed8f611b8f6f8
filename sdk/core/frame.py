"""One call of `decide` in the making: the changes to the state and the effects, until both are final.

The only thing of the core that changes; it lives for one event. It stores what it changes of the truth, keeps the index
of it, and knows the order of effects (storing comes first); it decides nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

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
from sdk.core.index import task_ids
from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.core.state import PodKey, State
from sdk.model.ids import AgentId, TaskId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.plan.backoff import Retry
from sdk.plan.need import LacksPorts, MustPlace, Need, Outdated
from sdk.plan.wish import PodWish, Target


class Frame(State):
    """A state that is being made: each part of the state before, to be changed."""

    def __init__(self, state: State, now: float, new_id: Callable[[], str]) -> None:
        for name, value in vars(state).items():
            setattr(self, name, value.copy() if isinstance(value, Slice) else value)
        self.before = state
        self.now = now
        self.new_id = new_id
        self.dirty: set[PodKey] = set()
        """Instances whose need has to be found anew."""
        self.touched: dict[str, set[PodKey]] = {}
        """Services of which something changed, with the instances whose need was found anew."""
        self.changed: set[PodKey] = set()
        """Instances that may want offers now, or want none any more."""
        self._stores: dict[tuple[str, ...], StoreEffect] = {}
        self._said: list[CallEffect] = []
        self._logs: list[Log] = []

    @property
    def subscribed(self) -> bool:
        """Whether calls may be made."""
        return self.link.subscribed

    def wish(self, key: PodKey) -> PodWish | None:
        """What the instance should be; None when it is to be removed."""
        return self.stored.wish(key)

    # Records

    def put(self, record: PodRecord) -> None:
        """Change or add an instance: stored, indexed and looked at again."""
        key = (record.service, record.name)
        old = self.pods.get(key)
        self.dirty.add(key)
        self.changed.add(key)
        if old == record:
            return
        self.stored.pods = self.pods.set(key, record)
        self._reindex(key, old, record)
        self._store(("pod", *key), StorePod(record=record))

    def remove(self, key: PodKey) -> None:
        """Forget an instance for good."""
        old = self.pods[key]
        self.stored.pods = self.pods.delete(key)
        self._reindex(key, old, None)
        self.work.forget(key)
        self.changed.add(key)
        self.touched.setdefault(key[0], set())
        self.dirty.discard(key)
        # Should a task of it show up again, nobody's tasks are killed as well.
        for task_id in task_ids(old):
            self.calls.forget_kill(task_id)
        if key in self.before.pods:
            self._store(("pod", *key), DeletePod(service=key[0], pod=key[1]))
        else:
            self._stores.pop(("pod", *key), None)

    def set_framework(self, record: FrameworkRecord) -> None:
        """Change the framework's identity."""
        if record != self.framework:
            self.stored.framework = record
            self._store(("framework",), StoreFramework(record=record))

    def set_target(self, name: str, target: Target) -> None:
        """Change what a service should be."""
        self.roles.set_target(name, self.targets.get(name), target)
        self.stored.targets = self.targets.set(name, target)
        self._store(("target", name), StoreTarget(config=target.config, spec=target.spec))
        self.touch(name)

    def drop_target(self, name: str) -> None:
        """A service should not be there any more; what is stored of it goes with its last instance."""
        self.roles.set_target(name, self.targets.get(name), None)
        self.stored.targets = without(self.targets, name)

    def delete_service(self, name: str) -> None:
        """Forget a service of which no instance is left."""
        self.work.forget_service(name)
        self.troubles.forget(name)
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
            if self.troubles.faults.get((service, part)) != sentence:
                self.log("error", f"Service {service}: {sentence}", service=service, exc_info=error)
                self.troubles.faults = self.troubles.faults.set((service, part), sentence)
        else:
            self.troubles.faults = without(self.troubles.faults, (service, part))

    def touch(self, service: str) -> None:
        """Look at all instances of a service again."""
        self.touched.setdefault(service, set())
        self.dirty.update(self.index.services.of(service))

    def set_need(self, key: PodKey, need: Need) -> None:
        """Remember what an instance needs."""
        changes_kind = isinstance(need, Outdated) and isinstance(self.work.need(key), LacksPorts)
        self.work.set_need(key, need)
        self.changed.add(key)
        if changes_kind or not isinstance(need, Outdated | MustPlace | LacksPorts):
            self.stop_asking(key)

    def ask(self, key: PodKey) -> float:
        """Wait for an offer of the agent of an instance; returns since when."""
        since = self.work.asking.get(key)
        if since is None:
            since = self.now
            self.work.asking = self.work.asking.set(key, since)
            self.changed.add(key)
        return since

    def stop_asking(self, key: PodKey) -> None:
        """Its turn is over, or has not come."""
        if key in self.work.asking:
            self.work.asking = self.work.asking.delete(key)
            self.changed.add(key)

    # Calls

    def call(self, effect: CallEffect) -> None:
        """Something to be said to Mesos after everything is stored."""
        self._said.append(effect)

    def log(self, level: str, sentence: str, **fields: object) -> None:
        """A sentence for the log."""
        self._logs.append(Log(level=level, sentence=sentence, fields=fields))

    def kill(self, task_id: TaskId, agent_id: AgentId | None, *, again: bool = False) -> None:
        """End a task, and go on asking until it has ended. `again`: ask at once even if it was asked before."""
        self._ending(task_id)
        if task_id in self.calls.kills and not again:
            return
        first = Retry(due=self.now, delay=self.settings.kill_first)
        if self.subscribed:
            self.call(Kill(task_id=task_id, agent_id=agent_id))
            first = first.after_try(self.now, self.settings.kill_limit)
        self.calls.repeat_kill(task_id, agent_id, first)

    def _ending(self, task_id: TaskId) -> None:
        """On record, so that another process goes on with it."""
        key = self.index.by_task.get(task_id)
        record = None if key is None else self.pods[key]
        if record is not None and any(task.task_id == task_id and not task.ending for task in record.tasks):
            tasks = (replace(task, ending=True) if task.task_id == task_id else task for task in record.tasks)
            self.put(replace(record, tasks=tuple(tasks)))

    def reconcile(self, task_id: TaskId) -> None:
        """Ask Mesos about a task, and go on until it answers."""
        if task_id not in self.calls.reconciles:
            self.calls.repeat_question(task_id, Retry(due=self.now, delay=self.settings.reconcile_first))

    def sweep(self, seconds: float) -> None:
        """Look through all offers for so long: new ones are asked for, in all roles."""
        self.roles.watch(self.now + seconds)
        self.roles.sweep_due = self.now + self.settings.sweep_every
        self.roles.sweeps += 1

    # The end

    def result(self, wake_at: float | None) -> tuple[State, tuple[Effect, ...]]:
        """The new state, and the effects in the order in which they are carried out."""
        self.wake_at = wake_at
        state = State(**{name: getattr(self, name) for name in vars(self.before)})
        return state, (*self._stores.values(), *self._said, *self._logs)

    def _reindex(self, key: PodKey, old: PodRecord | None, new: PodRecord | None) -> None:
        for agent_id in self.index.change(key, old, new):
            self.agents.forget(agent_id)

    def _store(self, what: tuple[str, ...], effect: StoreEffect) -> None:
        self._stores.pop(what, None)  # the last word counts, and in the order of the last words
        self._stores[what] = effect
