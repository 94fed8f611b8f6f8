"""Stories of reservations: none is left when something is said to be gone, and none of others is touched."""

import pytest

from sdk.core.settings import Settings
from sdk.model.spec import PortSpec, RecoveryPolicy
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import service

FIXED = (PortSpec(name="http", number=31005),)


def deployed(agents: int = 2, *, settings: Settings | None = None, **fields: object) -> Simulation:
    """A cluster in which the service runs and everything is at rest."""
    sim = Simulation(settings=settings)
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    spec = service(**fields)  # type: ignore[arg-type]
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == spec.pods[0].count, "all run")
    sim.settle()
    return sim


def uninstalled(sim: Simulation, within: float = 300) -> None:
    """The uninstall is over."""
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=within)


# Uninstall and removal


def test_uninstall_right_after_a_replace_leaves_nothing() -> None:
    """The place that was left is released before the framework ends."""
    sim = deployed()
    sim.action("web/app-0", "replace")
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()
    assert sim.snapshot().uninstall_message == "no task, no reservation and no stored node is left"


def test_uninstall_tells_of_a_place_left_on_a_lost_agent() -> None:
    """What a replacement left on an agent that is away cannot be released: the end says so, and comes all the same."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    left = sim.record("web/app-0").holding
    assert left is not None
    sim.partition(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.settle()
    sim.uninstall()
    uninstalled(sim, within=120)
    message = sim.snapshot().uninstall_message
    assert message.startswith("the framework is gone; left behind: ")
    assert f"reservation {left.resource_id} left on {home}" in message


def test_uninstall_releases_what_no_record_knows() -> None:
    """An agent that came back with a reservation that was forgotten is looked at before the end."""
    sim = deployed()
    sim.stop_scheduler()
    sim.lose_records("web")
    sim.start_scheduler()
    sim.publish()
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()


def test_impatient_uninstall_looks_for_what_no_record_knows_all_the_same() -> None:
    """Who waits for no lost agent still waits for the offers of those that are there."""
    sim = deployed(settings=Settings(principal="sim-principal", removal_patience=0.0))
    sim.stop_scheduler()
    sim.lose_records("web")
    sim.start_scheduler()
    sim.publish()
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()


def test_uninstall_says_what_is_reserved_where_nothing_is_offered() -> None:
    """An agent that is deactivated offers nothing: the master is asked what is reserved there, and that is said."""
    sim = deployed(agents=1)
    sim.stop_scheduler()
    sim.lose_records("web")
    sim.deactivate("agent1")
    sim.start_scheduler()
    sim.publish()
    sim.uninstall()
    uninstalled(sim)
    assert "which does not offer it" in sim.snapshot().uninstall_message
    assert sim.reservations()


def test_uninstall_waits_for_what_the_master_shows() -> None:
    """Offers come as soon as the agent is back; nothing is left then."""
    sim = deployed(agents=1)
    sim.stop_scheduler()
    sim.lose_records("web")
    sim.deactivate("agent1")
    sim.start_scheduler()
    sim.publish()
    sim.uninstall()
    sim.advance(20)
    assert sim.snapshot().uninstall is Progress.IN_PROGRESS
    sim.reactivate("agent1")
    uninstalled(sim)
    sim.expect_nothing_left()


def test_uninstall_ends_where_nobody_says_what_is_reserved() -> None:
    """The master may not let us ask: the offers have to do."""
    sim = deployed(agents=1)
    sim.fail_calls("ListReservations", 100)
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()


def test_removed_instance_waits_for_the_place_it_was_replaced_from() -> None:
    """A service is gone when nothing is reserved for it any more."""
    sim = deployed()
    sim.action("web/app-0", "replace")
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone", within=60)
    assert sim.reservations() == {}


def test_agent_that_returns_to_nobody_is_cleaned_within_minutes() -> None:
    """Nobody waits for it any more, and offers are suppressed: the look at all offers finds its reservation."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone", within=120)
    sim.settle(30)
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.heal(home)
    sim.run_until(lambda: sim.reservations() == {}, "its reservation is released", within=330)
    sim.settle(60)
    assert sim.snapshot().suppressed == ("sim-role",)


