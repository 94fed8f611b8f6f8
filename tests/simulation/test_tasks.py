"""Instances of several tasks: which of them end, and are launched, together, and which without the others."""

from dataclasses import replace
from typing import Any

import pytest

from sdk.core.effects import Kill
from sdk.model.readiness import OnNotReady, ReadinessCheckSpec
from sdk.model.spec import CommandSpec, Goal, PortSpec, RecoveryPolicy, ServiceSpec, TaskSpec, UpdateStrategy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import ROLE, changed, service


def task(name: str, **fields: object) -> TaskSpec:
    """A small task without ports."""
    return TaskSpec(name=name, cpus=100, mem=32_000, command=CommandSpec(value="sleep 1000"), **fields)  # type: ignore[arg-type]


def pod(*more: TaskSpec, role: str = ROLE, command: str = "sleep 1000", count: int = 1) -> ServiceSpec:
    """A server with a port, and more tasks beside it."""
    spec = service(
        role=role,
        command=command,
        count=count,
        recovery=RecoveryPolicy(replace_after=20.0, backoff_initial=2.0, backoff_max=30.0),
        update=UpdateStrategy(min_ready=0.5),
    )
    return changed(spec, tasks=(*spec.pods[0].tasks, *more))


def started(*more: TaskSpec, role: str = ROLE) -> Simulation:
    """One instance of the server with these tasks, all launched."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(pod(*more, role=role))
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "the server runs")
    return sim


def _task(sim: Simulation, name: str, instance: str = "web/app-0") -> str:
    """The id of a task of the instance."""
    return next(str(each.task_id) for each in sim.record(instance).tasks if each.name == name)


def _state(sim: Simulation, name: str, instance: str = "web/app-0") -> str:
    return next((str(each.status.state) for each in sim.record(instance).tasks if each.name == name), "none")


def _dies(sim: Simulation, name: str) -> None:
    """The task ends by itself."""
    for executor, found in sim.cluster.tasks({_task(sim, name)}):
        executor.finish(found, "TASK_FAILED", "Command exited with status 1")
    sim.cluster.pump()


@pytest.mark.parametrize("role", [ROLE, "*"])
def test_task_that_is_not_essential_is_launched_again_alone(role: str) -> None:
    """The server goes on, on the same agent, with the same ports; the helper comes back with its own."""
    sim = started(task("helper", essential=False, ports=(PortSpec(name="admin"),)), role=role)
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "the helper runs")
    before = {each.name: each for each in sim.record("web/app-0").tasks}
    _dies(sim, "helper")
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "it runs again")
    after = {each.name: each for each in sim.record("web/app-0").tasks}
    assert after["server"] == before["server"]
    assert after["helper"].task_id != before["helper"].task_id
    assert after["helper"].ports == before["helper"].ports or role == "*"
    assert (after["helper"].failures, sim.record("web/app-0").failures) == (1, 0)
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "all is well")
    assert len(sim.processes()) == 2
    sim.settle()
    if role != "*":
        sim.expect_reserved_exactly()


def test_essential_task_takes_the_others_that_are_kept_up_with_it() -> None:
    """A job that runs at the time goes on."""
    job = task("job", goal=Goal.FINISHED)
    sim = started(task("helper", essential=False), task("second"), job)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "all run")
    before = {each.name: each.task_id for each in sim.record("web/app-0").tasks}
    _dies(sim, "server")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and _task(sim, "server") != before["server"], "all run again")
    after = {each.name: each.task_id for each in sim.record("web/app-0").tasks}
    assert {name for name in before if before[name] != after[name]} == {"server", "second", "helper"}
    assert sim.record("web/app-0").failures == 1
    assert len(sim.processes()) == 4
    sim.settle()
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("goal", [Goal.FINISHED, Goal.ONCE])
def test_job_that_fails_beside_a_server_is_tried_again_without_it(goal: Goal) -> None:
    """Less and less often; the server is launched once, and the job counts its own failures."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-job", Behaviour(fails_after=0.5))
    sim.publish(pod(task("job", goal=goal)))
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "the server runs")
    first = _task(sim, "server")
    sim.advance(120)
    assert _task(sim, "server") == first
    assert 5 <= sum(said.startswith("Launching job of web/app-0") for said in sim.said()) <= 8
    assert "job failed on agent1" in sim.step("web/app-0").message
    assert sim.record("web/app-0").failures == 0
    sim.behave("app-0-job", Behaviour(finishes_after=1.0))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "the job is done", within=60)
    assert _task(sim, "server") == first
    sim.expect_running("web/app-0")
    sim.settle()
    sim.expect_reserved_exactly()


