"""The commands that look: endpoints, lb-config, ping, version."""

from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.complaint import exit_code
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.client.client import ApiClient
from api.client.errors import ApiError
from api.client.transport import without_secrets
from api.process.version import package_version

_SECTIONS = (
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "resolvers",
    "userlist",
    "peers",
    "cache",
    "http-errors",
)

_NO_METADATA = "no metadata for pool"
"""The API's documented sentence while no load balancer runs."""


@click.command()
@client_command
def ping(client: ApiClient) -> None:
    """Check that the API answers."""
    answer = client.ping()
    if answer != "pong":
        raise Failure(
            f"{without_secrets(client.base)} answers, but not like the Edge-LB API: {answer[:80]}", Exit.FAILED
        )
    data(answer)


@click.command()
@client_command
def version(client: ApiClient) -> None:
    """Show the versions of this command and of the server."""
    mine = package_version()
    data(f"client = {mine}")
    theirs = client.version()
    data(f"server = {theirs}")
    if theirs != mine:
        talk("Warning: client and server differ; install the same version of both")


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.option("--json", "as_json", is_flag=True, help="Print the pool's metadata as JSON.")
@click.option("--url", "as_urls", is_flag=True, help="Print the URL of each frontend only, one per line, for scripts.")
@client_command
def endpoints(client: ApiClient, name: str, as_json: bool, as_urls: bool) -> None:
    """Show the addresses and ports at which a pool can be reached."""
    try:
        metadata = client.metadata(name)
    except ApiError as error:
        if error.message != _NO_METADATA:
            raise
        summary = client.status(name)["summary"]
        raise Failure(f"no load balancer of {name} can be reached yet: {summary}", exit_code(error)) from error
    if as_urls:
        for url in _urls(metadata, client.pool(name).pool):
            data(url)
        return
    if as_json:
        data_json(metadata)
        return
    groups = [(frontend["name"], frontend["endpoints"]) for frontend in metadata["frontends"]]
    rows = [_endpoint_row(title, entries) for title, entries in (*groups, ("stats", metadata["stats"]))]
    data(table(("NAME", "PORT", "INTERNAL IPS", "EXTERNAL IPS"), rows))


def _urls(metadata: dict[str, Any], pool: dict[str, Any]) -> list[str]:
    """One URL for each address of each frontend, in the order of the pool's frontends."""
    endpoints_of = {frontend["name"]: frontend["endpoints"] for frontend in metadata["frontends"]}
    return [
        f"http://{address}:{entry['port']}/" if frontend["protocol"] == "HTTP" else f"tcp://{address}:{entry['port']}"
        for frontend in pool.get("haproxy", {}).get("frontends", [])
        for entry in endpoints_of.get(frontend["name"], [])
        for address in entry["public"] or entry["private"]
    ]


def _endpoint_row(title: str, entries: list[dict[str, Any]]) -> tuple[str, list[str], list[str], list[str]]:
    ports: list[str] = []
    inside: list[str] = []
    outside: list[str] = []
    for entry in entries:
        # One instance may have several addresses; its port stands beside the first.
        height = max(1, len(entry["private"]), len(entry["public"]))
        for column, values in ((ports, [str(entry["port"])]), (inside, entry["private"]), (outside, entry["public"])):
            column += values + [""] * (height - len(values))
    return title, ports, inside, outside


@click.command("lb-config")
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.option("--raw", is_flag=True, help="Print it exactly as it was rendered.")
@client_command
def lb_config(client: ApiClient, name: str, raw: bool) -> None:
    """Show the HAProxy configuration that was rendered for a pool."""
    text = client.lb_config(name)
    data((text if raw else indented(text)).rstrip("\n"))


def indented(config: str) -> str:
    """The configuration with section keywords at the left and everything else two spaces in."""
    result = []
    for line in config.splitlines():
        words = line.split()
        if not words:
            result.append("")
        elif words[0] in _SECTIONS or line.startswith("#"):
            result.append(" ".join(words) if words[0] in _SECTIONS else line)
        else:
            result.append(f"  {line.strip()}")
    return "\n".join(result) + "\n"
