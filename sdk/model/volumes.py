"""Persistent volumes: parts of an agent's disks that outlive the tasks which use them. Values only.

What a task asks for is a spec; what an instance has is a record, and is found again by its id. The resource that a
volume is made of is in `sdk.model.resources`, where volumes are chosen in `sdk.offer.volumes`.
"""

from dataclasses import dataclass
from enum import StrEnum


class DiskType(StrEnum):
    """Which disks of an agent a volume may be a part of."""

    ROOT = "ROOT"
    """The disk that the agent itself works on, and shares among all."""
    PATH = "PATH"
    """A directory that operators gave to Mesos; it is shared among many, too."""
    MOUNT = "MOUNT"
    """A file system of its own, which is had as a whole, whatever its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A persistent volume of a task: made when the instance is launched first, and found again where it was.

    The instance then stays on its agent: it goes elsewhere, and without its data, only when an operator replaces it, or
    when its `RecoveryPolicy.leave_volumes` says so.
    """

    name: str
    """Tells it from the task's other volumes, also when its path changes."""
    path: str
    """Where the task finds it, below its sandbox."""
    size: int
    """Thousandths of a MB. A MOUNT disk is taken from this size on."""
    type: DiskType = DiskType.ROOT
    """What it is a part of."""
    profiles: tuple[str, ...] = ()
    """Profiles of which the disk has to have one; without any, the disk may have any, or none."""
    destroy: bool = False
    """Whether it is destroyed with its data when the instance is removed, or replaced by an operator. If not, it stays
    on its agent, and the log says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRecord:
    """A volume that an instance has, or left behind."""

    task: str
    name: str
    """As in the spec."""
    id: str
    """Mesos' persistence id."""
    destroy: bool = False
    """As the spec said last: nobody has to remember the spec when the instance is gone."""
    made: bool = False
    """Whether it is known to be there: a task used it, an offer showed it, or Mesos said so."""
