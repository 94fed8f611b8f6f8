"""Stories of agents that leave: drained, announced for maintenance, deactivated."""

from sdk.core.effects import Kill, Log
from sdk.model.spec import OnUnreachable, PortSpec, RecoveryPolicy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import service

UNIQUE = (("hostname", "UNIQUE"),)


def deployed(agents: int = 2, **fields: object) -> Simulation:
    """A cluster in which the service runs and everything is at rest."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    spec = service(**fields)  # type: ignore[arg-type]
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == spec.pods[0].count, "all run")
    sim.settle()
    return sim


def moved(sim: Simulation, home: str, instance: str = "web/app-0") -> bool:
    """The instance runs somewhere else."""
    return instance in sim.running() and sim.where(instance) != home


# Drain


def test_drained_agent_is_left_at_once() -> None:
    """DRAIN_AGENT ends the task, which is no failure of it: it runs elsewhere within seconds, without any back-off."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.drain(home)
    sim.run_until(lambda: moved(sim, home), "it runs elsewhere", within=3)
    assert sim.record("web/app-0").failures == 0
    assert sim.record("web/app-0").not_before == 0.0
    sim.reactivate(home)
    sim.run_until(lambda: home not in sim.reservations(), "the drained agent is clean again", within=150)
    sim.settle(60)
    sim.expect_running("web/app-0")
    sim.expect_reserved_exactly()


def test_drain_with_constraints_takes_a_free_agent() -> None:
    """UNIQUE looks at the siblings; the drained agent is no place for the time being."""
    sim = deployed(agents=3, count=2, constraints=UNIQUE)
    home = sim.where("web/app-0")
    sim.drain(home)
    sim.run_until(lambda: len(sim.running()) == 2 and moved(sim, home), "both run", within=3)
    assert sim.where("web/app-0") != sim.where("web/app-1")


def test_drained_instance_that_fits_nowhere_says_so_and_comes_back() -> None:
    """The step tells of the drain; the agent's return gives the instance its old place and port."""
    sim = deployed(agents=1)
    before = sim.record("web/app-0")
    sim.drain("agent1")
    sim.settle(200)
    step = sim.step("web/app-0", "recovery")
    assert step.status is Progress.PREPARED
    assert step.message.startswith("agent1 is drained; waits for an offer of another agent")
    sim.reactivate("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it is back", within=20)
    assert sim.record("web/app-0").tasks[0].ports == before.tasks[0].ports
    sim.settle()
    sim.expect_reserved_exactly()


def test_drain_that_a_restart_interrupts_is_remembered() -> None:
    """The next process reads it from the task's last status."""
    sim = deployed(agents=1)
    sim.drain("agent1")
    sim.advance(3)
    sim.restart_scheduler()
    sim.add_agent("agent2")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere", within=10)


def test_drain_under_a_waiting_policy_waits() -> None:
    """With WAIT the instance belongs to its agent, and is launched there again when the drain is over."""
    sim = deployed(recovery=RecoveryPolicy(on_unreachable=OnUnreachable.WAIT))
    home = sim.where("web/app-0")
    sim.drain(home)
    sim.settle(300)
    assert sim.running() == []
    assert sim.record("web/app-0").failures == 0
    sim.reactivate(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=30)
    assert sim.where("web/app-0") == home


# Maintenance


def test_announced_maintenance_moves_make_before_break() -> None:
    """The replacement is ready before the old task is ended; operators see that we accept, and the agent is clean."""
    sim = deployed()
    home = sim.where("web/app-0")
    old = sim.record("web/app-0").tasks[0].task_id
    sim.behave("app-0-server", Behaviour(runs_after=3.0))
    sim.maintain(home, after=600)
    fewest = 1
    for _ in range(200):
        sim.advance(0.1)
        fewest = min(fewest, len(sim.processes()))
        if moved(sim, home):
            break
    assert fewest == 1
    assert moved(sim, home)
    sim.settle(60)
    killed = [effect.task_id for effect in sim.scheduler.effects if isinstance(effect, Kill)]
    assert killed == [old]
    assert len(sim.processes()) == 1
    assert home not in sim.reservations()
    assert sim.maintenance_answers(home) == ["ACCEPT"]
    sim.expect_reserved_exactly()


