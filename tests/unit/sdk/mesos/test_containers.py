"""ContainerInfos: the forms that Mesos documents, and that the embedded one reads without a complaint."""

from typing import Any

import pytest

from sdk.local.core import wire
from sdk.local.core.container_validation import container_problem
from sdk.mesos import calls, containers
from sdk.model.container import Containerizer, ContainerSpec, ExternalVolumeSpec, MountSpec, NetworkSpec
from sdk.model.ids import AgentId, TaskId
from sdk.model.operations import TaskLaunch
from sdk.model.spec import CommandSpec, HealthCheckSpec, PortSpec

HTTP = PortSpec(name="http", container_port=80, vips=("/web:80",))
ADMIN = PortSpec(name="admin", protocol="udp")
PORTS = ((HTTP, 31000), (ADMIN, 31001))
MAPPINGS = [
    {"host_port": 31000, "container_port": 80, "protocol": "tcp"},
    {"host_port": 31001, "container_port": 31001, "protocol": "udp"},
]


@pytest.mark.parametrize(
    ("spec", "info"),
    [
        (
            ContainerSpec(networks=(NetworkSpec(name="mesos-bridge", mapped=True), NetworkSpec(name="dcos"))),
            {
                "type": "MESOS",
                "network_infos": [{"name": "mesos-bridge", "port_mappings": MAPPINGS}, {"name": "dcos"}],
            },
        ),
        (
            ContainerSpec(image="a", force_pull=True),
            {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "a"}, "cached": False}}},
        ),
        (
            ContainerSpec(
                mounts=(
                    MountSpec(path="a", host_path="/a", read_only=True),
                    MountSpec(path="b", sandbox_path="c"),
                    MountSpec(path="d", external=ExternalVolumeSpec(name="v", driver="x", options=(("size", "1"),))),
                )
            ),
            {
                "type": "MESOS",
                "volumes": [
                    {
                        "mode": "RO",
                        "container_path": "a",
                        "source": {"type": "HOST_PATH", "host_path": {"path": "/a"}},
                    },
                    {
                        "mode": "RW",
                        "container_path": "b",
                        "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "SELF", "path": "c"}},
                    },
                    {
                        "mode": "RW",
                        "container_path": "d",
                        "source": {
                            "type": "DOCKER_VOLUME",
                            "docker_volume": {
                                "name": "v",
                                "driver": "x",
                                "driver_options": {"parameter": [{"key": "size", "value": "1"}]},
                            },
                        },
                    },
                ],
            },
        ),
        (
            ContainerSpec(
                type=Containerizer.DOCKER,
                image="a",
                networks=(NetworkSpec(name="bridge", mapped=True),),
                mounts=(MountSpec(path="/x", host_path="/x"),),
                privileged=True,
                force_pull=True,
                parameters=(("cap-add", "X"),),
            ),
            {
                "type": "DOCKER",
                "docker": {
                    "image": "a",
                    "network": "BRIDGE",
                    "port_mappings": MAPPINGS,
                    "privileged": True,
                    "parameters": [{"key": "cap-add", "value": "X"}],
                    "force_pull_image": True,
                },
                "volumes": [{"mode": "RW", "container_path": "/x", "host_path": "/x"}],
            },
        ),
        (
            ContainerSpec(type=Containerizer.DOCKER, image="a", networks=(NetworkSpec(name="calico"),)),
            {
                "type": "DOCKER",
                "docker": {"image": "a", "network": "USER"},
                "network_infos": [{"name": "calico"}],
            },
        ),
        (
            ContainerSpec(type=Containerizer.DOCKER, image="a"),
            {"type": "DOCKER", "docker": {"image": "a", "network": "HOST"}},
        ),
    ],
)
def test_containers_have_the_form_that_mesos_documents(spec: ContainerSpec, info: dict[str, Any]) -> None:
    """For both containerizers."""
    assert containers.field(spec, PORTS) == {"container": info}
    assert container_problem(info) is None
    assert _holds(wire.convert("Container", info), info)


def _holds(read: Any, said: Any) -> bool:
    """Whether all that was said has been read: Mesos passes over what it does not know."""
    match said:
        case dict():
            return all(key in read and _holds(read[key], part) for key, part in said.items())
        case list():
            return len(read) == len(said) and all(map(_holds, read, said))
        case _:
            return bool(read == said)


def test_a_task_knows_the_ports_inside_and_others_those_outside() -> None:
    """A health check looks from inside; DiscoveryInfo tells the agent's port, with the virtual address."""
    launch = TaskLaunch(
        task_id=TaskId("t"),
        name="t",
        agent_id=AgentId("S0"),
        resources=(),
        command=CommandSpec(value="run"),
        environment={},
        discovery_name="t",
        ports=PORTS,
        health_check=HealthCheckSpec(tcp=True, port="http"),
        container=ContainerSpec(networks=(NetworkSpec(name="mesos-bridge", mapped=True),)),
    )
    info = calls.task_info(launch, "f")
    assert info["health_check"]["tcp"]["port"] == 80
    http, admin = info["discovery"]["ports"]["ports"]
    assert (http["number"], admin["number"]) == (31000, 31001)
    scope = {"key": "network-scope", "value": "host"}
    assert http["labels"] == {"labels": [{"key": "VIP_0", "value": "/web:80"}, scope]}
    assert admin["labels"] == {"labels": [scope]}
