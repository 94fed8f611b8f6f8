"""Memory limits of containers, as far as this machine lets us: by a control group of the kernel, or by watching.

`--isolation` names what is wanted, as with the real agent. `posix/mem` only reports. `cgroups/mem` puts every container
into a group of its own below the agent's group, of version 1 or 2, whichever the machine has; the kernel kills what
goes beyond. `watch/mem`, which the real agent does not have, needs no rights: the resident memory of the container's
processes is summed up now and then, so a short excess is not seen.
"""

import contextlib
import hashlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sdk.local import processes
from sdk.local.core.wire import Json

REPORTED, GROUPS, WATCHED = "posix/mem", "cgroups/mem", "watch/mem"
KNOWN = ("posix/cpu", REPORTED, GROUPS, WATCHED, "disk/du", "posix/rlimits")
# As the real agent: no container gets less, its executor could not start.
SMALLEST = 32 * 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Impossible(Exception):
    """This machine cannot isolate as it was told to; the text says what, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A container used more memory than it may."""

    message: str
    resources: list[Json]


class MemoryGuard(Protocol):
    """Holds containers to their memory."""

    def limit(self, container_id: str, size: int) -> None:
        """How many bytes the container may have; said before its start and whenever it changes."""

    def make(self, container_id: str) -> bool:
        """Before a container's start: whether its process must wait for `enter`."""

    def enter(self, container_id: str, pid: int) -> None:
        """The container's first process exists and waits."""

    def excess(self, container_id: str, sandbox: Path, pid: int) -> Excess | None:
        """Whether the container went beyond its limit."""

    def recover(self, container_ids: set[str]) -> None:
        """These containers of an earlier process live; what is left of others is removed."""

    def end(self, container_id: str) -> None:
        """The container has ended: whatever is left of it too."""


def isolators(text: str) -> tuple[str, ...]:
    """The names in `--isolation`; ValueError for what this agent does not have."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in KNOWN:
            raise ValueError(f"--isolation: '{name}' is not among {', '.join(KNOWN)}")
    if sum(name in (REPORTED, GROUPS, WATCHED) for name in names) > 1:
        raise ValueError(f"--isolation: choose one of {REPORTED}, {GROUPS} and {WATCHED}")
    return names


def memory_guard(names: tuple[str, ...], work_dir: Path, root: str) -> MemoryGuard | None:
    """What `--isolation` asks for; None when memory is only reported."""
    if GROUPS in names:
        return Groups(work_dir, root)
    return Watched() if WATCHED in names else None


def _requested(limit: int, used: int, more: str = "") -> Excess:
    message = f"Memory limit exceeded: Requested: {size(limit)} Maximum Used: {size(used)}\n{more}"
    value = round(used / 1024**2, 3)
    return Excess(message=message, resources=[{"name": "mem", "type": "SCALAR", "scalar": {"value": value}}])


def size(count: int) -> str:
    """Bytes as Mesos prints them: in the largest unit that divides them."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}B"


class Watched:
    """Sums up the resident memory of a container's processes. Pages that they share count for each of them."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}

    def limit(self, container_id: str, size: int) -> None:
        """Remember it."""
        self._limits[container_id] = max(size, SMALLEST)

    def make(self, container_id: str) -> bool:  # noqa: ARG002 - the guard's interface
        """Nothing is to be prepared."""
        return False

    def enter(self, container_id: str, pid: int) -> None:
        """Nothing is to be done."""

    def excess(self, container_id: str, sandbox: Path, pid: int) -> Excess | None:
        """Look at all its processes now."""
        limit = self._limits.get(container_id)
        if limit is None:
            return None
        used = sum(_resident(member) for member in processes.members(str(sandbox), pid))
        return _requested(limit, used) if used > limit else None

    def recover(self, container_ids: set[str]) -> None:
        """Nothing was kept."""

    def end(self, container_id: str) -> None:
        """Forget it."""
        self._limits.pop(container_id, None)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Where this process may make groups, and how their files are called."""

    version: int
    own: Path

    @property
    def limit_file(self) -> str:
        """The hard limit."""
        return "memory.limit_in_bytes" if self.version == 1 else "memory.max"

    @property
    def peak_file(self) -> str:
        """The most that was used."""
        return "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"

    @property
    def kills_file(self) -> str:
        """Holds the number of processes that the kernel killed for want of memory, as `oom_kill`."""
        return "memory.oom_control" if self.version == 1 else "memory.events"


def find_hierarchy(proc: Path = Path("/proc/self")) -> Hierarchy:
    """The memory controller and the group of this process in it; Impossible when there is none."""
    mounts: dict[int, tuple[str, Path]] = {}
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, point = before.split(" ")[3:5]
        if kind == "cgroup" and "memory" in options.split(","):
            mounts[1] = (root, Path(point))
        elif kind == "cgroup2":
            mounts.setdefault(2, (root, Path(point)))
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        version = 1 if "memory" in controllers.split(",") else 2 if not controllers else 0
        if version not in mounts or (version == 2 and 1 in mounts):
            continue
        mounted, directory = mounts[version]
        own = directory / path.removeprefix(mounted.rstrip("/")).lstrip("/")
        if version == 2 and "memory" not in _words(own / "cgroup.controllers"):
            continue
        return Hierarchy(version=version, own=own)
    raise Impossible(
        f"--isolation: {GROUPS} is not possible, because no control group with the memory controller is mounted here: "
        f"mount one, or use {WATCHED}"
    )


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


