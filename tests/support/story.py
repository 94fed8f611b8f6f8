"""One state of the scheduler that goes through events, without anything around it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sdk.core.decide import decide
from sdk.core.effects import (
    Effect,
)
from sdk.core.events import (
    Event,
    OffersReceived,
    StatusReceived,
    Subscribed,
    TargetChanged,
)
from sdk.core.state import State
from sdk.model.ids import AgentId, FrameworkId, TaskId
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.resources import Offer, Resource
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, RecoveryPolicy, ServiceSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus

T = TypeVar("T")
FRAMEWORK = FrameworkId("fw-1")


def service(count: int = 1, command: str = "run") -> ServiceSpec:
    """A service of one pod."""
    task = TaskSpec(
        name="server", cpus=1000, mem=100_000, ports=(PortSpec(name="http"),), command=CommandSpec(value=command)
    )
    recovery = RecoveryPolicy(replace_after=20.0)
    return ServiceSpec(name="web", pods=(PodSpec(name="app", count=count, role="r", tasks=(task,), recovery=recovery),))


def offer(agent: str = "s1", *extra: Resource, cpus: int = 4000, offer_id: str | None = None) -> Offer:
    """An offer of an agent to role r."""
    return Offer(
        id=offer_id or f"offer-{agent}",
        framework_id=FRAMEWORK,
        agent_id=agent,
        hostname=f"host-{agent}",
        role="r",
        resources=(
            Resource(name="cpus", scalar=cpus),
            Resource(name="mem", scalar=1_000_000),
            Resource(name="ports", ranges=((31000, 31009),)),
            *extra,
        ),
    )


@dataclass
class Story:
    """A state that goes through events."""

    state: State = field(default_factory=lambda: State.initial(FrameworkRecord(name="fw")))
    now: float = 1000.0
    effects: tuple[Effect, ...] = ()
    ids: Callable[[], str] = field(default_factory=lambda: map("id{}".format, itertools.count()).__next__)

    def give(self, event: Event, after: float = 0.0) -> "Story":
        """One event, so many seconds later."""
        self.now += after
        self.state, self.effects = decide(self.state, event, self.now, self.ids)
        return self

    def of(self, kind: type[T]) -> list[T]:
        """The effects of one kind that the last event caused."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def status(self, state: TaskState, task_id: str | None = None, after: float = 0.0, **fields: object) -> "Story":
        """An update of the present (or another) task."""
        found = TaskId(task_id or self.record.tasks[0].task_id)
        values: dict[str, object] = {"agent_id": AgentId("s1"), "uuid": "dXVpZA=="}
        update = TaskStatus(task_id=found, state=state, **{**values, **fields})  # type: ignore[arg-type]
        return self.give(StatusReceived(status=update), after)

    @property
    def record(self) -> PodRecord:
        """The first instance."""
        return self.state.pods[("web", "app-0")]


def subscribed(count: int = 1) -> Story:
    """A framework with a target, subscribed."""
    story = Story().give(TargetChanged(service="web", spec=service(count)))
    return story.give(Subscribed(framework_id=FRAMEWORK, master="m:5050", roles=("r",)))


def launched() -> Story:
    """An instance that was launched on s1."""
    return subscribed().give(OffersReceived(offers=(offer(),)))


def running() -> Story:
    """An instance that runs on s1."""
    return launched().status(TaskState.RUNNING)


def reserved(story: Story) -> tuple[Resource, ...]:
    """What the instance holds."""
    assert story.record.holding is not None
    return story.record.holding.resources
