"""Calls that wait for an answer: kills and questions about tasks, repeated until Mesos has answered, and ACCEPTs of
which nothing has been seen yet.

Knows when each is due; what is said then, and what follows from an answer, is decided elsewhere.
"""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.agenda import Agenda
from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.model.ids import AgentId, OfferId, OperationId, ResourceId, TaskId
from sdk.plan.backoff import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    """A task that has to end."""

    agent_id: AgentId | None
    retry: Retry
    grace: float | None = None
    """Seconds, instead of the task's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """An ACCEPT of whose arrival nothing has been seen. A call can get lost; its offers then are ours for ever."""

    offer_ids: tuple[OfferId, ...]
    tasks: frozenset[TaskId] = frozenset()
    resources: frozenset[ResourceId] = frozenset()
    operations: frozenset[OperationId] = frozenset()
    """Any word about one of these is proof."""

    @property
    def proofs(self) -> tuple[str, ...]:
        """Ids of all of them."""
        return (*self.tasks, *self.resources, *self.operations)


@dataclass(kw_only=True)
class Calls(Slice):
    """See the module."""

    kills: Map[TaskId, Killing] = field(default_factory=Map)
    kills_due: Agenda[TaskId] = field(default_factory=Agenda)
    reconciles: Map[TaskId, Retry] = field(default_factory=Map)
    reconciles_due: Agenda[TaskId] = field(default_factory=Agenda)
    accepts: Map[OfferId, Unproven] = field(default_factory=Map)
    """By their first offer."""
    accepts_due: Agenda[OfferId] = field(default_factory=Agenda)
    proofs: Map[str, OfferId] = field(default_factory=Map)
    """Which ACCEPT a word about a task, reservation or operation proves."""

    @property
    def next(self) -> float:
        """When the first of them is due."""
        return min(self.kills_due.next, self.reconciles_due.next, self.accepts_due.next)

    def repeat_kill(self, task_id: TaskId, killing: Killing) -> None:
        """Send KILL when its `retry` says, and again."""
        self.kills = self.kills.set(task_id, killing)
        self.kills_due = self.kills_due.put(task_id, killing.retry.due)

    def forget_kill(self, task_id: TaskId) -> None:
        """The task has ended."""
        self.kills = without(self.kills, task_id)
        self.kills_due = self.kills_due.drop(task_id)

    def repeat_question(self, task_id: TaskId, retry: Retry) -> None:
        """Ask about a task when `retry` says, and again."""
        self.reconciles = self.reconciles.set(task_id, retry)
        self.reconciles_due = self.reconciles_due.put(task_id, retry.due)

    def answered(self, task_id: TaskId) -> None:
        """Mesos said something about the task, or nobody wants to know any more."""
        if task_id in self.reconciles:
            self.reconciles = self.reconciles.delete(task_id)
            self.reconciles_due = self.reconciles_due.drop(task_id)

    def forget_questions(self) -> None:
        """All of them belong to a subscription that has ended."""
        self.reconciles, self.reconciles_due = Map(), Agenda()

    def accepted(self, accept: Unproven, until: float) -> None:
        """An ACCEPT (or DECLINE) goes out; without proof by `until` it counts as lost."""
        first = accept.offer_ids[0]
        self.accepts = self.accepts.set(first, accept)
        self.accepts_due = self.accepts_due.put(first, until)
        self.proofs = self.proofs.update(dict.fromkeys(accept.proofs, first))

    def proven(self, name: TaskId | ResourceId | OperationId) -> None:
        """Mesos said something that it can only say after the ACCEPT for this came."""
        first = self.proofs.get(name)
        if first is not None:
            self.forget_accept(first)

    def forget_accept(self, first: OfferId) -> Unproven | None:
        """Wait no longer for a proof."""
        accept = self.accepts.get(first)
        if accept is None:
            return None
        self.accepts = self.accepts.delete(first)
        self.accepts_due = self.accepts_due.drop(first)
        for name in accept.proofs:
            if self.proofs.get(name) == first:
                self.proofs = self.proofs.delete(name)
        return accept

    def forget_accepts(self) -> None:
        """Their offers are void."""
        self.accepts, self.accepts_due, self.proofs = Map(), Agenda(), Map()
