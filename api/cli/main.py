"""The command `edgelb`: which command is found in which module. A module is imported only when its command is used."""

import importlib
import sys

import click

from api.cli.exits import HELP
from api.cli.settings import client_options

COMMANDS = {
    # command: (module, attribute, one line for --help, so that help imports nothing)
    "create": ("api.cli.pools", "create", "Create a pool from a JSON or YAML file."),
    "update": ("api.cli.pools", "update", "Replace a pool by what a file says."),
    "list": ("api.cli.pools", "list_pools", "List all pools."),
    "show": ("api.cli.pools", "show", "Show one pool, or all."),
    "delete": ("api.cli.pools", "delete", "Delete a pool and take its load balancers down."),
    "accept-removal": ("api.cli.pools", "accept_removal", "Let servers go whose tasks Mesos does not name any more."),
    "uninstall": ("api.cli.uninstall", "uninstall", "Delete all pools and remove the framework from Mesos."),
    "status": ("api.cli.status", "status", "Show what a pool's load balancers do, and why it is not ready."),
    "endpoints": ("api.cli.observe", "endpoints", "Show where a pool can be reached."),
    "lb-config": ("api.cli.observe", "lb_config", "Show the rendered HAProxy configuration."),
    "ping": ("api.cli.observe", "ping", "Check that the API answers."),
    "version": ("api.cli.observe", "version", "Show the versions of client and server."),
    "doctor": ("api.cli.doctor", "doctor", "Check this machine and the services around."),
    "serve": ("api.cli.serve", "serve", "Run scheduler, listener, template and api together."),
    "run": ("api.cli.processes", "run", "Run one process of the system: api, scheduler, listener or template."),
    "local": ("api.cli.local.command", "local", "Run a whole system on this machine."),
    "marathon-app": ("api.cli.marathon_app", "marathon_app", "Print the Marathon app that launches a framework."),
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of COMMANDS: what people use most comes first."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for --help."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@client_options
def cli() -> None:
    """Layer-7 load balancing for Apache Mesos with HAProxy."""


def main() -> None:
    """The entry point."""
    # Ctrl-C is the user's wish, not an error: no traceback, the shell's usual code.
    try:
        cli(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
