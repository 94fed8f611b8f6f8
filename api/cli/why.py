"""`edgelb why`: whether an application is exposed, where, and if not, what is in the way."""

from collections.abc import Iterator
from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.output import data, data_json, table, talk
from api.client.client import ApiClient

_MOST_ROWS = 20


@click.command()
@click.argument("task", metavar="TASK-OR-APP")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@client_command
def why(client: ApiClient, task: str, as_json: bool) -> None:
    """Say whether an application is exposed, under which URLs, and if not, the first thing that is in the way.

    TASK-OR-APP is the id of a task, its name, Marathon's id (/shop), a framework, or that and a name (marathon/shop).
    """
    found = client.why(task)
    if as_json:
        data_json(found)
    else:
        data(found["answer"])
        _tell(found)
    if not found["exposed"]:
        raise SystemExit(Exit.UNHEALTHY if found["total"] else Exit.NOT_FOUND)


def _tell(found: dict[str, Any]) -> None:
    for url in found["urls"]:
        data(f"  {url}")
    if found["tasks"]:
        data("")
        data(table(("TASK", "SERVES", "WHERE OR WHY NOT"), list(_rows(found["tasks"][:_MOST_ROWS]))))
    if found["total"] > _MOST_ROWS:
        data(f"and {found['total'] - _MOST_ROWS} more")
    for note in found["notes"]:
        talk(f"Note: {note}")
    for name, pool in found["pools"].items():
        if pool["state"] != "ready":
            talk(f"Note: pool {name} is {pool['state']}: {pool['summary']}")


def _rows(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for one in tasks:
        yield one["id"], "yes" if one["serves"] else "no", ", ".join(one["where"]) or one["reason"]
