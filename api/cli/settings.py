"""The options and environment variables of the processes, in one place; docs/reference/settings.md lists them.

Those of commands that talk to the API are in client_options.py, those of whoever asks Mesos in mesos_access.py.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from api.cli import values
from sdk import zookeeper_address
from sdk.errors import InvalidSpec

Command = TypeVar("Command", bound=Callable[..., Any])

# Written out here, because the modules that use them are imported only by the processes themselves.
DEFAULT_FRAMEWORKS = "(?i)marathon"
SERVERS_PER_TASK = 100
SERVERS_PER_BACKEND = 60_000
DEFAULT_HOLD_PERCENT = 50
AUTO_POOLS_GRACE = 60.0
MARATHON_LB_GROUP = "external"

LEVELS = ("debug", "info", "warning", "error")
_LISTEN = {
    "api": ("EDGELB_API_LISTEN", "127.0.0.1:8080", "Address of the API server."),
    "scheduler": ("EDGELB_SCHEDULER_LISTEN", "127.0.0.1:8090", "Address of the scheduler's HTTP server."),
    "listener": ("EDGELB_LISTENER_LISTEN", "127.0.0.1:8091", "gRPC address of the mesos-listener."),
    "listener-health": (
        "EDGELB_LISTENER_HEALTH_LISTEN",
        "127.0.0.1:8092",
        "HTTP address of the mesos-listener's health and metrics.",
    ),
    "template-health": (
        "EDGELB_TEMPLATE_HEALTH_LISTEN",
        "127.0.0.1:8093",
        "HTTP address of the template process's health and metrics.",
    ),
}
"""What listens: variable, default, meaning."""


def listen(what: str, flag: str = "--listen", *, hidden: bool = False) -> Callable[[Command], Command]:
    """The option `flag` for the address at which `what` listens."""
    variable, default, meaning = _LISTEN[what]
    return click.option(
        flag, type=values.HOST_PORT, envvar=variable, default=default, show_default=True, show_envvar=True,
        metavar="HOST:PORT", help=meaning, hidden=hidden,
    )  # fmt: skip


def scheduler_advertise(flag: str = "--advertise") -> Callable[[Command], Command]:
    """The option `flag` for the scheduler's address as others see it."""
    return click.option(
        flag, type=values.BASE_URL, envvar="EDGELB_SCHEDULER_ADVERTISE", default=None, show_envvar=True,
        show_default="http://<hostname>:<port>", metavar="URL", help="How agents and the API reach the scheduler.",
    )  # fmt: skip


class _ZooKeeper(click.ParamType[str]):
    """An address of ZooKeeper; only refused here, and read where the connection is made."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        try:
            zookeeper_address.parse(value)
        except InvalidSpec as error:
            self.fail(error.rule, param, ctx)
        return value


class _Mesos(_ZooKeeper):
    """An address of Mesos, which may be one of ZooKeeper, too."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        return super().convert(value, param, ctx) if value.startswith(("zk://", "zoo://")) else value


