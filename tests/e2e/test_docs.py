"""The documentation does what it says: every session of README and docs is run, in order, on a live system.

The pages are written for the default ports; here the system has others, and so have the commands.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from api.cli.local.place import Place as Stack
from sdk.local import processes
from tests.support.console import Command, Shell, run_command, sessions
from tests.support.exposed import exposed
from tests.support.stack_ports import PORTS_PER_STACK, free_base

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if sessions(path.read_text())]
DEFAULT_BASE = 15
FIRST_TASK_PORT = 100
"""From the base port on."""
_PORT = re.compile(rf"\b{DEFAULT_BASE}(\d{{3}})\b")
# What differs from run to run: ids, the host's name, who got which offer, how often a configuration was published.
_VOLATILE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=\"host\": \")[^\"]*|\bagent[1-4]\b|\b\d+(?= applied)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running system: a folder that looks like the root of the repository, and the first of its ports."""

    folder: Path
    base: int

    def processes(self) -> list[int]:
        """All that the stack runs now."""
        pid = Stack(self.folder / ".local").running()
        assert pid is not None
        return [pid, *processes.descendants(pid)]

    def ports(self, commands: list[Command]) -> dict[str, str]:
        """What stands here for each port that the commands name.

        A port that tasks are to use may be taken by a pool that leaves the choice to the offer: then the next one.
        """
        names = sorted({match[0] for command in commands for match in _PORT.finditer(command.text)})
        chosen: dict[str, str] = {}
        for name in names:
            offset = int(name[2:])
            taken = processes.listeners(set(range(self.base, self.base + PORTS_PER_STACK)))
            while offset >= FIRST_TASK_PORT and self.base + offset in taken:
                offset += 1
            chosen[name] = str(self.base + offset)
        return chosen

    def translated(self, command: Command, ports: dict[str, str]) -> Command:
        """The command for these ports; in its output ports that no command names, and what is volatile, may be any."""
        text = _PORT.sub(lambda match: ports[match[0]], command.text)
        output = _PORT.sub(lambda match: ports.get(match[0], "..."), command.expected)
        return replace(command, text=text, expected=_VOLATILE.sub("...", output))


def edgelb(*arguments: str) -> None:
    """Run the command as a user does; its output is in the error when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"edgelb {' '.join(arguments)}:\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """What `bin/up --detach` leaves running."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("examples", "docs", "README.md"):
        (folder / name).symlink_to(ROOT / name)
    base = free_base()
    directory = str(folder / ".local")
    edgelb("local", "up", "--detach", "--directory", directory, "--base-port", str(base))
    try:
        yield Place(folder=folder, base=base)
    finally:
        edgelb("local", "down", "--directory", directory)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_do_what_it_shows(place: Place, page: Path) -> None:
    """Each in one shell, on the system that `bin/up --detach` starts; the page leaves it as it was."""
    commands = sessions(page.read_text())
    before = sorted(path.name for path in place.folder.iterdir())
    # The reader of any page has sourced it; settings of whoever runs the tests must not get in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EDGELB_")}
    shell = Shell(place.folder, {**environment, "PYTHONPATH": str(ROOT)})
    try:
        assert shell.run(". .local/env") == (0, "")
        ports = place.ports(commands)
        for command in commands:
            translated = place.translated(command, ports)
            right, status, output = run_command(shell, translated, 90)
            shown = f"{page.name}, line {command.number}: $ {translated.text}"
            assert right, f"{shown}\nstatus {status}, output:\n{output}\nthe page shows:\n{translated.expected}"
            # Whoever tries it out in a cafe publishes nothing.
            assert exposed(place.processes()) == [], shown
        assert shell.run("edgelb list --json | grep '^    \"name\"'") == (0, '    "name": "web",\n')
    finally:
        shell.close()
    assert sorted(path.name for path in place.folder.iterdir()) == before