def test_step_of_a_moving_instance_tells_of_both_places() -> None:
    """Until the new one is ready, the step says where the old one serves."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.behave("app-0-server", Behaviour(runs_after=30.0))
    sim.maintain(home, after=600)
    sim.advance(10)
    assert sim.step("web/app-0", "recovery").message.endswith(f"; the old one serves on {home} until then")


def test_maintenance_without_room_elsewhere_leaves_the_instance() -> None:
    """It serves until the machine goes; the step and the answer to the operator say that it cannot move."""
    sim = deployed(agents=1)
    sim.maintain("agent1", after=600)
    sim.advance(150)
    sim.expect_running("web/app-0")
    step = sim.step("web/app-0", "recovery")
    assert step.status is Progress.PREPARED
    assert step.message.startswith("agent1 goes into maintenance at 1970-01-12 ")
    assert "waits for an offer of another agent" in step.message
    sim.add_agent("agent2")
    sim.run_until(lambda: moved(sim, "agent1"), "it moves as soon as there is room", within=20)


def test_restart_on_an_agent_before_its_maintenance_is_carried_out() -> None:
    """There is no room elsewhere, and whoever asks for it wants no wait."""
    sim = deployed(agents=1)
    before = sim.record("web/app-0").tasks[0].task_id
    sim.maintain("agent1", after=600)
    sim.settle(60)
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: sim.running() == [], "it is ended", within=10)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=30)
    assert sim.record("web/app-0").tasks[0].task_id != before
    assert not sim.record("web/app-0").restart


def test_maintenance_that_cannot_be_moved_from_is_declined() -> None:
    """An instance that belongs to its agent stays, and the operator is told."""
    sim = deployed(recovery=RecoveryPolicy(on_unreachable=OnUnreachable.WAIT))
    home = sim.where("web/app-0")
    sim.maintain(home, after=600)
    sim.advance(5)
    assert sim.maintenance_answers(home) == ["DECLINE"]
    sim.expect_running("web/app-0")
    assert sim.where("web/app-0") == home


def test_far_maintenance_moves_nothing_yet() -> None:
    """An hour before the window is early enough; a schedule that is taken back moves nothing."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.maintain(home, after=7200)
    sim.advance(3000)
    assert sim.where("web/app-0") == home
    sim.advance(620)
    sim.run_until(lambda: moved(sim, home), "it moves in the last hour", within=20)


def test_maintenance_that_is_over_is_not_told_with_each_offer() -> None:
    """The window stays in Mesos' schedule until an operator takes it out."""
    sim = deployed(agents=1)
    sim.maintain("agent1", after=600, duration=60)
    sim.publish(service(), service("other", cpus=100.0))  # something that keeps offers coming
    sim.advance(900)
    before = len(sim.scheduler.effects)
    sim.advance(900)
    later = [effect.sentence for effect in sim.scheduler.effects[before:] if isinstance(effect, Log)]
    assert not [sentence for sentence in later if "agent1" in sentence]
    sim.expect_running("web/app-0")


def test_cancelled_maintenance_moves_nothing() -> None:
    """The next offer of the agent, without an unavailability, ends what was announced."""
    sim = deployed(agents=1)
    sim.maintain("agent1", after=600)
    sim.advance(30)
    sim.maintain()
    sim.run_until(lambda: sim.step("web/app-0").message == "runs on agent1", "it stays", within=60)
    sim.add_agent("agent2")
    sim.settle(300)
    assert sim.where("web/app-0") == "agent1"


