"""What an instance needs from an offer: values handed to `sdk.offer.evaluate`."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sdk.model.group import GroupSpec
from sdk.model.ids import AgentId, ConfigId, ExecutorId, FrameworkId
from sdk.model.records import Holding
from sdk.model.resources import Range
from sdk.model.spec import PodSpec, PortSpec, TaskSpec
from sdk.offer.draw import Amounts
from sdk.offer.placement import rule_set
from sdk.offer.rules import Known, Neighbours, RuleSet

PortKey = tuple[str, str]
"""Names of task and port."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One instance that is to be launched: in its holding when there is one, else anywhere."""

    service: str
    pod: PodSpec
    index: int
    config: ConfigId
    prefix: str
    """First part of the task ids."""
    tasks: tuple[TaskSpec, ...]
    """Those to be launched now (tasks that are done for good, and those that run, are left out)."""
    holding: Holding | None = None
    beside: bool = False
    """Others of its tasks run: of the holding only what these do not use is offered."""
    executor_id: ExecutorId | None = None
    """That under which the others run, of a task group."""
    paused: frozenset[str] = frozenset()
    """Names of tasks in whose place something runs that does nothing."""
    ports: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Numbers of the last launch by task and port name: kept when they are free."""
    neighbours: Neighbours = field(default_factory=Known)
    """Where the instances are that rules of placement look at."""
    avoid: Mapping[str, str] = field(default_factory=dict)
    """Host names that are refused for now, each with the sentence why."""
    keep: frozenset[PortKey] = frozenset()
    """Optional ports without which it is not launched: it serves at them where it is."""
    gain: frozenset[PortKey] = frozenset()
    """Optional ports for which it is launched anew: one of them at least has to be there."""

    port_refusals: dict[tuple[tuple[Range, ...], tuple[Range, ...]], tuple[str, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Why there is no number for a port, by what is free and what was offered: worked out once for all equal agents.
    Empty where there is one for each."""

    @cached_property
    def amounts(self) -> Amounts:
        """Scalars of all tasks together, with those of their executor when it has to come with them; without ports."""
        own: list[TaskSpec | GroupSpec] = [*self.tasks]
        if self.pod.group is not None and not self.beside:
            own.append(self.pod.group)
        return Amounts(
            cpus=sum(each.cpus for each in own), mem=sum(each.mem for each in own), disk=sum(each.disk for each in own)
        )

    @cached_property
    def scalars(self) -> tuple[tuple[str, int], ...]:
        """The same by name, without those that are 0."""
        return self.amounts.scalars()

    @cached_property
    def agent_ports(self) -> tuple[PortSpec, ...]:
        """Ports that the agent has to offer."""
        return tuple(port for task in self.tasks if task.container.on_agents_network for port in task.ports)

    @cached_property
    def optional_ports(self) -> frozenset[PortKey]:
        """Ports without which it is launched where there are none."""
        return frozenset((task.name, port.name) for task in self.tasks for port in task.ports if port.optional)

    @cached_property
    def rules(self) -> RuleSet:
        """All rules of placement, in either language."""
        return rule_set(self.pod.constraints, self.pod.placement)

    @cached_property
    def any_region(self) -> bool:
        """Whether its rules say in which regions it may run; by default it is that of the master."""
        return "@region" in self.rules.fields

    @cached_property
    def has_volumes(self) -> bool:
        """Whether any task has volumes."""
        return any(task.volumes for task in self.tasks)

    @cached_property
    def anywhere(self) -> bool:
        """Whether only what an agent offers decides, and not which agent it is."""
        return self.holding is None and not self.avoid and not self.rules

    @cached_property
    def instance(self) -> str:
        """`<pod>-<index>`."""
        return f"{self.pod.name}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """The framework that the operations are made for, and where fresh ids come from."""

    framework_ids: tuple[FrameworkId, ...]
    """Ids whose reservations are ours; the first is the present one."""
    framework_name: str
    principal: str | None
    now: float
    new_id: Callable[[], str]
    static_ports: frozenset[int] = frozenset()
    """Fixed numbers that any waiting instance wants: no dynamic port takes them away."""
    region: str | None = None
    """That of the master, as far as is known: instances stay there unless their rules say otherwise."""
    mute: Container[AgentId] = ()
    """Agents that take no operation with an id."""
    rigid: Container[AgentId] = ()
    """Agents that cannot change the size of volumes."""
