"""The options and environment variables that commands share, in one place; docs/reference/settings.md lists them."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from api.cli import values
from api.cli.elsewhere import option_not_there_yet
from sdk import zookeeper_address
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret

Command = TypeVar("Command", bound=Callable[..., Any])

# Written out here, because the modules that use them are imported only by the processes themselves.
DEFAULT_FRAMEWORKS = "(?i)marathon"
SERVERS_PER_TASK = 100
SERVERS_PER_BACKEND = 50_000
DEFAULT_HOLD_PERCENT = 50

DEFAULT_API = "http://127.0.0.1:8080"
LEVELS = ("debug", "info", "warning", "error")


@dataclass(slots=True, kw_only=True)
class ClientOptions:
    """How to reach the API; filled from the options before and after the command's name."""

    api: str = DEFAULT_API
    token: str | None = None
    user: str | None = None
    password_file: Path | None = None
    verbose: bool = False

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password; raises InvalidSpec when one is missing or cannot be read."""
        if self.user is None and self.password_file is None:
            return None
        if self.user is None or self.password_file is None:
            raise InvalidSpec("user", "EDGELB_API_USER and EDGELB_API_PASSWORD_FILE belong together")
        return self.user, read_secret(self.password_file, "password-file")


def _store(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        # Given twice, the one nearer to the command counts; not given, nothing is overwritten. The environment was
        # looked at before the command's name already, and must not overwrite what was given there.
        source = context.get_parameter_source(name)
        inherited = context.parent is not None and source is ParameterSource.ENVIRONMENT
        if value is not None and value is not False and not inherited:
            setattr(context.ensure_object(ClientOptions), name, value)
        return value

    return callback


def client_options(command: Command) -> Command:
    """Adds --api, --user, --password-file, --token and --verbose; the values are in the context's ClientOptions."""
    for option in (
        option_not_there_yet("--name"),
        click.option(
            "--verbose",
            "-v",
            is_flag=True,
            expose_value=False,
            callback=_store("verbose"),
            help="Tell each request on stderr (never the token).",
        ),
        click.option(
            "--token",
            envvar="EDGELB_TOKEN",
            metavar="TOKEN",
            expose_value=False,
            callback=_store("token"),
            help="DC/OS authentication token. Better set EDGELB_TOKEN: others can see command lines.",
        ),
        click.option(
            "--password-file",
            envvar="EDGELB_API_PASSWORD_FILE",
            metavar="FILE",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_store("password_file"),
            help="Holds the password of --user.  [env: EDGELB_API_PASSWORD_FILE]",
        ),
        click.option(
            "--user",
            envvar="EDGELB_API_USER",
            metavar="NAME",
            expose_value=False,
            callback=_store("user"),
            help="User of the API, where it asks for one.  [env: EDGELB_API_USER]",
        ),
        click.option(
            "--api",
            envvar="EDGELB_API",
            metavar="URL",
            expose_value=False,
            callback=_store("api"),
            help=f"The API server.  [env: EDGELB_API; default: {DEFAULT_API}]",
        ),
    ):
        command = option(command)
    return command


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
api_listen = click.option(
    "--listen", type=values.HOST_PORT,
    envvar="EDGELB_API_LISTEN", default="127.0.0.1:8080", show_default=True, show_envvar=True,
    metavar="HOST:PORT", help="Address of the API server.",
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
scheduler_listen = click.option(
    "--listen", type=values.HOST_PORT,
    envvar="EDGELB_SCHEDULER_LISTEN", default="127.0.0.1:8090", show_default=True, show_envvar=True,
    metavar="HOST:PORT", help="Address of the scheduler's HTTP server.",
)  # fmt: skip
scheduler_advertise = click.option(
    "--advertise", type=values.BASE_URL, envvar="EDGELB_SCHEDULER_ADVERTISE", default=None, show_envvar=True,
    show_default="http://<hostname>:<port>", metavar="URL", help="How agents and the API reach the scheduler.",
)  # fmt: skip
replace_after = click.option(
    "--replace-after", envvar="EDGELB_REPLACE_AFTER", default=60.0, show_default=True, show_envvar=True,
    type=click.FloatRange(min=0), metavar="SECONDS",
    help="Time after the loss of an agent until an instance is replaced on another one.",
)  # fmt: skip
listener_listen = click.option(
    "--listen", type=values.HOST_PORT,
    envvar="EDGELB_LISTENER_LISTEN", default="127.0.0.1:8091", show_default=True, show_envvar=True,
    metavar="HOST:PORT", help="gRPC address of the mesos-listener.",
)  # fmt: skip
listener_health = click.option(
    "--health-listen", type=values.HOST_PORT,
    envvar="EDGELB_LISTENER_HEALTH_LISTEN", default="127.0.0.1:8092", show_default=True,
    show_envvar=True, metavar="HOST:PORT", help="HTTP address of the mesos-listener's health and metrics.",
)  # fmt: skip
template_health = click.option(
    "--health-listen", type=values.HOST_PORT,
    envvar="EDGELB_TEMPLATE_HEALTH_LISTEN", default="127.0.0.1:8093", show_default=True,
    show_envvar=True, metavar="HOST:PORT", help="HTTP address of the template process's health and metrics.",
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
allow_unauthenticated = click.option(
    "--allow-unauthenticated", envvar="EDGELB_ALLOW_UNAUTHENTICATED", is_flag=True, show_envvar=True,
    help="Listen where other machines can reach it, although nobody is asked who he is.",
)  # fmt: skip
scheduler_secret_file = click.option(
    "--scheduler-secret-file", envvar="EDGELB_SCHEDULER_SECRET_FILE", default=None, show_envvar=True,
    show_default="made up by the scheduler, in ZooKeeper", type=click.Path(path_type=Path), metavar="FILE",
    help="Holds what the scheduler wants to see of who changes something there; the API sends it.",
)  # fmt: skip
credentials_file = click.option(
    "--credentials-file", envvar="EDGELB_API_CREDENTIALS_FILE", default=None, show_envvar=True,
    show_default="everybody may use the API", type=click.Path(path_type=Path), metavar="FILE",
    help="Who may use the API: lines user:password or user:hash.",
)  # fmt: skip
_MESOS_ACCESS = (
    click.option(
        "--mesos-principal", envvar="EDGELB_MESOS_PRINCIPAL", default=None, show_envvar=True, metavar="NAME",
        help="Who we are, where Mesos wants to know (HTTP basic).",
    ),
    click.option(
        "--mesos-secret-file", envvar="EDGELB_MESOS_SECRET_FILE", default=None, show_envvar=True, metavar="FILE",
        type=click.Path(path_type=Path), help="Holds the principal's secret.",
    ),
    click.option(
        "--mesos-ca", envvar="EDGELB_MESOS_CA", default=None, show_envvar=True, metavar="FILE",
        type=click.Path(path_type=Path), help="Certificates (PEM) to trust; masters are then asked by TLS.",
    ),
    click.option(
        "--mesos-certificate", envvar="EDGELB_MESOS_CERTIFICATE", default=None, show_envvar=True, metavar="FILE",
        type=click.Path(path_type=Path), help="Our certificate (PEM), where Mesos wants one.",
    ),
    click.option(
        "--mesos-key", envvar="EDGELB_MESOS_KEY", default=None, show_envvar=True, metavar="FILE",
        type=click.Path(path_type=Path), help="The key of our certificate (PEM).",
    ),
    click.option(
        "--mesos-verify/--no-mesos-verify", envvar="EDGELB_MESOS_VERIFY", default=True, show_default=True,
        show_envvar=True, help="Whether to check the certificates of masters.",
    ),
)  # fmt: skip


def mesos_access_options(command: Command) -> Command:
    """Adds the options of credentials and TLS for Mesos, as they are."""
    for option in reversed(_MESOS_ACCESS):
        command = option(command)
    return command


def mesos_access(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds those options and hands them to the command as one `access`."""

    @functools.wraps(command)
    def packed(
        *arguments: Any,
        mesos_principal: str | None,
        mesos_secret_file: Path | None,
        mesos_ca: Path | None,
        mesos_certificate: Path | None,
        mesos_key: Path | None,
        mesos_verify: bool,
        **options: Any,
    ) -> Any:
        # Imported here: the HTTP client comes with it, which most commands do not need for Mesos.
        from sdk.mesos.access import access_from

        try:
            access = access_from(
                principal=mesos_principal,
                secret_file=mesos_secret_file,
                ca=mesos_ca,
                certificate=mesos_certificate,
                key=mesos_key,
                verify=mesos_verify,
            )
        except InvalidSpec as error:
            raise click.UsageError(str(error)) from error
        return command(*arguments, access=access, **options)

    return mesos_access_options(packed)


def process_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The options of a long-running process: the given ones and those for logs."""

    def decorate(command: Any) -> Any:
        for option in reversed((*options, log_level, log_format)):
            command = option(command)
        return command

    return decorate