zk = click.option(
    "--zk", type=_ZooKeeper(), envvar="EDGELB_ZK", default="127.0.0.1:2181", show_default=True, show_envvar=True,
    metavar="HOST:PORT[,...]", help="ZooKeeper ensemble.",
)  # fmt: skip
zk_root = click.option(
    "--zk-root", type=values.NODE_PATH, envvar="EDGELB_ZK_ROOT", default="/edgelb", show_default=True, show_envvar=True,
    metavar="PATH", help="Root of our tree in ZooKeeper.",
)  # fmt: skip
mesos = click.option(
    "--mesos", type=_Mesos(), envvar="EDGELB_MESOS", default="127.0.0.1:5050", show_default=True, show_envvar=True,
    metavar="ADDRESS", help="host:port[,host:port], http(s)://host:port or zk://host:port[,..]/mesos",
)  # fmt: skip
frameworks = click.option(
    "--frameworks", envvar="EDGELB_FRAMEWORKS", default=None, show_envvar=True,
    show_default="the packaged frameworks.json", type=click.Path(dir_okay=False, path_type=Path),
    help="Which frameworks to run.",
)  # fmt: skip
log_level = click.option(
    "--log-level", envvar="EDGELB_LOG_LEVEL", default="info", show_default=True, show_envvar=True,
    type=click.Choice(LEVELS, case_sensitive=False), help="What to log.",
)  # fmt: skip
log_format = click.option(
    "--log-format", envvar="EDGELB_LOG_FORMAT", default=lambda: "text" if sys.stderr.isatty() else "json",
    show_default="text on a terminal, else json", show_envvar=True, type=click.Choice(("text", "json")),
    help="How to log.",
)  # fmt: skip
api_prefix = click.option(
    "--prefix", type=values.URL_PREFIX,
    envvar="EDGELB_API_PREFIX", default="/service/edgelb", show_default=True, show_envvar=True,
    metavar="PATH", help="Path below which the API is served as well.",
)  # fmt: skip
framework_name = click.option(
    "--framework", type=values.FRAMEWORK_NAME,
    envvar="EDGELB_FRAMEWORK", default="edgelb", show_default=True, show_envvar=True,
    metavar="NAME", help="Name of the framework that runs the pools.",
)  # fmt: skip
replace_after = click.option(
    "--replace-after", envvar="EDGELB_REPLACE_AFTER", default=60.0, show_default=True, show_envvar=True,
    type=click.FloatRange(min=0), metavar="SECONDS",
    help="Time after the loss of an agent until an instance is replaced on another one.",
)  # fmt: skip
replacements_at_once = click.option(
    "--replacements-at-once", envvar="EDGELB_REPLACEMENTS_AT_ONCE", default=5, show_default=True, show_envvar=True,
    type=click.IntRange(min=1), metavar="N",
    help="Instances of lost or leaving agents that may be on their way to another one at the same time.",
)  # fmt: skip
listener = click.option(
    "--listener", type=values.HOST_PORTS,
    envvar="EDGELB_LISTENER", default="127.0.0.1:8091", show_default=True, show_envvar=True,
    metavar="HOST:PORT[,...]", help="mesos-listeners to follow.",
)  # fmt: skip
marathons = click.option(
    "--marathons", envvar="EDGELB_MARATHONS", default=DEFAULT_FRAMEWORKS, show_default=True, show_envvar=True,
    metavar="PATTERN", help="Names of the frameworks that count as Marathons (RE2, found anywhere in the name).",
)  # fmt: skip
servers_per_task = click.option(
    "--servers-per-task", envvar="EDGELB_SERVERS_PER_TASK", default=SERVERS_PER_TASK, show_default=True,
    show_envvar=True, type=click.IntRange(min=1), help="Servers that one task becomes at most in a backend.",
)  # fmt: skip
servers_per_backend = click.option(
    "--servers-per-backend", envvar="EDGELB_SERVERS_PER_BACKEND", default=SERVERS_PER_BACKEND, show_default=True,
    show_envvar=True, type=click.IntRange(min=1), help="Servers of a backend at most.",
)  # fmt: skip
hold_percent = click.option(
    "--hold-percent", envvar="EDGELB_HOLD_PERCENT", default=DEFAULT_HOLD_PERCENT, show_default=True, show_envvar=True,
    type=click.IntRange(0, 100), metavar="PERCENT",
    help="Keep a pool's servers when Mesos stops naming more than so many of their tasks at once; 0 never keeps any.",
)  # fmt: skip
raw_strings = click.option(
    "--raw-strings/--no-raw-strings", envvar="EDGELB_RAW_STRINGS", default=True, show_default=True, show_envvar=True,
    help="Whether pools may say something in HAProxy's own words.",
)  # fmt: skip
auto_pools = click.option(
    "--auto-pools/--no-auto-pools", envvar="EDGELB_AUTO_POOLS", default=True, show_default=True, show_envvar=True,
    help="Whether labels of applications are made into pools.",
)  # fmt: skip
auto_pools_grace = click.option(
    "--auto-pools-grace", envvar="EDGELB_AUTO_POOLS_GRACE", default=AUTO_POOLS_GRACE, show_default=True,
    show_envvar=True, type=click.FloatRange(min=0), metavar="SECONDS",
    help="Time for which an application without tasks keeps what its labels gave it.",
)  # fmt: skip
marathon_lb_groups = click.option(
    "--marathon-lb-groups", envvar="EDGELB_MARATHON_LB_GROUPS", default=MARATHON_LB_GROUP, show_default=True,
    show_envvar=True, metavar="GROUP,...",
    help="Groups of Marathon-LB that the pool template `marathon-lb` serves, * for all; others have their own.",
)  # fmt: skip
default_pool_template = click.option(
    "--default-pool-template/--no-default-pool-template", envvar="EDGELB_DEFAULT_POOL_TEMPLATE", default=True,
    show_default=True, show_envvar=True, help="Whether the pool template `default` is made when there was none yet.",
)  # fmt: skip
require_if_match = click.option(
    "--require-if-match/--no-require-if-match", envvar="EDGELB_REQUIRE_IF_MATCH", default=False, show_default=True,
    show_envvar=True, help="Whether who changes a pool must say which state of it is meant.",
)  # fmt: skip
allow_unauthenticated = click.option(
    "--allow-unauthenticated", envvar="EDGELB_ALLOW_UNAUTHENTICATED", is_flag=True, show_envvar=True,
    help="Listen where other machines can reach it, although nobody is asked who he is.",
)  # fmt: skip
api_hosts = click.option(
    "--hosts", type=values.HOST_NAMES, envvar="EDGELB_API_HOSTS", default="", show_envvar=True,
    show_default="this machine's own", metavar="NAME[,...]",
    help="Names under which browsers ask for the API, as those of a proxy that hands Host on.",
)  # fmt: skip
scheduler_secret_file = click.option(
    "--scheduler-secret-file", envvar="EDGELB_SCHEDULER_SECRET_FILE", default=None, show_envvar=True,
    show_default="made up by the scheduler, in ZooKeeper", type=click.Path(path_type=Path), metavar="FILE",
    help="Holds what the scheduler wants to see of who changes something there; the API sends it.",
)  # fmt: skip
scheduler_ca = click.option(
    "--scheduler-ca", envvar="EDGELB_SCHEDULER_CA", default=None, show_envvar=True, show_default="the system's",
    type=click.Path(path_type=Path), metavar="FILE",
    help="Certificates (PEM) that the API trusts where the scheduler speaks TLS.",
)  # fmt: skip
scheduler_access_file = click.option(
    "--scheduler-access-file", envvar="EDGELB_SCHEDULER_ACCESS_FILE", default=None, show_envvar=True,
    show_default="everybody may read", type=click.Path(path_type=Path), metavar="FILE",
    help="Who may read, or change, something at the scheduler: lines read|change NAME PROOF.",
)  # fmt: skip
scheduler_certificate = click.option(
    "--scheduler-certificate", envvar="EDGELB_SCHEDULER_CERTIFICATE", default=None, show_envvar=True, metavar="FILE",
    type=click.Path(path_type=Path), help="Certificate (PEM) of the scheduler, which then speaks TLS.",
)  # fmt: skip
scheduler_key = click.option(
    "--scheduler-key", envvar="EDGELB_SCHEDULER_KEY", default=None, show_envvar=True, metavar="FILE",
    type=click.Path(path_type=Path), help="The key of that certificate (PEM), without a password.",
)  # fmt: skip
scheduler_client_ca = click.option(
    "--scheduler-client-ca", envvar="EDGELB_SCHEDULER_CLIENT_CA", default=None, show_envvar=True, metavar="FILE",
    type=click.Path(path_type=Path), help="Whose certificates (PEM) of clients the scheduler believes.",
)  # fmt: skip
credentials_file = click.option(
    "--credentials-file", envvar="EDGELB_API_CREDENTIALS_FILE", default=None, show_envvar=True,
    show_default="everybody may use the API", type=click.Path(path_type=Path), metavar="FILE",
    help="Who may use the API, and for what: a table in TOML for each user.",
)  # fmt: skip
api_certificate = click.option(
    "--api-certificate", envvar="EDGELB_API_CERTIFICATE", default=None, show_envvar=True,
    show_default="the API speaks no TLS", type=click.Path(path_type=Path), metavar="FILE",
    help="Certificate of the API server and those above it (PEM); read again when it changes.",
)  # fmt: skip
api_key = click.option(
    "--api-key", envvar="EDGELB_API_KEY", default=None, show_envvar=True, show_default="in the file of the certificate",
    type=click.Path(path_type=Path), metavar="FILE", help="The key of that certificate (PEM).",
)  # fmt: skip


def process_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The options of a long-running process: the given ones and those for logs."""

    def decorate(command: Any) -> Any:
        for option in reversed((*options, log_level, log_format)):
            command = option(command)
        return command

    return decorate