class Groups:
    """One control group per container, at `<own group>/<root>/<agent>/<container id>`."""

    def __init__(self, work_dir: Path, root: str, hierarchy: Hierarchy | None = None) -> None:
        self._places = _places(work_dir)
        self._hierarchy = hierarchy or find_hierarchy()
        self._limits: dict[str, int] = {}
        self._found: dict[str, Path] = {}
        # Agents of one machine share the root; what is left there must be told apart after a crash.
        self._base = self._hierarchy.own / root / hashlib.sha256(str(work_dir).encode()).hexdigest()[:12]
        try:
            if self._hierarchy.version == 2:
                self._delegate()
            self._base.mkdir(parents=True, exist_ok=True)
            if self._hierarchy.version == 2:
                for folder in (self._base.parent, self._base):
                    (folder / "cgroup.subtree_control").write_text("+memory")
        except OSError as error:
            raise Impossible(
                f"--isolation: {GROUPS} is not possible, because the kernel refuses groups below "
                f"{self._hierarchy.own}: {error}. Start the agent as root or in a group that is delegated to it (such "
                f"as by systemd-run -p Delegate=yes), or use {WATCHED}"
            ) from error
        known = set(_words(self._places))
        if str(self._base) not in known:
            self._places.parent.mkdir(parents=True, exist_ok=True)
            self._places.write_text("\n".join([*sorted(known), str(self._base)]) + "\n")

    def _delegate(self) -> None:
        """Version 2 lets a group have members or controlled groups below it, not both: this process moves down."""
        own = self._hierarchy.own
        if "memory" not in _words(own / "cgroup.subtree_control"):
            leaf = own / "agent"
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
            (own / "cgroup.subtree_control").write_text("+memory")

    def _group(self, container_id: str) -> Path:
        return self._found.get(container_id, self._base / container_id)

    def limit(self, container_id: str, size: int) -> None:
        """The kernel's limit, once the group exists. It is never lowered, as with the real agent: what a task that
        ended leaves in use would be killed.
        """
        size = max(size, SMALLEST)
        if size <= self._limits.get(container_id, 0):
            return
        self._limits[container_id] = size
        if self._group(container_id).is_dir():
            with contextlib.suppress(OSError):
                self._set(container_id)

    def _set(self, container_id: str) -> None:
        (self._group(container_id) / self._hierarchy.limit_file).write_text(str(self._limits[container_id]))

    def make(self, container_id: str) -> bool:
        """The group with its limit; OSError when the kernel refuses."""
        self._group(container_id).mkdir(parents=True, exist_ok=True)
        if container_id in self._limits:
            self._set(container_id)
        return True

    def enter(self, container_id: str, pid: int) -> None:
        """Put the process into the group before it does anything."""
        (self._group(container_id) / "cgroup.procs").write_text(str(pid))

    def excess(self, container_id: str, sandbox: Path, pid: int) -> Excess | None:  # noqa: ARG002 - as above
        """Whether the kernel killed something of it."""
        group = self._group(container_id)
        words = _words(group / self._hierarchy.kills_file)
        kills = dict(zip(words[::2], words[1::2], strict=False)).get("oom_kill", "0")
        if kills == "0":
            return None
        limit = int(_words(group / self._hierarchy.limit_file)[0])
        used = int((_words(group / self._hierarchy.peak_file) or [str(limit)])[0])
        statistics = (group / "memory.stat").read_text()
        return _requested(limit, used, f"\nMEMORY STATISTICS: \n{statistics}\n")

    def recover(self, container_ids: set[str]) -> None:
        """Find the groups of live containers, where an earlier process of this agent made them; remove all others."""
        for place in {Path(line) for line in _words(self._places)}:
            for group in sorted(place.iterdir()) if place.is_dir() else ():
                if not group.is_dir():
                    continue
                if group.name in container_ids:
                    self._found[group.name] = group
                else:
                    _remove(group)
            if place != self._base:
                with contextlib.suppress(OSError):
                    place.rmdir()

    def end(self, container_id: str) -> None:
        """Kill what is in the group and remove it."""
        _remove(self._group(container_id))
        self._limits.pop(container_id, None)
        self._found.pop(container_id, None)


def _places(work_dir: Path) -> Path:
    return work_dir / "meta" / "cgroups"


def remove_groups(work_dir: Path) -> None:
    """Remove all groups of an agent that does not run, with all that is in them."""
    for place in {Path(line) for line in _words(_places(work_dir))}:
        for group in sorted(place.iterdir()) if place.is_dir() else ():
            if group.is_dir():
                _remove(group)
        for folder in (place, place.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 5.0
    while group.is_dir():
        for word in _words(group / "cgroup.procs"):
            processes.send([int(word)], signal.SIGKILL)
        try:
            group.rmdir()
        except OSError:
            # The killed leave a moment later. What stays is removed at the next start of the agent.
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
