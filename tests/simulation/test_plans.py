"""Stories of plans: their order, what operators say about them, and runs that are started."""

from dataclasses import replace
from typing import Any

from sdk.model.plans import PhaseSpec, PlanSpec, Strategy
from sdk.model.spec import Goal, PodSpec, ServiceSpec, StrategyKind, UpdateStrategy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import service

SLOW = Behaviour(runs_after=2.0)


def pod(name: str, count: int = 2, command: str = "sleep 1000", **fields: Any) -> PodSpec:
    """A pod with one task of its name."""
    [base] = service().pods
    [task] = base.tasks
    assert task.command is not None
    task = replace(task, name=name, command=replace(task.command, value=command))
    return replace(base, name=name, count=count, tasks=(task,), **fields)


def cluster(*pods: PodSpec, agents: int = 3, plans: tuple[PlanSpec, ...] = ()) -> Simulation:
    """Agents, and a service of these pods that is about to be deployed."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    sim.publish(ServiceSpec(name="web", pods=pods, plans=plans))
    return sim


def running(sim: Simulation) -> list[str]:
    """Instances that run."""
    return [name.removeprefix("web/") for name in sim.running()]


def task_ids(sim: Simulation) -> dict[str, str]:
    """Task by instance."""
    return {name: sim.record(f"web/{name}").tasks[0].task_id for name in running(sim)}


ORDER = PlanSpec(
    name="deploy",
    phases=(
        PhaseSpec(name="data", pod="db"),
        PhaseSpec(name="front", pod="app", strategy=Strategy.PARALLEL),
    ),
)


def test_pods_are_deployed_in_the_order_that_the_spec_declares() -> None:
    """The database one by one, then both applications at once; a pod that nobody names waits for nobody."""
    sim = cluster(pod("db"), pod("app"), pod("log", 1), plans=(ORDER,))
    for name in ("db", "app"):
        for index in range(2):
            sim.behave(f"{name}-{index}-{name}", SLOW)
    sim.run_until(lambda: running(sim) == ["log-0"], "what has no phase runs")
    assert sim.step("web/db-1").status is Progress.WAITING
    assert sim.step("web/db-1").message == "waits for db-0"
    assert sim.step("web/app-0").message == "waits for phase data"
    assert not sim.record("web/db-1").tasks
    sim.run_until(lambda: len(running(sim)) == 5, "all run", within=20)
    db, app = ([sim.record(f"web/{name}-{index}").tasks[0] for index in range(2)] for name in ("db", "app"))
    assert db[0].changed_at <= db[1].launched_at
    assert db[1].changed_at <= app[0].launched_at == app[1].launched_at
    assert sim.plan("web/deploy").status is Progress.COMPLETE
    sim.expect_reserved_exactly()


def test_the_order_of_a_deployment_holds_for_the_next_process_too() -> None:
    """A restart between two steps goes on with the second one."""
    sim = cluster(pod("db"), pod("app"), plans=(ORDER,))
    sim.behave("db-0-db", Behaviour(runs_after=5.0))
    sim.advance(1.0)
    sim.restart_scheduler()
    sim.advance(1.0)
    assert [name for name in ("db-0", "db-1", "app-0") if sim.record(f"web/{name}").tasks] == ["db-0"]
    sim.run_until(lambda: len(running(sim)) == 4, "all run")


def test_a_step_that_counts_as_complete_holds_up_nobody() -> None:
    """Said by an operator, of an instance that fits nowhere; it is launched all the same when it can be."""
    [task] = pod("db").tasks
    large = replace(pod("db", 1), tasks=(replace(task, cpus=64_000),))
    sim = cluster(large, pod("app"), plans=(ORDER,))
    sim.settle(20)
    assert running(sim) == []
    sim.say("web/deploy", "forceComplete", "data", "db-0")
    sim.run_until(lambda: running(sim) == ["app-0", "app-1"], "the others run")
    sim.add_agent("large", cpus=65)
    sim.run_until(lambda: "db-0" in running(sim), "it runs as well", within=120)


def test_an_interrupted_deployment_goes_on_when_it_is_continued() -> None:
    """What has begun runs; nothing else begins, in the next process neither, until an operator says so."""
    sim = cluster(pod("db"), pod("app"), plans=(ORDER,))
    sim.behave("db-0-db", SLOW)
    sim.run_until(lambda: bool(sim.record("web/db-0").tasks), "the first one is launched", step=0.1)
    sim.say("web/deploy", "interrupt")
    sim.settle(20)
    sim.restart_scheduler()
    sim.settle(20)
    assert running(sim) == ["db-0"]
    view = sim.plan("web/deploy")
    assert (view.status, view.message, view.interrupted) == (Progress.WAITING, "plan deploy is interrupted", True)
    assert sim.step("web/db-1").message == "plan deploy is interrupted"
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.say("web/deploy", "continue")
    sim.run_until(lambda: len(running(sim)) == 4, "all run")


def test_an_interrupted_recovery_leaves_what_failed_as_it_is() -> None:
    """One instance, by its phase; others are recovered."""
    sim = cluster(pod("app"))
    sim.run_until(lambda: len(running(sim)) == 2, "both run")
    sim.say("web/recovery", "interrupt", "app-0")
    sim.kill_task("web/app-0")
    sim.kill_task("web/app-1")
    sim.run_until(lambda: running(sim) == ["app-1"], "the other one is back")
    sim.settle(120)
    assert running(sim) == ["app-1"]
    assert sim.step("web/app-0", "recovery").message == "phase app-0 of plan recovery is interrupted"
    sim.say("web/recovery", "continue", "app-0")
    sim.run_until(lambda: len(running(sim)) == 2, "both run")


def test_a_lost_instance_is_not_replaced_while_recovery_is_interrupted() -> None:
    """Neither by time nor by room."""
    sim = cluster(pod("app", 1))
    sim.run_until(lambda: len(running(sim)) == 1, "it runs")
    sim.say("web/recovery", "interrupt")
    lost = sim.where("web/app-0")
    sim.partition(lost)
    sim.settle(120)
    assert sim.where("web/app-0") == lost
    assert sim.step("web/app-0", "recovery").message.endswith("; plan recovery is interrupted")
    sim.say("web/recovery", "continue")
    sim.run_until(lambda: sim.where("web/app-0") != lost and running(sim) == ["app-0"], "it runs elsewhere")


def test_what_is_wanted_no_more_goes_one_by_one_the_highest_first() -> None:
    """The next one is ended when the one before is."""
    sim = cluster(pod("app", 4), agents=4)
    sim.run_until(lambda: len(running(sim)) == 4, "all run")
    for index in range(4):
        sim.behave(f"app-{index}-app", Behaviour(kill_takes=3.0))
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 1),)))
    seen: list[list[str]] = []
    for _ in range(150):
        now = running(sim)
        if not seen or seen[-1] != now:
            seen.append(now)
        sim.advance(0.1)
    every = ["app-0", "app-1", "app-2", "app-3"]
    assert seen == [every[:3], every[:2], every[:1]]
    sim.settle()
    sim.expect_reserved_exactly()


def test_an_instance_whose_end_does_not_come_can_be_left_to_itself() -> None:
    """An operator forces it to count as gone: the next one is ended."""
    sim = cluster(pod("app", 3))
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.behave("app-2-app", Behaviour(kill_takes=10_000.0))
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 1),)))
    sim.settle(60)
    assert sim.step("web/app-1", "decommission").message == "is removed when app-2 is gone"
    sim.say("web/decommission", "forceComplete", "app-2", "app-2")
    sim.run_until(lambda: "web/app-1" not in sim.scheduler.stored_pods(), "it is gone", within=120)


def canary(count: int = 1, command: str = "sleep 2000", **fields: Any) -> PodSpec:
    """The application with canaries."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=3, canary=count)
    return pod("app", 3, command, update=update, **fields)


