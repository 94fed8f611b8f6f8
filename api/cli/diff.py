"""The command that shows what an update would do: diff."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from api.cli.client_command import POOL_NOT_FOUND, client_command
from api.cli.complaint import complaint, exit_code
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, talk
from api.cli.pool_file import read_pools
from api.client.client import ApiClient
from api.client.errors import ApiError

_LONGEST = 60
_HOW = {True: "the new one first where there is a place for both", False: "the old one ends first"}
_NOTHING = {"noop": "nothing changes", "dynamic": "changed at run time, without a reload", "reload": "loaded anew"}


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@click.option("--json", "as_json", is_flag=True, help="Print what the API says, of several pools a list.")
@click.option("--brief", is_flag=True, help="Leave the lines of the configuration out.")
@client_command
def diff(client: ApiClient, pool_file: str, as_json: bool, brief: bool) -> None:
    """Show what creating or updating a pool from a file would change, without doing it (- for stdin).

    Which fields differ, what happens to the load balancers and why, what HAProxy is told otherwise, and whether that
    needs a reload.
    """
    found = []
    for pool in read_pools(pool_file):
        name = pool.get("name")
        if not isinstance(name, str) or not name:
            raise Failure("pool.name: is required, it says which pool to compare with", Exit.REFUSED)
        try:
            found.append((name, rehearsed(client, name, pool)[0]))
        except ApiError as error:
            raise Failure(complaint(error), exit_code(error)) from error
    if as_json:
        told = [one for _, one in found]
        data_json(told if len(told) > 1 else told[0])
        return
    for name, one in found:
        for warning in one["warnings"]:
            talk(f"Warning: {warning}")
        data("\n".join(difference(name, one, brief=brief)))


def rehearsed(client: ApiClient, name: str, pool: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """What updating the pool would do, or creating it where there is none; and whether there is one, damaged or not."""
    try:
        return client.rehearse_update(name, pool), True
    except ApiError as error:
        if error.status == 404 and error.message == POOL_NOT_FOUND:
            return client.rehearse_create({key: value for key, value in pool.items() if key != "etag"}), False
        raise


def difference(name: str, told: Mapping[str, Any], *, brief: bool) -> Iterator[str]:
    """Line by line: the fields, what happens to the load balancers, and unless `brief` what HAProxy is told."""
    instances, configuration = told["instances"], told["configuration"]
    if instances["action"] == "launch":
        yield f"{name} is a new pool."
    elif not told["changed"]:
        yield f"{name} stays as it is."
    elif not told["fields"]:
        yield f"{name} changes: the order of its parts, or a value that is not shown."
    else:
        yield f"{name} changes:"
    for one in told["fields"]:
        yield f"  {one['field']}: {_short(one['old'])} -> {_short(one['new'])}"
    if told["moreFields"]:
        yield f"  and {told['moreFields']} more fields"
    yield f"Load balancers: {_of_instances(instances)}"
    if configuration["action"]:
        yield f"HAProxy: {_NOTHING[configuration['action']]}: {configuration['reason']}"
    elif configuration["reason"]:
        yield f"HAProxy: {configuration['reason']}"
    if brief:
        return
    yield from configuration["diff"]
    if configuration["moreLines"]:
        yield f"and {configuration['moreLines']} more lines"


def _of_instances(told: Mapping[str, Any]) -> str:
    why = f" ({', '.join(told['fields'])})" if told["fields"] else ""
    said = [
        f"{len(told[key])} {words}: {', '.join(told[key][:10])}{', ...' if len(told[key]) > 10 else ''}"
        for key, words in (
            ("relaunched", f"replaced one at a time, {_HOW[bool(told.get('ahead'))]}"),
            ("launched", "launched"),
            ("ended", "ended"),
        )
        if told[key]
    ]
    return f"{'; '.join(said)}{why}" if said else f"all go on{why}"


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