def test_failures_of_a_helper_outlive_the_scheduler() -> None:
    """Another process goes on waiting where the first one did, and launches it alone as well."""
    sim = started(task("helper", essential=False))
    sim.behave("app-0-helper", Behaviour(fails_after=0.2))
    _dies(sim, "helper")
    sim.run_until(lambda: _failures(sim) == 4, "it has failed often", within=60)
    first = _task(sim, "server")
    sim.restart_scheduler()
    sim.run_until(lambda: _failures(sim) == 5, "it goes on", within=60)
    assert _task(sim, "server") == first


def _failures(sim: Simulation) -> int:
    return next((each.failures for each in sim.record("web/app-0").tasks if each.name == "helper"), 0)


def test_done_job_of_an_earlier_configuration_keeps_no_update_from_being_complete() -> None:
    """ONCE is done for ever, FINISHED runs again with each configuration; both are known as deployed."""
    sim = Simulation()
    for name in ("agent1", "agent2"):
        sim.add_agent(name)
    for index in range(2):
        for name in ("once", "each"):
            sim.behave(f"app-{index}-{name}", Behaviour(finishes_after=0.5))
    jobs = (task("once", goal=Goal.ONCE), task("each", goal=Goal.FINISHED))
    sim.publish(pod(*jobs, count=2))
    sim.run_until(lambda: _all_complete(sim, 2), "both are deployed")
    before = {each.name: each.task_id for each in sim.record("web/app-0").tasks}
    sim.publish(pod(*jobs, count=2, command="sleep 2000"))
    sim.run_until(lambda: _all_complete(sim, 2) and not sim.scheduler.state.stored.earlier, "both are updated")  # type: ignore[union-attr]
    after = {each.name: each.task_id for each in sim.record("web/app-0").tasks}
    assert after["once"] == before["once"]
    assert after["each"] != before["each"]
    record = sim.record("web/app-0")
    assert record.deployed == next(each.config for each in record.tasks if each.name == "server")


def _all_complete(sim: Simulation, count: int) -> bool:
    plan = next(plan for plan in sim.snapshot().services["web"].plans if plan.name == "deploy")
    steps = [step for phase in plan.phases for step in phase.steps]
    return len(steps) == count and all(step.status is Progress.COMPLETE for step in steps)


def test_update_proves_itself_beside_a_job_that_is_done() -> None:
    """The second instance is ended when the first has been ready for `min_ready`, done jobs of old or not."""
    sim = Simulation()
    for name in ("agent1", "agent2"):
        sim.add_agent(name)
    for index in range(2):
        sim.behave(f"app-{index}-job", Behaviour(finishes_after=0.5))
    strategy = UpdateStrategy(min_ready=30.0)
    sim.publish(changed(pod(task("job", goal=Goal.ONCE), count=2), update=strategy))
    sim.run_until(lambda: _all_complete(sim, 2), "both are deployed")
    before = {index: _task(sim, "server", f"web/app-{index}") for index in range(2)}
    sim.settle(60)
    sim.publish(changed(pod(task("job", goal=Goal.ONCE), count=2, command="sleep 2000"), update=strategy))

    def updated() -> list[int]:
        return [index for index in range(2) if _task(sim, "server", f"web/app-{index}") != before[index]]

    sim.run_until(lambda: len(updated()) == 1, "the first is updated")
    began = sim.now
    sim.run_until(lambda: len(updated()) == 2, "the second follows")
    assert sim.now - began >= 30.0


def test_instance_with_a_done_job_is_replaced_without_it() -> None:
    """The agent dies: the server goes elsewhere, what has been done is not done again."""
    sim = Simulation()
    for name in ("agent1", "agent2"):
        sim.add_agent(name)
    sim.behave("app-0-job", Behaviour(finishes_after=0.5))
    sim.publish(pod(task("job", goal=Goal.ONCE)))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is deployed")
    home, job = sim.where("web/app-0"), _task(sim, "job")
    sim.kill_agent(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and _host(sim) != home, "it is elsewhere", within=90)
    assert _task(sim, "job") == job
    assert len(sim.processes()) == 1


def _host(sim: Simulation) -> str:
    return next(each.hostname for each in sim.record("web/app-0").tasks if each.name == "server")


