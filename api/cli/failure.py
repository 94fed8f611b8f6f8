"""The end of a command that cannot do what it was asked for."""

import click

from api.cli.exits import Exit


class Failure(click.ClickException):
    """Ends the command with a sentence on stderr and one of the documented codes."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click reads it from the instance, too