def test_an_update_stops_after_its_canary() -> None:
    """One instance is updated; the others follow when an operator has looked at it, also in the next process."""
    sim = cluster(canary(command="sleep 1000"))
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.settle(10)
    before = task_ids(sim)
    sim.publish(ServiceSpec(name="web", pods=(canary(),)))
    sim.run_until(lambda: sim.plan("web/update").status is Progress.WAITING, "the canary is complete")
    sim.restart_scheduler()
    sim.settle(120)
    after = task_ids(sim)
    assert [name for name in after if after[name] != before[name]] == ["app-0"]
    view = sim.plan("web/update")
    assert view.message == "phase app waits for `continue`: the canary is complete"
    assert "canary 1 of 1" in sim.step("web/app-1", "update").message
    assert sim.snapshot().services["web"].status is Progress.WAITING
    sim.say("web/update", "continue")
    sim.restart_scheduler()
    sim.run_until(lambda: not set(task_ids(sim).values()) & set(before.values()), "all are updated", within=120)
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    assert sim.plan("web/update").status is Progress.COMPLETE


def test_the_next_target_has_a_canary_of_its_own() -> None:
    """What was said about one configuration is no word for another: who serves with that one is left alone."""
    sim = cluster(canary(command="sleep 1000"))
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.settle(10)
    sim.publish(ServiceSpec(name="web", pods=(canary(),)))
    sim.run_until(lambda: sim.plan("web/update").status is Progress.WAITING, "the canary is complete")
    sim.say("web/update", "continue")
    sim.publish(ServiceSpec(name="web", pods=(canary(command="sleep 3000"),)))
    sim.run_until(lambda: sim.plan("web/update").status is Progress.WAITING, "the next canary is complete")
    sim.settle(60)
    assert sim.plan("web/update").phases[0].continued == 0
    newest = sim.snapshot().services["web"].target
    assert newest is not None
    updated = [name for name in running(sim) if sim.record(f"web/{name}").deployed == newest.pods["app"].config]
    assert updated == ["app-1", "app-2"]  # these were about to be launched anyway