def test_lost_launch_of_a_helper_is_noticed() -> None:
    """Its ACCEPT vanishes: the helper is asked about and launched anew, the server goes on."""
    sim = started(task("helper", essential=False))
    first = _task(sim, "server")
    _dies(sim, "helper")
    sim.lose_calls("Accept")
    sim.run_until(lambda: sim.scheduler.faults.lose["Accept"] == 0, "the call is lost", within=60)
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "it runs again", within=300)
    assert _task(sim, "server") == first
    assert len(sim.processes()) == 2


def test_refused_launch_of_a_helper_ends_nobody() -> None:
    """Mesos refuses the call: the helper waits for longer each time, its server goes on."""
    sim = started(task("helper", essential=False))
    first = _task(sim, "server")
    sim.refuse_calls(lambda call: "TaskInfo is not valid" if call["type"] == "ACCEPT" else None)
    _dies(sim, "helper")
    sim.run_until(lambda: _failures(sim) >= 4, "it has been refused", within=120)
    assert "Mesos refuses its launch: HTTP 400: TaskInfo is not valid" in sim.step("web/app-0", "recovery").message
    sim.refuse_calls(lambda _call: None)
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "it runs again", within=120)
    assert _task(sim, "server") == first
    sim.settle()
    sim.expect_reserved_exactly()


def test_helper_does_not_hold_up_an_update() -> None:
    """What can do without it is updated although it fails."""
    sim = started(task("helper", essential=False))
    sim.behave("app-0-helper", Behaviour(fails_after=0.2))
    _dies(sim, "helper")
    sim.run_until(lambda: _failures(sim) == 3, "it fails", within=60)
    first = _task(sim, "server")
    sim.publish(pod(task("helper", essential=False), command="sleep 2000"))
    sim.run_until(lambda: _task(sim, "server") != first and sim.record("web/app-0").earlier is None, "it is updated")
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "the server runs")


def test_restart_on_request_begins_the_count_of_a_helper_anew() -> None:
    """All of the instance is launched, and nothing that went wrong before counts."""
    sim = started(task("helper", essential=False))
    _dies(sim, "helper")
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "it runs again")
    assert _failures(sim) == 1
    first = _task(sim, "server")
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and _task(sim, "server") != first, "it was restarted")
    assert _failures(sim) == 0


def test_all_of_it_goes_when_it_is_removed() -> None:
    """Whatever runs of it, and whatever waits."""
    sim = started(task("helper", essential=False), task("job", goal=Goal.ONCE))
    sim.behave("app-0-helper", Behaviour(fails_after=0.2))
    _dies(sim, "helper")
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "it is gone", within=200)
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=200)
    sim.expect_nothing_left()


