"""A local stack that another process runs: starting one for `--detach`, waiting for it, and stopping it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from api.cli.local.layout import Layout
from api.cli.local.place import Place
from sdk.errors import EnvironmentProblem
from sdk.local import processes

_STOP_TIMEOUT = 60.0


def start(place: Place, layout: Layout, *, fresh: bool) -> None:
    """Run `edgelb local up` in a session of its own; returns once its traffic flows, shows what it says until then."""
    place.directory.mkdir(parents=True, exist_ok=True)
    place.urls.unlink(missing_ok=True)
    command = [sys.executable, "-m", "api.cli.main", "local", "up", "--directory", str(place.directory)]
    with place.log.open("wb") as log:
        child = subprocess.Popen(
            [
                *command,
                "--base-port",
                str(layout.base_port),
                "--masters",
                str(layout.masters),
                *(["--fresh"] if fresh else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown = 0
    try:
        while not place.urls.exists() and child.poll() is None:
            time.sleep(0.05)
            shown = _copy(place.log, shown)
    except BaseException:
        # Whatever ends this wait: what was to be started in the background is not left there half-way.
        child.terminate()
        child.wait()
        raise
    if child.poll() is not None:
        _copy(place.log, shown)
        raise EnvironmentProblem(f"the stack ended while it was starting; its log is {place.log}")
    click.echo(f"Running in the background (pid {child.pid}). {place.command('down')} stops it.")


def _copy(log: Path, start: int) -> int:
    with log.open("rb") as file:
        file.seek(start)
        # Whole lines only: the rest of one comes with the next look.
        text = file.read().rpartition(b"\n")[0]
    if not text:
        return start
    click.echo(text.decode(errors="replace"))
    return start + len(text) + 1


def await_urls(place: Place, pid: int) -> None:
    """Return once the traffic of the stack that `pid` is starting flows; EnvironmentProblem when it ends instead."""
    while not place.urls.exists():
        if place.running() != pid:
            raise EnvironmentProblem(f"pid {pid} ended while it was starting the stack; start it again")
        time.sleep(0.1)


def stop(place: Place, pid: int, timeout: float = _STOP_TIMEOUT) -> None:
    """End the stack that `pid` runs; returns when all of it has ended."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise EnvironmentProblem(f"pid {pid} belongs to another user: stop it as that user, or as root") from error
    deadline = time.monotonic() + timeout
    while processes.alive(pid):
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"pid {pid} has not ended within {timeout:g} s; its log is {place.log}")
        time.sleep(0.1)
