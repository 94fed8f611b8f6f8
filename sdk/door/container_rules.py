"""Rules of containers, and of what they are made of: networks, and what they see beside their own files."""

import re

from sdk.door.names import twice
from sdk.door.pod_rules import rule as pod
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.door.task_rules import rule as task
from sdk.door.volume_rules import bad_path
from sdk.model.container import Containerizer, ContainerSpec, ExternalVolumeSpec, MountSpec, NetworkSpec
from sdk.model.spec import PodSpec, TaskSpec

_VISIBLE = re.compile(r"[!-~]{1,255}")
"""Names that others gave: of images, networks and external volumes."""

container = Rules(ContainerSpec)
network = Rules(NetworkSpec)
mount = Rules(MountSpec)
external = Rules(ExternalVolumeSpec)


@container("image")
def _image(spec: ContainerSpec) -> Broken:
    """1 to 255 visible characters of ASCII."""
    if spec.image is not None and not _VISIBLE.fullmatch(spec.image):
        yield "image", f"{shown(spec.image)} is no name of an image"


@container("networks")
def _networks(spec: ContainerSpec) -> Broken:
    """No name twice."""
    for name in twice(network.name for network in spec.networks):
        yield "networks", f"{name!r:.80} occurs twice"


@network("name")
def _network(spec: NetworkSpec) -> Broken:
    """1 to 255 visible characters of ASCII."""
    if not _VISIBLE.fullmatch(spec.name):
        yield "name", f"{shown(spec.name)} is no name of a network"


@container("type", "image", "networks", "privileged", "parameters", "force_pull")
def _docker(spec: ContainerSpec) -> Broken:
    """Docker's needs an image, and joins one network at most; `privileged` and `parameters` are its own."""
    if spec.type is Containerizer.DOCKER:
        if spec.image is None:
            yield "image", "is needed by Docker's containerizer"
        if len(spec.networks) > 1:
            yield "networks", "Docker's containerizer joins one at most"
    elif spec.privileged or spec.parameters:
        yield "type", "has to be DOCKER for `privileged` and `parameters`"
    if spec.force_pull and spec.image is None:
        yield "force_pull", "is of no use without an image"


@container("parameters")
def _parameters(spec: ContainerSpec) -> Broken:
    """Not `name`, which Mesos gives itself; neither empty."""
    for key, _ in spec.parameters:
        if not key or key == "name":
            yield "parameters", f"{shown(key)} cannot be given"


@container("networks")
def _mapped(spec: ContainerSpec) -> Broken:
    """Ports are mapped in one network at most."""
    if sum(each.mapped for each in spec.networks) > 1:
        yield "networks", "ports can be mapped in one of them only"


@container("mounts", "image")
def _mounts(spec: ContainerSpec) -> Broken:
    """No path twice; absolute ones need an image."""
    for path in twice(each.path for each in spec.mounts):
        yield "mounts", f"path {shown(path)} occurs twice"
    for index, each in enumerate(spec.mounts):
        if each.path.startswith("/") and spec.image is None:
            yield f"mounts[{index}].path", f"{shown(each.path)} is absolute, which needs an image"


@mount("path")
def _path(spec: MountSpec) -> Broken:
    """As that of a volume, or absolute."""
    if (broken := bad_path(spec.path.removeprefix("/"))) is not None:
        yield "path", broken


@mount("host_path", "sandbox_path", "external")
def _source(spec: MountSpec) -> Broken:
    """Exactly one of the three. `host_path` is absolute, `sandbox_path` below the sandbox; neither has `.` and `..`."""
    if sum(each is not None for each in (spec.host_path, spec.sandbox_path, spec.external)) != 1:
        yield "", "needs exactly one of host_path, sandbox_path and external"
    if spec.host_path is not None and spec.host_path != "/":
        if not spec.host_path.startswith("/"):
            yield "host_path", f"{shown(spec.host_path)} has to be absolute"
        elif (broken := bad_path(spec.host_path[1:])) is not None:
            yield "host_path", broken
    if spec.sandbox_path is not None and (broken := bad_path(spec.sandbox_path)) is not None:
        yield "sandbox_path", broken


@external("name", "driver")
def _external(spec: ExternalVolumeSpec) -> Broken:
    """1 to 255 visible characters of ASCII each."""
    for field in ("name", "driver"):
        text = getattr(spec, field)
        if text is not None and not _VISIBLE.fullmatch(text):
            yield field, f"{shown(text)} has to have 1 to 255 visible characters of ASCII"


@pod("tasks", "group")
def _volume_paths(spec: PodSpec) -> Broken:
    """The executor of a group sees all volumes of its tasks, so that no path is used twice."""
    if spec.group is None:
        return
    for path in twice(volume.path for each in spec.tasks for volume in each.volumes):
        yield "tasks", f"have volumes with the path {shown(path)} twice, in a group"


@task("ports", "container")
def _container_ports(spec: TaskSpec) -> Broken:
    """`container_port` is for networks whose ports are mapped; none is wanted twice."""
    given = [str(port.container_port) for port in spec.ports if port.container_port is not None]
    if given and not spec.container.maps_ports:
        yield "ports", "have a container_port, and no network of the container has mapped ports"
    for number in twice(given):
        yield "ports", f"container_port {number} is wanted twice"


@task("volumes", "container")
def _paths(spec: TaskSpec) -> Broken:
    """A mount has no path of a volume."""
    taken = {each.path for each in spec.volumes}
    for each in spec.container.mounts:
        if each.path in taken:
            yield "container.mounts", f"path {shown(each.path)} is that of a volume"
