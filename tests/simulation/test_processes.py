"""Stories of the scheduler's processes, of their lock and of the storage: whatever fails in between, nothing is done
twice and nothing is lost.
"""

import pytest

from sdk.core.effects import Accept, Acknowledge, StorePod
from sdk.core.events import StatusReceived
from sdk.mesos import wire
from sdk.mesos.calls import FrameworkInfo
from sdk.model.status import TaskState
from sdk.plan.progress import Progress
from sdk.storage.persister import Put, Write
from sdk.testing import Simulation
from sdk.testing.lock import SESSION_TIMEOUT
from tests.simulation.specs import service


def cluster(*, standbys: int = 0) -> Simulation:
    """Two agents and nothing on them."""
    sim = Simulation(standbys=standbys)
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    return sim


def deployed(count: int = 2, *, standbys: int = 0) -> Simulation:
    """A service that runs, with everything at rest."""
    sim = cluster(standbys=standbys)
    sim.publish(service(count=count))
    sim.run_until(lambda: len(sim.running()) == count, "all run")
    sim.settle()
    return sim


def at_rest(sim: Simulation, *instances: str) -> None:
    """Exactly these run, once, and nothing else is reserved."""
    sim.run_until(lambda: sim.running() == sorted(instances), f"{instances} run", within=120)
    sim.settle(400)  # a look through all offers is among it
    sim.expect_running(*instances)
    assert len(sim.processes()) == len(instances)
    sim.expect_reserved_exactly()


def leader(sim: Simulation) -> str:
    """Name of the process in charge."""
    found = sim.scheduler.leader
    assert found is not None
    return found.name


# The lock


def test_a_lock_that_is_lost_between_storing_and_calling_launches_nothing() -> None:
    """The call is not made, and the next process launches what it finds on record as never launched."""
    sim = cluster(standbys=1)
    first = leader(sim)
    sim.lose_lock(before="Accept")
    sim.publish(service())
    sim.run_until(lambda: leader(sim) != first, "the other one is in charge")
    at_rest(sim, "web/app-0")


@pytest.mark.parametrize("standbys", [0, 1])
def test_a_process_gives_way_to_a_scheduler_that_goes_by_its_id(standbys: int) -> None:
    """It ends, and launches and kills nothing any more; the next process in line, or who is started, goes on."""
    sim = deployed(standbys=standbys)
    first, tasks = leader(sim), sim.processes()
    record = sim.snapshot().framework
    info = FrameworkInfo(
        name=record.name,
        roles=record.roles,
        user="root",
        principal="sim-principal",
        framework_id=record.framework_id,
    )
    sim.cluster.listen("foreign", lambda event: None, lambda: None)
    assert sim.cluster.call(wire.subscribe(info), None, "foreign")[0] == 200
    sim.cluster.pump()
    sim.run_until(lambda: sim.scheduler.leader is None or leader(sim) != first, "it has given way")
    if not standbys:
        sim.settle(120)
        assert sim.scheduler.leader is None
        sim.start_scheduler()
    at_rest(sim, "web/app-0", "web/app-1")
    assert sim.processes() == tasks


@pytest.mark.parametrize("call", ["Accept", "Acknowledge", "Decline", "Kill"])
def test_a_process_that_stands_still_before_a_call_does_no_harm_when_it_goes_on(call: str) -> None:
    """Another one took over meanwhile. The late call meets a stream that Mesos closed, and nothing more is stored."""
    sim = cluster(standbys=1)
    first = leader(sim)
    sim.freeze(SESSION_TIMEOUT + 4.0, before=call)
    sim.publish(service())
    sim.settle(20)
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: leader(sim) != first, "the other one is in charge")
    at_rest(sim, "web/app-0")
    assert sim.scheduler.failed[call] >= 1


