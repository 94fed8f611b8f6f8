"""Stories of tasks that run on networks of containers, with addresses of their own."""

from dataclasses import replace

from sdk.core.effects import Accept
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.operations import Launch
from sdk.model.spec import PortSpec, ServiceSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import changed, service

WEB = (PortSpec(name="http", number=80), PortSpec(name="stats"), PortSpec(name="admin"))


def on_network(name: str = "dcos", **fields: object) -> ServiceSpec:
    """A service whose instances join one network; two of its ports are dynamic."""
    spec = service(ports=WEB, **fields)  # type: ignore[arg-type]
    task = replace(spec.pods[0].tasks[0], container=ContainerSpec(networks=(NetworkSpec(name=name),)))
    return changed(spec, tasks=(task,))


def deployed(spec: ServiceSpec, addresses: int = 4) -> Simulation:
    """It runs on one agent, which has no ports to offer but addresses."""
    sim = Simulation()
    sim.add_agent("agent1", ports="5-5", networks={"dcos": [f"9.0.0.{number}" for number in range(1, addresses + 1)]})
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == spec.pods[0].count, "all run")
    return sim


def test_instances_share_a_port_on_one_agent_that_offers_none() -> None:
    """Ports of containers are not the agent's: nothing of them is reserved, and each has all of them."""
    sim = deployed(on_network(count=2))
    records = [sim.record(f"web/app-{index}") for index in range(2)]
    assert [record.tasks[0].ports for record in records] == [{"http": 80, "stats": 1025, "admin": 1026}] * 2
    for record in records:
        assert record.holding is not None
        assert {resource.name for resource in record.holding.resources} == {"cpus", "mem"}
    sim.settle()
    sim.expect_reserved_exactly()


def test_the_addresses_are_those_that_mesos_tells() -> None:
    """Each task is known by the address of its container, never by that of its agent."""
    sim = deployed(on_network(count=2))
    tasks = [sim.record(f"web/app-{index}").tasks[0] for index in range(2)]
    assert {task.status.addresses for task in tasks} == {("9.0.0.1",), ("9.0.0.2",)}
    assert {task.address for task in tasks} == {None}


def test_a_restarted_agent_knows_which_addresses_are_in_use() -> None:
    """The next instance gets another one."""
    sim = deployed(on_network(count=1))
    sim.restart_agent("agent1")
    sim.publish(on_network(count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    assert sim.record("web/app-1").tasks[0].status.addresses == ("9.0.0.2",)


def test_a_network_that_the_agent_lacks_is_told_in_its_words() -> None:
    """The instance is tried again after a while, and its step has the sentence."""
    sim = Simulation()
    sim.add_agent("agent1", networks={"dcos": ["9.0.0.1"]})
    sim.publish(on_network("other"))
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.DELAYED, "it waits for its next try")
    assert "Unknown CNI network 'other'" in sim.step("web/app-0").message


def test_a_move_to_another_network_is_a_new_task() -> None:
    """Networks and labels are a part of what runs."""
    sim = deployed(on_network())
    before = sim.record("web/app-0").tasks[0]
    task = on_network().pods[0].tasks[0]
    labelled = ContainerSpec(networks=(NetworkSpec(name="dcos", labels=(("a", "b"),)),))
    sim.publish(changed(on_network(), tasks=(replace(task, container=labelled),)))
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.record("web/app-0").tasks[0] != before, "it runs anew")
    assert sim.record("web/app-0").tasks[0].task_id != before.task_id


def test_an_instance_may_leave_its_agents_network_and_come_back() -> None:
    """Its port becomes one of the container, and one of the agent again."""
    spec = service(ports=(PortSpec(name="http"),))
    sim = Simulation()
    sim.add_agent("agent1", networks={"dcos": ["9.0.0.1"]})
    sim.publish(spec)
    sim.run_until(lambda: bool(sim.running()), "it runs")
    first = sim.record("web/app-0").tasks[0].task_id
    task = replace(spec.pods[0].tasks[0], container=ContainerSpec(networks=(NetworkSpec(name="dcos"),)))
    sim.publish(changed(spec, tasks=(task,)))

    def ports_after(task_id: str) -> dict[str, int]:
        record = sim.record("web/app-0")
        return dict(record.tasks[0].ports) if sim.running() and record.tasks[0].task_id != task_id else {}

    sim.run_until(lambda: ports_after(first) == {"http": 1025}, "it runs on the network")
    second = sim.record("web/app-0").tasks[0].task_id
    sim.settle()
    sim.expect_reserved_exactly()
    sim.publish(spec)
    sim.run_until(lambda: 31000 <= ports_after(second).get("http", 0) <= 31099, "it has a port of its agent")
    sim.settle()
    sim.expect_reserved_exactly()


def test_mapped_ports_are_those_of_the_agent_and_lead_to_those_of_the_container() -> None:
    """The agent has to offer them, and two instances share one number inside."""
    spec = service(count=2, ports=(PortSpec(name="http", container_port=80), PortSpec(name="admin")))
    bridge = ContainerSpec(networks=(NetworkSpec(name="mesos-bridge", mapped=True),))
    spec = changed(spec, tasks=(replace(spec.pods[0].tasks[0], container=bridge),))
    sim = Simulation()
    sim.add_agent("agent1", ports="31000-31003", networks={"mesos-bridge": ["172.31.254.2", "172.31.254.3"]})
    sim.publish(spec)
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    given = {number for index in range(2) for number in sim.record(f"web/app-{index}").tasks[0].ports.values()}
    assert given == {31000, 31001, 31002, 31003}
    launches = [
        task
        for effect in sim.scheduler.effects
        if isinstance(effect, Accept)
        for operation in effect.operations
        if isinstance(operation, Launch)
        for task in operation.tasks
    ]
    for launch in launches:
        numbers = {port.name: number for port, number in launch.ports}
        assert launch.environment["PORT_HTTP"] == "80"
        assert launch.environment["PORT_ADMIN"] == str(numbers["admin"])
    sim.settle()
    sim.expect_reserved_exactly()
