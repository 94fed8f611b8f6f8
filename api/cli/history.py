"""`edgelb history` and `edgelb rollback`: the states that a pool had, and back to one of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.diff import difference
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.cli.wait import wait_for_pool
from api.cli.wait_options import timeout_option, wait_option
from api.client.client import ApiClient
from api.client.pool_history import PoolHistoryClient

_SHOWN = 3
_SILENT = {True: "the order of its parts, or a value that is not shown", False: "nothing"}


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON; with a version the pool as it was.")
@client_command
def history(client: ApiClient, name: str, version: str | None, as_json: bool) -> None:
    """Show the last states of a pool, who wrote them and when; also of a pool that was deleted.

    With a version (or a revision, as --json tells it): the pool as it was then, as JSON for `edgelb apply`.
    """
    states = PoolHistoryClient(client).all(name)
    if version is not None:
        data_json(PoolHistoryClient(client).state(name, _chosen(name, states, version)["revision"]))
    elif as_json:
        data_json(states)
    else:
        data(table(("VERSION", "WRITTEN", "AUTHOR", "CHANGES"), list(map(_row, states))))
        talk(f"Next: edgelb rollback {name} [VERSION], or edgelb history {name} VERSION")


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@wait_option
@timeout_option
@client_command
def rollback(client: ApiClient, name: str, version: str | None, dry_run: bool, wait: bool, timeout: float) -> None:
    """Give a pool the content of an earlier state: the one before this one, or that of a version.

    It becomes a new version, so that there is a way back. A HAProxy template stays as it is. A pool that was deleted is
    created again, with the default one.
    """
    kept = PoolHistoryClient(client)
    states = kept.all(name)
    there = any(one["name"] == name for one in client.statuses())
    wanted = _chosen(name, states, version) if version is not None else _before(name, states, there=there)
    if dry_run:
        data("\n".join(difference(name, kept.rehearse(name, wanted["revision"]), brief=True)))
        return
    # Whoever changed it since the history was read, or made it anew, is not overwritten.
    answer = kept.rollback(name, wanted["revision"], etag=(states[0]["revision"] or "*") if there else None)
    for warning in answer.warnings:
        talk(f"Warning: {warning}")
    data(f"pool {name} is as it was at version {wanted['version']}")
    if wait:
        wait_for_pool(client, name, timeout)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["revision"] is None:
        return "-", "-", "-", f"cannot be read: {one['problem']}"
    return str(one["version"]), one["written"] or "-", one["author"] or "-", _changes(one)


def _changes(one: Mapping[str, Any]) -> str:
    if one["fields"] is None:
        return "created" if one["version"] == 1 else "the states before are not kept"
    named = [*one["fields"][:_SHOWN], *(["the HAProxy template"] if one["template"] else [])]
    more = len(one["fields"]) + one["moreFields"] - min(len(one["fields"]), _SHOWN)
    told = ", ".join(field.removeprefix("pool.") for field in named)
    return f"{told} and {more} more" if more else told or _SILENT[one["changed"]]


def _chosen(name: str, states: Sequence[Mapping[str, Any]], version: str) -> Mapping[str, Any]:
    """The newest state of that version, or that revision."""
    for one in states:
        if one["revision"] is not None and version in (str(one["version"]), one["revision"]):
            return one
    known = ", ".join(str(one["version"]) for one in states if one["revision"] is not None)
    raise Failure(f"pool {name} has no version {version} that is kept; there are {known or 'none'}", Exit.NOT_FOUND)


def _before(name: str, states: Sequence[Mapping[str, Any]], *, there: bool) -> Mapping[str, Any]:
    """The state before the present one that differs from it; the last one where that is gone or damaged."""
    known = [one for one in states if one["revision"] is not None]
    if known and (not there or states[0]["revision"] is None):
        return known[0]
    for one, before in pairwise(known):
        if one["changed"] is not False:
            return before
    raise Failure(f"pool {name} has no earlier state", Exit.NOT_FOUND)
