"""What the SDK says of a container, read by the shapes of Mesos' own messages."""

from dataclasses import replace

from sdk.local.core.wire import convert
from sdk.mesos.calls import FrameworkInfo, framework_info, task_info
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.ids import AgentId, TaskId
from sdk.model.operations import TaskLaunch
from sdk.model.spec import CommandSpec, ExecutorSpec, PortSpec

CONTAINER = ContainerSpec(
    image="registry.test/team/edgelb:1.0",
    networks=(NetworkSpec(name="dcos", labels=(("app", "web"),)), NetworkSpec(name="calico")),
)
LAUNCH = TaskLaunch(
    task_id=TaskId("web__1"),
    agent_id=AgentId("agent-1"),
    name="server",
    resources=(),
    command=None,
    environment={},
    executor=ExecutorSpec(command=CommandSpec(value="true")),
    container=CONTAINER,
    discovery_name="web",
    ports=((PortSpec(name="http"), 80),),
)
#: As mesos.proto has it; `cached` is what Mesos takes where nothing is said.
WIRE = {
    "type": "MESOS",
    "mesos": {"image": {"type": "DOCKER", "docker": {"name": "registry.test/team/edgelb:1.0"}, "cached": True}},
    "network_infos": [{"name": "dcos", "labels": {"labels": [{"key": "app", "value": "web"}]}}, {"name": "calico"}],
}


def test_a_container_is_what_mesos_reads_as_one() -> None:
    """Nothing of it is a field that Mesos does not know, which it would drop without a word."""
    task = convert("Task", task_info(LAUNCH, "framework-1"))

    assert task["executor"]["container"] == WIRE


def test_of_a_custom_executor_it_stands_in_the_executor_alone() -> None:
    """Mesos makes a container for the executor; in a task beside one it would be another, nested one."""
    assert "container" not in task_info(LAUNCH, "framework-1")
    assert (
        task_info(replace(LAUNCH, executor=None, command=CommandSpec(value="true")), "f")["container"]["type"]
        == "MESOS"
    )


def test_ports_of_a_container_are_announced_as_such() -> None:
    """With the label that Marathon has for it: readers would look for them at the agent."""
    (port,) = convert("Task", task_info(LAUNCH, "framework-1"))["discovery"]["ports"]["ports"]
    assert port == {
        "number": 80,
        "name": "http",
        "protocol": "tcp",
        "labels": {"labels": [{"key": "network-scope", "value": "container"}]},
    }

    on_agent = task_info(replace(LAUNCH, container=ContainerSpec()), "framework-1")
    assert "container" not in on_agent["executor"]
    assert "labels" not in on_agent["discovery"]["ports"]["ports"][0]


def test_what_is_worth_an_offer_is_told_role_by_role() -> None:
    """As mesos.proto has it: all quantities of a group together; none at all for whatever there is. Mesos refuses a
    filter of a role that the framework does not have.
    """
    least = {"web": {"cpus": 0.5, "mem": 256.0}, "any": {}, "other": {"cpus": 1.0}}
    told = framework_info(FrameworkInfo(name="x", roles=("any", "web"), min_allocatable=least))
    assert convert("FrameworkInfo", told)["offer_filters"] == {
        "web": {
            "min_allocatable_resources": {
                "quantities": [{"quantities": {"cpus": {"value": 0.5}, "mem": {"value": 256.0}}}]
            }
        },
        "any": {"min_allocatable_resources": {}},
    }
    assert "offer_filters" not in framework_info(FrameworkInfo(name="x", roles=("web",)))
