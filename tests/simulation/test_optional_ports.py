"""Stories of ports that an instance does without when nobody offers them."""

import pytest

from sdk.model.spec import PortSpec, UpdateStrategy
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import service

FIXED = PortSpec(name="http", number=31001)
ODD = PortSpec(name="odd", number=22, optional=True)
MORE = PortSpec(name="more", number=31002, optional=True)
UNIQUE = (("hostname", "UNIQUE"),)


def ports(sim: Simulation, name: str = "web/app-0") -> dict[str, int]:
    """Those that the instance was launched with."""
    return dict(sim.record(name).tasks[0].ports)


def task(sim: Simulation, name: str = "web/app-0") -> str:
    return sim.record(name).tasks[0].task_id


def deployed(*specs: PortSpec, agents: int = 1, count: int = 1) -> Simulation:
    """A cluster in which the service runs."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    sim.publish(service(ports=specs, count=count, constraints=UNIQUE))
    sim.run_until(lambda: len(sim.running()) == count, "it runs")
    sim.settle()
    return sim


def test_an_instance_is_launched_without_a_port_that_nobody_offers() -> None:
    """It is deployed, and its step says which port it does without and what its agent offers."""
    sim = deployed(FIXED, ODD)
    assert ports(sim) == {"http": 31001}
    step = sim.step("web/app-0")
    assert step.status is Progress.COMPLETE
    assert "runs on agent1 without port 22: port 22 not offered: agents offer 31000-" in step.message
    sim.expect_reserved_exactly()


def test_an_agent_that_has_all_ports_is_preferred() -> None:
    """Also when its offers come a moment later than those of others."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(ports=(FIXED, ODD)))
    sim.advance(1.0)
    assert sim.running() == []
    sim.add_agent("agent2", ports="22,31000-31010")
    sim.run_until(lambda: bool(sim.running()), "it runs", within=30)
    assert sim.where("web/app-0") == "agent2"
    assert ports(sim) == {"http": 31001, "odd": 22}


def test_the_agent_that_has_most_of_the_ports_is_taken() -> None:
    """Where nobody has all."""
    sim = Simulation()
    sim.add_agent("agent1", ports="31001-31001")
    sim.add_agent("agent2", ports="31001-31002")
    sim.publish(service(ports=(FIXED, ODD, MORE)))
    sim.run_until(lambda: bool(sim.running()), "it runs", within=30)
    assert sim.where("web/app-0") == "agent2"


def test_a_wish_for_a_port_that_nobody_offers_ends_nothing() -> None:
    """Nor does its end; other instances are launched meanwhile."""
    sim = deployed(FIXED)
    before = task(sim)
    sim.publish(service(ports=(FIXED, ODD), constraints=UNIQUE))
    sim.settle(900)
    assert task(sim) == before
    assert sim.step("web/app-0").status is Progress.COMPLETE
    sim.publish(service(ports=(FIXED,), constraints=UNIQUE))
    sim.settle(900)
    assert task(sim) == before


def test_a_lost_agent_is_left_although_nobody_offers_the_port() -> None:
    """The instance is launched elsewhere without it."""
    sim = deployed(FIXED, ODD, agents=2)
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "it runs elsewhere")
    assert ports(sim) == {"http": 31001}


def test_a_port_that_the_agent_offers_is_taken_in_place() -> None:
    """A new wish: the instance is launched anew with what it had, and the new port."""
    sim = deployed(FIXED)
    held = sim.record("web/app-0").holding
    sim.publish(service(ports=(FIXED, MORE), constraints=UNIQUE))
    sim.run_until(lambda: ports(sim) == {"http": 31001, "more": 31002}, "it has the port", within=60)
    now = sim.record("web/app-0").holding
    assert held is not None
    assert now is not None
    assert now.resource_id == held.resource_id
    sim.settle(60)
    sim.expect_reserved_exactly()


