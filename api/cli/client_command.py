"""What every command that talks to the API shares: the client, its errors as sentences and exit codes."""

import functools
from collections.abc import Callable
from typing import Any

import click

from api.cli.client_options import ClientOptions, client_options
from api.cli.complaint import complaint, exit_code
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import talk
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from sdk.errors import InvalidSpec

POOL_NOT_FOUND = "pool not found"
"""The API's documented sentence; it does not hold the name, which is in the URL."""


def client_command(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the client's options, hands the client in as first argument, and turns its errors into exit codes."""

    @client_options
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, *args: Any, **kwargs: Any) -> None:
        options = context.ensure_object(ClientOptions)
        try:
            client = ApiClient(
                options.api,
                token=options.token,
                credentials=options.credentials,
                trace=talk if options.verbose else None,
            )
        except InvalidSpec as error:
            raise Failure(str(error), Exit.USAGE) from error
        except ValueError as error:
            raise Failure(f"--api or EDGELB_API: {error}", Exit.USAGE) from error
        try:
            function(client, *args, **kwargs)
        except ApiUnreachable as error:
            hint = "check --api or EDGELB_API, and that edgelb run api (or edgelb serve) is running there"
            raise Failure(f"{error}; {hint}", exit_code(error)) from error
        except ApiError as error:
            # The API says so of a name in the URL, which is not what was typed here.
            which = f": {kwargs['name']}" if error.message == POOL_NOT_FOUND and kwargs.get("name") else ""
            raise Failure(f"{complaint(error)}{which}", exit_code(error)) from error

    return command
