"""Stories of updates that launch the next task before the present one is ended."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sdk.core.effects import Kill
from sdk.model.spec import PortSpec, ServiceSpec, StrategyKind, UpdateStrategy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import changed, service

SURGE = UpdateStrategy(max_surge=1)
UNIQUE = (("hostname", "UNIQUE"),)
FIXED = (PortSpec(name="http", number=31001),)


def deployed(agents: int = 1, **fields: object) -> Simulation:
    """A cluster in which the service runs; its tasks take two seconds to start."""
    spec = service(update=SURGE, **fields)  # type: ignore[arg-type]
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    for index in range(spec.pods[0].count):
        sim.behave(f"app-{index}-server", Behaviour(runs_after=2.0))
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == spec.pods[0].count, "all run")
    sim.settle()
    return sim


def ids(sim: Simulation) -> dict[str, str]:
    """Task id by instance that runs."""
    return {name: sim.record(name).tasks[0].task_id for name in sim.running()}


def serving(sim: Simulation) -> list[str]:
    """Task ids of everything that runs in truth, the scheduler may know it or not."""
    return [
        task.task_id
        for machine in sim.cluster.machines.values()
        for executor in machine.executors.values()
        for task in executor.tasks.values()
        if task.state == "TASK_RUNNING"
    ]


def fewest(sim: Simulation, spec: ServiceSpec, each: Callable[[Simulation], object] = serving) -> int:
    """Publish, wait until all run with the new configuration, and tell how few processes were ready meanwhile."""
    before = set(ids(sim).values())
    found = len(before)
    sim.publish(spec)

    def updated() -> bool:
        nonlocal found
        each(sim)
        found = min(found, len(serving(sim)))
        now = ids(sim)
        return len(now) == spec.pods[0].count and not set(now.values()) & before

    sim.run_until(updated, "all are updated", within=120, step=0.1)
    return found


def clean(sim: Simulation, count: int) -> None:
    """Nothing of the old tasks is left."""
    sim.run_until(lambda: len(sim.processes()) == count, "the old tasks have ended", within=60)
    sim.settle(90)
    sim.expect_reserved_exactly()


def test_the_only_instance_serves_all_the_time_beside_its_successor() -> None:
    """With dynamic ports one agent has room for both."""
    sim = deployed()
    old = sim.record("web/app-0")
    assert fewest(sim, service(command="sleep 2000", update=SURGE)) == 1
    new = sim.record("web/app-0")
    assert new.tasks[0].ports != old.tasks[0].ports
    clean(sim, 1)
    killed = [effect.task_id for effect in sim.scheduler.effects if isinstance(effect, Kill)]
    assert killed == [old.tasks[0].task_id]


def test_an_instance_stays_on_its_agent_where_that_has_room() -> None:
    """Its address stays, whichever agent's offer comes first."""
    sim = deployed(agents=3, count=3)
    before = {name: sim.where(name) for name in sim.running()}
    for command in ("sleep 2000", "sleep 3000"):
        assert fewest(sim, service(count=3, command=command, update=SURGE)) == 3
        assert {name: sim.where(name) for name in sim.running()} == before


def test_a_fixed_port_moves_to_another_agent() -> None:
    """The port is free there."""
    sim = deployed(agents=2, ports=FIXED)
    home = sim.where("web/app-0")
    assert fewest(sim, service(ports=FIXED, command="sleep 2000", update=SURGE)) == 1
    assert sim.where("web/app-0") != home
    clean(sim, 1)


def test_without_another_place_the_old_task_ends_first() -> None:
    """A fixed port and one agent: after some seconds it is updated in its place, as without a surge."""
    sim = deployed(ports=FIXED)
    holding = sim.record("web/app-0").holding
    sim.publish(service(ports=FIXED, command="sleep 1500", update=SURGE))
    sim.advance(1.0)
    step = sim.step("web/app-0")
    assert (step.status, step.message) == (
        Progress.PENDING,
        "runs on agent1 with its old configuration; looks for a place to launch the next one beside it",
    )
    assert fewest(sim, service(ports=FIXED, command="sleep 2000", update=SURGE)) == 0
    new = sim.record("web/app-0").holding
    assert holding is not None
    assert new is not None
    assert new.resource_id == holding.resource_id
    clean(sim, 1)


def test_an_agent_that_offers_nothing_is_told_when_no_place_was_found_beside_it() -> None:
    """A deactivated agent: after the look for another place its step says what is waited for, as without a surge."""
    sim = deployed(ports=FIXED)
    sim.deactivate("agent1")
    sim.publish(service(ports=FIXED, command="sleep 2000", update=SURGE))
    sim.settle(40)
    assert "agent1 offers nothing" in sim.step("web/app-0").message
    assert len(serving(sim)) == 1
    sim.reactivate("agent1")
    before = sim.record("web/app-0").tasks[0].task_id
    sim.run_until(lambda: ids(sim).get("web/app-0", before) != before, "it is updated in its place", within=60)
    clean(sim, 1)


