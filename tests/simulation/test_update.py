"""Stories of changed configurations."""

from dataclasses import replace

from sdk.model.spec import PortSpec, RecoveryPolicy, ServiceSpec, StrategyKind, UpdateStrategy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import changed, service


def deployed(spec: ServiceSpec, agents: int = 3) -> Simulation:
    """A cluster in which the service runs."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == spec.pods[0].count, "all run")
    sim.settle()
    return sim


def ids(sim: Simulation) -> dict[str, str]:
    """Task id by instance."""
    return {name: sim.record(name).tasks[0].task_id for name in sim.running()}


def lowest_while(sim: Simulation, spec: ServiceSpec, within: float = 120.0) -> int:
    """Publish, wait until all run with the new configuration, and tell how few ran in the meantime."""
    before = ids(sim)
    lowest = len(before)
    sim.publish(spec)

    def updated() -> bool:
        nonlocal lowest
        running = ids(sim)
        lowest = min(lowest, len(running))
        return len(running) == spec.pods[0].count and not set(running.values()) & set(before.values())

    sim.run_until(updated, "all are updated", within=within, step=0.1)
    return lowest


def test_update_is_rolled_out_one_by_one() -> None:
    """With the serial strategy at most one of three instances is away at any time."""
    sim = deployed(service(count=3))
    assert lowest_while(sim, service(count=3, command="sleep 2000")) == 2
    sim.settle()
    sim.expect_reserved_exactly()


def test_parallel_update_takes_as_many_as_allowed() -> None:
    """With max_unavailable 2 two of three instances are updated at once."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=2)
    sim = deployed(service(count=3, update=update))
    for index in range(3):
        sim.behave(f"app-{index}-server", Behaviour(runs_after=2.0))
    assert lowest_while(sim, service(count=3, command="sleep 2000", update=update)) == 1


def test_update_stays_on_the_same_agents() -> None:
    """An instance is relaunched where it was, in its reservation."""
    sim = deployed(service(count=3, constraints=(("hostname", "UNIQUE"),)))
    before = {name: (sim.where(name), sim.record(name).holding.resource_id) for name in sim.running()}  # type: ignore[union-attr]
    lowest_while(sim, service(count=3, command="sleep 2000", constraints=(("hostname", "UNIQUE"),)))
    after = {name: (sim.where(name), sim.record(name).holding.resource_id) for name in sim.running()}  # type: ignore[union-attr]
    assert before == after


def test_update_waits_for_the_instance_before() -> None:
    """While the first updated instance is not ready the others are left alone, and their step says so."""
    sim = deployed(service(count=2))
    sim.behave("app-0-server", Behaviour(fails_after=0.1))
    before = ids(sim)
    sim.publish(service(count=2, command="broken"))
    sim.settle(60)
    assert sim.record("web/app-1").tasks[0].task_id == before["web/app-1"]
    step = sim.step("web/app-1")
    assert step.status is Progress.PENDING
    assert "the update stops at app-0, which fails with the new one: server failed" in step.message


def test_rollback_repairs_a_broken_update() -> None:
    """Publishing the old configuration again ends the failures; the untouched instance is never ended."""
    sim = deployed(service(count=2))
    before = ids(sim)
    sim.behave("app-0-server", Behaviour(fails_after=0.1))
    sim.publish(service(count=2, command="broken"))
    sim.settle(30)
    sim.behave("app-0-server", Behaviour())
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "both run", within=90)
    sim.settle()
    assert ids(sim)["web/app-1"] == before["web/app-1"]


def test_placement_recovery_and_informative_labels_relaunch_nothing() -> None:
    """Changes that concern only what happens next leave running tasks alone."""
    spec = service(count=2)
    sim = deployed(spec)
    before = ids(sim)
    task = replace(spec.pods[0].tasks[0], volatile_labels=(("version", "2"),))
    sim.publish(
        changed(
            spec,
            constraints=(("hostname", "MAX_PER", "5"),),
            recovery=RecoveryPolicy(replace_after=1000.0),
            update=UpdateStrategy(max_unavailable=2),
            tasks=(task,),
        )
    )
    sim.settle()
    assert ids(sim) == before
    assert sim.snapshot().services["web"].status is Progress.COMPLETE


def test_more_resources_grow_the_reservation_in_place() -> None:
    """A larger task keeps its reservation id; exactly the difference is reserved."""
    sim = deployed(service(cpus=0.5), agents=1)
    before = sim.record("web/app-0").holding
    lowest_while(sim, service(cpus=1.5))
    after = sim.record("web/app-0").holding
    assert before is not None
    assert after is not None
    assert after.resource_id == before.resource_id
    assert {resource.name: resource.scalar for resource in after.resources}["cpus"] == 1500
    sim.settle()
    sim.expect_reserved_exactly()