def test_task_that_fails_before_its_maintenance_is_launched_where_it_was() -> None:
    """All agents are announced: until they go the old place is better than none."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.maintain("agent1", "agent2", after=1800)
    sim.settle(10)
    sim.kill_task("web/app-0")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=20)
    assert sim.where("web/app-0") == home
    sim.settle(60)
    sim.expect_reserved_exactly()


def test_several_services_move_one_after_the_other() -> None:
    """The budget of replacements holds for moves as well, and each instance serves until its new place is ready."""
    sim = Simulation()
    sim.add_agent("agent1", cpus=8, mem=8192)
    names = [f"s{number}" for number in range(8)]
    sim.publish(*(service(name) for name in names))
    sim.run_until(lambda: len(sim.running()) == 8, "all run")
    sim.add_agent("agent2", cpus=8, mem=8192)
    sim.behave("app-0-server", Behaviour(runs_after=5.0))
    sim.maintain("agent1", after=600)
    most = 0
    for _ in range(400):
        sim.advance(0.1)
        most = max(most, len(sim.processes()))
        assert len(sim.processes()) >= 8
    assert most <= 8 + 5 + 5  # five at a time, and those whose end takes a moment
    assert all(sim.where(f"{name}/app-0") == "agent2" for name in names)


def test_machine_down_does_not_wait_for_the_loss_to_be_proved() -> None:
    """What could not move before its machine went is placed as soon as there is room: it was announced."""
    sim = deployed(agents=1, recovery=RecoveryPolicy(replace_after=300.0))
    sim.maintain("agent1", after=60)
    sim.advance(60)
    sim.machine_down("agent1")
    sim.advance(2)
    sim.add_agent("agent2")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere", within=20)
    sim.machine_up("agent1")
    sim.return_agent("agent1")
    sim.run_until(lambda: "agent1" not in sim.reservations(), "the old place is given back", within=200)


def test_move_that_a_restart_interrupts_goes_on() -> None:
    """The task that serves at the old place is on record: the next process ends it when the new one is ready."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.behave("app-0-server", Behaviour(runs_after=20.0))
    sim.maintain(home, after=600)
    sim.advance(5)
    assert len(sim.processes()) == 2
    sim.restart_scheduler()
    sim.advance(5)
    assert len(sim.processes()) == 2
    sim.run_until(lambda: moved(sim, home) and len(sim.processes()) == 1, "the old one is ended", within=60)
    sim.settle(60)
    sim.expect_reserved_exactly()


def test_service_removed_while_it_moves_leaves_nothing() -> None:
    """Both tasks are ended, both reservations released."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.behave("app-0-server", Behaviour(runs_after=30.0))
    sim.maintain(home, after=600)
    sim.advance(5)
    sim.publish()
    sim.run_until(lambda: not sim.processes() and not sim.reservations(), "nothing is left", within=30)
    assert sim.scheduler.stored_pods() == []


def test_reservation_in_use_is_not_missed_while_its_instance_looks_for_another_place() -> None:
    """The agent makes offers without it, since it is in use: that is no reason to give it up."""
    sim = deployed(agents=1)
    before = sim.record("web/app-0").holding
    sim.maintain("agent1", after=600)
    sim.publish(service(), service("other", cpus=100.0))  # something that keeps offers coming
    sim.advance(300)
    assert sim.record("web/app-0").holding == before
    sim.expect_running("web/app-0")


# Updates


def test_instance_on_a_deactivated_agent_is_not_ended_for_an_update() -> None:
    """A place that Mesos does not offer may not be usable again: the old task goes on for some minutes."""
    sim = deployed(agents=1)
    sim.deactivate("agent1")
    sim.publish(service(command="sleep 2000"))
    sim.settle(290)
    sim.expect_running("web/app-0")
    assert "agent1 offers nothing" in sim.step("web/app-0").message
    sim.reactivate("agent1")
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=60)


def test_update_on_a_deactivated_agent_takes_another_place() -> None:
    """Another agent has room: the new one is ready there before the old one is ended."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.deactivate(home)
    sim.publish(service(command="sleep 2000"))
    fewest = 1
    for _ in range(600):
        sim.advance(0.1)
        fewest = min(fewest, len(sim.processes()))
    assert fewest == 1
    assert moved(sim, home)
    assert sim.step("web/app-0").status is Progress.COMPLETE


