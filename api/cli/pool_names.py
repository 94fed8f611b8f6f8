"""Names of pools for a shell that completes words."""

import click
from click.shell_completion import CompletionItem

from api.cli.client_options import ClientOptions
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from sdk.errors import InvalidSpec

_PATIENCE = 2.0


def pool_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The pools whose names begin like that; none where the API does not answer at once: a shell shows no errors."""
    options = context.ensure_object(ClientOptions)
    try:
        client = ApiClient(options.api, token=options.token, credentials=options.credentials, timeout=_PATIENCE)
        names = [pool["name"] for pool in client.statuses()]
    except (ApiError, ApiUnreachable, InvalidSpec, ValueError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(typed)]
