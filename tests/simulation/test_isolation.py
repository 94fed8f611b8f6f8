"""Stories of one service, agent or offer that is odd: the others do not notice."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sdk.core.snapshot import Progress
from sdk.model.spec import ServiceSpec
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


def test_a_service_that_fails_to_be_placed_keeps_no_offers() -> None:
    """Its defect is told, every offer is used by the others or given back, and it runs when the defect is gone."""
    trap = Trap()
    sim = Simulation()
    sim.publish(with_task(service("bad"), environment=trap), service("good"), service("more"))
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
