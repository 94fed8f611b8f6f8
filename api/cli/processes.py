"""`edgelb run`: the long-running processes, one command each, as `edgelb serve` starts them.

Knows their settings and how the errors that end a process look; each command ends in the process's own `main` module.
They stand below `run` because the names of what they serve (`edgelb template ...`) belong to what people do with it.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli import logs, settings, values
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.mesos_access import mesos_access
from api.process.allocator import give_back_early
from sdk.errors import EnvironmentProblem, InvalidSpec, SdkError
from sdk.secret_file import read_secret

if TYPE_CHECKING:  # imported when a command needs it
    from sdk.mesos.access import Access


def _process(function: Callable[..., None]) -> Callable[..., None]:
    """Sets up logs and turns the errors that end a process into a sentence and an exit code."""

    @functools.wraps(function)
    def command(log_level: str, log_format: str, **options: Any) -> None:
        logs.configure(log_level, log_format)
        give_back_early()
        try:
            function(**options)
        except InvalidSpec as error:
            raise Failure(str(error), Exit.USAGE) from error
        except (EnvironmentProblem, SdkError, OSError) as error:
            raise Failure(str(error), Exit.FAILED) from error

    return command


@click.group()
def run() -> None:
    """Run one process of the system by itself. `edgelb serve` runs all of them together."""


@run.command()
@settings.process_options(
    settings.zk,
    settings.zk_root,
    settings.listen("api"),
    settings.api_prefix,
    settings.framework_name,
    settings.credentials_file,
    settings.api_certificate,
    settings.api_key,
    settings.scheduler_secret_file,
    settings.scheduler_ca,
    settings.allow_unauthenticated,
    settings.api_hosts,
    settings.raw_strings,
    settings.require_if_match,
)
@_process
def api(
    zk: str,
    zk_root: str,
    listen: str,
    prefix: str,
    framework: str,
    credentials_file: Path | None,
    api_certificate: Path | None,
    api_key: Path | None,
    scheduler_secret_file: Path | None,
    scheduler_ca: Path | None,
    allow_unauthenticated: bool,
    hosts: str,
    raw_strings: bool,
    require_if_match: bool,
) -> None:
    """Run the API server. Any number may run at once."""
    from api.users.credentials import Credentials
    from api.users.on_disk import users_on_disk
    from api.web.main import ApiSettings
    from api.web.main import run as serve
    from sdk.clock import SystemClock
    from sdk.http.tls import ServerTls

    clock = SystemClock()
    if api_key is not None and api_certificate is None:
        raise InvalidSpec("api-key", "belongs to a certificate: give EDGELB_API_CERTIFICATE, too")
    users = users_on_disk(credentials_file, "credentials-file", clock) if credentials_file else None
    tls = None
    if api_certificate is not None:
        tls = ServerTls(
            certificate=api_certificate, key=api_key or api_certificate, settings="api-certificate, api-key"
        )
    serve(
        ApiSettings(
            zk=zk,
            zk_root=zk_root,
            listen=listen,
            prefix=prefix,
            framework=framework,
            scheduler_secret=_secret(scheduler_secret_file),
            scheduler_ca=scheduler_ca,
            credentials=Credentials(users, clock) if users else None,
            tls=tls,
            allow_unauthenticated=allow_unauthenticated,
            hosts=values.split(hosts),
            raw_strings=raw_strings,
            require_if_match=require_if_match,
        )
    )


@run.command()
@settings.process_options(
    settings.mesos,
    settings.listen("listener"),
    settings.listen("listener-health", "--health-listen"),
    settings.allow_unauthenticated,
    settings.marathons,
)
@mesos_access
@_process
def listener(
    mesos: str, listen: str, health_listen: str, allow_unauthenticated: bool, marathons: str, access: "Access"
) -> None:
    """Run the mesos-listener: follow Mesos' tasks and serve them over gRPC. Any number may run at once."""
    from api.mesos_listener.main import run as serve
    from scheduler.config import ALLOW_UNAUTHENTICATED
    from sdk.http.address import require_authentication
    from sdk.mesos.operator import OperatorClient
    from sdk.pattern import BadPattern, Pattern

    try:
        pattern = Pattern(marathons)
    except BadPattern as error:
        raise InvalidSpec("--marathons", f"{marathons!r} {error}") from error
    require_authentication(
        listen,
        authenticated=False,
        allowed=allow_unauthenticated,
        instead="the listener can ask nobody, so listen at 127.0.0.1 and run the template on the same machine",
        setting=ALLOW_UNAUTHENTICATED,
    )
    operator = OperatorClient(mesos, credentials=access.credentials, tls=access.tls)
    serve(operator, listen, health_listen, marathons=pattern)


