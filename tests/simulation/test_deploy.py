"""Stories of placing, scaling and suppressing."""

import pytest

from sdk.core.effects import Accept, StoreFramework, StorePod
from sdk.model.operations import Launch, Reserve
from sdk.model.spec import PortSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import changed, service


def test_two_instances_run_on_two_agents() -> None:
    """A service of two instances with hostname:UNIQUE runs on both agents and holds exactly its reservations."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service(count=2, constraints=(("hostname", "UNIQUE"),)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    assert sim.processes() == [("app-0-server", "agent1"), ("app-1-server", "agent2")]
    sim.expect_reserved_exactly()
    assert sim.snapshot().services["web"].status is Progress.COMPLETE


def test_framework_id_is_stored_before_anything_is_launched() -> None:
    """The first SUBSCRIBED stores the framework id, in a frame of its own before any ACCEPT."""
    sim = Simulation()
    sim.publish(service())
    sim.add_agent("agent1")
    sim.run_until(lambda: bool(sim.running()), "it runs")
    stored = next(
        position
        for position, effect in enumerate(sim.scheduler.effects)
        if isinstance(effect, StoreFramework) and effect.record.framework_id is not None
    )
    accepted = next(position for position, effect in enumerate(sim.scheduler.effects) if isinstance(effect, Accept))
    assert stored < accepted


def test_record_is_written_ahead_of_the_accept() -> None:
    """The frame that launches stores the record with the same task id and reservation first."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: bool(sim.running()), "it runs")
    accepts = [effect for effect in sim.scheduler.effects if isinstance(effect, Accept)]
    assert len(accepts) == 1
    before = sim.scheduler.effects[: sim.scheduler.effects.index(accepts[0])]
    records = [effect.record for effect in before if isinstance(effect, StorePod) and effect.record.tasks]
    launch = next(operation for operation in accepts[0].operations if isinstance(operation, Launch))
    assert records[-1].tasks[0].task_id == launch.tasks[0].task_id
    assert records[-1].holding is not None
    assert any(isinstance(operation, Reserve) for operation in accepts[0].operations)


def test_several_instances_go_into_one_accept() -> None:
    """Three instances that fit on one agent are launched with one ACCEPT."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=3))
    sim.run_until(lambda: len(sim.running()) == 3, "all run")
    assert sim.scheduler.sent["Accept"] == 1


def test_offers_are_suppressed_at_rest_and_revived_for_new_work() -> None:
    """With nothing to do the role is suppressed; a scale-up revives it and is served at once."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service())
    sim.settle()
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "the second runs", within=3)
    assert sim.scheduler.sent["Revive"] == 1


def test_scale_down_removes_the_highest_index_and_its_reservation() -> None:
    """From three to one: app-2 and app-1 end, are unreserved and forgotten; app-0 is not touched."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=3))
    sim.run_until(lambda: len(sim.running()) == 3, "all run")
    kept = sim.record("web/app-0").tasks[0].task_id
    sim.publish(service(count=1))
    sim.run_until(lambda: sim.scheduler.stored_pods() == ["web/app-0"], "two are forgotten")
    assert sim.processes() == [("app-0-server", "agent1")]
    assert sim.record("web/app-0").tasks[0].task_id == kept
    sim.expect_reserved_exactly()


def test_scale_up_again_during_the_removal_keeps_the_instance() -> None:
    """A count that is raised again while the instance is being ended brings it back in its reservation."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.publish(service(count=1))
    sim.publish(service(count=2))
    sim.settle()
    sim.expect_running("web/app-0", "web/app-1")
    sim.expect_reserved_exactly()


def test_removed_service_leaves_nothing() -> None:
    """A service that is no longer published loses tasks, reservations, records and its stored target."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("web"), service("api"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.publish(service("api"))
    sim.run_until(lambda: sim.scheduler.stored_pods() == ["api/app-0"], "web is forgotten")
    assert "web" not in sim.snapshot().services
    sim.expect_running("api/app-0")
    sim.expect_reserved_exactly()


def test_service_removed_before_it_was_placed_is_forgotten() -> None:
    """A service whose instances never ran goes without any call."""
    sim = Simulation()
    sim.publish(service("web", cpus=100))
    sim.publish()
    sim.settle()
    assert sim.scheduler.stored_pods() == []
    assert sim.snapshot().services == {}


def test_removal_of_a_service_goes_on_after_a_restart() -> None:
    """A scheduler that dies while it removes a service finishes the removal in its next life."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("web"), service("api"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.die_before("Kill")
    sim.publish(service("api"))
    assert sim.scheduler.state is None
    sim.start_scheduler()
    sim.run_until(lambda: sim.scheduler.stored_pods() == ["api/app-0"], "web is forgotten")
    sim.expect_reserved_exactly()


