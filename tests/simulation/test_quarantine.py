"""Stories of a service in which something fails: it is left alone and tried again, and the others do not notice."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from sdk.core.events import StoringFailed, TargetChanged, TargetsListed
from sdk.model.spec import ServiceSpec
from sdk.plan.progress import Progress
from sdk.storage.persister import Put
from sdk.testing import Simulation
from tests.simulation.specs import changed, service


class Trap(Mapping[str, str]):
    """A mapping of foreign code that fails while the test says so, and counts how often it was looked at."""

    def __init__(self) -> None:
        self.armed = False
        self.sprung = 0

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        if self.armed:
            self.sprung += 1
            raise RuntimeError("sprung")
        return iter(())

    def __len__(self) -> int:
        return 0


def trapped(trap: Trap, *, count: int = 1, command: str = "sleep 1000") -> ServiceSpec:
    """A service whose environment is the trap; the door would have taken a copy."""
    spec = service("bad", count=count, command=command)
    return changed(spec, tasks=(replace(spec.pods[0].tasks[0], environment=trap),))


def give(sim: Simulation, spec: ServiceSpec) -> None:
    """Past the door."""
    sim.scheduler.give(TargetChanged(service="bad", spec=spec))


@pytest.mark.slow
def test_what_fails_is_tried_again_less_and_less() -> None:
    """A minute of offers every few seconds means six tries, and no offer is kept; at the end of the trouble it runs."""
    trap, sim = Trap(), Simulation()
    sim.publish(service("good"))
    give(sim, trapped(trap))
    trap.armed = True
    sim.add_agent("agent1")
    sim.run_until(lambda: sim.running() == ["good/app-0"], "the good one runs")
    sim.settle(60)
    assert 4 <= trap.sprung <= 8
    assert sim.kept_offers() == 0
    view = sim.snapshot().services["bad"]
    assert view.status is Progress.ERROR
    assert view.quarantine is not None
    assert view.quarantine.why == "placing app-0 fails with an internal error: RuntimeError: sprung"
    assert view.quarantine.until > view.quarantine.since
    trap.armed = False
    sim.run_until(lambda: len(sim.running()) == 2, "it runs, too")
    assert sim.problems() == {}
    assert sim.snapshot().services["bad"].quarantine is None


def test_nothing_of_what_failed_half_way_has_happened() -> None:
    """The second instance of three cannot be launched: no ACCEPT, no record and no task of it is left over."""
    trap, sim = Trap(), Simulation()
    sim.publish(service("good"))
    give(sim, trapped(trap, count=3))
    trap.armed = True
    sim.add_agent("agent1")
    sim.settle(20)
    assert [sim.record(f"bad/app-{index}").tasks for index in range(3)] == [(), (), ()]
    sim.expect_running("good/app-0")
    sim.expect_reserved_exactly()


def test_a_new_target_ends_the_pause() -> None:
    """Whoever mends what he publishes does not wait for minutes."""
    trap, sim = Trap(), Simulation()
    sim.publish(service("good"))
    give(sim, trapped(trap))
    trap.armed = True
    sim.add_agent("agent1")
    sim.settle(300)
    trap.armed = False
    sim.settle(10)
    sim.expect_running("good/app-0")
    give(sim, service("bad"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run", within=10)
    assert sim.problems() == {}


def test_a_target_that_cannot_be_taken_is_taken_later() -> None:
    """It is not forgotten, though the plugin publishes it once; what runs goes on until then."""
    trap, sim = Trap(), Simulation()
    sim.add_agent("agent1")
    give(sim, service("bad"))
    sim.run_until(lambda: sim.running() == ["bad/app-0"], "it runs")
    trap.armed = True
    give(sim, trapped(trap, count=2))
    sim.settle(30)
    assert "taking its specification fails" in sim.problems()["bad"]
    sim.expect_running("bad/app-0")
    trap.armed = False
    sim.run_until(lambda: len(sim.running()) == 2, "the second runs")
    assert sim.problems() == {}


def test_a_service_in_quarantine_is_still_heard_of() -> None:
    """A task that ends meanwhile is on record, acknowledged, and launched again after the pause."""
    trap, sim = Trap(), Simulation()
    sim.add_agent("agent1")
    give(sim, trapped(trap))
    sim.run_until(lambda: sim.running() == ["bad/app-0"], "it runs")
    trap.armed = True
    give(sim, trapped(trap, count=2, command="other"))  # another target, so that the trap is looked at
    sim.kill_task("bad/app-0")
    sim.settle(5)
    assert sim.running() == []
    assert sim.record("bad/app-0").tasks[0].status.state.terminal
    trap.armed = False
    sim.run_until(lambda: len(sim.running()) == 2, "both run")


def test_nothing_is_recorded_of_a_service_that_cannot_be_stored() -> None:
    """Its updates are not acknowledged, so Mesos says them again when the pause is over."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.scheduler.give(StoringFailed(services={"bad": "too large"}))
    before = sim.record("bad/app-0")
    sim.kill_task("bad/app-0")
    sim.kill_task("good/app-0")
    sim.advance(0.5)
    assert sim.record("bad/app-0") == before
    assert sim.record("good/app-0") != before
    assert "storing what was decided fails: too large" in sim.problems()["bad"]
    sim.run_until(lambda: sim.record("bad/app-0") != before, "it is heard of")
    sim.run_until(lambda: len(sim.running()) == 2, "both run again")
    assert sim.problems() == {}
    sim.expect_reserved_exactly()


