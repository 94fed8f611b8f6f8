"""Rules of volumes, containers and ports: what is let in means something to Mesos."""

from dataclasses import replace
from typing import Any

import pytest

from sdk.door.accept import accept
from sdk.errors import InvalidSpec
from sdk.model.container import Containerizer, ContainerSpec, ExternalVolumeSpec, MountSpec, NetworkSpec
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec, UpdateStrategy
from sdk.model.volumes import DiskType, VolumeSpec

DATA = VolumeSpec(name="data", path="data", size=1000)
MAPPED = NetworkSpec(name="mesos-bridge", mapped=True)


def service(pod: dict[str, Any] | None = None, **task: Any) -> ServiceSpec:
    """A service of one task with these fields."""
    made = TaskSpec(**{"name": "db", "cpus": 100, "mem": 1000, "command": CommandSpec(value="x"), **task})
    return ServiceSpec(
        name="web", pods=(PodSpec(**{"name": "db", "count": 1, "role": "r", "tasks": (made,), **(pod or {})}),)
    )


def contained(**fields: Any) -> ServiceSpec:
    """A service of one task in such a container."""
    return service(container=ContainerSpec(**fields))


@pytest.mark.parametrize(
    "spec",
    [
        service(volumes=(DATA, replace(DATA, name="log", path="log/x", type=DiskType.MOUNT, profiles=("fast",)))),
        contained(mounts=(MountSpec(path="etc", host_path="/etc"), MountSpec(path="tmp", sandbox_path="scratch"))),
        contained(image="a", mounts=(MountSpec(path="/etc/x", host_path="/etc"),), force_pull=True),
        contained(mounts=(MountSpec(path="d", external=ExternalVolumeSpec(name="v", driver="rexray")),)),
        contained(type=Containerizer.DOCKER, image="a", privileged=True, parameters=(("cap-add", "SYS_TIME"),)),
        service(
            container=ContainerSpec(networks=(MAPPED,)),
            ports=(PortSpec(name="http", container_port=80, vips=("/web:80", "web.group:80", "10.0.0.1:80")),),
        ),
    ],
)
def test_good_ones_pass(spec: ServiceSpec) -> None:
    """And are the same afterwards."""
    assert accept(spec) == spec


@pytest.mark.parametrize(
    ("spec", "path", "rule"),
    [
        (service(volumes=(replace(DATA, name="a b"),)), "volumes[0].name", "has to be letters"),
        (service(volumes=(replace(DATA, path="/data"),)), "volumes.data.path", "has to be relative"),
        (service(volumes=(replace(DATA, path="a/../b"),)), "volumes.data.path", "or `.` or `..`"),
        (service(volumes=(replace(DATA, path="a:b"),)), "volumes.data.path", "cannot stand in it"),
        (service(volumes=(replace(DATA, path="x" * 256),)), "volumes.data.path", "1 to 255"),
        (service(volumes=(replace(DATA, size=0),)), "volumes.data.size", "above 0"),
        (service(volumes=(replace(DATA, size=0.5),)), "volumes.data.size", "integer (thousandths)"),
        (service(volumes=(replace(DATA, profiles=("a",)),)), "volumes.data.profiles", "ROOT disk has none"),
        (service(volumes=(DATA, replace(DATA, path="b"))), "tasks.db.volumes", "'data' occurs twice"),
        (service(volumes=(DATA, replace(DATA, name="b", path="data/b"))), "tasks.db.volumes", "or below it"),
        (service({"role": "*"}, volumes=(DATA,)), "pods.db.role", "nothing can be reserved"),
        (service({"update": UpdateStrategy(max_surge=1)}, volumes=(DATA,)), "update.max_surge", "has to be 0"),
        (contained(mounts=(MountSpec(path="a"),)), "mounts[0]", "exactly one of"),
        (contained(mounts=(MountSpec(path="a", host_path="etc"),)), "mounts[0].host_path", "has to be absolute"),
        (contained(mounts=(MountSpec(path="a", host_path="/a/.."),)), "mounts[0].host_path", "or `.` or `..`"),
        (contained(mounts=(MountSpec(path="a", sandbox_path="../a"),)), "mounts[0].sandbox_path", "or `.` or `..`"),
        (contained(mounts=(MountSpec(path="/a", host_path="/a"),)), "mounts[0].path", "needs an image"),
        (contained(mounts=(MountSpec(path="a", host_path="/a"),) * 2), "container.mounts", "occurs twice"),
        (
            contained(mounts=(MountSpec(path="a", external=ExternalVolumeSpec(name="")),)),
            "mounts[0].external.name",
            "visible characters",
        ),
        (contained(type=Containerizer.DOCKER), "container.image", "is needed"),
        (contained(privileged=True), "container.type", "has to be DOCKER"),
        (contained(force_pull=True), "container.force_pull", "without an image"),
        (contained(type=Containerizer.DOCKER, image="a", parameters=(("name", "x"),)), "parameters", "cannot be given"),
        (
            contained(type=Containerizer.DOCKER, image="a", networks=(MAPPED, NetworkSpec(name="b"))),
            "container.networks",
            "one at most",
        ),
        (contained(networks=(MAPPED, NetworkSpec(name="b", mapped=True))), "container.networks", "one of them only"),
        (service(ports=(PortSpec(name="a", container_port=80),)), "tasks.db.ports", "no network of the container"),
        (
            service(
                container=ContainerSpec(networks=(MAPPED,)),
                ports=(PortSpec(name="a", container_port=80), PortSpec(name="b", container_port=80)),
            ),
            "tasks.db.ports",
            "container_port 80 is wanted twice",
        ),
        (service(ports=(PortSpec(name="a", container_port=0),)), "ports.a.container_port", "1 to 65535"),
        (service(ports=(PortSpec(name="a", vips=("web",)),)), "ports.a.vips", "is not like"),
        (service(ports=(PortSpec(name="a", vips=("/web:99999",)),)), "ports.a.vips", "is not like"),
        (service(ports=(PortSpec(name="a", vips=("we b:80",)),)), "ports.a.vips", "is not like"),
        (
            service(volumes=(DATA,), container=ContainerSpec(mounts=(MountSpec(path="data", host_path="/a"),))),
            "container.mounts",
            "that of a volume",
        ),
    ],
)
def test_bad_ones_are_told_with_their_place(spec: ServiceSpec, path: str, rule: str) -> None:
    """Path and rule of what is wrong."""
    with pytest.raises(InvalidSpec) as error:
        accept(spec)
    assert path in str(error.value)
    assert rule in str(error.value)
