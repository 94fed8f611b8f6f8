"""Stories of one service, agent or offer that is odd: the others do not notice."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from sdk.core.events import TargetChanged
from sdk.core.settings import Settings
from sdk.model.spec import ServiceSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import changed, service


class Trap(Mapping[str, str]):
    """A mapping of foreign code that begins to fail when the test says so."""

    def __init__(self) -> None:
        self.armed = False

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        if self.armed:
            raise RuntimeError("sprung")
        return iter(())

    def __len__(self) -> int:
        return 0


def with_task(spec: ServiceSpec, **fields: Any) -> ServiceSpec:
    """The service with other fields of its task."""
    return changed(spec, tasks=(replace(spec.pods[0].tasks[0], **fields),))


def test_constraints_in_small_letters_are_those_in_capitals() -> None:
    """`unique` is Marathon's word, too: two instances, two agents."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.add_agent("agent2")
    sim.publish(service(count=2, constraints=(("hostname", "unique"),)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    assert sorted(host for _, host in sim.processes()) == ["agent1", "agent2"]


@pytest.mark.slow
def test_a_service_that_fails_to_be_placed_keeps_no_offers() -> None:
    """Its defect is told, every offer is used by the others or given back, and it runs when the defect is gone."""
    trap = Trap()
    sim = Simulation()
    sim.publish(service("good"), service("more"))
    spec = with_task(service("bad"), environment=trap)
    sim.scheduler.give(TargetChanged(service="bad", spec=spec))  # not through the door, which would have taken a copy
    trap.armed = True
    for number in range(3):
        sim.add_agent(f"agent{number}")
    sim.run_until(lambda: len(sim.running()) == 2, "the others run")
    sim.settle(30)
    sim.expect_running("good/app-0", "more/app-0")
    assert sim.problems() == {"bad": "placing app-0 fails with an internal error: RuntimeError: sprung"}
    assert "RuntimeError: sprung" in sim.step("bad/app-0").message
    assert sim.kept_offers() == 0
    trap.armed = False
    sim.run_until(lambda: len(sim.running()) == 3, "it runs, too")
    assert sim.problems() == {}


def test_a_wish_of_the_wrong_type_is_refused_alone() -> None:
    """Its field and the rule are told; the others are published in the same breath, and a restart reads all of it."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(with_task(service("bad"), cpus=0.5), with_task(service("odd"), data={8080: "x"}), service("good"))
    sim.run_until(lambda: sim.running() == ["good/app-0"], "the good one runs")
    assert sim.problems() == {
        "bad": "bad.pods.app.tasks.server.cpus: 0.5 is not an integer (thousandths)",
        "odd": "odd.pods.app.tasks.server.data, key: 8080 is not a string",
    }
    assert sim.snapshot().services["bad"].status is Progress.ERROR
    sim.restart_scheduler()
    sim.settle(5)
    sim.expect_running("good/app-0")


def test_a_refused_wish_leaves_what_runs_as_it_is() -> None:
    """An update that breaks a rule changes nothing; the next good one is taken."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.publish(service(count=2, cpus=0.25), with_task(service("web", count=2), cpus=0.5))
    sim.settle(10)
    sim.expect_running("web/app-0")
    sim.publish(service(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "the second runs")


def test_a_pod_of_the_longest_name_scales_past_ten() -> None:
    """What is accepted can be stored for every number of an instance."""
    sim = Simulation()
    sim.add_agent("agent1", cpus=20, mem=20_000)
    spec = service("w")
    sim.publish(replace(spec, pods=(replace(spec.pods[0], name="p" * 120, count=11),)))
    sim.run_until(lambda: len(sim.running()) == 11, "all run")


def refused(word: str) -> Callable[[dict[str, Any]], str | None]:
    """The master refuses each ACCEPT in which the word stands."""
    return lambda call: "TaskInfo is not valid" if call["type"] == "ACCEPT" and word in str(call) else None


def test_a_launch_that_mesos_refuses_takes_no_neighbours_along() -> None:
    """Both go into one ACCEPT, which is refused; tried apart the good one runs, and the bad one waits and says why."""
    sim = Simulation()
    sim.refuse_calls(refused("bad command"))
    sim.publish(service("bad", command="bad command"), service("good"))
    sim.add_agent("agent1")
    sim.run_until(lambda: sim.running() == ["good/app-0"], "the good one runs", within=20)
    sim.settle(600)
    sim.expect_running("good/app-0")
    assert "Mesos refuses its launch: HTTP 400: TaskInfo is not valid" in sim.step("bad/app-0").message
    assert sim.record("bad/app-0").failures >= 5
    assert sim.scheduler.failed["Accept"] <= 25
    sim.expect_reserved_exactly()


def test_a_launch_that_was_refused_for_its_neighbour_is_no_failure() -> None:
    """Only the one at fault has failed; and once Mesos takes its launch it shares ACCEPTs again."""
    sim = Simulation()
    sim.refuse_calls(refused("bad command"))
    sim.publish(service("bad", command="bad command"), service("good", count=3))
    sim.add_agent("agent1")
    sim.run_until(lambda: len(sim.running()) == 3, "the good ones run", within=60)
    assert {sim.record(f"good/app-{index}").failures for index in range(3)} == {0}
    sim.refuse_calls(lambda call: None)
    sim.run_until(lambda: len(sim.running()) == 4, "all run", within=120)
    assert sim.scheduler.state is not None
    assert not sim.scheduler.state.work.alone


def test_a_record_that_cannot_be_read_is_the_trouble_of_its_instance() -> None:
    """After a restart its task runs on, neither killed as unknown nor released; all others are served."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    stored = sim.overwrite_record("bad/app-0", b'{"service": 7}')
    sim.restart_scheduler()
    sim.publish(service("bad", count=3), service("good", count=2))
    sim.run_until(lambda: len(sim.running()) == 4, "the new instances of both run")
    assert sim.running() == ["bad/app-1", "bad/app-2", "good/app-0", "good/app-1"]
    sim.advance(1000)  # the implicit reconciliation of every 15 minutes tells about all tasks
    assert len(sim.processes()) == 5
    assert len(sim.reservations()["agent1"]) == 5
    sim.kill_agent("agent1")
    sim.return_agent("agent1")
    sim.run_until(lambda: len(sim.processes()) == 4, "those that are known run again")
    sim.advance(100)
    assert len(sim.reservations()["agent1"]) == 5
    problem = sim.problems()["bad"]
    assert "/services/bad/pods/app-0" in problem
    assert "repair the node, then restart" in problem
    view = sim.snapshot().services["bad"]
    assert (view.status, view.removing) == (Progress.ERROR, False)
    sim.overwrite_record("bad/app-0", stored)
    sim.restart_scheduler()
    sim.run_until(lambda: len(sim.running()) == 5, "all run")
    assert sim.problems() == {}
    sim.expect_reserved_exactly()


def test_a_service_of_which_a_record_cannot_be_read_is_removed_but_for_that() -> None:
    """The rest of it goes; the node stays for whoever repairs it, and the instance is removed then."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad", count=3), service("good"))
    sim.run_until(lambda: len(sim.running()) == 4, "all run")
    stored = sim.overwrite_record("bad/app-1", b'{"service": 7}')
    sim.restart_scheduler()
    sim.publish(service("good"))
    sim.run_until(lambda: len(sim.processes()) == 2, "the known ones are gone")
    sim.settle(60)
    assert [name for name, _ in sim.processes()] == ["app-0-server", "app-1-server"]
    assert "bad" in sim.problems()
    sim.overwrite_record("bad/app-1", stored)
    sim.restart_scheduler()
    sim.run_until(lambda: len(sim.processes()) == 1, "it is gone as well")
    sim.settle(10)
    sim.expect_reserved_exactly()
    assert sim.problems() == {}


def test_a_target_that_cannot_be_read_holds_until_it_is_published_anew() -> None:
    """After a restart nothing of the service is touched; what is published then is carried out."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("web", count=2), service("good"))
    sim.run_until(lambda: len(sim.running()) == 3, "all run")
    sim.stop_scheduler()
    sim.scheduler.spoil_target("web")
    sim.scheduler.services = None
    sim.start_scheduler()
    sim.settle(1000)
    assert len(sim.processes()) == 3
    assert "what it should be cannot be read" in sim.problems()["web"]
    assert sim.snapshot().services["web"].status is Progress.ERROR
    sim.publish(service("web", count=3), service("good"))
    sim.run_until(lambda: len(sim.running()) == 4, "the third one runs, too")
    assert sim.problems() == {}


def test_a_target_that_cannot_be_read_is_no_obstacle_to_its_removal() -> None:
    """A plugin that wants the service no more need not know what it was."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("web"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.stop_scheduler()
    sim.scheduler.spoil_target("web")
    sim.scheduler.services = None
    sim.start_scheduler()
    sim.publish(service("good"))
    sim.run_until(lambda: len(sim.processes()) == 1, "it is gone")
    sim.settle(30)
    assert sorted(sim.snapshot().services) == ["good"]
    sim.restart_scheduler()
    assert sim.problems() == {}


def test_no_role_is_given_up_while_something_cannot_be_read() -> None:
    """What is reserved in it may belong to that, and would be offered to us no more."""
    sim = Simulation(settings=Settings(principal="sim-principal", leftover_age=7200.0))
    sim.add_agent("agent1")
    sim.publish(service("bad", role="role-bad"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.overwrite_record("bad/app-0", b"{")
    sim.restart_scheduler()
    sim.settle(3 * 7200)
    assert sim.snapshot().framework.roles == ("role-bad", "sim-role")


def test_an_uninstall_does_not_end_what_cannot_be_read() -> None:
    """Its reservations would stay for ever; it says what is in the way, and goes on after the repair."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("bad"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    stored = sim.overwrite_record("bad/app-0", b"{")
    sim.restart_scheduler()
    sim.uninstall()
    sim.settle(200)
    assert sim.processes() == [("app-0-server", "agent1")]
    assert sim.snapshot().uninstall is Progress.ERROR
    assert "bad" in sim.snapshot().uninstall_message
    sim.overwrite_record("bad/app-0", stored)
    sim.restart_scheduler()
    sim.settle(60)
    sim.expect_nothing_left()
