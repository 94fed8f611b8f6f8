"""The commands that change and show pools: create, update, delete, list, show."""

from collections.abc import Iterator
from typing import Any

import click

from api.cli.client_command import POOL_NOT_FOUND, client_command
from api.cli.complaint import complaint, exit_code
from api.cli.elsewhere import option_not_there_yet
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.pool_file import read_pool
from api.cli.wait import wait_for_end, wait_for_pool
from api.client import ApiClient, ApiError, PoolAnswer
from api.pool_states import READY

_wait = click.option("--wait", is_flag=True, help="Wait until it is done, with a line for each load balancer.")
_timeout = click.option(
    "--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to --wait at most."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, a pool with its etag.")


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@_json
@_wait
@_timeout
@client_command
def create(client: ApiClient, pool_file: str, as_json: bool, wait: bool, timeout: float) -> None:
    """Create a pool from a JSON or YAML file (- for stdin)."""
    answer = client.create(read_pool(pool_file))
    _done(client, answer, "created", as_json=as_json, wait=wait, timeout=timeout)


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@click.option("--if-match", "tag", metavar="ETAG", help="Only if the pool still has this etag.")
@click.option("--overwrite", is_flag=True, help="Whatever the pool was changed to since the file was made of it.")
@_json
@_wait
@_timeout
@client_command
def update(
    client: ApiClient, pool_file: str, tag: str | None, overwrite: bool, as_json: bool, wait: bool, timeout: float
) -> None:
    """Replace a pool by what a JSON or YAML file says (- for stdin).

    A file that `edgelb show --json` wrote holds the etag of what was shown: the update is refused when somebody changed
    the pool since. A file without one always replaces the pool.
    """
    if tag and overwrite:
        raise click.UsageError("--if-match and --overwrite exclude each other")
    pool = read_pool(pool_file)
    name = pool.get("name")
    if not isinstance(name, str) or not name:
        raise Failure("pool.name: is required, it says which pool to update", Exit.REFUSED)
    if overwrite:
        pool.pop("etag", None)
    try:
        answer = client.update(name, pool, etag=tag)
    except ApiError as error:
        raise Failure(f"{complaint(error)}{_what_to_do(error, name, pool_file)}", exit_code(error)) from error
    _done(client, answer, "updated", as_json=as_json, wait=wait, timeout=timeout)


def _with_tag(answer: PoolAnswer) -> dict[str, Any]:
    return answer.pool | ({"etag": answer.tag} if answer.tag else {})


def _what_to_do(error: ApiError, name: str, pool_file: str) -> str:
    if error.status == 404 and error.message == POOL_NOT_FOUND:
        return f": {name}; edgelb create {'POOL-FILE' if pool_file == '-' else pool_file} creates it"
    if error.status == 412:
        return f" (edgelb show {name} --json shows what it is now; --overwrite replaces it all the same)"
    return ""


def _done(client: ApiClient, answer: PoolAnswer, verb: str, *, as_json: bool, wait: bool, timeout: float) -> None:
    name = answer.pool["name"]
    for warning in answer.warnings:
        talk(f"Warning: {warning}")
    if as_json:
        data_json(_with_tag(answer))
    else:
        data(f'Successfully {verb} {name}. Check "edgelb show {name}" or "edgelb status {name}" for deployment status')
    if wait:
        wait_for_pool(client, name, timeout)
        talk(f"Next: edgelb endpoints {name}")


@click.command()
@click.argument("name", metavar="POOL-NAME")
@_wait
@_timeout
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
@click.argument("name", metavar="POOL-NAME")
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
    states = {one["name"]: one["state"] for one in client.statuses()}
    data(
        table(
            ("NAME", "APIVERSION", "COUNT", "ROLE", "PORTS", "STATE"),
            [
                (pool["name"], *_summary(pool), ", ".join(map(str, _ports(pool))), states.get(pool["name"], "-"))
                for pool in pools
            ],
        )
    )
    if any(state != READY for state in states.values()):
        talk("Next: edgelb status")
    if not pools:
        talk("There are no pools yet. Next: edgelb create POOL-FILE")


@click.command()
@click.argument("name", metavar="[POOL-NAME]", required=False)
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
    data("\n\n".join(_described(pool) for pool in pools))
    if not pools:
        talk("There are no pools yet. Next: edgelb create POOL-FILE")


def _summary(pool: dict[str, Any]) -> tuple[str, str, str]:
    return pool.get("apiVersion", "V2"), str(pool.get("count", 0)), pool.get("role", "")


def _ports(pool: dict[str, Any]) -> list[int]:
    haproxy = pool.get("haproxy", {})
    listeners = [*haproxy.get("frontends", []), haproxy.get("stats", {})]
    return sorted(set(pool.get("ports") or (listener.get("bindPort", 0) for listener in listeners)))


def _described(pool: dict[str, Any]) -> str:
    haproxy = pool.get("haproxy", {})
    backends = haproxy.get("backends", [])
    stats = str(haproxy.get("stats", {}).get("bindPort", 0))
    sections: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        (
            "Summary",
            ("NAME", "APIVERSION", "COUNT", "ROLE", "CONSTRAINTS", "STATSPORT"),
            [(pool["name"], *_summary(pool), pool.get("constraints", ""), stats)],
        ),
        (
            "Frontends",
            ("NAME", "PORT", "PROTOCOL"),
            [(one["name"], str(one.get("bindPort", 0)), one["protocol"]) for one in haproxy.get("frontends", [])],
        ),
        ("Backends", ("FRONTEND", "NAME", "PROTOCOL", "BALANCE"), list(_backends(haproxy))),
        (
            "Marathon Services",
            ("BACKEND", "TYPE", "SERVICE", "CONTAINER", "PORT", "CHECK"),
            list(_services(backends, "marathon", "serviceID", "containerName")),
        ),
        (
            "Mesos Services",
            ("BACKEND", "TYPE", "FRAMEWORK", "TASK", "PORT", "CHECK"),
            list(_services(backends, "mesos", "frameworkName", "taskName")),
        ),
    ]
    return "\n\n".join(f"{title}:\n{table(header, rows)}" for title, header, rows in sections)


