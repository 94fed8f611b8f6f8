"""`edgelb local up` and `edgelb local down`: the stack with a terminal in front of it.

Knows what to say and when, and what ends it; what runs and how is in `stack.py`.
"""

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import click

from api.cli.local import background, disk
from api.cli.local.demo import Demo, show_traffic
from api.cli.local.directory import directory_option
from api.cli.local.follow import follow
from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
from api.cli.local.overview import Overview, look
from api.cli.local.place import Place
from api.cli.local.stack import Stack
from api.cli.local.told import Told, Unheard, show
from api.cli.output import data, talk
from sdk.errors import EnvironmentProblem, SdkError

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, bin/down, and the terminal that is closed."""
_ENDING_TIME = 15.0
"""Seconds in which what a killed stack had started ends by itself, and frees its ports."""


def up(
    directory: Path, base_port: int | None, masters: int | None = None, *, detach: bool = False, fresh: bool = False
) -> None:
    """Start the stack, show that traffic flows, and follow it until Ctrl-C (or leave it running).

    Without `base_port` it has the ports of the run before, else the default ones; without `masters` one of them.
    """
    place = Place(directory)
    pid = place.running()
    if pid is not None:
        if fresh:
            raise EnvironmentProblem(
                f"a stack is running from {directory}; stop it first ({place.command('down')}), then use --fresh"
            )
        _show_running(place, pid, base_port, masters)
        return
    known = place.base_port
    if not fresh and base_port is not None and known not in (None, base_port):
        raise EnvironmentProblem(
            f"the state in {directory} has its ports from {known} on, and its pools hold some of them; "
            f"leave --base-port out, or start empty with --fresh"
        )
    layout = Layout(directory=directory, base_port=base_port or known or DEFAULT_BASE_PORT, masters=masters or 1)
    stack = Stack(layout, Unheard())
    stack.check_programs()
    disk.check(directory)
    _check_ports(stack, patience=_ENDING_TIME if place.killed() else 0.0)
    if detach:
        background.start(place, layout, fresh=fresh)
    else:
        _foreground(place, layout, fresh=fresh)


def _check_ports(stack: Stack, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            stack.check_ports()
        except EnvironmentProblem:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _show_running(place: Place, pid: int, base_port: int | None, masters: int | None) -> None:
    data(f"Already running (pid {pid}). {place.command('down')} stops it.")
    if not place.urls.exists():
        data("It is still starting; waiting until its traffic flows ...")
        background.await_urls(place, pid)
    layout = place.layout()
    for line in ignored(place, layout, base_port, masters):
        talk(line)
    overview = look(Stack(layout, Unheard()))
    place.publish(overview.document(), pid)
    data("")
    for line in overview.lines():
        data(line)
    data(f"\n{_next(place, overview, here=True)}")


def ignored(place: Place, layout: Layout, base_port: int | None, masters: int | None) -> list[str]:
    """What to say of options that differ from those of the stack that runs; nothing when none does. Pure."""
    differences = []
    again = "up" if masters in (None, 1) and layout.masters == 1 else f"up --masters {masters or layout.masters}"
    if masters not in (None, layout.masters):
        differences.append(f"--masters {masters} (it has {layout.masters})")
    if base_port not in (None, layout.base_port):
        differences.append(f"--base-port {base_port} (it has {layout.base_port})")
        again += f" --base-port {base_port} --fresh"
    if not differences:
        return []
    lines = [
        f"Ignored, because the stack runs already: {', '.join(differences)}.",
        f"To have it, stop the stack first: {place.command('down')}, then {place.command(again)}",
    ]
    if again.endswith("--fresh"):
        lines.append(f"(--fresh forgets its pools, which hold ports from {layout.base_port} on).")
    return lines


def down(directory: Path) -> None:
    """Stop the stack that runs from `directory`, or what a stack that was killed left behind."""
    place = Place(directory)
    pid = place.running()
    if pid is not None:
        background.stop(place, pid)
        again, empty = place.command("up"), place.command("up --fresh")
        data(f"Stopped. {again} starts it again with its state; {empty} starts empty.")
    elif directory.exists() and Stack(Layout(directory=directory), Unheard()).cluster.end_leftovers():
        data("The stack itself had been killed; stopped what it had left running.")
    else:
        data("Nothing is running here.")
    place.leave()


def _foreground(place: Place, layout: Layout, *, fresh: bool) -> None:
    place.take()
    for number in _ENDING:
        # Whoever starts it with nohup, or in the background of a script, has a signal ignored on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        if fresh:
            # Load balancers that outlived a killed stack would keep ports that nobody remembers.
            Stack(layout, Unheard()).cluster.end_leftovers()
            place.forget_state()
        place.remember(layout.base_port)
        _run(place, Stack(layout, Told(place.directory / "logs")))
    finally:
        place.leave()


def _run(place: Place, stack: Stack) -> None:
    try:
        started = time.monotonic()
        agents = stack.layout.agents
        masters = "one master" if stack.layout.masters == 1 else f"{stack.layout.masters} masters"
        data(f"Starting ZooKeeper, Mesos ({masters}, {agents} agents) and Edge-LB in {place.directory} ...")
        stack.start()
        demo = show_traffic(stack, place.sample_pool)
        _tell(place, stack, demo, time.monotonic() - started)
        for line in follow(stack):
            show(line)
    except KeyboardInterrupt:
        show("\nStopping ...")
    finally:
        _ignore_signals()
        stack.stop()


def _interrupt(_signal: int, _frame: object) -> None:
    # A second Ctrl-C must not leave half of the processes behind.
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _tell(place: Place, stack: Stack, demo: Demo, seconds: float) -> None:
    if demo.created:
        data(f"Created the pool {demo.pool} from examples/pools/web.json.")
    data(f"Traffic flows after {seconds:.1f} s.\n" if demo.answers else f"Up after {seconds:.1f} s.\n")
    overview = look(stack)
    for line in overview.lines():
        data(line)
    data("")
    for answer in demo.answers:
        data(f"  $ curl {demo.urls[0]}\n  {answer.strip()}")
    if demo.deleted:
        data(
            f"  The pool {demo.pool} was deleted and stays so; `edgelb create examples/pools/web.json` makes it again."
        )
    if demo.problem is not None:
        data(f"  The pool {demo.pool} of an earlier run does not serve as it did: {demo.problem}")
        data(f"  `edgelb status {demo.pool}` tells why; {place.command('up --fresh')} would start empty.")
    place.environment.write_text(_environment(stack))
    # With --detach this is a log that another process shows.
    data(f"\n{_next(place, overview, here=not sys.stdout.isatty())}")
    # Last: whoever waits for this file has then seen everything above.
    place.publish(overview.document(), os.getpid())


def _environment(stack: Stack) -> str:
    """What a shell has to know to talk to this stack: `edgelb` on its PATH, and where things are."""
    names = ("EDGELB_API", "EDGELB_MESOS", "EDGELB_SECRET_DIRECTORY", "EDGELB_ZK")
    settings = {name: stack.environment()[name] for name in names}
    settings["EDGELB_LOCAL"] = str(stack.layout.directory)  # doctor looks at its ports and its disk
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    # The interpreter's own folder, not where a link of it points: there is `edgelb`.
    return "\n".join([*lines, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"']) + "\n"


def _next(place: Place, overview: Overview, *, here: bool) -> str:
    """The command to go on with, in this shell or, while the stack has it, in another one."""
    path = place.environment
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    verb = "status web" if "web" in overview.pools else "list"
    where = "" if here else ", in another shell"
    return f"Next{where}: . {shlex.quote(str(shown))} && edgelb {verb}"


@click.command("up")
@directory_option
@click.option(
    "--base-port",
    type=click.IntRange(1024, 31000),
    default=None,
    show_default=f"as before, else {DEFAULT_BASE_PORT}",
    help="Port of the API; all else is on the next 500 ports. Stacks side by side need others.",
)
@click.option(
    "--masters",
    type=click.IntRange(1, 5),
    default=None,
    show_default="1",
    help="So many Mesos masters; several elect a leader in ZooKeeper.",
)
@click.option("--detach", is_flag=True, help="Leave it running once traffic flows; bin/down stops it.")
@click.option("--fresh", is_flag=True, help="Forget the state of earlier runs first.")
def up_command(directory: Path, base_port: int | None, masters: int | None, detach: bool, fresh: bool) -> None:
    """Start a whole system on this machine and show that traffic flows."""
    try:
        up(directory.resolve(), base_port, masters, detach=detach, fresh=fresh)
    except SdkError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise _unwritable(error, directory) from error


@click.command("down")
@directory_option
def down_command(directory: Path) -> None:
    """Stop what `edgelb local up` started."""
    try:
        down(directory.resolve())
    except SdkError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise _unwritable(error, directory) from error


def _unwritable(error: OSError, directory: Path) -> click.ClickException:
    """The sentence for a directory in which a stack cannot keep what it has to."""
    return click.ClickException(f"{error.filename or directory}: {error.strerror or error}{disk.trouble(directory)}")