def test_agent_that_was_marked_gone_comes_back_under_a_new_id_and_is_cleaned() -> None:
    """MARK_AGENT_GONE moves the task at once; the new agent in the old directory brings the old reservation, of which
    nobody hears while offers are suppressed.
    """
    sim = deployed()
    home = sim.where("web/app-0")
    old, left = sim.cluster.agent_id(home), sim.reservations()[home]
    sim.mark_gone(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced", within=3)
    sim.settle(60)
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.return_agent(home)
    assert sim.cluster.agent_id(home) != old
    assert sim.reservations()[home] == left
    sim.run_until(lambda: home not in sim.reservations(), "its reservation is released", within=330)
    sim.settle(60)
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.expect_running("web/app-0")
    sim.expect_reserved_exactly()


def test_only_agent_that_was_marked_gone_takes_its_instance_back_under_a_new_id() -> None:
    """Its fixed port stands in the old reservation, which the new agent brings along."""
    sim = deployed(agents=1, ports=FIXED)
    before = sim.record("web/app-0").holding
    sim.mark_gone("agent1")
    sim.settle(60)
    assert sim.running() == []
    sim.return_agent("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=60)
    after = sim.record("web/app-0").holding
    assert before is not None
    assert after is not None
    assert after.agent_id != before.agent_id
    sim.settle(120)
    sim.expect_reserved_exactly()


def test_notes_of_what_has_been_cleaned_up_are_not_told_again() -> None:
    """An uninstall tells only of what is left at its end."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.publish(service("other"))
    sim.run_until(lambda: sim.scheduler.stored_pods() == ["other/app-0"], "the service is gone", within=120)
    sim.heal(home)
    sim.settle(400)
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()
    assert sim.snapshot().uninstall_message == "no task, no reservation and no stored node is left"


def test_leftovers_of_a_dead_machine_end_some_day() -> None:
    """After leftover_age nobody waits for it: the role is suppressed, the record is as it was."""
    sim = deployed(
        recovery=RecoveryPolicy(replace_after=5.0), settings=Settings(principal="sim-principal", leftover_age=7200.0)
    )
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.settle(3600)
    assert len(sim.record("web/app-0").superseded) == 1
    assert sim.snapshot().suppressed == ()
    sim.advance(3900)
    assert sim.record("web/app-0").superseded == ()
    sim.settle(60)
    assert sim.snapshot().suppressed == ("sim-role",)


def test_task_on_an_agent_that_is_away_is_not_killed_over_and_over() -> None:
    """Nobody could hear it: the kill is sent when Mesos tells that the agent is back."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.action("web/app-0", "replace")
    sim.settle(60)
    before = sim.scheduler.sent["Kill"]
    sim.settle(3600)
    assert sim.scheduler.sent["Kill"] - before <= 5
    sim.heal(home)
    sim.run_until(lambda: len(sim.processes()) == 1, "the old task is ended", within=60)


# Other framework ids


def test_torn_down_framework_goes_on_in_its_old_places() -> None:
    """After TEARDOWN and a renewal the instance has its fixed port again, in the reservation of the old id."""
    sim = deployed(agents=1, ports=FIXED)
    before = sim.record("web/app-0").holding
    old = sim.scheduler.state.framework.framework_id  # type: ignore[union-attr]
    sim.teardown()
    sim.settle(10)
    assert sim.snapshot().connection == "removed"
    sim.renew()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=30)
    after = sim.record("web/app-0").holding
    assert before is not None
    assert after is not None
    assert after.resource_id == before.resource_id
    framework = sim.snapshot().framework
    assert framework.framework_id != old
    assert framework.earlier == (old,)
    sim.expect_reserved_exactly()
    sim.uninstall()
    uninstalled(sim)
    sim.expect_nothing_left()


def test_what_is_not_wanted_any_more_is_released_after_a_renewal() -> None:
    """Reservations of the old id that no instance takes up are garbage of ours."""
    sim = deployed(agents=1, count=2)
    sim.teardown()
    sim.settle(5)
    sim.publish(service(count=1))
    sim.renew()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "one runs", within=60)
    sim.settle(120)
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("asked_first", [True, False])
def test_uninstall_of_a_framework_that_was_torn_down_goes_on_under_a_new_id(asked_first: bool) -> None:
    """Its reservations are offered to nobody until it subscribes anew: so it does, and releases them."""
    sim = deployed(agents=1, count=2)
    first = sim.snapshot().framework.framework_id
    if asked_first:
        sim.uninstall()
    sim.teardown()
    sim.settle(5)
    if not asked_first:
        assert sim.snapshot().connection == "removed"
        sim.uninstall()
    uninstalled(sim)
    assert sim.snapshot().framework.earlier == (first,)
    sim.expect_nothing_left()


def test_renewal_survives_a_restart() -> None:
    """The earlier id is on record."""
    sim = deployed(agents=1, ports=FIXED)
    sim.teardown()
    sim.settle(5)
    sim.renew()
    sim.restart_scheduler()
    sim.restart_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=60)
    sim.settle(30)
    sim.expect_reserved_exactly()


def test_renewal_of_a_framework_that_lives_changes_nothing() -> None:
    """Only an id that Mesos has removed is given up."""
    sim = deployed()
    before = sim.snapshot().framework
    sim.renew()
    sim.settle(10)
    assert sim.snapshot().framework == before
    sim.expect_running("web/app-0")


@pytest.mark.parametrize("torn_down", [False, True])
def test_reservations_of_another_installation_are_left_alone(torn_down: bool) -> None:
    """Same names, same role, same principal: only ids that were ours by our own record are ours."""
    sim = Simulation()
    sim.add_agent("agent1")
    foreign = [
        {
            "name": "cpus",
            "type": "SCALAR",
            "scalar": {"value": 1.0},
            "reservations": [
                {
                    "type": "DYNAMIC",
                    "role": "sim-role",
                    "principal": "sim-principal",
                    "labels": {
                        "labels": [
                            {"key": "resource_id", "value": "theirs"},
                            {"key": "framework_id", "value": "elsewhere-0000"},
                        ]
                    },
                }
            ],
        }
    ]
    agent_id = {"value": sim.cluster.agent_id("agent1")}
    sim.cluster.operator("RESERVE_RESOURCES", {"agent_id": agent_id, "resources": foreign})
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs")
    if torn_down:
        sim.teardown()
        sim.settle(5)
        sim.renew()
        sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=60)
    sim.settle(700)
    sim.uninstall()
    uninstalled(sim)
    assert sim.reservations() == {"agent1": {"theirs"}}