def test_pod_of_jobs_tries_the_one_that_failed() -> None:
    """What is done stays so; what runs goes on."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-quick", Behaviour(finishes_after=1.0))
    sim.behave("app-0-slow", Behaviour(finishes_after=40.0))
    sim.behave("app-0-bad", Behaviour(fails_after=1.0))
    jobs = [task(name, goal=Goal.ONCE) for name in ("quick", "slow", "bad")]
    sim.publish(changed(pod(), tasks=tuple(jobs)))
    sim.run_until(lambda: _state(sim, "quick") == "TASK_FINISHED", "one is done")
    ids = {name: _task(sim, name) for name in ("quick", "slow", "bad")}
    sim.run_until(lambda: _task(sim, "bad") != ids["bad"], "the one that failed is tried again", within=30)
    assert (_task(sim, "quick"), _task(sim, "slow")) == (ids["quick"], ids["slow"])
    sim.behave("app-0-bad", Behaviour(finishes_after=1.0))
    sim.run_until(lambda: sim.step("web/app-0").message == "finished", "all are done", within=120)
    assert replace(sim.record("web/app-0"), tasks=()).failures == 0


NOBODY = {"run_tasks": [{"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}


def test_task_that_is_forbidden_is_tried_twice_and_no_more() -> None:
    """Its step, its status and its problem say why, also under another scheduler; a restart tries again."""
    sim = Simulation(acls=NOBODY)
    sim.add_agent("agent1")
    sim.publish(pod(), service("other"))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.ERROR, "it is given up", within=60)
    assert sim.step("web/app-0").message.startswith("Mesos forbids the task server: ")
    assert sim.snapshot().services["web"].status is Progress.ERROR
    launched = sum(said.startswith("Launching web/app-0") for said in sim.said())
    sim.restart_scheduler()
    sim.settle(2000)
    assert sim.problems()["web"].startswith("app-0: Mesos forbids the task server: ")
    assert sum(said.startswith("Launching web/app-0") for said in sim.said()) == launched == 2
    sim.allow_everything()
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs")
    assert "web" not in sim.problems()
    assert "other" in sim.problems()
    sim.publish(pod(), service("other", command="another"))
    sim.run_until(lambda: sim.running() == ["other/app-0", "web/app-0"], "the other one, too", within=60)
    sim.settle()
    sim.expect_reserved_exactly()


def test_forbidden_helper_ends_nobody() -> None:
    """The server serves, is updated, and what is the matter with the helper is told."""
    sim = Simulation(acls={"run_tasks": [{"principals": {"type": "NONE"}, "users": {"values": ["somebody"]}}]})
    sim.add_agent("agent1")
    helper = replace(task("helper", essential=False), command=CommandSpec(value="sleep 1000", user="somebody"))
    sim.publish(pod(helper))
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "the server runs")
    first = _task(sim, "server")
    sim.settle(1000)
    assert _task(sim, "server") == first
    assert sim.step("web/app-0", "recovery").status is Progress.ERROR
    assert "Mesos forbids the task helper" in sim.problems()["web"]
    assert sum("helper" in said for said in sim.said() if said.startswith("Launching")) == 1
    sim.publish(pod(helper, command="sleep 2000"))
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING" and _task(sim, "server") != first, "it is updated")
    sim.publish(pod(task("helper", essential=False)))
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "another helper runs", within=60)
    assert sim.problems() == {}
    sim.settle()
    sim.expect_reserved_exactly()


CHECK = ReadinessCheckSpec(command="test -e ready")


def checked(*, count: int = 1, command: str = "sleep 1000", **policy: Any) -> ServiceSpec:
    """The server with a readiness check."""
    spec = pod(count=count, command=command)
    [server] = spec.pods[0].tasks
    recovery = replace(spec.pods[0].recovery, **policy)
    return changed(spec, tasks=(replace(server, readiness_check=CHECK),), recovery=recovery)


def _passing(sim: Simulation, count: int = 1, **behaviour: Any) -> None:
    for index in range(count):
        sim.behave(f"app-{index}-server", Behaviour(passes=False, **behaviour))


def test_instance_is_ready_when_its_check_passes() -> None:
    """Before, its step is under way; a check that fails again later ends nobody."""
    sim = Simulation()
    sim.add_agent("agent1")
    _passing(sim, passes_after=10.0)
    sim.publish(checked())
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "it runs")
    assert (sim.step("web/app-0").status, sim.step("web/app-0").message) == (
        Progress.STARTED,
        "runs on agent1, not ready yet",
    )
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is ready", within=30)
    first = _task(sim, "server")
    for executor, found in sim.cluster.tasks({first}):
        executor.update(found, "TASK_RUNNING", passes=False)
    sim.cluster.pump()
    sim.settle(1000)
    assert sim.step("web/app-0", "recovery").message == "runs on agent1, not ready yet"
    assert _task(sim, "server") == first


def test_update_waits_for_the_check_of_each_instance() -> None:
    """The second one is not touched while the first has not passed; its step says what it waits for."""
    sim = Simulation()
    sim.add_agent("agent1")
    _passing(sim, 2, passes_after=1.0)
    sim.publish(checked(count=2))
    sim.run_until(lambda: _all_complete(sim, 2), "both are deployed")
    before = {index: _task(sim, "server", f"web/app-{index}") for index in range(2)}
    _passing(sim, 2)
    sim.publish(checked(count=2, command="sleep 2000"))
    sim.settle(1000)
    changed_ones = [index for index in range(2) if _task(sim, "server", f"web/app-{index}") != before[index]]
    assert changed_ones == [0]
    _passing(sim, 2, passes_after=1.0)
    for executor, found in sim.cluster.tasks({_task(sim, "server")}):
        executor.update(found, "TASK_RUNNING", passes=True)
    sim.cluster.pump()
    sim.run_until(lambda: _all_complete(sim, 2), "both are updated")


def test_task_that_is_never_ready_is_launched_again_where_the_policy_says_so() -> None:
    """It counts as a failure, with a growing pause, also under another scheduler."""
    sim = Simulation()
    sim.add_agent("agent1")
    _passing(sim)
    sim.publish(checked(ready_timeout=20.0, on_not_ready=OnNotReady.RESTART))
    sim.run_until(lambda: sim.record("web/app-0").failures == 1, "it is given up", within=40)
    assert "server is not ready 20 s after its start on agent1" in (sim.record("web/app-0").last_failure or "")
    sim.restart_scheduler()
    sim.run_until(lambda: sim.record("web/app-0").failures == 2, "and again", within=60)
    _passing(sim, passes_after=5.0)
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is ready", within=90)
    first = _task(sim, "server")
    sim.settle(300)
    assert _task(sim, "server") == first
    sim.expect_reserved_exactly()


def test_task_that_is_never_ready_stops_the_rollout_where_the_policy_says_so() -> None:
    """The step is in error and says why; nothing is ended, and the others stay as they are."""
    sim = Simulation()
    sim.add_agent("agent1")
    _passing(sim, 2, passes_after=1.0)
    policy: dict[str, Any] = {"ready_timeout": 20.0, "on_not_ready": OnNotReady.FAIL}
    sim.publish(checked(count=2, **policy))
    sim.run_until(lambda: _all_complete(sim, 2), "both are deployed")
    old = _task(sim, "server", "web/app-1")
    _passing(sim, 2)
    sim.publish(checked(count=2, command="sleep 2000", **policy))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.ERROR, "it fails", within=90)
    first = _task(sim, "server")
    assert sim.problems()["web"].startswith("app-0: server is not ready 20 s after its start on agent1; it stays so")
    sim.settle(1000)
    assert (_task(sim, "server"), _task(sim, "server", "web/app-1")) == (first, old)
    _passing(sim, 2, passes_after=1.0)
    sim.publish(checked(count=2, command="sleep 3000", **policy))
    sim.run_until(lambda: _all_complete(sim, 2), "the next configuration is rolled out", within=120)
    assert sim.problems() == {}


def test_task_that_never_runs_is_launched_again() -> None:
    """Staged or starting for longer than `start_timeout`: it is ended as failed, however long that takes."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(runs_after=1e6))
    sim.publish(checked(start_timeout=60.0))
    sim.run_until(lambda: sim.record("web/app-0").failures == 1, "it is given up", within=90)
    assert "server does not run 60 s after its launch on agent1" in (sim.record("web/app-0").last_failure or "")
    sim.behave("app-0-server", Behaviour(passes=True))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it runs", within=60)


