"""`edgelb local`: a whole system on this machine, for development."""

import click

from api.cli.local.fault import fault
from api.cli.local.ps import ps_command
from api.cli.local.up import down_command, up_command


@click.group()
def local() -> None:
    """Run ZooKeeper, an embedded Mesos, Edge-LB and a sample application on this machine. For development."""


local.add_command(up_command)
local.add_command(down_command)
local.add_command(ps_command)
local.add_command(fault)
