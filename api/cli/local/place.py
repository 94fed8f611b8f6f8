"""The folder of a local stack: by its files `up`, `down`, `ps` and a second `up` find each other.

Knows which files are its own; whatever else stands in the folder is left alone. Does not know what runs.
"""

import fcntl
import json
import os
import shutil
from pathlib import Path

import click

from sdk.errors import EnvironmentProblem
from sdk.local import processes

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".local",
    show_default=True,
    help="Where the stack keeps its state and logs.",
)

_STATE = ("zookeeper", "mesos", "logs")
_BASE_PORT = "base-port"


class Place:
    """Names of the files, and the note of who runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.urls = directory / "urls.json"
        self.environment = directory / "env"
        self.log = directory / "up.log"
        self._running = directory / "up.pid"
        self._lock = directory / "up.lock"
        self._held: int | None = None

    def running(self) -> int | None:
        """Process id of the stack that runs from this directory, None when there is none."""
        try:
            noted = json.loads(self._running.read_text())
            pid, started = int(noted["pid"]), noted["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # A pid alone may have been given to another process since.
        return pid if started is not None and processes.start_time(pid) == started else None

    def killed(self) -> bool:
        """Whether the stack that ran here last was killed: its note is there, it is not."""
        return self._running.exists() and self.running() is None

    def take(self) -> None:
        """Note that this process runs the stack; EnvironmentProblem when another one does, or is about to."""
        self.directory.mkdir(parents=True, exist_ok=True)
        # The kernel gives the lock back however this process ends; the note only tells others whom to ask.
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise EnvironmentProblem(f"another bin/up has just been started from {self.directory}") from error
        self._held = lock
        me = os.getpid()
        for shown in (self.urls, self.environment):
            shown.unlink(missing_ok=True)
        self._running.write_text(json.dumps({"pid": me, "started": processes.start_time(me)}))

    def leave(self) -> None:
        """Forget the notes; the state stays."""
        for note in (self._running, self.urls, self.environment):
            note.unlink(missing_ok=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def base_port(self) -> int | None:
        """Where the ports of the stored state begin; its pools and agents hold ports there. None without a state."""
        try:
            return int((self.directory / _BASE_PORT).read_text())
        except (OSError, ValueError):
            return None

    def remember(self, base_port: int) -> None:
        """Note where the ports of this state begin, for later runs."""
        (self.directory / _BASE_PORT).write_text(f"{base_port}\n")

    def forget_state(self) -> None:
        """Remove what earlier runs stored, and nothing that is not theirs."""
        for name in _STATE:
            if (self.directory / name).exists():
                shutil.rmtree(self.directory / name)
