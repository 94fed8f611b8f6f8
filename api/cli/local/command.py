"""`edgelb local`: a whole system on this machine, for development."""

import click
from click.core import ParameterSource

from api.cli.local.fault import fault
from api.cli.local.layout import DEFAULT_BASE_PORT
from api.cli.local.ps import ps_command
from api.cli.local.simulate import Wanted, simulate
from api.cli.local.up import down_command, up_command
from sdk.errors import SdkError


@click.group(invoke_without_command=True)
@click.option(
    "--simulated-agents", type=int, default=None, metavar="N", help="Run a master with N simulated agents (1000)."
)
@click.option(
    "--simulated-tasks",
    type=int,
    default=None,
    metavar="N",
    help="Tasks on the simulated agents (50000, at most 1000 on each).",
)
@click.option(
    "--events-per-second",
    type=float,
    default=0.0,
    show_default=True,
    metavar="R",
    help="Change the simulated tasks at this pace: one ends and another starts, or its health changes.",
)
@click.option("--seed", type=click.IntRange(0, 2**63), default=0, show_default=True, help="Other tasks and changes.")
@click.option(
    "--base-port",
    type=click.IntRange(1024, 31000),
    default=DEFAULT_BASE_PORT,
    show_default=True,
    help="The master with simulated agents has the port 10 above, as in a stack with this base port.",
)
@click.pass_context
def local(
    context: click.Context,
    simulated_agents: int | None,
    simulated_tasks: int | None,
    events_per_second: float,
    seed: int,
    base_port: int,
) -> None:
    """Run ZooKeeper, an embedded Mesos, Edge-LB and a sample application on this machine. For development.

    With --simulated-agents or --simulated-tasks: only a Mesos master in the foreground, with agents and tasks that are
    no processes, for load tests of what talks to Mesos.
    """
    simulated = simulated_agents is not None or simulated_tasks is not None
    command = context.invoked_subcommand
    if command is not None:
        if simulated:
            raise click.UsageError(f"simulated agents and tasks are a system of their own, without {command}")
        if given := _given(context):
            raise click.UsageError(
                f"{' and '.join(given)} before {command}: only for --simulated-agents and --simulated-tasks, which run "
                f"a system of their own; options of {command} stand behind it (edgelb local {command} --help)"
            )
        return
    if not simulated:
        if given := _given(context):
            raise click.UsageError(
                f"{' and '.join(given)}: only with --simulated-agents N, --simulated-tasks N or both, such as: "
                f"edgelb local --simulated-agents 100 --simulated-tasks 5000 --events-per-second 5"
            )
        raise click.exceptions.NoArgsIsHelpError(context)
    wanted = Wanted(
        agents=simulated_agents,
        tasks=simulated_tasks,
        events_per_second=events_per_second,
        seed=seed,
        base_port=base_port,
    )
    try:
        simulate(wanted)
    except SdkError as error:
        raise click.ClickException(str(error)) from error


def _given(context: click.Context) -> list[str]:
    """The options for simulated clusters that were typed."""
    return [
        f"--{name.replace('_', '-')}"
        for name in ("events_per_second", "seed", "base_port")
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]


local.add_command(up_command)
local.add_command(down_command)
local.add_command(ps_command)
local.add_command(fault)
