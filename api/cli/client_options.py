"""The options of commands that talk to the API: where it is, and who asks. They may stand before or after the command.

Knows the options and their variables; the client itself is in api/client/client.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from api.cli.elsewhere import option_not_there_yet
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_API = "http://127.0.0.1:8080"


@dataclass(slots=True, kw_only=True)
class ClientOptions:
    """How to reach the API; filled from the options before and after the command's name."""

    api: str = DEFAULT_API
    token: str | None = None
    user: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
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
    """Adds the options; their values are in the context's ClientOptions."""
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
            help="Token of a user, or of DC/OS. Better set EDGELB_TOKEN: others can see command lines.",
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
            "--ca",
            envvar="EDGELB_API_CA",
            metavar="FILE",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_store("ca"),
            help="Certificates (PEM) to trust instead of the system's, for https.  [env: EDGELB_API_CA]",
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