def test_a_port_that_becomes_free_later_is_taken() -> None:
    """Another service had it."""
    other = service("other", ports=(PortSpec(name="http", number=31002),))
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(other)
    sim.run_until(lambda: bool(sim.running()), "the other one runs")
    sim.publish(other, service(ports=(FIXED, MORE)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run", within=60)
    assert ports(sim) == {"http": 31001}
    sim.settle(400)
    assert ports(sim) == {"http": 31001}
    sim.publish(service(ports=(FIXED, MORE)))
    sim.run_until(lambda: ports(sim).get("more") == 31002, "it has the port", within=700)


def test_an_agent_that_comes_later_with_all_ports_is_moved_to() -> None:
    """What runs goes on until the new place is ready, and then nothing is left of it."""
    sim = deployed(FIXED, ODD)
    sim.settle(100)
    sim.add_agent("agent2", ports="22,31000-31010")
    fewest = 1

    def moved() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(sim.processes()))
        return sim.where("web/app-0") == "agent2" and sim.running() == ["web/app-0"]

    sim.run_until(moved, "it has moved", within=700, step=0.5)
    assert fewest == 1
    assert ports(sim) == {"http": 31001, "odd": 22}
    sim.settle(90)
    sim.expect_reserved_exactly()


def test_nobody_moves_to_and_fro_between_agents_with_different_ports() -> None:
    """Neither has all: the one that it is on is as good as the other."""
    sim = Simulation()
    sim.add_agent("agent1", ports="31001-31002")
    sim.add_agent("agent2", ports="22,31001-31001")
    sim.publish(service(ports=(FIXED, ODD, MORE)))
    sim.run_until(lambda: bool(sim.running()), "it runs", within=30)
    before = task(sim)
    sim.settle(1800)
    assert task(sim) == before


def test_one_instance_at_a_time_is_launched_anew_for_ports() -> None:
    """There are never fewer than all but one."""
    sim = deployed(FIXED, agents=3, count=3)
    fewest = 3

    def widened() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(sim.running()))
        return all(ports(sim, name).get("more") == 31002 for name in ("web/app-0", "web/app-1", "web/app-2"))

    sim.publish(service(ports=(FIXED, MORE), count=3, constraints=UNIQUE))
    sim.run_until(widened, "all have the port", within=300, step=0.2)
    assert fewest == 2
    sim.run_until(lambda: len(sim.running()) == 3, "all run", within=60)


def test_who_changes_wishes_all_the_time_cannot_have_an_instance_launched_anew_each_time() -> None:
    """Three times in ten minutes, whatever is asked for."""
    sim = deployed(FIXED)
    seen = {task(sim)}
    for round_ in range(20):
        number = 31002 + round_ % 5
        odd = PortSpec(name=f"port-{number}", number=number, optional=True)
        sim.publish(service(ports=(FIXED, odd), constraints=UNIQUE))
        sim.advance(28.0)
        seen.add(task(sim))
    assert len(seen) == 4
    sim.run_until(lambda: len({*seen, task(sim)}) == 5, "the next one comes when there is room again", within=700)


def test_another_configuration_does_not_wait_for_a_port() -> None:
    """A rolling update goes on without it, and does not move an instance to where it would have fewer."""
    sim = deployed(FIXED, ODD, MORE)
    assert ports(sim) == {"http": 31001, "more": 31002}
    before = task(sim)
    sim.publish(service(ports=(FIXED, ODD, MORE), constraints=UNIQUE, command="sleep 2000"))
    sim.run_until(lambda: task(sim) != before and bool(sim.running()), "it is updated", within=60)
    assert ports(sim) == {"http": 31001, "more": 31002}


@pytest.mark.parametrize("call", ["Accept", "Kill"])
def test_a_scheduler_that_dies_meanwhile_goes_on_afterwards(call: str) -> None:
    """Before the end of the old task, and before its next launch."""
    sim = deployed(FIXED)
    sim.die_before(call)
    sim.publish(service(ports=(FIXED, MORE), constraints=UNIQUE))
    sim.run_until(lambda: sim.scheduler.state is None, "the scheduler has died", within=120)
    sim.start_scheduler()
    sim.run_until(lambda: ports(sim).get("more") == 31002 and bool(sim.running()), "it has the port", within=700)
    sim.settle(90)
    sim.expect_reserved_exactly()


def test_an_update_that_launches_first_keeps_the_ports_that_are_there() -> None:
    """With a surge it does not go to an agent that offers fewer of them."""
    spec = service(ports=(PortSpec(name="http"), MORE), update=UpdateStrategy(max_surge=1))
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(spec)
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.add_agent("agent2", ports="31500-31510")
    sim.settle()
    sim.publish(service(ports=(PortSpec(name="http"), MORE), update=UpdateStrategy(max_surge=1), command="sleep 2000"))
    before = task(sim)
    sim.run_until(lambda: task(sim) != before and sim.running() == ["web/app-0"], "it is updated", within=120)
    assert sim.where("web/app-0") == "agent1"
    assert ports(sim).get("more") == 31002


def test_nothing_is_ended_for_a_port_while_that_cannot_be_stored() -> None:
    """The port becomes free meanwhile: the instance serves on, and gets it afterwards."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service("other", ports=(PortSpec(name="http", number=31002),)))
    sim.run_until(lambda: bool(sim.running()), "the other one runs")
    sim.publish(service(ports=(FIXED, MORE)), service("other", ports=(PortSpec(name="http", number=31002),)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.settle()
    before = task(sim)
    sim.refuse_storage(lambda write: "too large" if "/services/web/pods/" in write.path else None)
    sim.publish(service(ports=(FIXED, MORE)))
    sim.run_until(lambda: sim.running() == ["web/app-0"], "the other one is gone")
    ended = sim.scheduler.sent["Kill"]
    sim.run_until(lambda: "web" in sim.problems(), "it cannot be stored", within=900)
    sim.settle(120)
    assert task(sim) == before
    assert sim.scheduler.sent["Kill"] == ended
    sim.refuse_storage(lambda _write: None)
    sim.run_until(lambda: ports(sim) == {"http": 31001, "more": 31002}, "it has the port", within=1800)
    assert sim.record("web/app-0").failures == 0
