"""Words that people try: commands and options of DC/OS Edge-LB that are not there yet, and words of other tools.

Each is answered with what to use instead, never like nonsense.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from api.cli.exits import Exit

Command = TypeVar("Command", bound=Callable[..., Any])


class NotThereYet(click.ClickException):
    """Ends the command with the sentence and an exit code of its own."""

    exit_code = int(Exit.NOT_YET)

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what} of DC/OS Edge-LB that is not there yet; {instead}")


NOT_YET = {
    "ingresslb": "cloud load balancers are not there yet; edgelb endpoints POOL-NAME shows where a pool can be reached",
    "cleanup": "there are no cloud load balancers that could be left over; edgelb uninstall leaves nothing behind",
    "diagnostic": "edgelb doctor, edgelb status POOL-NAME and edgelb lb-config POOL-NAME tell what they know",
}
"""Command of the product: what to use until it is there."""

OTHER_WORDS = {
    "config": ("show", "lb-config"),
    "describe": ("status", "show"),
    "get": ("list", "show"),
    "logs": ("status", "doctor"),
    "lb-template": ("template",),
    "ls": ("list",),
    "pool-templates": ("pool-template",),
    "pods": ("pod",),
    "remove": ("delete",),
    "replace": ("pod", "update"),
    "restart": ("pod",),
    "rm": ("delete",),
    "start": ("serve", "run"),
    "up": ("local",),
    "down": ("local",),
    "check": ("validate",),
}
"""Word of another tool: the commands that are meant here."""


def command_not_there_yet(name: str) -> click.Command:
    """A command that takes whatever it is given and says that it is not there yet."""

    def say(arguments: tuple[str, ...]) -> None:
        del arguments
        raise NotThereYet(f"edgelb {name} is a command", NOT_YET[name])

    return click.Command(
        name,
        callback=say,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        hidden=True,
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )


def _refuse(_context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value:
        raise NotThereYet(f"{parameter.opts[0]} is an option", _OPTIONS[parameter.opts[0]])
    return value


_OPTIONS = {
    "--name": "--api or EDGELB_API says which Edge-LB to talk to",
    "--reference": "docs/reference/pool.md has every field of a pool, and the API's openapi.json its schema",
}


def option_not_there_yet(name: str, *, is_flag: bool = False) -> Callable[[Command], Command]:
    """A hidden option that says so when it is given."""
    # Commands have an argument called name already.
    parameter = f"product_{name.strip('-')}"
    return click.option(name, parameter, is_flag=is_flag, hidden=True, expose_value=False, callback=_refuse)
