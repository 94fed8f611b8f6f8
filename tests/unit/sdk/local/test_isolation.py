"""Memory limits: what --isolation takes, where groups are made, what is said about an excess.

Groups of version 2 are plain files here: the machines of the tests have version 1.
"""

import os
from pathlib import Path

import pytest

from sdk.local.isolation import Groups, Hierarchy, Impossible, Watched, find_hierarchy, isolators, memory_guard

MOUNTS_1 = """31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
35 31 0:32 / {place}/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / {place}/unified rw,relatime - cgroup2 cgroup2 rw
"""
MOUNTS_2 = "41 31 0:38 /above {place}/unified rw,relatime - cgroup2 cgroup2 rw\n"


def proc(tmp_path: Path, mounts: str, groups: str) -> Path:
    """A directory as /proc/self."""
    path = tmp_path / "proc"
    path.mkdir()
    (path / "mountinfo").write_text(mounts.format(place=tmp_path))
    (path / "cgroup").write_text(groups)
    return path


@pytest.mark.parametrize("text", ["posix/cpu,posix/mem", "", " cgroups/mem , posix/cpu", "watch/mem,disk/du"])
def test_known_isolators_are_taken(text: str) -> None:
    """In any order, with spaces, and none at all."""
    assert isolators(text) == tuple(name.strip() for name in text.split(",") if name.strip())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("namespaces/pid", "'namespaces/pid' is not among"),
        ("posix/mem,cgroups/mem", "choose one of posix/mem, cgroups/mem and watch/mem"),
    ],
)
def test_other_isolators_are_refused(text: str, sentence: str) -> None:
    """Nobody shall believe in an isolation that is not there."""
    with pytest.raises(ValueError, match=sentence):
        isolators(text)


def test_without_a_limiting_isolator_there_is_no_guard(tmp_path: Path) -> None:
    """posix/mem reports only."""
    assert memory_guard(("posix/cpu", "posix/mem"), tmp_path, "mesos") is None


def test_version_1_is_found_beside_version_2(tmp_path: Path) -> None:
    """The memory controller is where it is mounted; the unified tree has it not then."""
    found = find_hierarchy(proc(tmp_path, MOUNTS_1, "9:cpu:/\n4:memory:/a/b\n0::/\n"))
    assert found == Hierarchy(version=1, own=tmp_path / "memory/a/b")


def test_version_2_is_found_where_it_has_the_controller(tmp_path: Path) -> None:
    """The path is relative to what is mounted."""
    own = tmp_path / "unified/b"
    own.mkdir(parents=True)
    (own / "cgroup.controllers").write_text("cpu memory\n")
    found = find_hierarchy(proc(tmp_path, MOUNTS_2, "0::/above/b\n"))
    assert found == Hierarchy(version=2, own=own)


def test_no_controller_is_impossible(tmp_path: Path) -> None:
    """The sentence says what is wrong and what to do."""
    (tmp_path / "unified").mkdir()
    with pytest.raises(Impossible, match=r"no control group with the memory controller.*watch/mem"):
        find_hierarchy(proc(tmp_path, MOUNTS_2, "0::/\n"))


def test_a_kernel_that_refuses_is_impossible(tmp_path: Path) -> None:
    """The sentence names the group, the kernel's reason and the ways out."""
    own = tmp_path / "file"
    own.write_text("")
    with pytest.raises(Impossible, match=rf"below {own}: .*Delegate=yes.*watch/mem"):
        Groups(tmp_path / "work", "mesos", Hierarchy(version=1, own=own))


@pytest.mark.parametrize("version", [1, 2])
def test_groups_are_made_limited_and_told(tmp_path: Path, version: int) -> None:
    """Limit before the start, never lowered, at least 32 MB; an excess has the words and figures of the real agent."""
    own = tmp_path / "own"
    own.mkdir()
    hierarchy = Hierarchy(version=version, own=own)
    groups = Groups(tmp_path / "work", "mesos", hierarchy)
    groups.limit("c", 64 * 1024**2)
    groups.limit("c", 48 * 1024**2)
    assert groups.make("c")
    (group,) = own.glob("mesos/*/c")
    groups.enter("c", 4711)
    assert (group / "cgroup.procs").read_text() == "4711"
    assert (group / hierarchy.limit_file).read_text() == str(64 * 1024**2)
    if version == 2:
        assert (own / "agent/cgroup.procs").read_text() == str(os.getpid())
        assert (own / "cgroup.subtree_control").read_text() == "+memory"
    groups.limit("small", 1)
    groups.make("small")
    assert (group.parent / "small" / hierarchy.limit_file).read_text() == str(32 * 1024**2)
    kills = group / hierarchy.kills_file
    kills.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert groups.excess("c", tmp_path, 1) is None
    kills.write_text("low 0\nhigh 0\noom_kill 2\n")
    (group / hierarchy.peak_file).write_text(str(63 * 1024**2))
    (group / "memory.stat").write_text("cache 0\nrss 5\n")
    excess = groups.excess("c", tmp_path, 1)
    assert excess is not None
    assert excess.message == (
        "Memory limit exceeded: Requested: 64MB Maximum Used: 63MB\n\nMEMORY STATISTICS: \ncache 0\nrss 5\n\n"
    )
    assert excess.resources == [{"name": "mem", "type": "SCALAR", "scalar": {"value": 63.0}}]


def test_watching_sees_what_is_resident(tmp_path: Path) -> None:
    """A container is judged by all its processes; one without a limit is not judged."""
    watched = Watched()
    assert watched.excess("c", tmp_path, os.getppid()) is None
    watched.limit("c", 2**50)
    assert watched.excess("c", tmp_path, os.getppid()) is None
    watched.end("c")
    assert watched.excess("c", tmp_path, os.getppid()) is None
