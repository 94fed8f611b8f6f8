"""Where to find the instances that an event is about: made from the records alone, and changed with each of them.

Knows no more than the records say. `Index.of(records)` and any row of `change` that leads to the same records give the
same index; a test holds them against each other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from immutables import Map

from sdk.core.maps import Groups, without
from sdk.core.slice import Slice
from sdk.core.stored import PodKey
from sdk.model.ids import AgentId, ConfigId, OperationId, ResourceId, TaskId
from sdk.model.records import Holding, PodRecord

G = TypeVar("G")


@dataclass(kw_only=True)
class Index(Slice):
    """See the module."""

    services: Groups[str, PodKey] = field(default_factory=Groups)
    by_task: Map[TaskId, PodKey] = field(default_factory=Map)
    """Present and superseded tasks."""
    by_agent: Groups[AgentId, PodKey] = field(default_factory=Groups)
    """Agents that an instance has to do with."""
    by_resource: Map[ResourceId, PodKey] = field(default_factory=Map)
    """Reservations that are held on purpose: anything else under our labels is garbage."""
    by_operation: Map[OperationId, PodKey] = field(default_factory=Map)
    """Operations of launches whose outcome is not known, or was a failure."""
    left: Groups[ResourceId, PodKey] = field(default_factory=Groups)
    """Reservations that were left behind, until they have been released."""
    leftovers: Map[PodKey, None] = field(default_factory=Map)
    """Instances that left a task or reservation behind on another agent."""
    replacing: Map[PodKey, float] = field(default_factory=Map)
    """Replacements under way, by the time of their launch."""
    twice: Groups[str, PodKey] = field(default_factory=Groups)
    """By service: instances that run at the place that they leave on purpose, too."""
    behind: Groups[str, PodKey] = field(default_factory=Groups)
    """By service: instances that keep an earlier configuration until a rolling update gets to them."""
    keepers: Groups[tuple[str, ConfigId], PodKey] = field(default_factory=Groups)
    """The same by service and configuration."""
    roles: Groups[str, PodKey] = field(default_factory=Groups)
    """In which something is reserved, by whom."""

    @staticmethod
    def of(records: Iterable[PodRecord]) -> "Index":
        """The index of these records."""
        index = Index()
        for record in records:
            index.change((record.service, record.name), None, record)
        return index

    def change(self, key: PodKey, old: PodRecord | None, new: PodRecord | None) -> frozenset[AgentId]:
        """An instance has another record, its first (`old` is None), or none any more (`new` is None).

        Returns the agents that no instance has to do with any more.
        """
        if old is None or new is None:
            self.services = self.services.discard(key[0], key) if new is None else self.services.add(key[0], key)
        elif _sources(old) == _sources(new):
            return frozenset()  # most updates change none of it
        before, after = _tasks(old), _tasks(new)
        for task_id in before - after:
            self.by_task = without(self.by_task, task_id)
        for task_id in after - before:
            self.by_task = self.by_task.set(task_id, key)
        agents_before, agents = _agents(old), _agents(new)
        self.by_agent = _regrouped(self.by_agent, key, agents_before, agents)
        self.left = _regrouped(self.left, key, _left(old), _left(new))
        self.roles = _regrouped(self.roles, key, _roles(old), _roles(new))
        held_before, held = _held(old), _held(new)
        if held_before != held:
            if held_before is not None:
                self.by_resource = without(self.by_resource, held_before)
            if held is not None:
                self.by_resource = self.by_resource.set(held, key)
        asked_before, asked = _operations(old), _operations(new)
        for operation_id in asked_before - asked:
            self.by_operation = without(self.by_operation, operation_id)
        for operation_id in asked - asked_before:
            self.by_operation = self.by_operation.set(operation_id, key)
        leaves = new is not None and bool(new.superseded)
        self.leftovers = self.leftovers.set(key, None) if leaves else without(self.leftovers, key)
        since = None if new is None else new.replacing_since
        self.replacing = without(self.replacing, key) if since is None else self.replacing.set(key, since)
        runs_twice = new is not None and new.runs_twice
        self.twice = self.twice.add(key[0], key) if runs_twice else self.twice.discard(key[0], key)
        behind = new is not None and new.earlier is not None
        self.behind = self.behind.add(key[0], key) if behind else self.behind.discard(key[0], key)
        self.keepers = _regrouped(self.keepers, key, _keeps(old), _keeps(new))
        return frozenset(agent_id for agent_id in agents_before - agents if agent_id not in self.by_agent)


def task_ids(record: PodRecord) -> Iterator[TaskId]:
    """Ids of the present and superseded tasks of an instance."""
    yield from (task.task_id for task in record.tasks)
    yield from (left.task_id for left in record.superseded)


def _sources(record: PodRecord) -> tuple[object, ...]:
    return (
        tuple((task.task_id, task.agent_id) for task in record.tasks),
        record.superseded,
        None if record.holding is None else _of_holding(record.holding),
        record.replacing_since,
        record.earlier,
    )


def _of_holding(holding: Holding) -> tuple[object, ...]:
    return (holding.resource_id, holding.agent_id, holding.role, holding.operations)


def _tasks(record: PodRecord | None) -> frozenset[TaskId]:
    return frozenset() if record is None else frozenset(task_ids(record))


def _agents(record: PodRecord | None) -> frozenset[AgentId]:
    if record is None:
        return frozenset()
    held = () if record.holding is None else (record.holding.agent_id,)
    return frozenset((*held, *(task.agent_id for task in record.tasks), *(left.agent_id for left in record.superseded)))


def _left(record: PodRecord | None) -> frozenset[ResourceId]:
    if record is None:
        return frozenset()
    return frozenset(left.resource_id for left in record.superseded if left.resource_id is not None)


def _roles(record: PodRecord | None) -> frozenset[str]:
    if record is None:
        return frozenset()
    held = () if record.holding is None else (record.holding.role,)
    return frozenset((*held, *(left.role for left in record.superseded if left.resource_id is not None)))


def _keeps(record: PodRecord | None) -> frozenset[tuple[str, ConfigId]]:
    return frozenset() if record is None or record.earlier is None else frozenset({(record.service, record.earlier)})


def _held(record: PodRecord | None) -> ResourceId | None:
    return None if record is None or record.holding is None else record.holding.resource_id


def _operations(record: PodRecord | None) -> frozenset[OperationId]:
    if record is None or record.holding is None:
        return frozenset()
    return frozenset(each.operation_id for each in record.holding.operations)


def _regrouped(groups: Groups[G, PodKey], key: PodKey, before: frozenset[G], after: frozenset[G]) -> Groups[G, PodKey]:
    for name in before - after:
        groups = groups.discard(name, key)
    for name in after - before:
        groups = groups.add(name, key)
    return groups
