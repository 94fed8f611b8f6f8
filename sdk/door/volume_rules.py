"""Rules of volumes, and of what has volumes."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from sdk.door.names import bad_name, twice
from sdk.door.pod_rules import rule as pod
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.door.task_rules import rule as task
from sdk.model.spec import PodSpec, TaskSpec
from sdk.model.volumes import DiskType, VolumeSpec

PATH_LIMIT = 255
"""Characters."""
MOST = 2**53
"""Thousandths of a MB: Mesos counts in floating point, which holds no more of them exactly."""

volume = Rules(VolumeSpec)


@volume("name")
def _name(spec: VolumeSpec) -> Broken:
    """As that of a service."""
    if (broken := bad_name(spec.name)) is not None:
        yield "name", broken


@volume("path")
def _path(spec: VolumeSpec) -> Broken:
    """Relative, without `.` and `..`, at most 255 characters; neither `:` nor control characters."""
    if (broken := bad_path(spec.path)) is not None:
        yield "path", broken


def bad_path(path: str) -> str | None:
    """Why this is no place below a sandbox."""
    if not path or len(path) > PATH_LIMIT:
        return f"{shown(path)} has to have 1 to {PATH_LIMIT} characters"
    if path.startswith("/"):
        return f"{shown(path)} has to be relative: it is below the sandbox"
    if {"", ".", ".."}.intersection(path.split("/")):
        return f"{shown(path)} has an empty part, or `.` or `..`"
    if not path.isprintable() or ":" in path:
        return f"{shown(path)} has a character that cannot stand in it"
    return None


@volume("size")
def _size(spec: VolumeSpec) -> Broken:
    """Above 0."""
    if not 0 < spec.size <= MOST:
        yield "size", f"is {shown(spec.size)}, has to be above 0"


@volume("type", "profiles")
def _profiles(spec: VolumeSpec) -> Broken:
    """Visible names, of PATH and MOUNT disks only."""
    if spec.profiles and spec.type is DiskType.ROOT:
        yield "profiles", "are of PATH and MOUNT disks; the ROOT disk has none"
    for name in spec.profiles:
        if not name or not name.isprintable():
            yield "profiles", f"{shown(name)} is no name of a profile"


@task("volumes")
def _volumes(spec: TaskSpec) -> Broken:
    """No name twice; no path twice, nor below another."""
    for name in twice(each.name for each in spec.volumes):
        yield "volumes", f"{name!r:.80} occurs twice"
    yield from _overlapping(spec)


def _overlapping(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    paths = sorted(PurePosixPath(each.path) for each in spec.volumes)
    for first, second in pairwise(paths):
        if second == first or first in second.parents:
            yield "volumes", f"path {shown(str(second))} is the same as {shown(str(first))}, or below it"


@pod("tasks", "role")
def _reserved(spec: PodSpec) -> Broken:
    """Volumes need a role for which they can be reserved, which `*` is not."""
    if spec.role == "*" and any(each.volumes for each in spec.tasks):
        yield "role", "is `*`, for which nothing can be reserved, and there are volumes"


@pod("tasks", "update")
def _no_surge(spec: PodSpec) -> Broken:
    """With volumes, `max_surge` is 0: an instance cannot run twice, as its data is in one place."""
    if spec.update.max_surge and any(each.volumes for each in spec.tasks):
        yield "update.max_surge", "has to be 0 with volumes: the data of an instance is in one place"
