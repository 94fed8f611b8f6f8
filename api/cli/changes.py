"""`edgelb changes`: who changed what through the API."""

from datetime import UTC, datetime

import click

from api.cli.client_command import client_command
from api.cli.output import data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.client.client import ApiClient


@click.command()
@click.argument("name", metavar="[POOL-NAME]", required=False, shell_complete=pool_names)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@client_command
def changes(client: ApiClient, name: str | None, last: int, as_json: bool) -> None:
    """Show the last changes of all pools, or of one, with the users who made them; the newest first.

    They are noted where the API knows its users.
    """
    found = client.changes(name)[:last]
    if as_json:
        data_json(found)
        return
    data(
        table(
            ("AT", "USER", "FROM", "NAME", "CHANGE"),
            [(_time(one["at"]), one["user"] or "-", one["client"], one["name"] or "-", _request(one)) for one in found],
        )
    )
    if not found:
        talk("No change is noted. The API notes them from the time on when it knows its users.")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _request(change: dict[str, object]) -> str:
    return f"{change['method']} {change['path']}"