def test_prereserved_role_is_refined_and_only_public_agents_are_used() -> None:
    """With a prereserved role only the agent that holds it is used; its reservation is refined for the child role."""
    sim = Simulation()
    sim.add_agent("private")
    sim.add_agent("public", role="slave_public", ports="80,31000-31010")
    sim.publish(
        service(
            count=1,
            role="slave_public/web-role",
            prereserved_role="slave_public",
            ports=(PortSpec(name="http", number=80), PortSpec(name="stats")),
        )
    )
    sim.run_until(lambda: bool(sim.running()), "it runs")
    assert sim.where("web/app-0") == "public"
    holding = sim.record("web/app-0").holding
    assert holding is not None
    assert {tuple(entry.role for entry in resource.reservations) for resource in holding.resources} == {
        ("slave_public", "slave_public/web-role")
    }
    assert sim.record("web/app-0").tasks[0].ports["http"] == 80


def test_pending_instance_tells_why() -> None:
    """An instance that fits nowhere names every reason with the number of agents it holds for."""
    sim = Simulation()
    sim.add_agent("private1", ports="80")
    sim.add_agent("public1", role="slave_public", ports="81")
    sim.add_agent("public2", role="slave_public", ports="81", cpus=0.1)
    sim.publish(
        service(
            role="slave_public/web-role",
            prereserved_role="slave_public",
            ports=(PortSpec(name="http", number=80),),
        )
    )
    sim.settle(10)
    step = sim.step("web/app-0")
    assert step.status is Progress.PREPARED
    assert [(refusal.count, refusal.reason) for refusal in step.refusals] == [
        (2, "port 80 not offered: agents offer 81"),
        (1, "cpus: wants 0.5, offer has 0.1"),
        (1, "role slave_public missing"),
    ]
    assert step.message == (
        "waits for an offer: 2 offers: port 80 not offered: agents offer 81; 1 offer: cpus: wants 0.5, offer has 0.1; "
        "1 offer: role slave_public missing"
    )


def test_unplaceable_instance_is_placed_when_a_fitting_agent_joins() -> None:
    """Work that waits takes the first offer that fits, however late it comes."""
    sim = Simulation()
    sim.add_agent("small", cpus=0.1)
    sim.publish(service())
    sim.settle(200)
    assert sim.running() == []
    sim.add_agent("large")
    sim.run_until(lambda: bool(sim.running()), "it runs", within=2)
    assert sim.where("web/app-0") == "large"


def test_role_of_a_new_service_is_added_to_the_framework() -> None:
    """A service with a role of its own makes the framework join that role without a new subscription."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("web"))
    sim.run_until(lambda: bool(sim.running()), "web runs")
    sim.publish(service("web"), service("api", role="other-role"))
    sim.run_until(lambda: len(sim.running()) == 2, "api runs")
    assert sim.snapshot().framework.roles == ("other-role", "sim-role")


def test_invalid_configuration_keeps_the_old_one() -> None:
    """A spec that breaks a rule changes nothing; the plan shows the sentence."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.publish(changed(service(), constraints=(("hostname", "NEAR"),)))
    sim.settle()
    sim.expect_running("web/app-0")
    view = sim.snapshot().services["web"]
    assert view.status is Progress.ERROR
    assert "operator 'NEAR' is none of" in view.plans[0].phases[0].steps[0].message
    sim.publish(service())
    assert sim.snapshot().services["web"].status is Progress.COMPLETE


@pytest.mark.parametrize("count", [1, 4])
def test_uninstall_leaves_nothing(count: int) -> None:
    """Uninstall ends all tasks, releases all reservations, tears the framework down and removes what is stored."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service("web", count=count), service("api"))
    sim.run_until(lambda: len(sim.running()) == count + 1, "all run")
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled")
    sim.expect_nothing_left()


@pytest.mark.parametrize("call", ["Kill", "Accept", "Teardown"])
def test_uninstall_goes_on_after_a_crash(call: str) -> None:
    """A scheduler that dies at any step of an uninstall finishes it in its next life."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.die_before(call)
    sim.uninstall()
    sim.run_until(lambda: sim.scheduler.state is None, "it died")
    sim.settle(5)
    sim.start_scheduler()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled")
    sim.expect_nothing_left()


@pytest.mark.parametrize("call", ["Kill", "Accept", "Teardown", "Revive"])
def test_uninstall_survives_lost_calls(call: str) -> None:
    """A call that vanishes is repeated until its effect is seen."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.settle()
    sim.lose_calls(call, 2)
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=300)
    sim.expect_nothing_left()


def test_uninstall_does_not_wait_for_a_lost_agent_for_ever() -> None:
    """What is reserved on an agent that is lost is named in the message, and the uninstall ends."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service(count=2, constraints=(("hostname", "UNIQUE"),)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.partition("agent2")
    sim.settle(10)
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=180)
    assert "left on agent2, which is lost" in sim.snapshot().uninstall_message
    assert not sim.scheduler.stored_anything()
    assert sim.processes() == [("app-1-server", "agent2")]
