"""`edgelb local up` and `edgelb local down`: the stack with a terminal in front of it.

Knows what to say and when; what runs and how is in `stack.py`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import urllib3

from api.cli.local import processes
from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
from api.cli.local.stack import EXAMPLES, Stack
from api.cli.supervisor import Output, to_file
from sdk.errors import EnvironmentProblem, SdkError

TRAFFIC_TIMEOUT = 90.0
"""Seconds until the first pool must serve; a warm start takes well under twenty."""


def say(text: str = "") -> None:
    """One line for the person at the terminal."""
    click.echo(text)


class Place:
    """The files by which `up`, `down` and a second `up` find each other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.urls = directory / "urls.json"
        self.log = directory / "up.log"
        self._running = directory / "up.pid"

    def running(self) -> int | None:
        """Process id of the stack that runs from this directory, None when there is none."""
        try:
            noted = json.loads(self._running.read_text())
        except (OSError, ValueError):
            return None
        pid = int(noted["pid"])
        # A pid alone may have been given to another process since.
        return pid if processes.started_at(pid) == noted["started"] and processes.alive(pid) else None

    def take(self) -> None:
        """Note that this process runs the stack."""
        self.directory.mkdir(parents=True, exist_ok=True)
        me = os.getpid()
        self._running.write_text(json.dumps({"pid": me, "started": processes.started_at(me)}))

    def leave(self) -> None:
        """Forget the notes; the state stays."""
        self._running.unlink(missing_ok=True)
        self.urls.unlink(missing_ok=True)


def up(directory: Path, base_port: int, *, detach: bool, fresh: bool) -> None:
    """Start the stack, show that traffic flows, and follow it until Ctrl-C (or leave it running)."""
    place = Place(directory)
    pid = place.running()
    if pid is not None:
        if fresh:
            raise EnvironmentProblem(
                "a stack is running from this directory; stop it first (bin/down), then use --fresh"
            )
        say(f"Already running (pid {pid}). bin/down stops it.")
        if place.urls.exists():
            say(place.urls.read_text())
        return
    layout = Layout(directory=directory, base_port=base_port)
    if fresh and directory.exists():
        shutil.rmtree(directory)
    if detach:
        _detach(place, layout)
    else:
        _foreground(place, layout)


def down(directory: Path, timeout: float = 60.0) -> None:
    """Stop the stack that runs from `directory`; returns when all of it has ended."""
    place = Place(directory)
    pid = place.running()
    if pid is None:
        say("Nothing is running here.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while processes.alive(pid):
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"pid {pid} has not ended within {timeout:g} s; its log is {place.log}")
        time.sleep(0.1)
    place.leave()
    say("Stopped. bin/up starts it again with its state; bin/up --fresh starts empty.")


