"""The options of whatever asks Mesos: who we are there, and TLS; docs/reference/settings.md lists them."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sdk.errors import InvalidSpec

Command = TypeVar("Command", bound=Callable[..., Any])

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
