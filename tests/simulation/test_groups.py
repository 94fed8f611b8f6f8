"""Pods whose tasks run as task groups under one executor."""

from dataclasses import replace

import pytest

from sdk.core.effects import Accept
from sdk.model.group import GroupSpec
from sdk.model.limits import LimitsSpec, RlimitSpec
from sdk.model.operations import LaunchGroup, Reserve
from sdk.model.spec import Goal, PortSpec, ServiceSpec, TaskSpec
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import ROLE, changed
from tests.simulation.test_tasks import pod, task

GROUP = GroupSpec(cpus=200, mem=64_000, disk=10_000)
HELPER = task("helper", essential=False)
JOB = task("job", goal=Goal.ONCE)


def group(*more: TaskSpec, role: str = ROLE, command: str = "sleep 1000", count: int = 1) -> ServiceSpec:
    """A server and more tasks under one executor."""
    return changed(pod(*more, role=role, command=command, count=count), group=GROUP)


def started(*more: TaskSpec, role: str = ROLE) -> Simulation:
    """One instance of which all tasks are launched."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-job", Behaviour(finishes_after=1.0))
    sim.publish(group(*more, role=role))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is deployed")
    return sim


def ids(sim: Simulation) -> dict[str, str]:
    """The ids of the tasks by their names."""
    return {each.name: str(each.task_id) for each in sim.record("web/app-0").tasks}


def dies(sim: Simulation, name: str) -> None:
    """A task ends by itself."""
    for executor, found in sim.cluster.tasks({ids(sim)[name]}):
        executor.finish(found, "TASK_FAILED", "Command exited with status 1")
    sim.cluster.pump()


def launches(sim: Simulation) -> list[LaunchGroup]:
    """What was launched, in order."""
    accepts = (effect for effect in sim.scheduler.effects if isinstance(effect, Accept))
    return [each for accept in accepts for each in accept.operations if isinstance(each, LaunchGroup)]


def executors(sim: Simulation) -> set[str]:
    """Those that run, by their ids."""
    return {
        executor.executor_id for machine in sim.cluster.machines.values() for executor in machine.executors.values()
    }


def test_one_accept_launches_all_of_it_under_one_executor() -> None:
    """Those that are launched together are one group, each of the others one of its own; Mesos finds nothing wrong."""
    sim = started(task("second"), HELPER, JOB)
    [accept] = [
        effect
        for effect in sim.scheduler.effects
        if isinstance(effect, Accept) and any(isinstance(each, LaunchGroup) for each in effect.operations)
    ]
    groups = [each for each in accept.operations if isinstance(each, LaunchGroup)]
    assert [[found.name for found in each.tasks] for each in groups] == [
        ["app-0-server", "app-0-second"],
        ["app-0-helper"],
        ["app-0-job"],
    ]
    assert len({each.executor_id for each in groups}) == 1
    assert executors(sim) == {groups[0].executor_id}
    [reserve] = [each for each in accept.operations if isinstance(each, Reserve)]
    cpus = sum(each.scalar or 0 for each in reserve.resources if each.name == "cpus")
    assert cpus == GROUP.cpus + 500 + 3 * 100
    assert {str(each.executor_id) for each in sim.record("web/app-0").tasks} == executors(sim)
    sim.settle()
    sim.expect_running("web/app-0")
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("role", [ROLE, "*"])
def test_helper_comes_back_under_the_executor_that_runs(role: str) -> None:
    """With the very same ExecutorInfo: Mesos takes no other. The server goes on."""
    sim = started(replace(HELPER, ports=(PortSpec(name="admin"),)), role=role)
    before, executor = ids(sim), executors(sim)
    for _ in range(2):
        old = ids(sim)["helper"]
        dies(sim, "helper")
        sim.run_until(lambda old=old: ids(sim)["helper"] != old and sim.running() == ["web/app-0"], "it runs again")  # type: ignore[misc]
    assert (ids(sim)["server"], executors(sim)) == (before["server"], executor)
    first, *others = launches(sim)
    assert all(
        (each.executor_id, each.executor_resources) == (first.executor_id, first.executor_resources) for each in others
    )
    sim.restart_scheduler()
    old = ids(sim)["helper"]
    dies(sim, "helper")
    sim.run_until(lambda: ids(sim)["helper"] != old and sim.running() == ["web/app-0"], "also after a restart")
    assert executors(sim) == executor
    assert launches(sim)[-1].executor_resources == first.executor_resources
    assert len(sim.processes()) == 2


def test_essential_task_takes_its_group_with_it_and_the_executor_ends() -> None:
    """Mesos ends the group; one failure is counted; the next launch has an executor of its own."""
    sim = started(task("second"))
    before, executor = ids(sim), executors(sim)
    dies(sim, "second")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and ids(sim) != before, "it runs again")
    assert all(before[name] != now for name, now in ids(sim).items())
    assert sim.record("web/app-0").failures == 1
    assert executors(sim).isdisjoint(executor)
    sim.settle()
    assert len(sim.processes()) == 2
    sim.expect_reserved_exactly()


def test_executor_that_dies_ends_all_of_it() -> None:
    """Every task of it is told of; it is launched again as a whole."""
    sim = started(HELPER)
    before = ids(sim)
    [machine] = sim.cluster.machines.values()
    [executor] = machine.executors.values()
    executor.end(9)
    sim.cluster.pump()
    sim.run_until(lambda: sim.running() == ["web/app-0"] and ids(sim)["server"] != before["server"], "it runs again")
    sim.run_until(lambda: len(sim.processes()) == 2, "the helper, too")
    sim.settle()
    sim.expect_reserved_exactly()


def test_group_is_updated_moved_and_removed_as_any_pod() -> None:
    """A new configuration, a lost agent, a restart, the end."""
    sim = started(HELPER, JOB)
    sim.add_agent("agent2")
    before = ids(sim)
    sim.publish(group(HELPER, JOB, command="sleep 2000"))
    sim.run_until(lambda: ids(sim)["server"] != before["server"] and sim.running() == ["web/app-0"], "it is updated")
    assert ids(sim)["job"] == before["job"]
    home = launches(sim)[-1].tasks[0].agent_id
    sim.kill_agent("agent1" if sim.cluster.agent_id("agent1") == home else "agent2")
    sim.run_until(
        lambda: sim.running() == ["web/app-0"] and launches(sim)[-1].tasks[0].agent_id != home, "it moves", within=120
    )
    assert ids(sim)["job"] == before["job"]
    sim.publish()
    sim.run_until(lambda: sim.running() == [] and sim.processes() == [], "it ends", within=60)
    for name in ("agent1", "agent2"):
        if sim.cluster.machines[name].agent is None:
            sim.return_agent(name)
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=300)
    sim.expect_nothing_left()


def test_task_of_a_group_may_have_limits() -> None:
    """Mesos takes them, for the task has a cgroup of its own then."""
    limits = LimitsSpec(cpus=200, mem=64_000, rlimits=(RlimitSpec(type="RLMT_NOFILE", soft=64, hard=64),), shm=1_000)
    sim = started(replace(HELPER, limits=limits))
    sim.run_until(lambda: len(sim.processes()) == 2, "both run")
    assert sim.problems() == {}