def _away(sim: Simulation, seconds: float) -> None:
    """No scheduler is there for so long."""
    sim.stop_scheduler()
    sim.settle(seconds)
    sim.start_scheduler()


def test_task_that_came_up_while_no_scheduler_was_there_goes_on() -> None:
    """On record it is as it was before, and its deadline has passed; what Mesos tells then is waited for."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(runs_after=100.0))
    spec = pod()
    sim.publish(changed(spec, recovery=replace(spec.pods[0].recovery, start_timeout=60.0)))
    sim.run_until(lambda: _state(sim, "server") == "TASK_STARTING", "it is launched")
    first = _task(sim, "server")
    _away(sim, 300.0)
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it runs", within=60)
    assert (_task(sim, "server"), sim.record("web/app-0").failures) == (first, 0)


def test_task_that_became_ready_while_no_scheduler_was_there_goes_on() -> None:
    """The same of one that has to be ready in time."""
    sim = Simulation()
    sim.add_agent("agent1")
    _passing(sim, passes_after=100.0)
    sim.publish(checked(ready_timeout=60.0, on_not_ready=OnNotReady.RESTART))
    sim.run_until(lambda: _state(sim, "server") == "TASK_RUNNING", "it runs")
    first = _task(sim, "server")
    _away(sim, 300.0)
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is ready", within=60)
    assert (_task(sim, "server"), sim.record("web/app-0").failures) == (first, 0)


def test_task_that_never_runs_is_launched_again_by_the_next_scheduler() -> None:
    """Its time begins anew when somebody listens again."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(runs_after=1e6))
    sim.publish(checked(start_timeout=60.0))
    sim.run_until(lambda: _state(sim, "server") == "TASK_STARTING", "it is launched")
    _away(sim, 300.0)
    sim.settle(30.0)
    assert sim.record("web/app-0").failures == 0
    sim.run_until(lambda: sim.record("web/app-0").failures == 1, "it is given up", within=60)


