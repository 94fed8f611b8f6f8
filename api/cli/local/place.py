"""The folder of a local stack: by its files `up`, `down`, `ps` and a second `up` find each other."""

import json
import os
from pathlib import Path

import click

from sdk.local import processes

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".local",
    show_default=True,
    help="Where the stack keeps its state and logs.",
)


class Place:
    """Names of the files, and the note of who runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.urls = directory / "urls.json"
        self.environment = directory / "env"
        self.log = directory / "up.log"
        self._running = directory / "up.pid"

    def running(self) -> int | None:
        """Process id of the stack that runs from this directory, None when there is none."""
        try:
            noted = json.loads(self._running.read_text())
            pid, started = int(noted["pid"]), noted["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # A pid alone may have been given to another process since.
        return pid if processes.start_time(pid) == started and processes.alive(pid) else None

    def take(self) -> None:
        """Note that this process runs the stack."""
        self.directory.mkdir(parents=True, exist_ok=True)
        me = os.getpid()
        self._running.write_text(json.dumps({"pid": me, "started": processes.start_time(me)}))

    def leave(self) -> None:
        """Forget the notes; the state stays."""
        self._running.unlink(missing_ok=True)
        self.urls.unlink(missing_ok=True)
        self.environment.unlink(missing_ok=True)
