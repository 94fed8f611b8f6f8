"""`edgelb serve`: scheduler, listener, template and api as child processes of one small supervisor.

Knows which processes there are, how their output is told apart, and when it makes no sense to go on. Each child takes
its settings from the environment, so that it is the same process as when it runs alone.
"""

import datetime
import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from api.cli import settings, values
from api.cli.child_output import Output, Persistent
from api.cli.exits import Exit
from api.cli.mesos_access import mesos_access_options
from api.cli.supervisor import RESTARTS, Child, Supervisor
from api.cli.watchdog import Watchdog
from sdk import log_stream
from sdk.clock import SystemClock
from sdk.end_signals import on_end_signals
from sdk.retry import Policy

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """Lines on standard error with the name of their component: inside the object when they are JSON, so that they stay
    JSON. `form` is that of the children's log, and of what is said of them.
    """

    form: str

    def line(self, name: str, text: str) -> None:
        """A line of a component."""
        if text.startswith("{") and text.endswith("}") and len(text) > 2:
            click.echo(f'{{"component": "{name}", {text[1:]}', err=True)
        else:
            click.echo(f"{name:<9} | {text}", err=True)

    def told(self, name: str, sentence: str) -> None:
        """A sentence about a component, which is a line like its own."""
        if self.form == "json":
            now = datetime.datetime.now(tz=datetime.UTC).isoformat().replace("+00:00", "Z")
            sentence = json.dumps({"event": sentence, "level": "warning", "timestamp": now}, ensure_ascii=False)
        self.line(name, sentence)


@click.command()
@settings.zk
@settings.zk_root
@settings.mesos
@settings.frameworks
@settings.listen("api", "--api-listen")
@settings.listen("scheduler", "--scheduler-listen")
@settings.scheduler_advertise("--scheduler-advertise")
@settings.listen("listener", "--listener-listen")
@settings.listen("listener-health", "--listener-health-listen")
@settings.listen("template-health", "--template-health-listen")
@click.option(
    "--listener",
    type=values.HOST_PORTS,
    envvar="EDGELB_LISTENER",
    default=None,
    show_default="the listener that is started here",
    show_envvar=True,
    metavar="HOST:PORT[,...]",
    help="mesos-listeners that the template follows.",
)
@settings.replace_after
@settings.replacements_at_once
@mesos_access_options
@settings.scheduler_secret_file
@settings.scheduler_ca
@settings.scheduler_access_file
@settings.scheduler_certificate
@settings.scheduler_key
@settings.scheduler_client_ca
@settings.credentials_file
@settings.api_certificate
@settings.api_key
@settings.allow_unauthenticated
@settings.log_level
@settings.log_format
@click.pass_context
def serve(context: click.Context, /, **given: Any) -> None:
    """Run scheduler, listener, template and api together, and keep them running.

    Several machines may do so at once: api and listener are active on all, scheduler and template on one of them.
    """
    environment = handed_on(context.command, given)
    children = [
        Child(name=name, command=(sys.executable, "-m", "api.cli.main", "run", name), environment=environment)
        for name in COMPONENTS
    ]
    asked = {
        "scheduler": given["scheduler_listen"],
        "listener": given["listener_health_listen"],
        "template": given["template_health_listen"],
        "api": given["api_listen"],
    }
    schemes = {name: "https" for name in ("scheduler", "api") if given[f"{name}_certificate"] is not None}
    # Who listens at port 0 takes a free one, which is not known here.
    health = {
        name: f"{schemes.get(name, 'http')}://{reachable(listen)}/healthz"
        for name, listen in asked.items()
        if not listen.endswith(":0")
    }
    sys.exit(supervise(children, health, Tagged(form=given["log_format"])))


def handed_on(command: click.Command, given: Mapping[str, Any]) -> dict[str, str]:
    """The variables of the children: the values `given` to the options of `serve`, each under its own variable.

    The children see this process' own environment as well, over which its options win; by it they get their further
    settings.
    """
    handed = {
        str(option.envvar): _text(given[option.name])
        for option in command.params
        if option.envvar and option.name and given[option.name] is not None
    }
    handed.setdefault("EDGELB_LISTENER", reachable(given["listener_listen"]))
    return {**handed, "PYTHONUNBUFFERED": "1"}


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def reachable(listen: str) -> str:
    """The address at which this machine reaches what listens at `listen`."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("", "0.0.0.0", "[::]", "::") else listen


def supervise(children: list[Child], health: Mapping[str, str], output: Output, restarts: Policy = RESTARTS) -> int:
    """Run the children until SIGTERM or SIGINT (0), or until it makes no sense to go on (the code).

    `health` are the URLs by which children that hang are found, by name.
    """
    lock, stop = threading.Lock(), threading.Event()
    outcome, verdicts = Outcome(tuple(child.name for child in children)), []

    def on_end(name: str, status: int, ran: float) -> None:
        with lock:
            verdict = outcome.ended(name, status, ran)
        if verdict is not None:
            verdicts.append(verdict)
            stop.set()

    supervisor = Supervisor(children, output, restarts=restarts, on_end=on_end)
    watchdog = Watchdog(health, supervisor.pids, supervisor.kill, SystemClock())
    on_end_signals(lambda _: stop.set())
    supervisor.start()
    watchdog.start()
    stop.wait()
    watchdog.stop()
    supervisor.stop()
    code = Exit.OK
    if verdicts:
        code, sentence = verdicts[0]
        Persistent(output).told("serve", sentence)
    log_stream.abandon()
    return code
