"""The folder of a local stack: by its files `up`, `down`, `ps` and a second `up` find each other.

Knows which files are its own; whatever else stands in the folder is left alone. Does not know what runs.
"""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
from sdk.errors import EnvironmentProblem
from sdk.local import processes
from sdk.local.atomic import write_atomically

DEFAULT_DIRECTORY = ".local"
_CHECKOUT = Path(__file__).resolve().parents[3]

_STATE = ("zookeeper", "mesos", "logs")
_BASE_PORT = "base-port"


def command(verb: str, directory: Path) -> str:
    """`bin/<verb>` as it has to be typed for the stack in a directory.

    The scripts work in their checkout, wherever they are called: a directory below it is named from there.
    """
    directory = directory.resolve()
    if directory == _CHECKOUT / DEFAULT_DIRECTORY:
        return f"bin/{verb}"
    shown = directory.relative_to(_CHECKOUT) if directory.is_relative_to(_CHECKOUT) else directory
    return f"bin/{verb} --directory {shlex.quote(str(shown))}"


class Place:
    """Names of the files, and the note of who runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.urls = directory / "urls.json"
        self.environment = directory / "env"
        self.log = directory / "up.log"
        self.sample_pool = directory / "sample-pool"
        """Is there once the sample pool was made: one that somebody deleted is not made again."""
        self._running = directory / "up.pid"
        self._lock = directory / "up.lock"
        self._held: int | None = None

    def command(self, verb: str) -> str:
        """`bin/up` or `bin/down` as it has to be typed for this stack."""
        return command(verb, self.directory)

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

    def publish(self, document: Mapping[str, object], pid: int) -> None:
        """Write the file for scripts, of the stack that process `pid` runs; not of one that ended meanwhile."""
        if self.running() == pid:
            content = json.dumps(document, indent=2, sort_keys=True) + "\n"
            write_atomically(self.urls, content.encode())
        if self.running() != pid:
            self.urls.unlink(missing_ok=True)

    def layout(self) -> Layout:
        """Ports of the stack that runs, once its traffic flows."""
        try:
            masters = len(json.loads(self.urls.read_text())["masters"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self.other_version() from error
        return Layout(directory=self.directory, base_port=self.base_port or DEFAULT_BASE_PORT, masters=masters)

    def other_version(self) -> EnvironmentProblem:
        """Of a file for scripts that is none of ours."""
        return EnvironmentProblem(
            f"{self.urls} does not name the stack's masters and agents: it was started by another version of edgelb; "
            f"start it again ({self.command('down')}, {self.command('up')})"
        )

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
        self.sample_pool.unlink(missing_ok=True)