def test_an_uninstall_ends_a_service_in_quarantine_as_well() -> None:
    """It takes as long as the pause, no longer."""
    trap, sim = Trap(), Simulation()
    sim.publish(service("good"))
    give(sim, trapped(trap, count=2))
    sim.add_agent("agent1")
    trap.armed = True
    sim.settle(20)
    sim.uninstall()
    sim.settle(120)
    sim.expect_nothing_left()


def _refuse_records(sim: Simulation, service: str) -> None:
    part = f"/services/{service}/pods/"
    sim.refuse_storage(lambda write: "too large" if isinstance(write, Put) and part in write.path else None)


def test_a_list_removes_the_others_of_a_service_that_cannot_be_stored() -> None:
    """One list withdraws two of three: the healthy one goes at once, the other when it can be stored again."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad"), service("good"), service("kept"))
    sim.run_until(lambda: len(sim.running()) == 3, "all run")
    _refuse_records(sim, "bad")
    sim.publish(service("kept"))
    sim.run_until(lambda: "good/app-0" not in sim.running(), "the healthy one is removed")
    assert sim.running() == ["bad/app-0", "kept/app-0"]
    sim.refuse_storage(lambda _write: None)
    sim.run_until(lambda: sim.running() == ["kept/app-0"], "the other one is removed, too", within=400)
    sim.settle(30)
    sim.expect_reserved_exactly()


def test_what_was_withdrawn_is_not_taken_later() -> None:
    """The plugin takes a service back that could not be taken: it does not come when the trouble is over."""
    trap, sim = Trap(), Simulation()
    sim.add_agent("agent1")
    sim.publish(service("good"))
    sim.run_until(lambda: sim.running() == ["good/app-0"], "the good one runs")
    trap.armed = True
    give(sim, trapped(trap))
    sim.advance(0.5)
    assert "taking its specification fails" in sim.problems()["bad"]
    sim.scheduler.give(TargetsListed(services=frozenset({"good"})))
    sim.settle(5)
    assert sim.problems() == {}
    trap.armed = False
    sim.settle(120)
    assert sim.running() == ["good/app-0"]
    assert list(sim.snapshot().services) == ["good"]


@pytest.mark.parametrize("action", ["restart", "replace"])
def test_what_an_operator_asks_for_is_not_lost_in_a_pause(action: str) -> None:
    """The service gets another chance at once, as with a new target."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service("bad"))
    sim.run_until(lambda: sim.running() == ["bad/app-0"], "it runs")
    before = sim.record("bad/app-0").tasks[0].task_id
    sim.scheduler.give(StoringFailed(services={"bad": "too large"}))
    sim.action("bad/app-0", action)
    sim.run_until(
        lambda: sim.running() == ["bad/app-0"] and sim.record("bad/app-0").tasks[0].task_id != before,
        "it is launched anew",
    )
    assert sim.record("bad/app-0").failures == 0
    assert sim.problems() == {}


def test_what_a_task_says_of_itself_is_stored_whatever_it_is() -> None:
    """Half of a surrogate pair has no place in UTF-8: neither its own instance nor others suffer."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.kill_task("bad/app-0", "died of \ud800")
    sim.run_until(lambda: sim.record("bad/app-0").failures == 1, "it has failed")
    assert sim.record("bad/app-0").last_failure == "server failed on agent1: died of \ufffd"
    sim.run_until(lambda: len(sim.running()) == 2, "both run again")
    assert sim.problems() == {}