def test_fewer_resources_and_other_ports_shrink_the_reservation() -> None:
    """What is too much is released in the same ACCEPT; another static port replaces the old one."""
    sim = deployed(service(cpus=1.5, ports=(PortSpec(name="http", number=31001),)), agents=1)
    lowest_while(sim, service(cpus=0.25, ports=(PortSpec(name="http", number=31002),)))
    holding = sim.record("web/app-0").holding
    assert holding is not None
    by_name = {resource.name: resource for resource in holding.resources}
    assert by_name["cpus"].scalar == 250
    assert by_name["ports"].ranges == ((31002, 31002),)
    sim.settle()
    reserved = sim.cluster.machines["agent1"].agent
    assert reserved is not None
    ours = [entry for entry in reserved.state.resources.json() if entry.get("reservations")]
    assert {entry["name"]: entry.get("scalar", {}).get("value") for entry in ours}["cpus"] == 0.25


def test_update_that_no_longer_fits_its_agent_says_so() -> None:
    """An instance whose new size does not fit its agent waits there and names what is missing."""
    sim = deployed(service(cpus=0.5), agents=1)
    sim.publish(service(cpus=100.0))
    sim.settle(60)
    step = sim.step("web/app-0")
    assert step.status is Progress.PREPARED
    assert [refusal.reason for refusal in step.refusals] == ["cpus: wants 100.0, offer has 4.0"]


def test_update_that_outgrows_its_agent_moves_to_another() -> None:
    """An instance whose new size fits only elsewhere goes there, and its old reservation is released."""
    sim = Simulation()
    sim.add_agent("small", cpus=1.0)
    sim.publish(service(cpus=0.5))
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.add_agent("large", cpus=8.0)
    sim.publish(service(cpus=2.0))
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") == "large", "it moved")
    sim.settle(90)
    sim.expect_reserved_exactly()


def test_instance_that_fits_nowhere_does_not_hold_up_an_update() -> None:
    """Three instances on two agents: the third waits for ever, the other two are updated all the same."""
    unique = (("hostname", "UNIQUE"),)
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service(count=3, constraints=unique))
    sim.run_until(lambda: len(sim.running()) == 2, "two run")
    before = ids(sim)
    sim.publish(service(count=3, command="sleep 2000", constraints=unique))
    sim.run_until(
        lambda: len(sim.running()) == 2 and not set(ids(sim).values()) & set(before.values()), "two are updated"
    )


def test_update_during_a_loss_waits_for_the_replacement() -> None:
    """An instance that is away counts as unavailable: the other one is not ended until it is back."""
    sim = deployed(service(count=2, constraints=(("hostname", "UNIQUE"),)), agents=3)
    sim.partition(sim.where("web/app-0"))
    sim.run_until(lambda: len(sim.running()) == 1, "the loss is noticed")
    sim.publish(service(count=2, command="sleep 2000", constraints=(("hostname", "UNIQUE"),)))
    lowest = 1

    def all_run() -> bool:
        nonlocal lowest
        lowest = min(lowest, len(sim.running()))
        wanted = {wish.config for target in (sim.scheduler.state.targets.values()) for wish in target.pods.values()}  # type: ignore[union-attr]
        return len(sim.running()) == 2 and {sim.record(name).tasks[0].config for name in sim.running()} == wanted

    sim.run_until(all_run, "both are updated", step=0.1)
    assert lowest == 1


def test_update_goes_on_without_an_instance_that_has_lost_its_place() -> None:
    """Three on three machines, one of them gone for good: after a while the other two are updated, one at a time."""
    unique = (("hostname", "UNIQUE"),)
    sim = deployed(service(count=3, constraints=unique), agents=3)
    sim.kill_agent(sim.where("web/app-2"))
    sim.run_until(lambda: len(sim.running()) == 2, "the loss is noticed")
    before = ids(sim)
    sim.publish(service(count=3, command="sleep 2000", constraints=unique))
    sim.settle(60)
    assert ids(sim) == before
    lowest = 2

    def updated() -> bool:
        nonlocal lowest
        lowest = min(lowest, len(sim.running()))
        return len(sim.running()) == 2 and not set(ids(sim).values()) & set(before.values())

    sim.run_until(updated, "two are updated", within=300, step=0.1)
    assert lowest == 1


