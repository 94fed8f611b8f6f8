"""One call of `decide` in the making: the changes to the state and the effects, until both are final.

The only thing of the core that changes; it lives for one event. It stores what it changes of the truth, keeps the index
of it, and knows the order of effects (storing comes first); it decides nothing.
"""

from collections.abc import Callable

from immutables import Map

from sdk.core.apart import Apart
from sdk.core.calls import Killing
from sdk.core.effects import (
    CallEffect,
    DeleteEarlier,
    DeleteFramework,
    DeletePlan,
    DeletePod,
    Effect,
    Kill,
    Log,
    StoreEffect,
    StoreFramework,
    StorePlan,
    StorePod,
)
from sdk.core.index import task_ids
from sdk.core.maps import without
from sdk.core.slice import Slice, hold
from sdk.core.state import PodKey, State
from sdk.core.troubles import Part
from sdk.model.ids import AgentId, ConfigId, TaskId
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.values import replace
from sdk.plan.backoff import Retry
from sdk.plan.need import LacksPorts, MustPlace, Need, Outdated
from sdk.plan.wish import PodWish


class Frame(State):
    """A state that is being made: each part of the state before, to be changed."""

    def __init__(self, state: State, now: float, new_id: Callable[[], str]) -> None:
        self._slices: list[Slice] = []
        own = vars(self)
        for name, value in vars(state).items():
            if isinstance(value, Slice):
                value = value.copy()
                self._slices.append(value)
            own[name] = value
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
        self._replaced: list[tuple[tuple[str, ...], StoreEffect | None]] = []
        """What stood in `_stores` before each change of it."""
        self._said: list[CallEffect] = []
        self._logs: list[Log] = []

    @property
    def subscribed(self) -> bool:
        """Whether calls may be made."""
        return self.link.subscribed

    def wish(self, key: PodKey) -> PodWish | None:
        """What the instance should be; None when it is to be removed."""
        return self.stored.wish(key)

    def newest(self, key: PodKey) -> PodWish | None:
        """What the target says that the instance should be; None when it is to be removed."""
        return self.stored.newest(key)

    def next_launch(self, key: PodKey) -> PodWish | None:
        """What the instance is launched as: the newest when it is its turn in a rolling update, else what it is."""
        need = self.work.need(key)
        updated = isinstance(need, MustPlace) and isinstance(need.instead, Outdated)
        return self.newest(key) if updated else self.wish(key)

    # Records

    def put(self, record: PodRecord) -> None:
        """Change or add an instance: stored, indexed and looked at again.

        Nothing happens while the service is left alone because it could not be stored: what else is stored in this
        frame would suffer. Whoever says something that is lost by it says it again.
        """
        if self.troubles.unstorable(record.service, self.now):
            return
        key = (record.service, record.name)
        old = self.pods.get(key)
        self.dirty.add(key)
        self.changed.add(key)
        if old == record:
            return
        self.stored.pods = self.pods.set(key, record)
        self._reindex(key, old, record)
        self.store(("pod", *key), StorePod(record=record))

    def remove(self, key: PodKey) -> None:
        """Forget an instance for good."""
        old = self.pods[key]
        self.stored.pods = self.pods.delete(key)
        self._reindex(key, old, None)
        self.work.forget(key)
        self.troubles.forget_instance(key)
        self.changed.add(key)
        self.touched.setdefault(key[0], set())
        self.dirty.discard(key)
        # Should a task of it show up again, nobody's tasks are killed as well.
        for task_id in task_ids(old):
            self.calls.forget_kill(task_id)
        if key in self.before.pods:
            self.store(("pod", *key), DeletePod(service=key[0], pod=key[1]))
        else:
            self.store_nothing(("pod", *key))

    def set_framework(self, record: FrameworkRecord) -> None:
        """Change the framework's identity."""
        if record != self.framework:
            self.stored.framework = record
            self.store(("framework",), StoreFramework(record=record))

    def say(self, record: PlanRecord) -> None:
        """Remember what operators have said about a plan, or nothing any more."""
        service, plan = record.service, record.plan
        said: Map[str, PlanRecord] = self.stored.plans.get(service, Map())
        if said.get(plan, PlanRecord(service=service, plan=plan)) == record:
            return
        said = without(said, plan) if record.says_nothing else said.set(plan, record)
        self.stored.plans = self.stored.plans.set(service, said) if said else without(self.stored.plans, service)
        effect = DeletePlan(service=service, plan=plan) if record.says_nothing else StorePlan(record=record)
        self.store(("plan", service, plan), effect)
        self.touch(service)

    def delete_framework(self) -> None:
        """The last act of an uninstall."""
        self.store(("framework",), DeleteFramework())

    def apart(self, service: str, part: Part) -> Apart:
        """Keep a defect in a part of the work on a service from the others: nothing of it happens."""
        return Apart(self, service, part)

    def mark(self) -> tuple[list[dict[str, object]], int, int, int]:
        """How everything is now."""
        return [each.__dict__ for each in self._slices], len(self._said), len(self._logs), len(self._replaced)

    def go_back(self, mark: tuple[list[dict[str, object]], int, int, int]) -> None:
        """Nothing since then has happened."""
        slices, said, logs, replaced = mark
        for each, held in zip(self._slices, slices, strict=True):
            hold(each, held)
        del self._said[said:], self._logs[logs:]
        while len(self._replaced) > replaced:
            what, effect = self._replaced.pop()
            self._stores.pop(what, None)
            if effect is not None:
                self._stores[what] = effect

    def fault(self, service: str, part: Part, sentence: str, error: Exception | None = None) -> None:
        """A part of the work on a service failed: it is left alone for a while."""
        if self.troubles.fail(service, part, sentence, self.now, self.settings):
            self.log("error", f"Service {service}: {sentence}", service=service, exc_info=error)

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
        grace = self._ending(task_id)
        known = self.calls.kills.get(task_id)
        if known is not None and not again and known.grace == grace:
            return
        first = Retry(due=self.now, delay=self.settings.kill_first)
        if self.subscribed:
            self.call(Kill(task_id=task_id, agent_id=agent_id, grace=grace))
            first = first.after_try(self.now, self.settings.kill_limit)
        self.calls.repeat_kill(task_id, Killing(agent_id=agent_id, retry=first, grace=grace))

    def _ending(self, task_id: TaskId) -> float | None:
        """On record, so that another process goes on with it; the time that an operator gives it."""
        key = self.index.by_task.get(task_id)
        record = None if key is None else self.pods[key]
        task = None if record is None else next((task for task in record.tasks if task.task_id == task_id), None)
        if record is None or task is None:
            return None if (known := self.calls.kills.get(task_id)) is None else known.grace
        if not task.ending:
            tasks = (replace(each, ending=True) if each is task else each for each in record.tasks)
            self.put(replace(record, tasks=tuple(tasks)))
        return task.grace

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
        own, state = vars(self), object.__new__(State)  # with what the frame has of it: nothing is made
        vars(state).update({name: own[name] for name in vars(self.before)})
        return state, (*self._stores.values(), *self._said, *self._logs)

    def _reindex(self, key: PodKey, old: PodRecord | None, new: PodRecord | None) -> None:
        for agent_id in self.index.change(key, old, new):
            self.agents.forget(agent_id)
        config = None if old is None else old.earlier
        if config is not None and (key[0], config) not in self.index.keepers:
            self.drop_earlier(key[0], config)

    def drop_earlier(self, service: str, config: ConfigId) -> None:
        """No instance is launched with that configuration any more."""
        if (service, config) in self.stored.earlier:
            self.stored.earlier = self.stored.earlier.delete((service, config))
            self.store(("earlier", service, config), DeleteEarlier(service=service, config=config))

    def store(self, what: tuple[str, ...], effect: StoreEffect) -> None:
        """Write something; `what` tells it from all else that is stored."""
        self.store_nothing(what)  # the last word counts, and in the order of the last words
        self._stores[what] = effect

    def store_nothing(self, what: tuple[str, ...]) -> None:
        """Write nothing of what was to be written of it in this frame."""
        self._replaced.append((what, self._stores.pop(what, None)))
