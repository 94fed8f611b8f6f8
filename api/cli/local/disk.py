"""Room on the disk of a stack: its logs, ZooKeeper and the agents' sandboxes need some, and stop when there is none."""

import os
from pathlib import Path

from sdk.errors import EnvironmentProblem

_MB = 1024 * 1024
_TO_START = 30
"""MB: what the state and logs of a stack take in its first minutes, with something to spare."""
_TO_GO_ON = 1
"""MB: with less than this the next write of somebody fails."""


def free(directory: Path) -> int:
    """MB that we may still write where a directory is, or is to be."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize // _MB


def check(directory: Path) -> None:
    """Raise EnvironmentProblem when a stack would not come far there."""
    found = free(directory)
    if found < _TO_START:
        raise EnvironmentProblem(
            f"the disk of {directory} has {found} MB left, a stack needs {_TO_START} MB to start: "
            "make room, or name another place with --directory"
        )


def full(directory: Path) -> bool:
    """Whether there is no room for a running stack."""
    return free(directory) < _TO_GO_ON


def trouble(directory: Path) -> str:
    """The sentence for whatever went wrong while the disk is full; empty when it is not."""
    return f"; the disk of {directory} is full: make room there, then all comes back" if full(directory) else ""