def _detach(place: Place, layout: Layout) -> None:
    Stack(layout, _quiet).check_ports()
    place.directory.mkdir(parents=True, exist_ok=True)
    place.urls.unlink(missing_ok=True)
    command = [sys.executable, "-m", "api.cli.main", "local", "up", "--directory", str(place.directory)]
    with place.log.open("wb") as log:
        child = subprocess.Popen(
            [*command, "--base-port", str(layout.base_port)],
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
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    _copy(place.log, shown)
    if child.poll() is not None:
        raise EnvironmentProblem(f"the stack ended while it was starting; its log is {place.log}")
    say(f"Running in the background (pid {child.pid}). bin/down stops it.")


def _copy(log: Path, start: int) -> int:
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()
    click.echo(text.decode(errors="replace"), nl=False)
    return start + len(text)


def _foreground(place: Place, layout: Layout) -> None:
    stack = Stack(layout, _told(place.directory))
    stack.check_ports()
    place.take()
    # SIGTERM (bin/down) ends it the way Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        started = time.monotonic()
        say(f"Starting ZooKeeper, Mesos (one master, {layout.agents} agents) and Edge-LB in {place.directory} ...")
        stack.start()
        _serve(place, stack, started)
        for line in follow(stack):
            say(line)
    except KeyboardInterrupt:
        say("\nStopping ...")
    finally:
        # A second Ctrl-C or SIGTERM must not leave half of the processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stack.stop()
        place.leave()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _serve(place: Place, stack: Stack, started: float) -> None:
    stack.await_true(lambda: stack.fetch(f"{stack.api}/ping")[1].strip() == "pong", 30, "the API server")
    wanted = json.loads((EXAMPLES / "pools" / "web.json").read_text())
    pool = wanted["name"]
    known = [one["name"] for one in stack.get(f"{stack.api}/v2/pools")]
    if pool not in known:
        stack.call("POST", f"{stack.api}/v2/pools", wanted)
        say(f"Created the pool {pool} from examples/pools/web.json.")
    frontends, stats = await_endpoints(stack, pool, wanted["count"])
    urls = frontends["web"]
    answers = await_traffic(stack, urls[0], stack.options.application_count)
    say(f"Traffic flows after {time.monotonic() - started:.1f} s.\n")
    say(f"  API       {stack.api}/ping")
    say(f"  Mesos     {stack.mesos}/")
    for url in urls:
        say(f"  pool {pool}  {url}")
    for url in stats:
        say(f"  stats     {url}")
    say()
    for answer in answers:
        say(f"  $ curl {urls[0]}\n  {answer.strip()}")
    say()
    document = {"api": stack.api, "mesos": stack.mesos, "pools": {pool: frontends}, "stats": stats}
    temporary = place.urls.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    temporary.replace(place.urls)


def await_endpoints(stack: Stack, pool: str, count: int) -> tuple[dict[str, list[str]], list[str]]:
    """Wait until `count` instances of a pool are in its metadata; the pool's URLs."""

    def there() -> bool:
        frontends, stats = stack.endpoints(pool)
        return len(stats) == count and all(len(urls) == count for urls in frontends.values())

    stack.await_true(there, TRAFFIC_TIMEOUT, f"pool {pool} with {count} instances")
    return stack.endpoints(pool)


def await_traffic(stack: Stack, url: str, instances: int) -> list[str]:
    """Wait until `instances` different application instances have answered 200 through `url`; one answer of each."""
    answers: set[str] = set()

    def served() -> bool:
        status, text = stack.fetch(url)
        if status == 200:
            answers.add(text)
        return len(answers) >= instances

    stack.await_true(served, TRAFFIC_TIMEOUT, f"an answer of {instances} application instances through {url}")
    return sorted(answers)


def follow(stack: Stack, every: float = 1.0) -> Iterator[str]:
    """One line for each change of a pool instance, for ever."""
    shown: dict[str, str] = {}
    while True:
        try:
            now = dict(_instances(stack))
        except (SdkError, urllib3.exceptions.HTTPError) as error:
            now = {**shown, "API": f"does not answer: {str(error)[:120]}"}
        else:
            now["API"] = "answers"
        for name in sorted(now.keys() | shown.keys()):
            text = now.get(name, "gone")
            if shown.get(name) != text:
                yield f"{time.strftime('%H:%M:%S')} {name}: {text}"
        shown = now
        time.sleep(every)


def _instances(stack: Stack) -> Iterator[tuple[str, str]]:
    for pool in stack.get(f"{stack.api}/v2/pools"):
        status: dict[str, Any] = stack.get(f"{stack.api}/v2/pools/{pool['name']}/status")
        for pod in status.get("pods", []):
            yield f"{pool['name']}/{pod['name']}", _instance(pod, status.get("instances", []))


def _instance(pod: dict[str, Any], instances: list[dict[str, Any]]) -> str:
    for task in pod["tasks"]:
        for instance in instances:
            if instance["task_id"] == task["id"]:
                return (
                    f"{task['state']} on {task['hostname']}, configuration {instance['version']} "
                    f"{instance['verdict']} ({instance['action']}: {instance['reason']})"
                )
        return f"{task['state']} on {task['hostname']}"
    pending = pod.get("pending") or {}
    return f"pending: {pending.get('summary', 'not launched yet')}"


def _told(directory: Path) -> Output:
    """Child processes log to files; that one died and is started again is worth a line on the terminal, too."""
    write = to_file(directory / "logs")

    def output(name: str, line: str) -> None:
        write(name, line)
        if "starting it again" in line or "could not be started" in line:
            say(f"{time.strftime('%H:%M:%S')} {name}: {line}")

    return output


def _quiet(_name: str, _line: str) -> None:
    """Output of a stack that is only asked, never started."""


_directory = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".local",
    show_default=True,
    help="Where the stack keeps its state and logs.",
)


@click.command("up")
@_directory
@click.option("--base-port", type=click.IntRange(1024, 31000), default=DEFAULT_BASE_PORT, show_default=True)
@click.option("--detach", is_flag=True, help="Leave it running once traffic flows; bin/down stops it.")
@click.option("--fresh", is_flag=True, help="Forget the state of earlier runs first.")
def up_command(directory: Path, base_port: int, detach: bool, fresh: bool) -> None:
    """Start a whole system on this machine and show that traffic flows."""
    try:
        up(directory.resolve(), base_port, detach=detach, fresh=fresh)
    except SdkError as error:
        raise click.ClickException(str(error)) from error


@click.command("down")
@_directory
def down_command(directory: Path) -> None:
    """Stop what `edgelb local up` started."""
    try:
        down(directory.resolve())
    except SdkError as error:
        raise click.ClickException(str(error)) from error