def test_last_instance_that_serves_is_updated_when_an_operator_says_so() -> None:
    """By itself the update does not take down the only one that is left; `excuse` lets it go on, and is remembered."""
    unique = (("hostname", "UNIQUE"),)
    sim = deployed(service(count=2, constraints=unique), agents=2)
    gone = sim.where("web/app-1")
    sim.kill_agent(gone)
    sim.run_until(lambda: len(sim.running()) == 1, "the loss is noticed")
    before = ids(sim)["web/app-0"]
    sim.publish(service(count=2, command="sleep 2000", constraints=unique))
    sim.settle(900)
    assert ids(sim)["web/app-0"] == before
    sim.die_before("Revive")
    sim.action("web/app-1", "excuse")
    sim.settle(5)
    if sim.scheduler.state is None:
        sim.start_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"] and ids(sim)["web/app-0"] != before, "it is updated")
    sim.return_agent(gone)
    sim.run_until(lambda: len(sim.running()) == 2, "the other one is back", within=60)
    assert not sim.record("web/app-1").excused


def test_updated_instance_proves_itself_from_the_moment_it_is_ready() -> None:
    """min_ready counts from healthy, not from RUNNING."""
    spec = service(count=2, update=UpdateStrategy(min_ready=20.0))
    spec = changed(spec, tasks=(replace(spec.pods[0].tasks[0], reports_health=True),))
    sim = Simulation()
    sim.add_agent("agent1")
    for index in range(2):
        sim.behave(f"app-{index}-server", Behaviour(healthy_after=30.0))
    sim.publish(spec)
    sim.run_until(lambda: sim.snapshot().services["web"].status is Progress.COMPLETE, "both are healthy")
    before = ids(sim)
    sim.publish(changed(spec, tasks=(replace(spec.pods[0].tasks[0], cpus=600),)))

    def first_is_ready() -> bool:
        record = sim.record("web/app-0")
        return record.ready_since is not None and record.tasks[0].task_id != before["web/app-0"]

    sim.run_until(first_is_ready, "the first one is ready", step=0.1)
    since = sim.now
    sim.run_until(lambda: "web/app-1" not in sim.running(), "the second one is ended", step=0.1)
    assert sim.now - since >= 19.5


def test_update_goes_on_after_a_crash() -> None:
    """A scheduler that dies in the middle of a rolling update finishes it with the same care."""
    sim = deployed(service(count=3))
    before = ids(sim)
    sim.die_before("Kill")
    sim.publish(service(count=3, command="sleep 2000"))
    assert sim.scheduler.state is None
    sim.start_scheduler()
    sim.run_until(lambda: len(sim.running()) == 3 and not set(ids(sim).values()) & set(before.values()), "all updated")
    sim.settle()
    sim.expect_reserved_exactly()


def test_unhealthy_instance_holds_up_the_update() -> None:
    """RUNNING is not ready when the task says that it is not healthy."""
    spec = service(count=2)
    spec = changed(spec, tasks=(replace(spec.pods[0].tasks[0], reports_health=True),))
    sim = Simulation()
    sim.add_agent("agent1")
    for index in range(2):
        sim.behave(f"app-{index}-server", Behaviour(healthy=True))
    sim.publish(spec)
    sim.run_until(lambda: sim.snapshot().services["web"].status is Progress.COMPLETE, "both are healthy")
    before = ids(sim)
    sim.behave("app-0-server", Behaviour(healthy=False))
    sim.publish(changed(spec, tasks=(replace(spec.pods[0].tasks[0], cpus=600),)))
    sim.settle(60)
    assert ids(sim)["web/app-1"] == before["web/app-1"]
    step = sim.step("web/app-0")
    assert step.status is Progress.STARTED
    assert "not healthy yet" in step.message


def test_changed_role_moves_the_reservations_with_it() -> None:
    """Each instance is placed again under the new role, and nothing stays reserved for the old one."""
    sim = deployed(service(count=2, ports=(PortSpec(name="http", number=31050),)))
    sim.publish(service(count=2, role="other", ports=(PortSpec(name="http", number=31050),)))

    def moved() -> bool:
        holdings = [sim.record(f"web/app-{index}").holding for index in range(2)]
        return len(sim.running()) == 2 and all(held is not None and held.role == "other" for held in holdings)

    sim.run_until(moved, "both run under the new role")
    sim.settle(60)
    sim.expect_reserved_exactly()
    sim.expect_running("web/app-0", "web/app-1")