def test_two_processes_never_launch_an_instance_twice() -> None:
    """The one that lost the lock without knowing goes on deciding on the offers that it has; the epoch stops it."""
    sim = cluster(standbys=1)
    first = leader(sim)
    sim.publish(service(count=4))
    with sim.together():
        sim.advance(2.0)
        sim.freeze(SESSION_TIMEOUT + 1.0)
    assert leader(sim) != first
    at_rest(sim, *(f"web/app-{index}" for index in range(4)))


def test_a_process_without_zookeeper_says_nothing_and_hands_over() -> None:
    """It waits as long as a session lives, then the standby takes over; nothing that runs notices."""
    sim = deployed(standbys=1)
    first, before = leader(sim), sim.processes()
    sim.cut_from_storage(SESSION_TIMEOUT + 20.0)
    sim.kill_task("web/app-0")
    sim.run_until(lambda: leader(sim) != first, "the other one is in charge")
    at_rest(sim, "web/app-0", "web/app-1")
    assert set(before) == set(sim.processes())


def test_a_short_loss_of_zookeeper_changes_nothing() -> None:
    """The same process goes on where it was."""
    sim = deployed(standbys=1)
    first = leader(sim)
    sim.cut_from_storage(SESSION_TIMEOUT - 1.0)
    sim.kill_task("web/app-0")
    sim.settle(2)
    assert sim.running() == ["web/app-0", "web/app-1"], "what Mesos said waits until it can be stored"
    at_rest(sim, "web/app-0", "web/app-1")
    assert leader(sim) == first


def test_a_standby_takes_over_from_a_process_that_was_killed() -> None:
    """When the session of the dead one has ended."""
    sim = deployed(standbys=1)
    sim.stop_scheduler()
    assert sim.scheduler.state is None
    sim.run_until(lambda: sim.scheduler.state is not None, "the standby is in charge", within=SESSION_TIMEOUT + 2)
    at_rest(sim, "web/app-0", "web/app-1")


# The storage


def test_nothing_is_said_before_it_is_stored() -> None:
    """While writes fail no launch and no acknowledgement goes out; then all of it does."""
    sim = cluster()
    sim.settle(1)
    sim.fail_storage(5)
    sim.publish(service())
    at_rest(sim, "web/app-0")
    stored = next(at for at, effect in enumerate(sim.scheduler.effects) if isinstance(effect, StorePod))
    launched = next(at for at, effect in enumerate(sim.scheduler.effects) if isinstance(effect, Accept))
    assert stored < launched
    assert sim.scheduler.faults.writes_fail == 0


def test_a_write_whose_answer_got_lost_is_done_again() -> None:
    """It has the same outcome, so nothing is launched or acknowledged twice."""
    sim = cluster()
    sim.fail_storage(3, applied=True)
    sim.publish(service())
    at_rest(sim, "web/app-0")
    assert sim.scheduler.sent["Accept"] == 1


def test_one_record_that_cannot_be_stored_concerns_its_service_alone() -> None:
    """Of a batch of targets the others are taken, and launched; the one is told with the reason."""

    def refused(write: Write) -> str | None:
        return "is not to the story's taste" if isinstance(write, Put) and "/services/odd/" in write.path else None

    sim = cluster()
    sim.refuse_storage(refused)
    sim.publish(service("good"), service("odd"), service("more"))
    at_rest(sim, "good/app-0", "more/app-0")
    assert "is not to the story's taste" in sim.problems()["odd"]
    sim.refuse_storage(lambda _write: None)
    sim.publish(service("good"), service("odd"), service("more"))
    at_rest(sim, "good/app-0", "more/app-0", "odd/app-0")


