"""The options of commands that can wait for the end of what they began."""

import click

wait_option = click.option("--wait", is_flag=True, help="Wait until it is done, with a line for each load balancer.")
timeout_option = click.option(
    "--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to --wait at most."
)
