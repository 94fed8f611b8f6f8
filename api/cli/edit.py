"""`edgelb edit`: change a pool in an editor. What was typed is never lost."""

import tempfile

import click
import yaml

from api.cli.client_command import client_command
from api.cli.complaint import complaint, exit_code
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, talk
from api.cli.pool_file import parse_pool
from api.cli.pool_names import pool_names
from api.cli.wait import wait_for_pool
from api.cli.wait_options import timeout_option, wait_option
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable

_HEAD = """\
# The pool as it is. Save and leave the editor to change it; leave the text as it is, or empty, to change nothing.
"""
_MARK = "# | "


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@wait_option
@timeout_option
@client_command
def edit(client: ApiClient, name: str, wait: bool, timeout: float) -> None:
    """Change a pool in an editor ($VISUAL or $EDITOR), as YAML.

    What is refused is opened again with the reasons above it. A pool that somebody else changed meanwhile is not
    overwritten. What was typed and could not be stored is kept in a file.
    """
    answer = client.pool(name)
    shown = _HEAD + yaml.safe_dump(answer.pool, sort_keys=False, allow_unicode=True, width=120)
    text = before = shown
    while True:
        try:
            before, text = text, click.edit(text, extension=".yaml", require_save=False) or ""
        except click.ClickException as error:
            kept = "" if before is shown else f"; {_kept(name, before)}"
            told = f"{error.message}; set VISUAL or EDITOR to an editor that runs here{kept}"
            raise Failure(told, Exit.USAGE) from error
        if _meaning(text) in ("", _meaning(shown)):
            talk(f"{name} stays as it is.")
            return
        if before is not shown and _meaning(text) == _meaning(before):
            raise Failure(f"{name} stays as it is, what you typed is still refused; {_kept(name, text)}", Exit.REFUSED)
        try:
            client.update(name, parse_pool(text, "what you typed"), etag=answer.tag)
            break
        except Failure as error:
            text = _with_reasons(text, error.message)
        except ApiError as error:
            if error.status not in (400, 422):
                raise Failure(f"{complaint(error)}; {_kept(name, text)}", exit_code(error)) from error
            text = _with_reasons(text, complaint(error))
        except ApiUnreachable as error:
            raise Failure(f"{error}; {_kept(name, text)}", exit_code(error)) from error
    data(f'Successfully updated {name}. Check "edgelb show {name}" or "edgelb status {name}" for deployment status')
    if wait:
        wait_for_pool(client, name, timeout)


def _meaning(text: str) -> str:
    """The text without comments of its own lines."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()


def _with_reasons(text: str, reasons: str) -> str:
    """The text below why it was refused; what was said of an earlier one is gone."""
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_MARK))
    told = "".join(f"{_MARK}{line}\n" for line in ["Refused:", *reasons.splitlines()])
    return told + body


def _kept(name: str, text: str) -> str:
    """Where the text is now."""
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"edgelb-{name}-", suffix=".yaml", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    return f"what you typed is in {file.name}"
