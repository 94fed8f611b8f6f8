"""The commands that change and show pools: create, update, delete, list, show."""

from typing import Any

import click

from api.cli.client_command import POOL_NOT_FOUND, client_command
from api.cli.complaint import complaint, exit_code
from api.cli.elsewhere import option_not_there_yet
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.pool_file import read_pool, read_pools
from api.cli.pool_names import pool_names
from api.cli.pool_tables import described, kind, ports, summary
from api.cli.wait import wait_for_end, wait_for_pool
from api.cli.wait_options import timeout_option, wait_option
from api.client.client import ApiClient, PoolAnswer
from api.client.errors import ApiError
from api.status.states import READY

_json = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, a pool with its etag.")


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@_json
@wait_option
@timeout_option
@client_command
def create(client: ApiClient, pool_file: str, as_json: bool, wait: bool, timeout: float) -> None:
    """Create a pool from a JSON or YAML file (- for stdin).

    A file of API version V1 may hold several pools; they are created one after the other.
    """
    pools = read_pools(pool_file)
    for pool in pools:
        try:
            _told(client.create(pool), "created", as_json=as_json)
        except ApiError as error:
            raise Failure(f"{_which(pool, pools)}{complaint(error)}", exit_code(error)) from error
    if wait:
        _wait_for(client, pools, timeout)


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@click.option("--if-match", "tag", metavar="ETAG", help="Only if the pool still has this etag.")
@click.option("--overwrite", is_flag=True, help="Whatever the pool was changed to since the file was made of it.")
@_json
@wait_option
@timeout_option
@client_command
def update(
    client: ApiClient, pool_file: str, tag: str | None, overwrite: bool, as_json: bool, wait: bool, timeout: float
) -> None:
    """Replace a pool by what a JSON or YAML file says (- for stdin).

    A file that `edgelb show --json` wrote holds the etag of what was shown: the update is refused when somebody changed
    the pool since. A file without one always replaces the pool. A file of API version V1 may hold several pools.
    """
    if tag and overwrite:
        raise click.UsageError("--if-match and --overwrite exclude each other")
    pools = read_pools(pool_file)
    if tag and len(pools) > 1:
        raise click.UsageError(f"--if-match is of one pool, and the file holds {len(pools)}")
    for pool in pools:
        name = pool.get("name")
        if not isinstance(name, str) or not name:
            raise Failure("pool.name: is required, it says which pool to update", Exit.REFUSED)
        if overwrite:
            pool.pop("etag", None)
            tag = "*"
        try:
            _told(client.update(name, pool, etag=tag), "updated", as_json=as_json)
        except ApiError as error:
            told = f"{_which(pool, pools)}{complaint(error)}{_what_to_do(error, name, pool_file, overwrite=overwrite)}"
            raise Failure(told, exit_code(error)) from error
    if wait:
        _wait_for(client, pools, timeout)


def _which(pool: dict[str, Any], pools: list[dict[str, Any]]) -> str:
    """Which pool of a file of several an error is about."""
    return f"{pool.get('name')}: " if len(pools) > 1 else ""


def _with_tag(answer: PoolAnswer) -> dict[str, Any]:
    return answer.pool | ({"etag": answer.tag} if answer.tag else {})


def _what_to_do(error: ApiError, name: str, pool_file: str, *, overwrite: bool) -> str:
    missing = error.status == 412 if overwrite else error.status == 404 and error.message == POOL_NOT_FOUND
    if missing:
        return f": {name}; edgelb create {'POOL-FILE' if pool_file == '-' else pool_file} creates it"
    if error.status == 428:
        return f" (edgelb show {name} --json writes it into the file as etag; --overwrite replaces any)"
    if error.status == 412:
        return f" (edgelb show {name} --json shows what it is now; --overwrite replaces it all the same)"
    return ""


def _told(answer: PoolAnswer, verb: str, *, as_json: bool) -> None:
    name = answer.pool["name"]
    for warning in answer.warnings:
        talk(f"Warning: {warning}")
    if as_json:
        data_json(_with_tag(answer))
    else:
        data(f'Successfully {verb} {name}. Check "edgelb show {name}" or "edgelb status {name}" for deployment status')


def _wait_for(client: ApiClient, pools: list[dict[str, Any]], timeout: float) -> None:
    for pool in pools:
        wait_for_pool(client, pool["name"], timeout)
        talk(f"Next: edgelb endpoints {pool['name']}")


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@wait_option
@timeout_option
@client_command
def delete(client: ApiClient, name: str, wait: bool, timeout: float) -> None:
    """Delete a pool and take its load balancers down."""
    client.delete(name)
    if wait:
        wait_for_end(client, name, timeout)
        data(f"Successfully deleted {name}. Nothing of it is left.")
    else:
        data(f'Successfully deleted {name}. Check "edgelb status {name}" until its load balancers are gone.')


@click.command("accept-removal")
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@client_command
def accept_removal(client: ApiClient, name: str) -> None:
    """Let servers go that are kept although Mesos does not name their tasks any more.

    When more than half of a pool's servers lose their tasks at once, and no event says that these ended, they are kept:
    Mesos' view is more likely wrong. This says that they are gone indeed.
    """
    held = client.accept_removal(name)["held"]
    data(f"Accepted for {name}: {held['reason']}.")


@click.command("list")
@_json
@client_command
def list_pools(client: ApiClient, as_json: bool) -> None:
    """List all pools."""
    pools = client.pools()
    if as_json:
        data_json(pools)
        return
    statuses = client.statuses()
    states = {one["name"]: one["state"] for one in statuses}
    known = {pool["name"] for pool in pools}
    # One that cannot be read is no pool that could be listed, and must not be overlooked: it can be deleted.
    unreadable = [one for one in statuses if one["name"] not in known]
    data(
        table(
            ("NAME", "APIVERSION", "COUNT", "ROLE", "PORTS", "STATE", "TYPE"),
            [
                (
                    *(pool["name"], *summary(pool), ", ".join(map(str, ports(pool)))),
                    *(states.get(pool["name"], "-"), kind(pool)),
                )
                for pool in pools
            ]
            + [(one["name"], "-", "-", "-", "-", one["state"], "-") for one in unreadable],
        )
    )
    for one in unreadable:
        talk(f"{one['name']}: {one['summary']}")
    if any(state != READY for state in states.values()):
        talk("Next: edgelb status")
    if not statuses and not pools:
        talk("There are no pools yet. Next: edgelb create POOL-FILE")


@click.command()
@click.argument("name", metavar="[POOL-NAME]", required=False, shell_complete=pool_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; of one pool with its etag, ready for update.")
@click.option(
    "--convert-to-json", "yaml_file", metavar="YAML-FILE", help="Print a YAML pool file as JSON; asks no server."
)
@option_not_there_yet("--reference", is_flag=True)
@client_command
def show(client: ApiClient, name: str | None, as_json: bool, yaml_file: str | None) -> None:
    """Show one pool, or all."""
    if yaml_file is not None:
        data_json(read_pool(yaml_file))
        return
    if name is not None:
        answer = client.pool(name)
        if as_json:
            data_json(_with_tag(answer))
            return
        pools = [answer.pool]
    else:
        pools = client.pools()
        if as_json:
            data_json(pools)
            return
    data("\n\n".join(described(pool) for pool in pools))
    if not pools:
        talk("There are no pools yet. Next: edgelb create POOL-FILE")
