"""docs/reference/cli.md and settings.md against the commands themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from api.auto_pools.balancer_groups import EXTERNAL
from api.auto_pools.making.auto_pool import GRACE
from api.cli import settings
from api.cli.main import cli
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.selecting.selection import Rules
from api.mesos_listener.marathon import DEFAULT_FRAMEWORKS
from tests.support.cli_page import PAGE, render

SETTINGS = (Path(__file__).parents[3] / "docs" / "reference" / "settings.md").read_text()


def test_the_page_is_what_help_says() -> None:
    """`python -m tests.support.cli_page` writes it anew."""
    assert PAGE.read_text() == render()


def options(command: click.Command) -> Iterator[click.Option]:
    """The options of a command and of those below it."""
    yield from (one for one in command.params if isinstance(one, click.Option))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options(found)


def test_every_environment_variable_of_an_option_is_in_the_settings() -> None:
    """With an option of the name under which the commands know it; and no other variable is listed."""
    known: dict[str, set[str]] = {}
    for option in options(cli):
        if isinstance(option.envvar, str):
            known.setdefault(option.envvar, set()).update(one for one in option.opts if one.startswith("--"))
    listed = dict(re.findall(r"^\| `(EDGELB_\w+)` \| ([^|]+) \|", SETTINGS, re.MULTILINE))
    assert set(listed) == set(known)
    for variable, cell in listed.items():
        shown = set(re.findall(r"(--[a-z-]+)", cell))
        assert shown <= known[variable], variable


def test_the_defaults_in_the_settings_are_those_of_the_options() -> None:
    """Where the default is a plain value."""
    defaults = dict(re.findall(r"^\| `(EDGELB_\w+)` \| [^|]+ \| `([^`|]+)` \|", SETTINGS, re.MULTILINE))
    assert len(defaults) > 10
    for option in options(cli):
        if isinstance(option.envvar, str) and isinstance(option.default, str | int | float) and option.default:
            shown = f"{option.default:g}" if isinstance(option.default, float) else str(option.default)
            assert defaults[option.envvar] == shown, option.envvar


def test_the_defaults_that_are_written_out_for_the_options_are_those_of_the_processes() -> None:
    """The command line imports a process only when it is run."""
    rules = Rules()
    assert (
        rules.servers_per_task,
        rules.servers_per_backend,
        DEFAULT_FRAMEWORKS,
    ) == (settings.SERVERS_PER_TASK, settings.SERVERS_PER_BACKEND, settings.DEFAULT_FRAMEWORKS)
    assert settings.DEFAULT_HOLD_PERCENT == DEFAULT_PERCENT
    assert settings.AUTO_POOLS_GRACE == GRACE
    assert settings.MARATHON_LB_GROUP == EXTERNAL
