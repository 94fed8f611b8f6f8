"""`edgelb pod`: the load balancers of a pool one by one: list, restart, replace."""

import click

from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.client.client import ApiClient


@click.group()
def pod() -> None:
    """Look at the load balancers of a pool one by one, restart or replace one."""


@pod.command("list")
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.option("--json", "as_json", is_flag=True, help="Print the scheduler's JSON.")
@client_command
def list_pods(client: ApiClient, name: str, as_json: bool) -> None:
    """List the pods of a pool: each is one load balancer."""
    found = client.pods(name)
    if as_json:
        data_json(found)
        return
    rows = [
        (str(one["name"]), str(one.get("status", "-")), str(task.get("state") or "-"), str(task.get("hostname") or "-"))
        for one in found["pods"]
        for task in (one.get("tasks") or [{}])
    ]
    data(table(("NAME", "STATUS", "TASK STATE", "HOST"), rows))


@pod.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("which", metavar="[POD]", required=False)
@client_command
def restart(client: ApiClient, name: str, which: str | None) -> None:
    """End a pod's task and start it again in its place; POD may be left out when the pool has one only."""
    _act(client, name, which, "restart", "will be started again where it is")


@pod.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("which", metavar="[POD]", required=False)
@client_command
def replace(client: ApiClient, name: str, which: str | None) -> None:
    """Give a pod's reservation up and place it anew, with other ports where they are not fixed."""
    _act(client, name, which, "replace", "will be placed anew, perhaps on another agent")


def _act(client: ApiClient, name: str, which: str | None, action: str, outcome: str) -> None:
    chosen = which or _only(client, name)
    client.pod_action(name, chosen, action)
    data(f"{chosen} of pool {name} {outcome}.")
    talk(f"Next: edgelb status --wait {name}")


def _only(client: ApiClient, name: str) -> str:
    names = [str(one["name"]) for one in client.pods(name)["pods"]]
    if len(names) != 1:
        which = f"it has {', '.join(names)}; say which" if names else "it has none yet"
        raise Failure(f"pool {name} has not exactly one pod: {which}", Exit.USAGE)
    return names[0]
