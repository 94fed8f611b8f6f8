"""docs/reference/cli.md is made from the commands' own help: `python -m tests.support.cli_page` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from api.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"

INTRODUCTION = """# The command line

`edgelb` prints data to stdout and everything else to stderr, so that `edgelb list --json | ...` works. Tables are for
eyes, `--json` is for scripts. Options that have an environment variable are listed in [settings.md](settings.md).
`NO_COLOR` switches colours off; there are none where the output is no terminal.

This page is what `--help` says; it is written by `python -m tests.support.cli_page`.
"""


def commands(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """(full name, help) of a command and of those below it."""
    width: dict[str, Any] = {"terminal_width": 110, "max_content_width": 110}
    context = click.Context(command, parent=parent, info_name=name, **width, **command.context_settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, context, below)


def render() -> str:
    """The page."""
    sections = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in commands(cli, None, "edgelb")]
    return "\n".join([INTRODUCTION, *sections])


if __name__ == "__main__":
    PAGE.write_text(render())