def test_deactivated_agent_holds_up_no_sibling() -> None:
    """The others are updated meanwhile, each in its place."""
    sim = deployed(agents=3, count=3, constraints=UNIQUE, ports=(PortSpec(name="http", number=31005),))
    silent = sim.where("web/app-0")
    before = {name: sim.where(name) for name in sim.running()}
    sim.deactivate(silent)
    sim.publish(
        service(count=3, constraints=UNIQUE, ports=(PortSpec(name="http", number=31005),), command="sleep 2000")
    )
    sim.run_until(
        lambda: all(sim.step(f"web/app-{index}").status is Progress.COMPLETE for index in (1, 2)),
        "the others are updated",
        within=120,
    )
    assert {name: sim.where(name) for name in sim.running()} == before
    sim.reactivate(silent)
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "and then this one", within=60)


def full_agents(count: int) -> Simulation:
    """Each agent is taken by one instance, and never offers anything as long as that runs."""
    sim = Simulation()
    for number in range(1, count + 1):
        sim.add_agent(f"agent{number}", cpus=0.5, mem=64)
    sim.publish(service(count=count))
    sim.run_until(lambda: len(sim.running()) == count, "all run")
    sim.settle()
    return sim


def test_instance_that_takes_all_of_its_agent_is_updated_within_minutes() -> None:
    """No offer comes before it is ended, so a wait for one would never end; its step tells how long it is."""
    sim = full_agents(1)
    sim.publish(service(command="sleep 2000"))
    sim.settle(60)
    sim.expect_running("web/app-0")
    assert "agent1 offers nothing" in sim.step("web/app-0").message
    assert "for 5 minutes at most" in sim.step("web/app-0").message
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=260)
    sim.expect_reserved_exactly()


def test_instances_on_full_agents_are_updated_one_by_one() -> None:
    """Each of them has its own minutes, and serves on during those of the others."""
    sim = full_agents(3)
    sim.publish(service(count=3, command="sleep 2000"))
    sim.run_until(
        lambda: all(sim.step(f"web/app-{index}").status is Progress.COMPLETE for index in range(3)),
        "all are updated",
        within=1000,
    )
    times = sorted(sim.record(f"web/app-{index}").tasks[0].launched_at for index in range(3))
    assert times[1] - times[0] >= 300
    assert times[2] - times[1] >= 300


def test_update_on_full_agents_goes_on_without_an_agent_that_was_lost() -> None:
    """Its instance fits nowhere else; what became of it says nothing about the agents of the others."""
    sim = full_agents(3)
    lost = next(f"web/app-{index}" for index in range(3) if sim.where(f"web/app-{index}") == "agent1")
    sim.kill_agent("agent1")
    sim.settle(60)
    sim.publish(service(count=3, command="sleep 2000"))
    others = {f"web/app-{index}" for index in range(3)} - {lost}
    sim.run_until(
        lambda: all(sim.step(name).status is Progress.COMPLETE for name in others), "they are updated", within=1200
    )


def test_silent_agents_cost_an_update_one_instance_at_most() -> None:
    """One that was ended and has not come back shows that the agents are not just full: the others serve on."""
    sim = deployed(agents=3, count=3, constraints=UNIQUE)
    for number in (1, 2, 3):
        sim.deactivate(f"agent{number}")
    sim.publish(service(count=3, constraints=UNIQUE, command="sleep 2000"))
    sim.advance(3600)
    assert len(sim.processes()) == 2
    for number in (1, 2, 3):
        sim.reactivate(f"agent{number}")
    sim.run_until(
        lambda: all(sim.step(f"web/app-{index}").status is Progress.COMPLETE for index in range(3)),
        "all are updated",
        within=300,
    )


def test_minutes_without_a_subscription_do_not_count_as_silence_of_an_agent() -> None:
    """Nobody is ended for an update because the master was away, as long as nobody could have been offered a place."""
    sim = deployed(agents=1)
    sim.deactivate("agent1")
    sim.publish(service(command="sleep 2000"))
    sim.settle(60)
    sim.master_failover(seconds=230)
    sim.settle(60)
    sim.expect_running("web/app-0")
