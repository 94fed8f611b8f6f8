"""The commands in the documentation: found in Markdown, run in one shell, compared with what the page says.

In a page, a fenced block of language `console` is a session that is run: lines that begin with `$ ` are commands
(`> ` continues one), the lines below each are its output. Output is compared as doctest does with ELLIPSIS and
NORMALIZE_WHITESPACE: `...` stands for anything, runs of spaces count as one. A command must succeed, unless the page
shows its `Error:`. A block marked `console eventually` is repeated until its output is as shown: what it looks at takes
a moment. Blocks of language `sh` are not run; `commands_in` still finds their commands.

`python -m tests.support.console PAGE` runs a page in the current folder and prints every command with its real output:
how pages are brought up to date.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<info>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, the words after it, its lines and the number of the first."""

    language: str
    words: tuple[str, ...]
    lines: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a session with the output that the page shows."""

    text: str
    expected: str
    number: int
    """Line in the page."""
    eventually: bool = False


def blocks(page: str) -> Iterator[Block]:
    """All fenced blocks of a Markdown page."""
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        opened = _FENCE.match(line)
        if opened is None:
            continue
        language, *words = opened["info"].split() or [""]
        inside = []
        for _, text in lines:
            if text.strip() == opened["fence"]:
                break
            inside.append(text.removeprefix(opened["indent"]))
        else:
            raise ValueError(f"line {number}: the block that begins here does not end")
        yield Block(language=language, words=tuple(words), lines=tuple(inside), number=number + 1)


def session(block: Block) -> list[Command]:
    """The commands of a `console` block."""
    found: list[Command] = []
    text: list[str] = []
    output: list[str] = []
    start = block.number

    def finish() -> None:
        if text:
            command = "\n".join(text)
            eventually = "eventually" in block.words
            found.append(Command(text=command, expected="\n".join(output), number=start, eventually=eventually))

    for number, line in enumerate(block.lines, block.number):
        if line.startswith("$ "):
            finish()
            text, output, start = [line[2:]], [], number
        elif line.startswith("> ") or line == ">":
            # Inside output a line may begin with > as well; only directly after the command it continues it.
            (text if text and not output else output).append(line[2:] if text and not output else line)
        elif not text:
            raise ValueError(f"line {number}: a console block begins with a command, '$ ...'")
        else:
            output.append(line)
    finish()
    return found


def sessions(page: str) -> list[Command]:
    """All commands of a page that are to be run, in their order."""
    return [command for block in blocks(page) if block.language == "console" for command in session(block)]


def commands_in(page: str) -> Iterator[tuple[int, str]]:
    """(line, command) of every command of a page, run or not; continued lines are joined."""
    for block in blocks(page):
        if block.language == "console":
            for command in session(block):
                yield command.number, command.text
        elif block.language == "sh":
            joined = "\n".join(block.lines).replace("\\\n", " ")
            yield from ((block.number, line) for line in joined.splitlines() if line and not line.startswith("#"))


def matches(expected: str, actual: str) -> bool:
    """Whether the output is what the page shows."""
    wanted = [re.escape(_normal(part)) for part in _normal(expected).split("...")]
    return re.fullmatch(r"\s*" + r".*".join(wanted) + r"\s*", _normal(actual), re.DOTALL) is not None


def _normal(text: str) -> str:
    return "\n".join(re.sub(r"[ \t]+", " ", line).rstrip() for line in text.strip("\n").splitlines())


class Shell:
    """One bash that keeps its folder, variables and background jobs from command to command."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="console-")
        self._command = Path(self._files.name) / "command"
        self._output = Path(self._files.name) / "output"
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A process group of its own: background jobs of a page that failed half-way end with it.
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Status and output (both streams, as on a terminal) of one command."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._command.write_text(command + "\n")
        # Sourced, so that a here-document stays whole; the command must not read what follows on bash's own stdin.
        self._bash.stdin.write(f"source {self._command} </dev/null >{self._output} 2>&1; echo $?\n")
        self._bash.stdin.flush()
        status = self._bash.stdout.readline()
        assert status, f"the shell ended at: {command}"
        return int(status), self._output.read_text(errors="replace")

    def close(self) -> None:
        """End the shell, and whatever a page left running in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait(timeout=10)
        for pipe in (self._bash.stdin, self._bash.stdout):
            if pipe is not None:
                pipe.close()
        self._files.cleanup()


#: What a command prints that ends with another status than 0; a pool that is not ready is one of these.
_FAILS = re.compile(
    r"^(?:Error|Usage):|^\S+ is (?:degraded|deploying|pending|rejected|unknown|removing): ", re.MULTILINE
)


def run_command(shell: Shell, command: Command, timeout: float) -> tuple[bool, int, str]:
    """(as the page says, status, output); a command that may take a moment is repeated for up to `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        status, output = shell.run(command.text)
        fails = _FAILS.search(command.expected) is not None
        right = matches(command.expected, output) and (status != 0) == fails
        if right or not command.eventually or time.monotonic() > deadline:
            return right, status, output
        time.sleep(0.2)


def main() -> None:
    """See the module."""
    page = Path(sys.argv[1]).read_text()
    shell = Shell(Path.cwd(), os.environ)
    for command in sessions(page):
        right, status, output = run_command(shell, command, 20)
        print(f"{command.number}: {'as shown' if right else 'DIFFERS'} (status {status})")  # noqa: T201
        print(f"$ {command.text}\n{output}")  # noqa: T201
    shell.close()


if __name__ == "__main__":
    main()
