"""`edgelb uninstall`: everything away, pools, load balancers, reservations and the framework itself."""

import sys

import click

from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, talk
from api.cli.wait import wait_for_uninstall
from api.cli.wait_options import timeout_option
from api.client.client import ApiClient

_SHOWN = 10


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait until nothing is left.")
@timeout_option
@client_command
def uninstall(client: ApiClient, yes: bool, wait: bool, timeout: float) -> None:
    """Delete all pools, take their load balancers down and remove the framework from Mesos. There is no way back."""
    progress = client.uninstall_progress()
    status = progress["status"]
    if status is None:
        if not yes:
            _ask(client)
        client.uninstall(progress["framework"])
    if wait:
        wait_for_uninstall(client, timeout)
        data("Successfully uninstalled. Nothing is left; stop edgelb serve now, or start it again to begin anew.")
    elif status == "COMPLETE":
        data("Nothing is installed.")
    else:
        data('The uninstall has begun. "edgelb uninstall --wait" follows it to its end.')


def _ask(client: ApiClient) -> None:
    names = [pool["name"] for pool in client.pools()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    what = f"the pools {', '.join(names[:_SHOWN])}{more}" if names else "the framework; it has no pools"
    if not sys.stdin.isatty():
        raise Failure(f"this would remove {what}: add --yes where nobody can be asked", Exit.USAGE)
    talk(f"This removes {what}, with all load balancers. There is no way back.")
    click.confirm("Uninstall?", abort=True, err=True)