def test_records_that_cannot_be_stored_any_more_hold_up_nobody_else() -> None:
    """Neither its own events nor offers that it shares with others: they go on, and it does when it can be stored."""
    sim = cluster()
    sim.publish(service("odd"))
    at_rest(sim, "odd/app-0")
    sim.refuse_storage(lambda write: "is full, says the story" if "/services/odd/pods/" in write.path else None)
    sim.kill_task("odd/app-0")
    sim.publish(service("odd"), service("good"), service("more"))
    sim.run_until(lambda: {"good/app-0", "more/app-0"} <= set(sim.running()), "the others run", within=30)
    assert any("is full, says the story" in sentence for sentence in sim.said())
    sim.refuse_storage(lambda _write: None)
    at_rest(sim, "good/app-0", "more/app-0", "odd/app-0")
    assert sim.problems() == {}


@pytest.mark.parametrize("effects", range(1, 16))
def test_a_process_may_die_after_any_effect(effects: int) -> None:
    """Whatever was stored or said last, the next process makes the same of it, and an uninstall leaves nothing."""
    sim = cluster()
    sim.die_after(effects)
    sim.publish(service(count=2))
    sim.run_until(lambda: sim.scheduler.state is None, "it died")
    sim.start_scheduler()
    at_rest(sim, "web/app-0", "web/app-1")
    sim.die_after(effects)
    sim.uninstall()
    sim.settle(20)
    if sim.scheduler.state is None:
        sim.start_scheduler()
        sim.run_until(lambda: sim.snapshot().connection == "subscribed" or _gone(sim), "it is subscribed")
        sim.uninstall()
    sim.run_until(lambda: _gone(sim), "it is uninstalled", within=300)
    sim.expect_nothing_left()


def _gone(sim: Simulation) -> bool:
    return sim.snapshot().uninstall is Progress.COMPLETE


# Events


def test_events_that_come_together_are_decided_on_together() -> None:
    """One batch, one write, and each update is acknowledged."""
    sim = deployed(count=3)
    before = sim.scheduler.sent["Acknowledge"]
    with sim.together():
        for index in range(3):
            sim.kill_task(f"web/app-{index}")
    at_rest(sim, *(f"web/app-{index}" for index in range(3)))
    acknowledged = [effect.status for effect in sim.scheduler.effects if isinstance(effect, Acknowledge)]
    assert sum(status.state is TaskState.FAILED for status in acknowledged) == 3
    assert sim.scheduler.sent["Acknowledge"] >= before + 3


def test_an_event_that_breaks_the_core_takes_no_other_along() -> None:
    """Of a batch the others are decided on, and the process goes on."""
    sim = deployed()
    with sim.together():
        sim.scheduler.give(StatusReceived(status=None))  # type: ignore[arg-type]  # whatever looks at it fails
        sim.kill_task("web/app-0")
    at_rest(sim, "web/app-0", "web/app-1")


# Operations and health


def test_a_release_that_fails_is_tried_again() -> None:
    """UNRESERVE ends in OPERATION_FAILED, twice: the reservation is offered again, and released again."""
    sim = deployed()
    sim.fail_operations(2, ["UNRESERVE"])
    sim.uninstall()
    sim.run_until(lambda: _gone(sim), "it is uninstalled", within=300)
    sim.expect_nothing_left()
    assert sum("OPERATION_FAILED" in sentence for sentence in sim.said()) == 2


def test_a_reservation_that_fails_is_made_again() -> None:
    """The instance is placed anew, nothing is left of the first try, and what failed is said in words of Mesos."""
    sim = cluster()
    sim.fail_operations(1, ["RESERVE"])
    sim.publish(service())
    at_rest(sim, "web/app-0")
    assert "app-0: RESERVE on agent1 failed: the story says so; next try in 1 s" in sim.said()


def test_health_is_what_the_last_update_said() -> None:
    """A task that turns unhealthy is not ready; one that recovers is."""
    sim = deployed(count=1)
    assert sim.record("web/app-0").tasks[0].status.healthy is None
    sim.set_health("web/app-0", healthy=False)
    assert sim.record("web/app-0").tasks[0].status.healthy is False
    sim.set_health("web/app-0", healthy=True)
    assert sim.record("web/app-0").tasks[0].status.healthy is True
    assert sim.running() == ["web/app-0"]