def test_a_rollout_stops_at_the_first_that_fails() -> None:
    """However many may be unavailable: those that serve are left alone until that is mended, and it is said."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=2)
    sim = cluster(pod("app", 4, update=update), agents=4)
    sim.run_until(lambda: len(running(sim)) == 4, "all run")
    sim.settle(10)
    before = task_ids(sim)
    sim.behave("app-0-app", Behaviour(fails_after=0.1))
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 4, "sleep 2000", update=update),)))
    sim.settle(120)
    after = task_ids(sim)
    assert {name for name in ("app-2", "app-3") if after[name] == before[name]} == {"app-2", "app-3"}
    assert "the update stops at app-0, which fails with the new one" in sim.step("web/app-2").message
    sim.behave("app-0-app", Behaviour())
    sim.run_until(lambda: not set(task_ids(sim).values()) & set(before.values()), "all are updated", within=300)


def test_an_interrupted_update_brings_to_its_end_what_has_begun() -> None:
    """An instance that was ended is launched again; no other is ended."""
    sim = cluster(pod("app", 3))
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.settle(10)
    before = task_ids(sim)
    sim.behave("app-0-app", SLOW)
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 3, "sleep 2000"),)))
    sim.run_until(lambda: len(running(sim)) == 2, "the first one is ended")
    sim.say("web/update", "interrupt", "app")
    sim.settle(120)
    after = task_ids(sim)
    assert [name for name in after if after[name] != before[name]] == ["app-0"]
    assert "phase app of plan update is interrupted" in sim.step("web/app-1").message
    sim.say("web/update", "continue", "app")
    sim.run_until(lambda: not set(task_ids(sim).values()) & set(before.values()), "all are updated", within=120)


def backup(goal: Goal = Goal.FINISHED) -> PodSpec:
    """A pod that a plan runs."""
    found = pod("backup", 2)
    return replace(found, tasks=tuple(replace(task, goal=goal) for task in found.tasks))


BACKUP = PlanSpec(name="backup", phases=(PhaseSpec(name="copy", pod="backup"),), parameters=("TO",))


def with_backup(goal: Goal = Goal.FINISHED) -> Simulation:
    """A service that runs, with a plan that does not."""
    sim = cluster(pod("app", 1), backup(goal), plans=(BACKUP,))
    sim.run_until(lambda: running(sim) == ["app-0"], "it runs")
    sim.settle(60)
    return sim


def environment(sim: Simulation) -> dict[str, str]:
    """Variables of the tasks that the plan runs."""
    view = sim.snapshot().services["web"]
    assert view.target is not None
    return dict(view.target.pods["backup"].spec.tasks[0].environment)


def test_a_plan_of_the_spec_runs_when_it_is_started() -> None:
    """Nothing of it before; then its steps in order, with the parameters; each once per run."""
    sim = with_backup()
    assert running(sim) == ["app-0"]
    assert sim.snapshot().services["web"].status is Progress.COMPLETE
    view = sim.plan("web/backup")
    assert (view.status, view.running, view.message) == (Progress.PENDING, False, "was never started")
    for index in range(2):
        sim.behave(f"backup-{index}-backup", Behaviour(finishes_after=3.0))
    sim.say("web/backup", "start", TO="s3")
    sim.run_until(lambda: "backup-0" in running(sim), "the first step runs", step=0.1)
    assert environment(sim) == {"TO": "s3", "PLAN_RUN": "1"}
    assert "TO" not in repr(sim.snapshot().services["web"].said)
    sim.restart_scheduler()
    sim.run_until(lambda: not sim.plan("web/backup").running, "the run is over", within=60)
    assert sim.plan("web/backup").message == "run 1 is over"
    assert sim.plan("web/backup").status is Progress.COMPLETE
    [one], [two] = (sim.record(f"web/backup-{index}").tasks for index in range(2))
    assert one.launched_at + 3.0 <= one.changed_at <= two.launched_at
    first = sim.record("web/backup-1").tasks[0].task_id
    sim.settle(120)
    sim.restart_scheduler()
    sim.settle(60)
    assert sim.record("web/backup-1").tasks[0].task_id == first
    assert sim.snapshot().services["web"].status is Progress.COMPLETE
    sim.say("web/backup", "start", TO="disk")
    sim.run_until(lambda: not sim.plan("web/backup").running, "the second run is over", within=60)
    assert sim.record("web/backup-1").tasks[0].task_id != first
    sim.expect_reserved_exactly()


def test_a_stopped_run_ends_with_its_tasks() -> None:
    """What it runs is ended; the reservations stay for the next run; nothing of it counts as broken."""
    sim = with_backup(Goal.RUNNING)
    sim.say("web/backup", "start")
    sim.run_until(lambda: running(sim) == ["app-0", "backup-0", "backup-1"], "both steps run")
    sim.settle(60)
    assert sim.plan("web/backup").running
    sim.say("web/backup", "stop")
    sim.run_until(lambda: running(sim) == ["app-0"], "they are ended")
    sim.settle(60)
    assert running(sim) == ["app-0"]
    assert sim.snapshot().services["web"].status is Progress.COMPLETE
    sim.expect_reserved_exactly()
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 1),)))
    sim.settle(120)
    assert sim.scheduler.stored_pods() == ["web/app-0"]
    sim.expect_reserved_exactly()


def test_nothing_said_about_plans_outlives_its_service() -> None:
    """Interrupts and runs are gone with it."""
    sim = with_backup(Goal.RUNNING)
    sim.say("web/recovery", "interrupt")
    sim.say("web/backup", "start")
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.publish()
    sim.run_until(lambda: not sim.scheduler.stored_pods(), "all is gone", within=120)
    sim.settle()
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 1), backup()), plans=(BACKUP,)))
    sim.run_until(lambda: running(sim) == ["app-0"], "it runs again")
    assert not sim.plan("web/recovery").interrupted
    assert not sim.plan("web/backup").running
    sim.uninstall()
    sim.settle(60)
    sim.expect_nothing_left()


def test_an_operator_lets_a_rollout_go_on_without_the_one_that_fails() -> None:
    """Its step is forced to count as complete; it is tried on."""
    sim = cluster(pod("app", 3))
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.settle(10)
    before = task_ids(sim)
    sim.behave("app-0-app", Behaviour(runs_after=1.0, healthy=False, fails_after=1.0))
    sim.publish(ServiceSpec(name="web", pods=(pod("app", 3, "sleep 2000"),)))
    sim.run_until(lambda: sim.record("web/app-0").failures > 2, "the first one fails")
    assert {task_ids(sim).get(name) for name in ("app-1", "app-2")} == {before["app-1"], before["app-2"]}
    sim.say("web/update", "forceComplete", "app", "app-0")
    sim.run_until(
        lambda: {"app-1", "app-2"} <= set(running(sim)) and not set(task_ids(sim).values()) & set(before.values()),
        "the others are updated",
        within=300,
    )
    assert sim.record("web/app-0").failures > 2


def test_updates_of_all_services_share_the_budget_for_what_does_not_serve() -> None:
    """However many each of them might end; the next process knows the limit, too."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=3)
    sim = Simulation()
    for number in range(1, 4):
        sim.add_agent(f"agent{number}")
    names = ("one", "two")
    for index in range(3):
        sim.behave(f"app-{index}-app", SLOW)
    sim.publish(*(ServiceSpec(name=name, pods=(pod("app", 3, update=update),)) for name in names))
    sim.run_until(lambda: len(sim.running()) == 6, "all run")
    sim.settle(10)
    sim.budget(unavailable=2)
    sim.restart_scheduler()
    sim.settle(10)
    before = {name: sim.record(name).tasks[0].task_id for name in sim.running()}
    sim.publish(*(ServiceSpec(name=name, pods=(pod("app", 3, "sleep 2000", update=update),)) for name in names))
    lowest = 6

    def updated() -> bool:
        nonlocal lowest
        lowest = min(lowest, len(sim.running()))
        return len(sim.running()) == 6 and all(sim.record(name).tasks[0].task_id != before[name] for name in before)

    sim.run_until(updated, "all are updated", within=300, step=0.1)
    assert lowest == 4


def test_an_operator_stops_all_replacements() -> None:
    """A budget of none; with more room it goes on."""
    sim = cluster(pod("app", 1))
    sim.run_until(lambda: len(running(sim)) == 1, "it runs")
    sim.budget(replacements=0)
    lost = sim.where("web/app-0")
    sim.partition(lost)
    sim.settle(120)
    assert sim.where("web/app-0") == lost
    assert "waits until another replacement is ready" in sim.step("web/app-0", "recovery").message
    sim.budget()
    sim.run_until(lambda: sim.where("web/app-0") != lost and running(sim) == ["app-0"], "it runs elsewhere")