def _backends(haproxy: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for backend in haproxy.get("backends", []):
        users = [
            frontend["name"]
            for frontend in haproxy.get("frontends", [])
            if backend["name"] in _linked(frontend.get("linkBackend", {}))
        ]
        yield ", ".join(users), backend["name"], backend["protocol"], backend.get("balance", "")


def _linked(link: dict[str, Any]) -> set[str]:
    return {link.get("defaultBackend", "")} | {rule["backend"] for rule in link.get("map", [])}


def _services(
    backends: list[dict[str, Any]], selector: str, first: str, second: str
) -> Iterator[tuple[str, str, str, str, str, str]]:
    for backend in backends:
        for service in backend.get("services", []):
            chosen, endpoint = service.get(selector, {}), service.get("endpoint", {})
            # An address selects no task; it stands with the Mesos services so that it is not lost.
            if not chosen and not (selector == "mesos" and endpoint.get("type") == "ADDRESS"):
                continue
            yield (
                backend["name"],
                endpoint.get("type", "AUTO_IP"),
                _selected(chosen, first) or endpoint.get("address", ""),
                _selected(chosen, second),
                _endpoint_port(endpoint),
                "enabled" if endpoint.get("check", {}).get("enabled", True) else "disabled",
            )


def _selected(chosen: dict[str, Any], field: str) -> str:
    id_field = field.replace("Name", "ID")
    for name in (field, f"{field}Pattern", id_field, f"{id_field}Pattern"):
        if chosen.get(name):
            return f"/{chosen[name]}/" if name.endswith("Pattern") else str(chosen[name])
    return ""


def _endpoint_port(endpoint: dict[str, Any]) -> str:
    if endpoint.get("allPorts"):
        return "all ports"
    port = endpoint.get("port", -1)
    return endpoint.get("portName") or (str(port) if port > 0 else "first port")
