"""`edgelb wait`: until pools are what somebody waits for, in scripts."""

import time

import click

from api.cli.client_command import client_command
from api.cli.output import data, talk
from api.cli.pool_names import pool_names
from api.cli.wait import wait_for_end, wait_for_pool
from api.client.client import ApiClient

READY, DELETED = "ready", "deleted"


@click.command("wait")
@click.argument("names", metavar="[POOL-NAME]...", nargs=-1, shell_complete=pool_names)
@click.option(
    "--for",
    "state",
    type=click.Choice([READY, DELETED]),
    default=READY,
    show_default=True,
    help="ready: traffic can flow through the pool as it is stored. deleted: nothing of it is left.",
)
@click.option("--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds for all.")
@client_command
def wait_command(client: ApiClient, names: tuple[str, ...], state: str, timeout: float) -> None:
    """Wait until pools are ready, or gone; without names until all that exist now are.

    Exit code 6 when the time is over, 7 when HAProxy refuses a pool's configuration, 4 when there is no pool to become
    ready.
    """
    end = time.monotonic() + timeout
    waited = names or tuple(pool["name"] for pool in client.pools())
    if not waited:
        talk("There are no pools.")
    for name in dict.fromkeys(waited):
        left = max(0.0, end - time.monotonic())
        if state == READY:
            wait_for_pool(client, name, left)
        else:
            wait_for_end(client, name, left)
        data(f"pool {name} {state}")