def test_an_agent_without_room_for_both_is_left_for_another_one() -> None:
    """The instance needs more than half of an agent."""
    sim = deployed(agents=2, cpus=3.0)
    assert fewest(sim, service(cpus=3.5, update=SURGE)) == 1
    clean(sim, 1)


@pytest.mark.parametrize("count", [2, 3])
def test_one_after_the_other_runs_twice(count: int) -> None:
    """Constraints hold among the siblings; never are there fewer than wanted, while one starts and one ends at most."""
    sim = deployed(agents=count, count=count, constraints=UNIQUE)
    before = set(ids(sim).values())
    spec = service(count=count, constraints=UNIQUE, command="sleep 2000", update=SURGE)
    sim.publish(spec)

    def updated() -> bool:
        assert len(serving(sim)) >= count
        assert len(sim.processes()) <= count + 2
        return len(sim.running()) == count and not set(ids(sim).values()) & before

    sim.run_until(updated, "all are updated", within=120, step=0.1)
    assert len({sim.where(name) for name in sim.running()}) == count
    clean(sim, count)


def test_as_many_run_twice_as_the_strategy_lets() -> None:
    """Parallel with a surge of two: three are updated without fewer than three, two of them at once."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=2, max_surge=2)
    sim = deployed(agents=3, count=3)
    sim.publish(service(count=3, update=update))
    sim.settle()
    most = 0

    def note(sim: Simulation) -> None:
        nonlocal most
        most = max(most, len(sim.processes()))

    assert fewest(sim, service(count=3, command="sleep 2000", update=update), each=note) == 3
    assert most >= 5


def test_a_configuration_that_never_gets_ready_takes_nothing_down() -> None:
    """The old task serves on; the wish of before ends the failures."""
    sim = deployed()
    sim.behave("app-0-server", Behaviour(fails_after=0.1))
    sim.publish(service(command="broken", update=SURGE))
    sim.settle(90)
    assert len(serving(sim)) == 1
    assert sim.record("web/app-0").failures > 2
    sim.behave("app-0-server", Behaviour())
    sim.publish(service(update=SURGE))
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs as before", within=90)
    clean(sim, 1)


def test_a_scheduler_that_dies_in_between_ends_the_old_task_all_the_same() -> None:
    """After the launch, and before the end of the old task."""
    for call in ("Accept", "Kill"):
        sim = deployed()
        sim.die_before(call)
        sim.publish(service(command="sleep 2000", update=SURGE))
        sim.run_until(lambda sim=sim: sim.scheduler.state is None, "the scheduler has died")  # type: ignore[misc]
        sim.start_scheduler()
        sim.run_until(lambda sim=sim: sim.running() == ["web/app-0"], "it runs")  # type: ignore[misc]
        clean(sim, 1)


def test_the_agent_of_the_old_task_may_get_lost_meanwhile() -> None:
    """The new one has its own; what is left there is fenced when it comes back."""
    sim = deployed(agents=2, ports=FIXED)
    home = sim.where("web/app-0")
    sim.publish(service(ports=FIXED, command="sleep 2000", update=SURGE))
    sim.run_until(lambda: len(sim.processes()) == 2, "both run", step=0.1)
    sim.partition(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "it runs elsewhere")
    sim.heal(home)
    clean(sim, 1)


def test_a_removed_service_takes_both_tasks_with_it() -> None:
    """Whatever is under way."""
    sim = deployed()
    sim.publish(service(command="sleep 2000", update=SURGE))
    sim.run_until(lambda: len(sim.processes()) == 2, "both run", step=0.1)
    sim.publish()
    sim.run_until(lambda: not sim.processes(), "none runs", within=60)
    sim.settle(90)
    assert sim.reservations() == {}


def test_what_is_of_no_use_is_not_waited_for() -> None:
    """An instance that is not healthy is updated in its place."""
    spec = service(update=SURGE)
    spec = changed(spec, tasks=(replace(spec.pods[0].tasks[0], reports_health=True),))
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(healthy=False))
    sim.publish(spec)
    sim.run_until(lambda: bool(sim.running()), "it runs")
    before = sim.record("web/app-0").holding
    sim.behave("app-0-server", Behaviour(healthy=True))
    sim.publish(changed(spec, tasks=(replace(spec.pods[0].tasks[0], cpus=600),)))
    sim.run_until(lambda: sim.record("web/app-0").ready_since is not None, "it is healthy")
    after = sim.record("web/app-0").holding
    assert before is not None
    assert after is not None
    assert after.resource_id == before.resource_id
