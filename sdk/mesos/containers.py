"""ContainerInfo from a ContainerSpec, for Mesos' own containerizer and for Docker's. Pure.

Of a task with a custom executor it stands in the ExecutorInfo: that is what a container is made for.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sdk.model.container import Containerizer, ContainerSpec, MountSpec, NetworkSpec
from sdk.model.resources import Label
from sdk.model.spec import PortSpec

Json = dict[str, Any]
Ports = Sequence[tuple[PortSpec, int]]
"""Each port with the number it got."""

BRIDGE = "bridge"
"""The network that Docker's daemon has itself."""


def field(container: ContainerSpec, ports: Ports) -> Json:
    """The field `container`, nothing for the agent's own files and network."""
    info = _docker(container, ports) if container.type is Containerizer.DOCKER else _mesos(container, ports)
    if container.mounts:
        info["volumes"] = [_volume(mount, container.type) for mount in container.mounts]
    return {"container": {"type": container.type.value, **info}} if info else {}


def _mesos(container: ContainerSpec, ports: Ports) -> Json:
    info: Json = {}
    if container.image is not None:
        image: Json = {"type": "DOCKER", "docker": {"name": container.image}}
        info["mesos"] = {"image": image | ({"cached": False} if container.force_pull else {})}
    if container.networks:
        info["network_infos"] = [_network(network, container, ports) for network in container.networks]
    return info


def _docker(container: ContainerSpec, ports: Ports) -> Json:
    docker: Json = {"image": container.image or "", "network": "HOST"}
    info: Json = {}
    for network in container.networks:  # the door lets in one at most
        bridge = network.name == BRIDGE
        docker["network"] = "BRIDGE" if bridge else "USER"
        if not bridge:
            info["network_infos"] = [{"name": network.name} | _labels(network.labels)]
        if network.mapped:
            docker["port_mappings"] = _mappings(container, ports)
    if container.privileged:
        docker["privileged"] = True
    if container.parameters:
        docker["parameters"] = [{"key": key, "value": value} for key, value in container.parameters]
    if container.force_pull:
        docker["force_pull_image"] = True
    return {"docker": docker, **info}


def _network(network: NetworkSpec, container: ContainerSpec, ports: Ports) -> Json:
    wire: Json = {"name": network.name} | _labels(network.labels)
    if network.mapped and ports:
        wire["port_mappings"] = _mappings(container, ports)
    return wire


def _mappings(container: ContainerSpec, ports: Ports) -> list[Json]:
    return [
        {"host_port": number, "container_port": port.inside(number, container), "protocol": port.protocol}
        for port, number in ports
    ]


def _volume(mount: MountSpec, containerizer: Containerizer) -> Json:
    wire: Json = {"mode": "RO" if mount.read_only else "RW", "container_path": mount.path}
    if mount.external is not None:
        volume: Json = {"name": mount.external.name}
        if mount.external.driver is not None:
            volume["driver"] = mount.external.driver
        if mount.external.options:
            pairs = [{"key": key, "value": value} for key, value in mount.external.options]
            volume["driver_options"] = {"parameter": pairs}
        return wire | {"source": {"type": "DOCKER_VOLUME", "docker_volume": volume}}
    if mount.sandbox_path is not None:
        path = {"type": "SELF", "path": mount.sandbox_path}
        return wire | {"source": {"type": "SANDBOX_PATH", "sandbox_path": path}}
    if containerizer is Containerizer.DOCKER:
        return wire | {"host_path": mount.host_path}
    return wire | {"source": {"type": "HOST_PATH", "host_path": {"path": mount.host_path}}}


def _labels(pairs: Iterable[Label]) -> Json:
    found = [{"key": key, "value": text} for key, text in pairs]
    return {"labels": {"labels": found}} if found else {}
