"""What one instance needs, read from its record and its wish."""

from dataclasses import replace

import pytest

from sdk.model.ids import AgentId, ConfigId, ResourceId, TaskId
from sdk.model.leaving import Leaving
from sdk.model.records import Holding, PodGoal, PodRecord, Superseded, TaskRecord
from sdk.model.resources import Resource
from sdk.model.spec import CommandSpec, Goal, HealthCheckSpec, OnUnreachable, PodSpec, RecoveryPolicy, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.plan.assess import assess
from sdk.plan.need import (
    Around,
    LacksTasks,
    LeftBehind,
    MustDelete,
    MustKill,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Rest,
    Waits,
    ready,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish

NOW = 1000.0
CONFIG = ConfigId("new")


def spec(*tasks: TaskSpec, **fields: object) -> PodWish:
    """A wish for a pod of these tasks."""
    pod = PodSpec(name="app", count=1, tasks=tasks or (server(),), **fields)  # type: ignore[arg-type]
    return PodWish(spec=pod, config=CONFIG)


def server(name: str = "server", **fields: object) -> TaskSpec:
    """A task spec."""
    return TaskSpec(name=name, cpus=1, mem=1, command=CommandSpec(value="x"), **fields)  # type: ignore[arg-type]


def task(
    state: TaskState = TaskState.RUNNING, name: str = "server", *, config: str = CONFIG, healthy: bool | None = None
) -> TaskRecord:
    """A launched task."""
    task_id = TaskId(f"{name}-1")
    return TaskRecord(
        name=name,
        task_id=task_id,
        agent_id=AgentId("s1"),
        hostname="agent1",
        config=ConfigId(config),
        status=TaskStatus(task_id=task_id, state=state, healthy=healthy),
        launched_at=NOW - 10,
        changed_at=NOW - 5,
        confirmed=state is not TaskState.STAGING,
    )


HOLDING = Holding(
    agent_id=AgentId("s1"),
    hostname="agent1",
    role="r",
    resources=(Resource(name="cpus", scalar=1),),
    resource_id=ResourceId("r1"),
    confirmed=True,
)
AROUND = Around(patience=60.0)


def record(*tasks: TaskRecord, **fields: object) -> PodRecord:
    """An instance with its holding."""
    values: dict[str, object] = {"service": "web", "pod": "app", "index": 0, "tasks": tasks, "holding": HOLDING}
    return PodRecord(**{**values, **fields})  # type: ignore[arg-type]


def need(found: PodRecord, wish: PodWish | None = None) -> Need:
    """The need at NOW under a wish."""
    return assess(found, wish or spec(), NOW, AROUND)


def test_running_with_the_wanted_configuration_is_rest() -> None:
    """Nothing to do."""
    assert need(record(task())) == Rest()


def test_never_launched_is_placed_anywhere() -> None:
    """Without a holding any agent will do."""
    found = need(record(holding=None))
    assert isinstance(found, MustPlace)
    assert found.elsewhere


@pytest.mark.parametrize(
    "state",
    [TaskState.FAILED, TaskState.KILLED, TaskState.FINISHED, TaskState.ERROR, TaskState.DROPPED, TaskState.GONE],
)
def test_ended_task_is_placed_in_its_holding(state: TaskState) -> None:
    """A RUNNING-goal task that is over goes back to its reservation."""
    found = need(record(task(state)))
    assert isinstance(found, MustPlace)
    assert not found.elsewhere


def test_backoff_is_waited_for_with_the_reason() -> None:
    """The message tells what failed and when the next try is."""
    found = need(record(task(TaskState.FAILED), not_before=NOW + 4, last_failure="server failed on agent1: boom"))
    assert found == Waits(
        status=Progress.DELAYED, message="server failed on agent1: boom; tried again in 4 s", until=NOW + 4
    )


def test_one_ended_task_ends_the_others() -> None:
    """Essential tasks that are kept up are launched together."""
    wish = spec(server("a"), server("b"))
    found = need(record(task(name="a"), task(TaskState.FAILED, name="b")), wish)
    assert isinstance(found, MustKill)
    assert found.tasks == ("a-1",)


@pytest.mark.parametrize(
    ("other", "state"),
    [
        (server("b", essential=False), TaskState.FAILED),
        (server("b", essential=False), TaskState.FINISHED),
        (server("b", goal=Goal.FINISHED), TaskState.FAILED),
        (server("b", goal=Goal.ONCE), TaskState.KILLED),
    ],
)
def test_other_tasks_are_launched_alone(other: TaskSpec, state: TaskState) -> None:
    """After a backoff of their own; what runs goes on meanwhile."""
    wish = spec(server("a"), other)
    ended = replace(task(state, name="b"), not_before=NOW + 3)
    found = need(record(task(name="a"), ended, last_failure="b failed"), wish)
    assert isinstance(found, LacksTasks)
    assert (found.tasks, found.until, found.serves) == ((), NOW + 3, not other.essential)
    assert found.message == "b failed; tried again in 3 s"
    later = assess(record(task(name="a"), ended), wish, NOW + 3, AROUND)
    assert isinstance(later, LacksTasks)
    assert later.tasks == ("b",)
    assert later.message == "b waits for its resources on agent1 to be offered again"


def test_job_is_left_alone_when_the_tasks_beside_it_are_launched_again() -> None:
    """The server that ended is launched beside it, when its backoff is over."""
    wish = spec(server("a"), server("b"), server("job", goal=Goal.ONCE))
    job = task(name="job")
    found = need(record(task(name="a"), task(TaskState.FAILED, name="b"), job, failed=True), wish)
    assert isinstance(found, MustKill)
    assert found.tasks == ("a-1",)
    over = (task(TaskState.KILLED, name="a"), task(TaskState.FAILED, name="b"), job)
    found = need(record(*over, failures=1, not_before=NOW + 1), wish)
    assert isinstance(found, LacksTasks)
    assert (found.tasks, found.until) == ((), NOW + 1)
    found = need(record(*over), wish)
    assert isinstance(found, LacksTasks)
    assert found.tasks == ("a", "b")


def test_silent_helper_is_asked_about() -> None:
    """Its launch may have been lost, whatever the others do."""
    wish = spec(server("a"), server("b", essential=False))
    found = need(record(task(name="a"), task(TaskState.STAGING, name="b")), wish)
    assert isinstance(found, LacksTasks)
    assert (found.tasks, found.reconcile, found.until) == ((), ("b-1",), NOW - 10 + 120)
    assert found.message == "b launched on agent1"


@pytest.mark.parametrize(("state", "expected"), [(TaskState.RUNNING, False), (TaskState.FINISHED, True)])
def test_instance_is_ready_when_its_jobs_are_done(state: TaskState, expected: bool) -> None:
    """Beside a server; an instance of jobs alone is as long as they run."""
    job = server("job", goal=Goal.FINISHED)
    assert ready(record(task(), task(state, name="job")), spec(server(), job)) is expected
    assert ready(record(task(state, name="job")), spec(job))
    assert ready(record(task(), task(state, name="job")), spec(server(), replace(job, essential=False)))


def test_restart_ends_what_runs() -> None:
    """An operator's restart kills even what is well."""
    assert isinstance(need(record(task(), restart=True)), MustKill)


def test_other_configuration_is_outdated_and_tells_its_use() -> None:
    """Whether it is ready decides when it may be ended."""
    assert need(record(task(config="old"))) == Outdated(tasks=(TaskId("server-1"),), ready=True)
    assert need(record(task(TaskState.STARTING, config="old"))) == Outdated(tasks=(TaskId("server-1"),), ready=False)


def test_task_that_is_no_longer_wanted_makes_the_instance_outdated() -> None:
    """A task that left the spec has to go, and with it the instance is relaunched."""
    assert isinstance(need(record(task(), task(name="old"))), Outdated)


def test_silent_launch_is_reconciled_at_its_deadline() -> None:
    """A launch without a word waits until launch_timeout and then names the tasks to ask about."""
    found = need(record(task(TaskState.STAGING)))
    assert isinstance(found, Waits)
    assert found.status is Progress.STARTING
    assert found.until == NOW - 10 + 120
    assert found.reconcile == ("server-1",)


@pytest.mark.parametrize(
    ("fields", "healthy", "expected"),
    [
        ({}, None, True),
        ({}, False, False),
        ({"reports_health": True}, None, False),
        ({"reports_health": True}, True, True),
        ({"health_check": HealthCheckSpec(command="true")}, None, False),
        ({"health_check": HealthCheckSpec(command="true")}, True, True),
    ],
)
def test_readiness_follows_health(fields: dict[str, object], healthy: bool | None, expected: bool) -> None:
    """RUNNING is enough unless the task says something about its health."""
    wish = spec(server(**fields))
    assert ready(record(task(healthy=healthy)), wish) is expected


def test_lost_agent_is_waited_for_and_then_overdue() -> None:
    """Before replace_after the step says how long it will take; afterwards it asks for a replacement."""
    lost = record(task(TaskState.UNREACHABLE), lost_at=NOW - 12)
    found = need(lost)
    assert isinstance(found, Waits)
    assert found.message == "agent1 lost 12 s ago; replaced in 48 s"
    assert found.until == NOW + 48
    assert assess(lost, spec(), NOW + 48, AROUND) == Overdue(why="agent1 lost 60 s ago", since=NOW - 12)


def test_waiting_policy_is_never_overdue() -> None:
    """With WAIT there is no time to wait for."""
    policy = RecoveryPolicy(on_unreachable=OnUnreachable.WAIT, replace_after=0.0)
    found = assess(record(task(TaskState.UNREACHABLE), lost_at=0.0), spec(recovery=policy), 1e9, AROUND)
    assert isinstance(found, Waits)
    assert found.until is None


@pytest.mark.parametrize(
    ("goal", "config", "rests"),
    [
        (Goal.FINISHED, CONFIG, True),
        (Goal.FINISHED, "old", False),
        (Goal.ONCE, "old", True),
        (Goal.RUNNING, CONFIG, False),
    ],
)
def test_goals_of_tasks_that_end(goal: Goal, config: str, rests: bool) -> None:
    """FINISHED runs once per configuration, ONCE only once, RUNNING for ever."""
    found = need(record(task(TaskState.FINISHED, config=config)), spec(server(goal=goal)))
    assert (found == Rest()) is rests
    assert rests or isinstance(found, MustPlace)


def test_removal_ends_releases_and_forgets() -> None:
    """Not wanted any more: kill, then release, then delete."""
    running = replace(record(task()), goal=PodGoal.DECOMMISSION)
    assert isinstance(need(running), MustKill)
    ended = replace(running, tasks=(task(TaskState.KILLED),))
    assert need(ended) == MustRelease(hosts=("agent1",))
    assert need(replace(ended, holding=None)) == MustDelete()
    assert assess(record(task()), None, NOW, AROUND) == need(running)


def test_removal_does_not_wait_for_a_lost_agent_for_ever() -> None:
    """After the patience the instance is forgotten with a note of what is left."""
    lost = record(task(TaskState.UNREACHABLE), lost_at=NOW - 10)
    assert assess(lost, None, NOW, AROUND) == Waits(
        status=Progress.DELAYED, message="agent1 is lost; removed without it in 50 s", until=NOW + 50
    )
    found = assess(lost, None, NOW + 50, AROUND)
    assert found == MustDelete(
        left=(
            LeftBehind(id="server-1", sentence="task server-1 left on agent1, which is lost"),
            LeftBehind(id="r1", sentence="reservation r1 left on agent1, which is lost", reserved=True),
        )
    )


LEFT = Superseded(
    task_id=TaskId("old"),
    agent_id=AgentId("s2"),
    hostname="agent2",
    since=0.0,
    resource_id=ResourceId("r2"),
    ended=True,
)


def test_removal_waits_for_what_was_left_on_another_agent() -> None:
    """The reservation of an earlier place is released before the instance is forgotten; or it is told of."""
    left = record(task(TaskState.KILLED), holding=None, superseded=(LEFT,), goal=PodGoal.DECOMMISSION)
    quiet = Around(patience=60.0, quiet_since={AgentId("s2"): NOW - 10})
    assert assess(left, None, NOW, quiet) == MustRelease(hosts=("agent2",), until=NOW + 50)
    found = assess(left, None, NOW + 50, quiet)
    sentence = "reservation r2 left on agent2, which is lost or offers nothing"
    assert found == MustDelete(left=(LeftBehind(id="r2", sentence=sentence, reserved=True),))


def test_holding_without_resources_holds_up_no_removal() -> None:
    """What was never reserved is never offered."""
    empty = record(task(TaskState.FINISHED), holding=replace(HOLDING, resources=()), goal=PodGoal.DECOMMISSION)
    assert need(empty) == MustDelete()


def test_finished_instance_needs_no_agent() -> None:
    """What has been done stays done when its agent is lost, or leaves."""
    finished = record(task(TaskState.FINISHED), lost_at=NOW - 1000)
    assert need(finished, spec(server(goal=Goal.FINISHED))) == Rest()
    drained = Around(patience=60.0, leaving=Leaving(hostname="agent1"))
    assert assess(finished, spec(server(goal=Goal.ONCE)), NOW, drained) == Rest()


def test_drained_agent_is_left_at_once() -> None:
    """Whether Mesos has ended the task already or is about to."""
    around = Around(patience=60.0, leaving=Leaving(hostname="agent1"))
    for state in (TaskState.KILLING, TaskState.KILLED, TaskState.RUNNING):
        found = assess(record(task(state)), spec(), NOW, around)
        assert found == MustPlace(elsewhere=True, message="agent1 is drained; waits for an offer of another agent")


def test_announced_maintenance_puts_a_running_instance_in_line() -> None:
    """From an hour before the window on; a policy that waits for its agent stays."""
    for ahead, moves in ((3601.0, False), (3600.0, True), (-10.0, True), (-701.0, False)):
        around = Around(patience=60.0, leaving=Leaving(hostname="agent1", start=NOW + ahead, duration=700.0))
        assert isinstance(assess(record(task()), spec(), NOW, around), Overdue) is moves
    waits = RecoveryPolicy(on_unreachable=OnUnreachable.WAIT)
    around = Around(patience=60.0, leaving=Leaving(hostname="agent1", start=NOW))
    assert assess(record(task()), spec(recovery=waits), NOW, around) == Rest()


def test_agent_lost_to_its_maintenance_is_not_waited_for() -> None:
    """It was announced that it goes: replace_after is for agents that may come back any moment."""
    around = Around(patience=60.0, leaving=Leaving(hostname="agent1", start=NOW - 1))
    lost = record(task(TaskState.UNREACHABLE), lost_at=NOW)
    assert isinstance(assess(lost, spec(), NOW, around), Overdue)


def test_backoff_says_nothing_about_another_configuration() -> None:
    """A new configuration is tried at once."""
    failed = record(task(TaskState.FAILED, config="old"), not_before=NOW + 500)
    assert isinstance(need(failed), MustPlace)


def test_staged_task_is_asked_about_again() -> None:
    """An answer that it is staged ends no watch: the next question comes one launch_timeout later."""
    staged = replace(task(TaskState.STAGING), confirmed=True, launched_at=NOW - 130)
    found = need(record(staged))
    assert isinstance(found, Waits)
    assert (found.until, found.reconcile) == (NOW - 130 + 240, ("server-1",))
