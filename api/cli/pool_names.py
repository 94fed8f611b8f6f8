"""Names of pools for a shell that completes words."""

import click
from click.shell_completion import CompletionItem

from api.cli.client_command import client_of
from api.cli.client_options import ClientOptions
from api.cli.failure import Failure
from api.client.errors import ApiError, ApiUnreachable

_PATIENCE = 2.0


def pool_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The pools whose names begin like that; none where the API does not answer at once: a shell shows no errors."""
    options = context.ensure_object(ClientOptions)
    try:
        names = [pool["name"] for pool in client_of(options, timeout=_PATIENCE).statuses()]
    except (ApiError, ApiUnreachable, Failure):
        return []
    return [CompletionItem(name) for name in names if name.startswith(typed)]
