"""What every command that talks to the API shares: the client, its errors as sentences and exit codes."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from api.cli.client_options import ClientOptions, client_options
from api.cli.complaint import complaint, exit_code
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import talk
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from api.client.logins import Logins, LoginsUnusable
from api.client.transport import Transport
from sdk.errors import InvalidSpec

POOL_NOT_FOUND = "pool not found"
"""The API's documented sentence; it does not hold the name, which is in the URL."""


def client_command(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the client's options, hands the client in as first argument, and turns its errors into exit codes."""

    @client_options
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, *args: Any, **kwargs: Any) -> None:
        client = client_of(context.ensure_object(ClientOptions))
        with told(kwargs.get("name")):
            function(client, *args, **kwargs)

    return command


def client_of(options: ClientOptions, timeout: float = 90.0) -> ApiClient:
    """The client that the options ask for; with the session of `edgelb login` when they say of nobody who asks."""
    try:
        token = token_of(options)
        return ApiClient(
            options.api,
            token=token,
            credentials=options.credentials,
            ca=options.ca,
            timeout=timeout,
            trace=talk if options.verbose else None,
        )
    except InvalidSpec as error:
        raise Failure(str(error), Exit.USAGE) from error
    except ValueError as error:
        raise Failure(f"--api or EDGELB_API: {error}", Exit.USAGE) from error


def token_of(options: ClientOptions) -> str | None:
    """The token to send: that of the options, or the session that is kept for their API; none beside a password."""
    if options.token is not None or options.credentials is not None:
        return options.token
    try:
        transport = Transport(options.api)
    except ValueError:
        return None  # whoever asks it says what is wrong
    if transport.shows_user:
        return None
    try:
        login = Logins.of(os.environ).get(transport.base, time.time())
    except LoginsUnusable as error:
        raise Failure(str(error), Exit.FAILED) from error
    return None if login is None else login.token


@contextlib.contextmanager
def told(name: str | None = None) -> Iterator[None]:
    """Turns the client's errors into sentences and exit codes; `name` is the pool that was typed, if one was."""
    try:
        yield
    except ApiUnreachable as error:
        hint = "check --api or EDGELB_API, and that edgelb run api (or edgelb serve) is running there"
        if "certificate" in str(error):
            hint = "name the certificates to trust with --ca or EDGELB_API_CA"
        raise Failure(f"{error}; {hint}", exit_code(error)) from error
    except ApiError as error:
        # The API says so of a name in the URL, which is not what was typed here.
        which = f": {name}" if error.message == POOL_NOT_FOUND and name else ""
        raise Failure(f"{complaint(error)}{which}", exit_code(error)) from error
