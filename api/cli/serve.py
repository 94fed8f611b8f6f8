"""`edgelb serve`: scheduler, listener, template and api as child processes of one small supervisor.

Knows which processes there are, how their output is told apart, and when it makes no sense to go on. Each child takes
its settings from the environment, so that it is the same process as when it runs alone.
"""

import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import click

from api.cli import settings
from api.cli.exits import Exit
from api.cli.supervisor import Backoff, Child, Supervisor

COMPONENTS = ("scheduler", "listener", "template", "api")
_QUICK = 10.0
"""Seconds: an end sooner than this after the start means that it never worked."""
_GIVE_UP_AFTER = 8
"""So many quick ends in a row, of every component, and the supervisor gives up; whoever started it may do better."""


@dataclass(slots=True)
class Outcome:
    """Decides from the ends of children whether to go on. Pure but for its memory."""

    components: tuple[str, ...]
    quick_ends: dict[str, int] = field(default_factory=dict)

    def ended(self, name: str, status: int, ran: float) -> tuple[Exit, str] | None:
        """None to go on; else the exit code and the sentence."""
        if ran >= _QUICK:
            self.quick_ends[name] = 0
            return None
        if status == Exit.USAGE:
            # A wrong option stays wrong however often it is started.
            return Exit.USAGE, f"{name} refused its settings; see its last line above"
        self.quick_ends[name] = self.quick_ends.get(name, 0) + 1
        if all(self.quick_ends.get(one, 0) >= _GIVE_UP_AFTER for one in self.components):
            return (
                Exit.FAILED,
                f"no component stays up after {_GIVE_UP_AFTER} starts of each; see their last lines above",
            )
        return None


def _tagged(name: str, line: str) -> str:
    """The line with its component's name: inside the object when it is JSON, so that it stays JSON."""
    if line.startswith("{") and line.endswith("}") and len(line) > 2:
        return f'{{"component": "{name}", {line[1:]}'
    return f"{name:<9} | {line}"


@click.command()
@settings.zk
@settings.zk_root
@settings.mesos
@settings.frameworks
@click.option("--api-listen", envvar="EDGELB_API_LISTEN", default="0.0.0.0:8080", show_default=True, show_envvar=True)
@click.option(
    "--scheduler-listen", envvar="EDGELB_SCHEDULER_LISTEN", default="0.0.0.0:8090", show_default=True, show_envvar=True
)
@click.option(
    "--scheduler-advertise",
    envvar="EDGELB_SCHEDULER_ADVERTISE",
    default=None,
    show_default="http://<hostname>:<port>",
    show_envvar=True,
)
@click.option(
    "--listener-listen",
    envvar="EDGELB_LISTENER_LISTEN",
    default="127.0.0.1:8091",
    show_default=True,
    show_envvar=True,
)
@click.option(
    "--listener",
    envvar="EDGELB_LISTENER",
    default=None,
    show_default="the listener that is started here",
    show_envvar=True,
    help="mesos-listeners that the template follows.",
)
@settings.replace_after
@settings.log_level
@settings.log_format
def serve(
    zk: str,
    zk_root: str,
    mesos: str,
    frameworks: Path | None,
    api_listen: str,
    scheduler_listen: str,
    scheduler_advertise: str | None,
    listener_listen: str,
    listener: str | None,
    replace_after: float,
    log_level: str,
    log_format: str,
) -> None:
    """Run scheduler, listener, template and api together, and keep them running.

    Several machines may do so at once: api and listener are active on all, scheduler and template on one of them.
    """
    environment = {
        "EDGELB_ZK": zk,
        "EDGELB_ZK_ROOT": zk_root,
        "EDGELB_MESOS": mesos,
        "EDGELB_API_LISTEN": api_listen,
        "EDGELB_SCHEDULER_LISTEN": scheduler_listen,
        "EDGELB_LISTENER_LISTEN": listener_listen,
        "EDGELB_LISTENER": listener or reachable(listener_listen),
        "EDGELB_REPLACE_AFTER": f"{replace_after:g}",
        "EDGELB_LOG_LEVEL": log_level,
        "EDGELB_LOG_FORMAT": log_format,
        "PYTHONUNBUFFERED": "1",
    }
    if frameworks:
        environment["EDGELB_FRAMEWORKS"] = str(frameworks)
    if scheduler_advertise:
        environment["EDGELB_SCHEDULER_ADVERTISE"] = scheduler_advertise
    children = [
        Child(name=name, command=(sys.executable, "-m", "api.cli.main", "run", name), environment=environment)
        for name in COMPONENTS
    ]
    sys.exit(supervise(children))


def reachable(listen: str) -> str:
    """The address at which this machine reaches what listens at `listen`."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("", "0.0.0.0", "[::]", "::") else listen


def supervise(children: list[Child], backoff: Backoff | None = None) -> int:
    """Run the children until SIGTERM or SIGINT (0), or until it makes no sense to go on (the code)."""
    lock, stop = threading.Lock(), threading.Event()
    outcome, verdicts = Outcome(tuple(child.name for child in children)), []

    def output(name: str, line: str) -> None:
        with lock:
            click.echo(_tagged(name, line), err=True)

    def on_end(name: str, status: int, ran: float) -> None:
        with lock:
            verdict = outcome.ended(name, status, ran)
        if verdict is not None:
            verdicts.append(verdict)
            stop.set()

    supervisor = Supervisor(children, output, backoff=backoff, on_end=on_end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor.start()
    stop.wait()
    supervisor.stop()
    if not verdicts:
        return Exit.OK
    code, sentence = verdicts[0]
    output("serve", sentence)
    return code
