"""Masters and agents as processes of their own, each with its log, ended with the test."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.conformance.http.wire import ask
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[3]


class Running:
    """One process of `python -m MODULE --port PORT --work-dir DIR ...`."""

    def __init__(self, module: str, directory: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._log = directory / "stderr"
        command = [sys.executable, "-m", module, "--port", str(self.port), "--work-dir", str(directory), *options]
        with self._log.open("ab") as log:
            self.process = nursery.popen(command, cwd=ROOT, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        try:
            wait_until(lambda: ask(self.port, "GET", "/health").status == 200, 30, f"port {self.port} to serve")
        except AssertionError:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()


def master(directory: Path, *options: str, port: int | None = None) -> Running:
    """A master."""
    return Running("sdk.local.master", directory, *options, port=port)


def agent(directory: Path, master_address: str, *options: str) -> Running:
    """An agent."""
    return Running("sdk.local.agent", directory, "--master", master_address, *options)
