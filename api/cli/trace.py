"""`edgelb trace`: how one change went from Mesos to the load balancers, place by place."""

import datetime
from collections.abc import Iterator
from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table
from api.client.client import ApiClient

_PLACES = {
    "event": "the listener read it from Mesos",
    "index": "the listener told it",
    "taken": "the template took it",
    "selected": "the template found its pool",
    "published": "the template published it",
    "stored": "ZooKeeper had it",
}


@click.command()
@click.argument("task", metavar="TASK")
@click.option("--last", type=click.IntRange(min=1), default=3, show_default=True, help="So many changes at most.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known as JSON.")
@client_command
def trace(client: ApiClient, task: str, last: int, as_json: bool) -> None:
    """Show when the last changes of a task were at each place on their way from Mesos to the load balancers.

    TASK is the task's id or a part of it. Times are those of the machines concerned.
    """
    found = client.trace(task)
    if as_json:
        data_json(found)
        return
    changes = found["changes"]
    if not changes:
        said = f"no change of a task whose id contains {task!r} is among the last ones that the template remembers"
        raise Failure(f"{said}; it knows those since it is in charge, of tasks that a pool selects", Exit.NOT_FOUND)
    for number, change in enumerate(changes[:last]):
        if number:
            data("")
        data(_headline(change))
        data(table(("AT", "AFTER", "WHERE"), list(_rows(change))))


def _headline(change: dict[str, Any]) -> str:
    what = "came or changed" if change["change"] == "put" else "went"
    where = f"backend {change['backend']} of pool {change['pool']}"
    return f"{change['task']}: {change['server']} {what} in {where} (operation {change['sequence']})"


def _rows(change: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """In the order of time; instances may see what is published before the template hears that it is stored."""
    stamps = change["stamps"]
    moments = [(stamps[name], where) for name, where in _PLACES.items() if name in stamps]
    unknown = []
    for one in change["instances"]:
        if one["applied"] is None:
            words = {"applied": "has it", "waits": "does not have it yet"}.get(one["state"], one["state"])
            unknown.append(f"{one['name']} {words}")
        else:
            words = "HAProxy had it" if one["state"] == "applied" else one["state"]
            moments += [(one["seen"], f"{one['name']} saw it"), (one["applied"], f"{one['name']}: {words}")]
    moments.sort(key=lambda moment: moment[0])
    for at, where in moments:
        yield _at(at), _after(at - moments[0][0]), where
    for where in unknown:
        yield "-", "-", where


def _at(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%H:%M:%S.%f")[:-3]


def _after(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
