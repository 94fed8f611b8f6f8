"""`edgelb completion`: the script that lets a shell complete commands, options and the names of pools."""

import click
from click.shell_completion import get_completion_class

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, talk

VARIABLE = "_EDGELB_COMPLETE"
"""What the shell's function tells the command by; click's own name for it."""

_HOW = {
    "bash": 'eval "$(edgelb completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(edgelb completion zsh)" in ~/.zshrc',
    "fish": "edgelb completion fish > ~/.config/fish/completions/edgelb.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and names of pools in bash, zsh or fish."""
    made = get_completion_class(shell)
    root = context.find_root()
    if made is None:
        raise Failure(f"this version of click knows no completion of {shell}", Exit.FAILED)
    data(made(root.command, {}, "edgelb", VARIABLE).source())
    talk(f"To have it always: {_HOW[shell]}")
