"""What the scheduler of a story knows, and what a story expects of it."""

from sdk.core.effects import Log
from sdk.core.snapshot import Snapshot
from sdk.core.view import problems, snapshot
from sdk.model.records import PodRecord
from sdk.model.status import TaskState
from sdk.plan.progress import Progress
from sdk.plan.steps import StepView
from sdk.plan.views import PlanView
from sdk.testing.machines import Machines
from sdk.testing.scheduler import PlayedScheduler


class StoryFailed(AssertionError):
    """What was expected did not come; the message tells what there is instead."""


class Facts(Machines):
    """The part of a simulation that changes nothing."""

    scheduler: PlayedScheduler

    def snapshot(self) -> Snapshot:
        """As the HTTP API would show it."""
        if self.scheduler.state is None:
            raise StoryFailed("the scheduler is down")
        return snapshot(self.scheduler.state, self.now)

    def problems(self) -> dict[str, str]:
        """What keeps single services from being as they are wished, sentence by service."""
        assert self.scheduler.state is not None
        return problems(self.scheduler.state)

    def record(self, instance: str) -> PodRecord:
        """The record of `<service>/<pod>-<index>`."""
        service, _, pod = instance.partition("/")
        assert self.scheduler.state is not None
        return self.scheduler.state.pods[(service, pod)]

    def plan(self, name: str) -> PlanView:
        """The plan `<service>/<plan>`."""
        service, _, plan = name.partition("/")
        views = self.snapshot().services[service].plans
        for view in views:
            if view.name == plan:
                return view
        raise StoryFailed(f"{service} has no plan {plan}; it has {[view.name for view in views]}")

    def step(self, instance: str, plan: str | None = None) -> StepView:
        """The step of `<service>/<pod>-<index>` in a plan, or else in the first one in which it is not complete."""
        service, _, pod = instance.partition("/")
        found = [
            step
            for view in self.snapshot().services[service].plans
            if plan in (None, view.name)
            for phase in view.phases
            for step in phase.steps
            if step.pod == pod
        ]
        if found:
            return next((step for step in found if step.status is not Progress.COMPLETE), found[0])
        raise StoryFailed(f"{instance} has no step in {plan}\n{self.describe()}")

    def running(self) -> list[str]:
        """`<service>/<pod>-<index>` of all instances whose tasks run, or have run to their end beside others, as
        the scheduler knows it.
        """
        if self.scheduler.state is None:
            return []
        return sorted(
            f"{record.service}/{record.name}"
            for record in self.scheduler.state.pods.values()
            if record.lost_at is None
            and (states := {task.status.state for task in record.tasks} - {TaskState.FINISHED})
            and states == {TaskState.RUNNING}
        )

    def where(self, instance: str) -> str:
        """The host name on which an instance was launched last."""
        return self.record(instance).tasks[0].hostname

    def held(self) -> set[str]:
        """Resource ids that the records hold on purpose."""
        assert self.scheduler.state is not None
        return set(self.scheduler.state.index.by_resource)

    def said(self) -> list[str]:
        """Every sentence for the log that was decided on, in order."""
        return [effect.sentence for effect in self.scheduler.effects if isinstance(effect, Log)]

    def _task_ids(self, instance: str) -> set[str]:
        return {task.task_id for task in self.record(instance).tasks}

    def expect_running(self, *instances: str) -> None:
        """Exactly these instances run, and one process for each of their tasks."""
        if self.running() != sorted(instances):
            raise StoryFailed(f"expected {sorted(instances)} to run\n{self.describe()}")

    def expect_reserved_exactly(self) -> None:
        """Every reservation in the cluster is held by a record, and the other way round."""
        found = set[str]().union(*self.reservations().values())
        if found != self.held():
            raise StoryFailed(f"reservations {sorted(found)}, records hold {sorted(self.held())}\n{self.describe()}")

    def expect_nothing_left(self) -> None:
        """No process, no reservation, no framework and no stored node is left."""
        if self.processes() or self.reservations() or self.scheduler.stored_anything():
            raise StoryFailed(f"something is left\n{self.describe()}")
        if self.cluster.master is not None and self.cluster.master.state.frameworks:
            raise StoryFailed("the framework is still known to the master")

    def describe(self) -> str:
        """All that matters, for the message of a failure."""
        lines = [f"at {self.now:.1f}: processes {self.processes()}", f"reservations {self.reservations()}"]
        if self.scheduler.state is not None:
            view = self.snapshot()
            lines.append(f"{view.connection}, suppressed {view.suppressed}, {view.uninstall_message}")
            for service in view.services.values():
                for plan in service.plans:
                    for phase in plan.phases:
                        lines.extend(
                            f"  {service.name} {plan.name} {step.name}: {step.status} {step.message}"
                            for step in phase.steps
                        )
        lines.extend(f"  {line}" for line in self.said()[-15:])
        return "\n".join(lines)
