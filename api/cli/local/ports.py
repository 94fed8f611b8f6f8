"""Ports that a stack needs and others have: which ones, who has them, and how they are freed.

Knows /proc. A port of another stack is told as that stack's, since it is stopped as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from api.cli.local.layout import Layout
from api.cli.local.place import DEFAULT_DIRECTORY, command
from sdk.errors import EnvironmentProblem
from sdk.local import processes

_MOST = 4
"""So many holders are named: more would not be read."""


def check(layout: Layout) -> None:
    """Raise EnvironmentProblem when a port that a stack needs has a listener, and say who it is."""
    wanted = layout.listening()
    taken = processes.holders(set(wanted))
    if taken:
        raise EnvironmentProblem(taken_ports(wanted, taken))


def taken_ports(wanted: Mapping[int, str], holders: Mapping[int, int | None]) -> str:
    """A few lines: of `wanted`, port to its use, those that `holders` has, port to process id or None. Pure but for
    the names of the processes.
    """
    by_holder: dict[str, list[int]] = {}
    for port, pid in sorted(holders.items()):
        by_holder.setdefault(_holder(pid), []).append(port)
    lines = [f"  {_ports(ports, wanted)} by {who}" for who, ports in by_holder.items()]
    if len(lines) > _MOST:
        lines[_MOST:] = [f"  and {len(lines) - _MOST} more"]
    end = "Stop what has them, or choose other ports with --base-port N."
    what = f"{len(holders)} of the ports of this stack are" if len(holders) > 1 else "A port of this stack is"
    return "\n".join([f"{what} in use:", *lines, end])


def _ports(ports: Sequence[int], wanted: Mapping[int, str]) -> str:
    if len(ports) == 1:
        return f"{ports[0]} ({wanted[ports[0]]})"
    return spans(ports)


def spans(numbers: Iterable[int]) -> str:
    """Numbers in order, neighbours together: `1, 3-5`. Pure."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, span)) for span in found)


def _holder(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    above: int | None = pid
    # Nothing is deeper than this; a pid that is given anew meanwhile could otherwise lead in circles.
    for _ in range(20):
        if above is None or above <= 1:
            break
        directory = _stack_of(above)
        if directory is not None:
            return f"the stack in {directory} (pid {above}), which `{command('down', directory)}` stops"
        above = processes.parent(above)
    return f"pid {pid} ({processes.name(pid) or 'ended meanwhile'})"


def _stack_of(pid: int) -> Path | None:
    """The directory of the stack that this process runs, None when it runs none."""
    words = processes.command_line(pid)
    verbs = [index for index in range(len(words) - 1) if words[index : index + 2] == ["local", "up"]]
    if not verbs:
        return None
    given = DEFAULT_DIRECTORY
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--directory":
            given = following
        elif word.startswith("--directory="):
            given = word.partition("=")[2]
    try:
        return (Path(f"/proc/{pid}/cwd").readlink() / given).resolve()
    except OSError:
        return None
