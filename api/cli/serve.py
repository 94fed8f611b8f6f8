"""`edgelb serve`: scheduler, listener, template and api as child processes of one small supervisor.

Knows which processes there are, how their output is told apart, and when it makes no sense to go on. Each child takes
its settings from the environment, so that it is the same process as when it runs alone.
"""

import datetime
import json
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from api.cli import settings
from api.cli.child_output import Output, Persistent
from api.cli.exits import Exit
from api.cli.supervisor import Backoff, Child, Supervisor
from api.cli.watchdog import Watchdog
from sdk import log_stream
from sdk.clock import SystemClock

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
@click.option("--api-listen", envvar="EDGELB_API_LISTEN", default="127.0.0.1:8080", show_default=True, show_envvar=True)
@click.option(
    "--scheduler-listen",
    envvar="EDGELB_SCHEDULER_LISTEN",
    default="127.0.0.1:8090",
    show_default=True,
    show_envvar=True,
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
    "--listener-health-listen",
    envvar="EDGELB_LISTENER_HEALTH_LISTEN",
    default="127.0.0.1:8092",
    show_default=True,
    show_envvar=True,
)
@click.option(
    "--template-health-listen",
    envvar="EDGELB_TEMPLATE_HEALTH_LISTEN",
    default="127.0.0.1:8093",
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
@settings.mesos_access_options
@settings.scheduler_secret_file
@settings.credentials_file
@settings.allow_unauthenticated
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
    listener_health_listen: str,
    template_health_listen: str,
    listener: str | None,
    replace_after: float,
    scheduler_secret_file: Path | None,
    credentials_file: Path | None,
    allow_unauthenticated: bool,
    mesos_principal: str | None,
    mesos_secret_file: Path | None,
    mesos_ca: Path | None,
    mesos_certificate: Path | None,
    mesos_key: Path | None,
    mesos_verify: bool,
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
        "EDGELB_LISTENER_HEALTH_LISTEN": listener_health_listen,
        "EDGELB_TEMPLATE_HEALTH_LISTEN": template_health_listen,
        "EDGELB_LISTENER": listener or reachable(listener_listen),
        "EDGELB_REPLACE_AFTER": f"{replace_after:g}",
        "EDGELB_LOG_LEVEL": log_level,
        "EDGELB_LOG_FORMAT": log_format,
        "PYTHONUNBUFFERED": "1",
    }
    optional = {
        "EDGELB_FRAMEWORKS": frameworks,
        "EDGELB_SCHEDULER_ADVERTISE": scheduler_advertise,
        "EDGELB_SCHEDULER_SECRET_FILE": scheduler_secret_file,
        "EDGELB_API_CREDENTIALS_FILE": credentials_file,
        "EDGELB_ALLOW_UNAUTHENTICATED": "1" if allow_unauthenticated else None,
        "EDGELB_MESOS_PRINCIPAL": mesos_principal,
        "EDGELB_MESOS_SECRET_FILE": mesos_secret_file,
        "EDGELB_MESOS_CA": mesos_ca,
        "EDGELB_MESOS_CERTIFICATE": mesos_certificate,
        "EDGELB_MESOS_KEY": mesos_key,
        "EDGELB_MESOS_VERIFY": None if mesos_verify else "0",
    }
    environment |= {name: str(value) for name, value in optional.items() if value}
    children = [
        Child(name=name, command=(sys.executable, "-m", "api.cli.main", "run", name), environment=environment)
        for name in COMPONENTS
    ]
    health = {
        "scheduler": f"http://{reachable(scheduler_listen)}/healthz",
        "listener": f"http://{reachable(listener_health_listen)}/healthz",
        "template": f"http://{reachable(template_health_listen)}/healthz",
        "api": f"http://{reachable(api_listen)}/healthz",
    }
    sys.exit(supervise(children, health, Tagged(form=log_format)))


def reachable(listen: str) -> str:
    """The address at which this machine reaches what listens at `listen`."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("", "0.0.0.0", "[::]", "::") else listen


def supervise(children: list[Child], health: Mapping[str, str], output: Output, backoff: Backoff | None = None) -> int:
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

    supervisor = Supervisor(children, output, backoff=backoff, on_end=on_end)
    watchdog = Watchdog(health, supervisor.pids, supervisor.kill, SystemClock())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
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
