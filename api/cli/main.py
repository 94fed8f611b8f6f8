"""The command `edgelb`: which command is found in which module. A module is imported only when its command is used."""

import importlib
import sys

import click
from click.shell_completion import CompletionItem

from api.cli.client_options import client_options
from api.cli.elsewhere import NOT_YET, OTHER_WORDS, command_not_there_yet
from api.cli.exits import HELP
from api.process.version import package_version

COMMANDS = {
    # command: (module, attribute, one line for --help, so that help imports nothing)
    "create": ("api.cli.pools", "create", "Create a pool from a JSON or YAML file."),
    "update": ("api.cli.pools", "update", "Replace a pool by what a file says."),
    "apply": ("api.cli.apply", "apply", "Make the pools what files say: create, update or leave each."),
    "edit": ("api.cli.edit", "edit", "Change a pool in an editor."),
    "validate": ("api.cli.validate", "validate", "Say whether a pool file would be accepted."),
    "diff": ("api.cli.diff", "diff", "Show what an update would change, without doing it."),
    "list": ("api.cli.pools", "list_pools", "List all pools."),
    "show": ("api.cli.pools", "show", "Show one pool, or all."),
    "delete": ("api.cli.pools", "delete", "Delete a pool and take its load balancers down."),
    "history": ("api.cli.history", "history", "Show the last states of a pool, who wrote them and when."),
    "rollback": ("api.cli.history", "rollback", "Give a pool the content of an earlier state."),
    "accept-removal": ("api.cli.pools", "accept_removal", "Let servers go whose tasks Mesos does not name any more."),
    "uninstall": ("api.cli.uninstall", "uninstall", "Delete all pools and remove the framework from Mesos."),
    "status": ("api.cli.status", "status", "Show what a pool's load balancers do, and why it is not ready."),
    "wait": ("api.cli.wait_command", "wait_command", "Wait until pools are ready, or gone."),
    "endpoints": ("api.cli.observe", "endpoints", "Show where a pool can be reached."),
    "why": ("api.cli.why", "why", "Say whether an application is exposed, where, and if not, why."),
    "changes": ("api.cli.changes", "changes", "Show who changed what."),
    "trace": ("api.cli.trace", "trace", "Show how the last changes of a task came to the load balancers."),
    "explain": ("api.cli.explain", "explain", "Explain where a pool sends a request, and why."),
    "lb-config": ("api.cli.observe", "lb_config", "Show the rendered HAProxy configuration."),
    "template": ("api.cli.template", "template", "Change what of HAProxy's configuration no field says."),
    "pool-template": ("api.cli.pool_template", "pool_template", "Change what pools that labels ask for look like."),
    "pod": ("api.cli.pods", "pod", "List, restart or replace the load balancers of a pool."),
    "ping": ("api.cli.observe", "ping", "Check that the API answers."),
    "version": ("api.cli.observe", "version", "Show the versions of client and server."),
    "login": ("api.cli.login", "login", "Log in to the API, for the commands of the next hours."),
    "logout": ("api.cli.login", "logout", "Forget the session at the API."),
    "whoami": ("api.cli.login", "whoami", "Say who you are to the API, and what you may change."),
    "user": ("api.cli.login", "user", "Print the entry of a user for the users' file of the API."),
    "doctor": ("api.cli.doctor", "doctor", "Check this machine and the services around."),
    "serve": ("api.cli.serve", "serve", "Run scheduler, listener, template and api together."),
    "run": ("api.cli.processes", "run", "Run one process of the system: api, scheduler, listener or template."),
    "local": ("api.cli.local.command", "local", "Run a whole system on this machine."),
    "migrate": ("api.cli.migrate", "migrate_command", "Move applications to auto pools."),
    "marathon-app": ("api.cli.marathon_app", "marathon_app", "Print the Marathon app that launches a framework."),
    "completion": ("api.cli.completion", "completion", "Print the script that completes words in a shell."),
    "help": ("api.cli.help", "help_command", "Explain a command."),
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
        if cmd_name in NOT_YET:
            return command_not_there_yet(cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands, without importing them, and options."""
        found = [
            CompletionItem(name, help=told) for name, (_, _, told) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but what may be meant is looked for among commands that are not imported, too."""
        name = args[0]
        if name not in COMMANDS and name not in NOT_YET and not name.startswith("-"):
            meant = OTHER_WORDS.get(name, ())
            hint = f" Perhaps edgelb {' or edgelb '.join(meant)} is meant." if meant else ""
            near = None if meant else [*COMMANDS, *NOT_YET]
            raise click.NoSuchCommand(name, f"No such command {name!r}.{hint}", possibilities=near, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for --help."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"edgelb {package_version()}")
        context.exit()


@click.group(cls=LazyGroup, epilog=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@client_options
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
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
