"""Stories of configurations that need fixed ports which the instance has not."""

from sdk.model.spec import PortSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import service

OLD = (PortSpec(name="http", number=31001),)
FREE = (*OLD, PortSpec(name="more", number=31002))
NOT_OFFERED = (*OLD, PortSpec(name="more", number=22))


def deployed(agents: int = 1) -> Simulation:
    """A cluster in which the service runs."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    sim.publish(service(ports=OLD))
    sim.run_until(lambda: len(sim.running()) == 1, "it runs")
    sim.settle()
    return sim


def test_an_instance_is_not_ended_for_a_port_that_its_agent_does_not_offer() -> None:
    """It goes on with its old configuration for as long as that lasts, and the step says which port it is."""
    sim = deployed()
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(service(ports=NOT_OFFERED))
    sim.settle(900)
    sim.expect_running("web/app-0")
    assert sim.record("web/app-0").tasks[0].task_id == before
    assert "agent1 does not offer port 22" in sim.step("web/app-0").message
    sim.publish(service(ports=FREE))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=60)
    assert sim.record("web/app-0").tasks[0].ports == {"http": 31001, "more": 31002}


def test_an_instance_is_not_ended_for_a_port_that_another_task_has() -> None:
    """It goes on until the port is free."""
    sim = deployed()
    sim.publish(service(ports=OLD), service("other", ports=(PortSpec(name="http", number=31002),)))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(service(ports=FREE), service("other", ports=(PortSpec(name="http", number=31002),)))
    sim.settle(900)
    assert sim.record("web/app-0").tasks[0].task_id == before
    sim.expect_running("other/app-0", "web/app-0")
    sim.publish(service(ports=FREE))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=120)


def test_an_instance_moves_to_an_agent_that_offers_the_port() -> None:
    """What its agent does not offer another one may."""
    sim = deployed()
    sim.publish(service(ports=NOT_OFFERED))
    sim.settle(60)
    sim.add_agent("agent2", ports="22,31000-31010")
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=120)
    assert sim.where("web/app-0") == "agent2"
