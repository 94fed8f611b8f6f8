"""Volumes in sandboxes: persistent ones, which are directories that outlive their tasks, and those of a ContainerInfo.

A volume is shown by a symbolic link, because mounting needs rights that this agent may not have. So a task that may
only read (`RO`) can write where its user can; and what the link points to has the same path for everybody.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    # The command executor imports this module, and runs without installed packages, which the core needs.
    from sdk.local.core.wire import Json


class BadVolume(Exception):
    """A volume cannot be shown; the text says which and why."""


def component(name: str) -> str:
    """An id as one component of a path, so that no id leads out of its directory; almost all stay as they are."""
    if "/" not in name and "\0" not in name and name.strip("."):
        return name
    return quote(name, safe="").replace(".", "%2E") or "%"


def volume_path(work_dir: Path, volume: Json) -> Path:
    """The directory of a persistent volume, which outlives its tasks."""
    stack = volume.get("reservations") or [{}]
    role = stack[-1].get("role", "*")
    return work_dir / "volumes" / "roles" / component(role) / component(volume["disk"]["persistence"]["id"])


def make_volume(work_dir: Path, volume: Json) -> None:
    """CREATE of a persistent volume."""
    volume_path(work_dir, volume).mkdir(parents=True, exist_ok=True)


def remove_volume(work_dir: Path, volume: Json) -> None:
    """DESTROY of a persistent volume with all that is in it; no link in it is followed."""
    path = volume_path(work_dir, volume)
    if path.is_dir():
        shutil.rmtree(path)


def inside(sandbox: Path, name: str, what: str) -> Path:
    """A path below the sandbox, or BadVolume. Links on the way are judged too: an earlier volume may be one."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise BadVolume(f"{what} '{name}' is not below the sandbox")
    parent = (sandbox / path).parent.resolve()
    root = sandbox.resolve()
    if parent != root and root not in parent.parents:
        raise BadVolume(f"{what} '{name}' is below another volume")
    return sandbox / path


def _link(sandbox: Path, name: str, what: str, target: Path) -> None:
    link = inside(sandbox, name, what)
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        # Tasks of one executor share a volume by naming it at the same place.
        return
    if link.is_symlink() or link.exists():
        raise BadVolume(f"{what} '{name}' is taken by something else in the sandbox")
    link.symlink_to(target)


def show_persistent(work_dir: Path, resources: list[Json], sandbox: Path) -> list[Path]:
    """Link the persistent volumes among resources into a sandbox; returns their directories."""
    found = []
    for resource in resources:
        disk = resource.get("disk", {})
        if "persistence" not in disk or "volume" not in disk:
            continue
        path = volume_path(work_dir, resource)
        make_volume(work_dir, resource)
        _link(sandbox, disk["volume"]["container_path"], "The volume's container_path", path)
        found.append(path)
    return found


def show_parents(resources: list[Json], sandbox: Path, parent: Path) -> None:
    """Link the persistent volumes of a task of a group, which the executor has in its own sandbox, into the task's."""
    for resource in resources:
        name = resource["disk"]["volume"]["container_path"]
        source = inside(parent, name, "The volume's container_path")
        if not source.is_dir():
            raise BadVolume(f"The volume '{resource['disk']['persistence']['id']}' is not in the executor's sandbox")
        _link(sandbox, name, "The volume's container_path", source.resolve())


def show_container(container: Json, sandbox: Path, parent: Path | None, own: Callable[[Path], None]) -> None:
    """Link the volumes of a ContainerInfo of type MESOS into a sandbox.

    HOST_PATH (or the older `host_path`) names a directory or file of this machine, SANDBOX_PATH a directory of the
    sandbox itself (SELF) or of the executor's (PARENT, for tasks of a group), which is made if need be; `own` is called
    with what was made. A container_path that is absolute would need a file system of its own and is refused.
    """
    for volume in container.get("volumes") or ():
        name = volume["container_path"]
        what = "container.volumes: container_path"
        source = volume.get("source") or {}
        kind = source.get("type") if isinstance(source, dict) else None
        if kind == "SANDBOX_PATH":
            about = source.get("sandbox_path") or {}
            root = parent if about.get("type") == "PARENT" else sandbox
            if root is None:
                raise BadVolume("container.volumes: SANDBOX_PATH of type PARENT is for tasks of a group only")
            target = inside(root, str(about.get("path", "")), "container.volumes: the path of SANDBOX_PATH")
            if not target.exists():
                target.mkdir(parents=True)
                own(target)
        elif kind == "HOST_PATH" or (kind is None and volume.get("host_path")):
            where = (source.get("host_path") or {}).get("path") if kind else volume["host_path"]
            target = Path(str(where))
            if not target.is_absolute():
                # As the real agent does: relative to the sandbox, and then it must be in it.
                target = inside(sandbox, str(where), "container.volumes: host_path")
                if not target.exists():
                    target.mkdir(parents=True)
                    own(target)
            elif not target.exists():
                raise BadVolume(f"container.volumes: the host path '{target}' does not exist on this agent")
        else:
            raise BadVolume(
                f"container.volumes: '{name}' has the source {kind or 'none'}; HOST_PATH and SANDBOX_PATH are known"
            )
        _link(sandbox, name, what, Path(os.path.normpath(target)))