def test_helper_that_never_runs_is_launched_again_alone() -> None:
    """Its server goes on."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-helper", Behaviour(runs_after=1e6))
    spec = pod(task("helper", essential=False))
    sim.publish(changed(spec, recovery=replace(spec.pods[0].recovery, start_timeout=60.0)))
    sim.run_until(lambda: _failures(sim) == 1, "it is given up", within=90)
    first = _task(sim, "server")
    sim.behave("app-0-helper", Behaviour())
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "it runs", within=60)
    assert _task(sim, "server") == first
    sim.settle()
    sim.expect_reserved_exactly()


def _command(sim: Simulation, name: str) -> str:
    """What a task of the instance really runs."""
    [(_, found)] = sim.cluster.tasks({_task(sim, name)})
    return str(found.info["command"]["value"])


def test_paused_instance_does_nothing_in_its_place_until_it_is_resumed() -> None:
    """Also under another scheduler, after a failure and with another configuration; its reservation and ports stay."""
    sim = started()
    before = sim.record("web/app-0")
    sim.action("web/app-0", "pause")
    sim.run_until(lambda: _task(sim, "server") != before.tasks[0].task_id and bool(sim.running()), "it is paused")
    assert _command(sim, "server") == "exec sleep 2147483647"
    step = sim.step("web/app-0", "recovery")
    assert (step.status, step.message) == (Progress.DELAYED, "server paused on agent1, until it is resumed")
    after = sim.record("web/app-0")
    assert (after.tasks[0].ports, after.failures, after.ready_since) == (before.tasks[0].ports, 0, None)
    sim.restart_scheduler()
    first = _task(sim, "server")
    sim.kill_task("web/app-0")
    sim.run_until(lambda: _task(sim, "server") != first and bool(sim.running()), "it is launched again")
    first = _task(sim, "server")
    sim.publish(pod(command="sleep 2000"))
    sim.run_until(lambda: _task(sim, "server") != first and bool(sim.running()), "it is updated")
    assert _command(sim, "server") == "exec sleep 2147483647"
    first = _task(sim, "server")
    sim.action("web/app-0", "resume")
    sim.run_until(lambda: _task(sim, "server") != first and bool(sim.running()), "it is resumed")
    assert _command(sim, "server") == "sleep 2000"
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is complete")
    sim.settle()
    sim.expect_reserved_exactly()


def test_one_task_that_is_not_essential_is_paused_alone() -> None:
    """The others go on; the instance is of use meanwhile."""
    sim = started(task("helper", essential=False))
    sim.run_until(lambda: _state(sim, "helper") == "TASK_RUNNING", "the helper runs")
    server, helper = _task(sim, "server"), _task(sim, "helper")
    sim.action("web/app-0", "pause", "helper")
    sim.run_until(
        lambda: _task(sim, "helper") != helper and _state(sim, "helper") == "TASK_RUNNING", "the helper is paused"
    )
    assert (_command(sim, "helper"), _command(sim, "server")) == ("exec sleep 2147483647", "sleep 1000")
    assert sim.step("web/app-0", "recovery").message == "helper paused on agent1, until it is resumed"
    assert sim.record("web/app-0").ready_since is not None
    sim.action("web/app-0", "resume", "helper")
    sim.run_until(lambda: sim.record("web/app-0").paused == () and _command_is(sim, "sleep 1000"), "it is resumed")
    assert _task(sim, "server") == server


def _command_is(sim: Simulation, command: str) -> bool:
    return _state(sim, "helper") == "TASK_RUNNING" and _command(sim, "helper") == command


def test_operator_says_how_long_a_task_has_to_end() -> None:
    """For the first KILL and all that follow, also of another process; and may say less later."""
    sim = started()
    sim.behave("app-0-server", Behaviour(kill_takes=300.0))
    sim.action("web/app-0", "restart", grace=30.0)
    sim.advance(20)
    sim.restart_scheduler()
    sim.advance(20)
    sim.action("web/app-0", "restart", grace=0.0)
    sim.advance(20)
    kills = [effect.grace for effect in sim.scheduler.effects if isinstance(effect, Kill)]
    assert kills[:3] == [30.0] * 3
    assert kills[-1] == 0.0
    assert set(kills) == {30.0, 0.0}
    sim.run_until(lambda: not sim.record("web/app-0").restart, "it was restarted", within=400)
    assert sim.record("web/app-0").tasks[0].grace is None