@run.command()
@settings.process_options(
    settings.zk,
    settings.zk_root,
    settings.mesos,
    settings.frameworks,
    click.option("--name", "names", multiple=True, help="Run only this framework of the file; may be repeated."),
    settings.listen("scheduler"),
    settings.scheduler_advertise(),
    settings.replace_after,
    settings.replacements_at_once,
    settings.scheduler_secret_file,
    settings.scheduler_access_file,
    settings.scheduler_certificate,
    settings.scheduler_key,
    settings.scheduler_client_ca,
    settings.allow_unauthenticated,
)
@mesos_access
@_process
def scheduler(
    zk: str,
    zk_root: str,
    mesos: str,
    frameworks: Path | None,
    names: tuple[str, ...],
    listen: str,
    advertise: str | None,
    replace_after: float,
    replacements_at_once: int,
    scheduler_secret_file: Path | None,
    scheduler_access_file: Path | None,
    scheduler_certificate: Path | None,
    scheduler_key: Path | None,
    scheduler_client_ca: Path | None,
    allow_unauthenticated: bool,
    access: "Access",
) -> None:
    """Run the Mesos framework scheduler. Several may run; one is in charge, the others wait to take over."""
    from scheduler.config import SchedulerSettings, default_frameworks
    from scheduler.main import run as serve

    serve(
        SchedulerSettings(
            zk=zk,
            zk_root=zk_root,
            mesos=mesos,
            frameworks=frameworks or default_frameworks(),
            names=names,
            listen=listen,
            advertise=advertise,
            replace_after=replace_after,
            replacements_at_once=replacements_at_once,
            secret=_secret(scheduler_secret_file),
            access_file=scheduler_access_file,
            certificate=scheduler_certificate,
            key=scheduler_key,
            client_ca=scheduler_client_ca,
            allow_unauthenticated=allow_unauthenticated,
            access=access,
        )
    )


@run.command()
@settings.process_options(
    settings.zk,
    settings.zk_root,
    settings.listener,
    settings.listen("template-health", "--health-listen"),
    settings.framework_name,
    settings.servers_per_task,
    settings.servers_per_backend,
    settings.hold_percent,
    settings.raw_strings,
    settings.auto_pools,
    settings.auto_pools_grace,
    settings.marathon_lb_groups,
    settings.default_pool_template,
)
@_process
def template(
    zk: str,
    zk_root: str,
    listener: str,
    health_listen: str,
    framework: str,
    servers_per_task: int,
    servers_per_backend: int,
    hold_percent: int,
    raw_strings: bool,
    auto_pools: bool,
    auto_pools_grace: float,
    marathon_lb_groups: str,
    default_pool_template: bool,
) -> None:
    """Run dcos-template: render pools and tasks into HAProxy configurations. Several may run; one publishes."""
    from api.auto_pools.balancer_groups import BalancerGroups
    from api.auto_pools.dialects import Dialects
    from api.auto_pools.thread.context import Rules as AutoPoolRules
    from api.dcos_template.main import run as serve
    from api.dcos_template.selecting.selection import Rules

    made = AutoPoolRules(
        grace=auto_pools_grace,
        hold_percent=hold_percent,
        default_template=default_pool_template,
        dialects=Dialects(BalancerGroups(frozenset(values.split(marathon_lb_groups)))),
    )
    serve(
        zk,
        zk_root,
        [address.strip() for address in listener.split(",") if address.strip()],
        health_listen,
        rules=Rules(
            own_framework=framework, servers_per_task=servers_per_task, servers_per_backend=servers_per_backend
        ),
        hold_percent=hold_percent,
        raw_strings=raw_strings,
        auto_pools=made if auto_pools else None,
    )


def _secret(file: Path | None) -> str | None:
    return read_secret(file, "scheduler-secret-file") if file else None
