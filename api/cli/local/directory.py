"""The option of all commands for a local stack: which one."""

from pathlib import Path

import click

from api.cli.local.place import DEFAULT_DIRECTORY

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="Where the stack keeps its state and logs.",
)
