"""Where the lines of child processes go, and what is said of the children themselves.

Knows files and what a full disk makes of them. Does not know processes.
"""

import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

_SHOWN = 300
_EXCEPTION = re.compile(r"^(?:Caused by: )?[\w.]*(?:Error|Exception)\b[^:]*: ")
"""How Java, Python and click begin the line with the reason."""


class Output(Protocol):
    """Receives what children print, and what their supervisor has to say of them. Either may raise OSError."""

    def line(self, name: str, text: str) -> None:
        """A line, without its end, that the child `name` printed."""

    def told(self, name: str, sentence: str) -> None:
        """A sentence about the child `name`, not by it."""


def reason(lines: Iterable[str]) -> str | None:
    """Of the last lines of a process that failed the one that tells why: the last exception's, else the last one.

    None when it said nothing. Pure.
    """
    # What is indented is a stack trace.
    spoken = [line.rstrip() for line in lines if line.strip() and not line[0].isspace()]
    exceptions = [line for line in spoken if _EXCEPTION.match(line)]
    found = [*spoken[-1:], *exceptions[-1:]]
    return found[-1][:_SHOWN] if found else None


class Persistent:
    """An output that goes on when writing fails: the lines are lost, and told of once writing works again."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._lost: dict[str, int] = {}
        self._why = ""

    def line(self, name: str, text: str) -> None:
        """Pass on what a child printed."""
        self._write(name, text, told=False)

    def told(self, name: str, sentence: str) -> None:
        """Pass on what is said of a child."""
        self._write(name, sentence, told=True)

    def _write(self, name: str, text: str, *, told: bool) -> None:
        with self._lock:
            try:
                (self._output.told if told else self._output.line)(name, text)
                if lost := self._lost.pop(name, 0):
                    self._output.told(name, f"{lost} line{'s' if lost > 1 else ''} could not be written: {self._why}")
            except OSError as error:
                self._lost[name] = self._lost.get(name, 0) + 1
                self._why = error.strerror or str(error)


class LogFiles:
    """Appends the lines of each child to `<directory>/<name>.log`; what is said of it, too, with the time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def line(self, name: str, text: str) -> None:
        """Append what a child printed."""
        with (self._directory / f"{name}.log").open("a", encoding="utf-8") as log:
            log.write(text + "\n")

    def told(self, name: str, sentence: str) -> None:
        """Append what is said of a child."""
        self.line(name, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {name} {sentence}")
