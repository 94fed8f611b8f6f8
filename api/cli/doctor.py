"""`edgelb doctor`: every check as a line, with what to do."""

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli import doctor_checks as checks
from api.cli import logs, settings
from api.cli.client_command import token_of
from api.cli.client_options import ClientOptions, client_options
from api.cli.exits import Exit
from api.cli.finding import FAIL, WARN, Finding
from api.cli.mesos_access import mesos_access
from api.cli.output import coloured, data, data_json, talk
from sdk.errors import InvalidSpec

if TYPE_CHECKING:  # imported when the options are read
    from sdk.mesos.access import Access


@click.command()
@settings.zk
@settings.zk_root
@settings.mesos
@settings.framework_name
@client_options
@settings.listen("api", "--api-listen", hidden=True)
@settings.listen("scheduler", "--scheduler-listen", hidden=True)
@settings.listen("listener", "--listener-listen", hidden=True)
@settings.listen("listener-health", "--listener-health-listen", hidden=True)
@settings.listen("template-health", "--template-health-listen", hidden=True)
@click.option(
    "--local", envvar="EDGELB_LOCAL", hidden=True, type=click.Path(path_type=Path),
    help="Folder of the local stack that this shell is for.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
@mesos_access
def doctor(
    context: click.Context,
    zk: str,
    zk_root: str,
    mesos: str,
    framework: str,
    api_listen: str,
    scheduler_listen: str,
    listener_listen: str,
    listener_health_listen: str,
    template_health_listen: str,
    local: Path | None,
    as_json: bool,
    access: "Access",
) -> None:
    """Check this machine, and that ZooKeeper, Mesos, scheduler, template and API answer. Changes nothing."""
    client = context.ensure_object(ClientOptions)
    try:
        credentials, token = client.credentials, token_of(client)
    except InvalidSpec as error:
        raise click.UsageError(str(error)) from error
    targets = checks.Targets(
        zk=zk,
        zk_root=zk_root,
        mesos=mesos,
        api=client.api,
        token=token,
        ca=client.ca,
        credentials=credentials,
        access=access,
        framework=framework,
        listen=_of_stack(local)
        or (api_listen, scheduler_listen, listener_listen, listener_health_listen, template_health_listen),
        directory=local or Path.cwd(),
    )
    findings = []
    for finding in _quietly(checks.check_all(targets)):
        findings.append(finding)
        if not as_json:
            data(f"{coloured(finding.level)}{' ' * (5 - len(finding.level))}{_line(finding)}")
    if as_json:
        data_json([dataclasses.asdict(finding) for finding in findings])
    failed = sum(1 for finding in findings if finding.level == FAIL)
    warned = sum(1 for finding in findings if finding.level == WARN)
    talk(f"{failed} failed, {warned} to look at, {len(findings) - failed - warned} ok")
    if failed:
        raise SystemExit(Exit.UNHEALTHY)


def _of_stack(directory: Path | None) -> tuple[str, ...]:
    """Where the processes of the local stack listen that this shell was made for; none when it is for none."""
    if directory is None:
        return ()
    from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
    from api.cli.local.place import Place

    layout = Layout(directory=directory, base_port=Place(directory).base_port or DEFAULT_BASE_PORT)
    ports = (layout.api, layout.scheduler, layout.listener, layout.listener_health, layout.template_health)
    return tuple(f"127.0.0.1:{port}" for port in ports)


def _quietly(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Without the logs of the clients: what they complain about is what the findings say."""
    logs.configure("error", "text")
    logging.disable(logging.CRITICAL)
    try:
        yield from findings
    finally:
        logging.disable(logging.NOTSET)


def _line(finding: Finding) -> str:
    return f"{finding.subject}: {finding.seen}" + (f"\n     -> {finding.advice}" if finding.advice else "")
