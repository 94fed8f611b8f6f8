"""`edgelb local up` and `edgelb local down`: the stack with a terminal in front of it.

Knows what to say and when; what runs and how is in `stack.py`.
"""

import json
import os
import shlex
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

from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
from api.cli.local.place import Place, directory_option
from api.cli.local.stack import EXAMPLES, Stack
from api.cli.supervisor import Output, to_file
from api.cli.wait import describe
from sdk.errors import EnvironmentProblem, SdkError
from sdk.local import processes

TRAFFIC_TIMEOUT = 90.0
"""Seconds until the first pool must serve; a warm start takes well under twenty."""


def say(text: str = "") -> None:
    """One line for the person at the terminal."""
    click.echo(text)


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
            say(_next(place))
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
    say(f"  API          {stack.api}/ping")
    say(f"  Mesos        {stack.mesos}/")
    for url in urls:
        say(f"  pool {pool:<7} {url}")
    for url in stats:
        say(f"  stats        {url}")
    say(f"  application  {stack.application}/v1/count")
    say()
    for answer in answers:
        say(f"  $ curl {urls[0]}\n  {answer.strip()}")
    say()
    place.environment.write_text(_environment(stack))
    document = {
        "api": stack.api,
        "application": stack.application,
        "mesos": stack.mesos,
        "pools": {pool: frontends},
        "stats": stats,
    }
    temporary = place.urls.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    say(_next(place))
    # Last: whoever waits for this file has then seen everything above.
    temporary.replace(place.urls)


def _environment(stack: Stack) -> str:
    """What a shell has to know to talk to this stack: `edgelb` on its PATH, and where things are."""
    settings = {name: stack.environment()[name] for name in ("EDGELB_API", "EDGELB_MESOS", "EDGELB_ZK")}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    # The interpreter's own folder, not where a link of it points: there is `edgelb`.
    return "\n".join([*lines, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"']) + "\n"


def _next(place: Place) -> str:
    """The command to go on with."""
    path = place.environment
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"Next, in another shell: . {shlex.quote(str(shown))} && edgelb status web"


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
        for row in status["loadBalancers"]:
            yield f"{pool['name']}/{row['name']}", describe(row)


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


@click.command("up")
@directory_option
@click.option(
    "--base-port",
    type=click.IntRange(1024, 31000),
    default=DEFAULT_BASE_PORT,
    show_default=True,
    help="Port of the API; everything else listens on the ports after it. Choose another to run several side by side.",
)
@click.option("--detach", is_flag=True, help="Leave it running once traffic flows; bin/down stops it.")
@click.option("--fresh", is_flag=True, help="Forget the state of earlier runs first.")
def up_command(directory: Path, base_port: int, detach: bool, fresh: bool) -> None:
    """Start a whole system on this machine and show that traffic flows."""
    try:
        up(directory.resolve(), base_port, detach=detach, fresh=fresh)
    except SdkError as error:
        raise click.ClickException(str(error)) from error


@click.command("down")
@directory_option
def down_command(directory: Path) -> None:
    """Stop what `edgelb local up` started."""
    try:
        down(directory.resolve())
    except SdkError as error:
        raise click.ClickException(str(error)) from error
