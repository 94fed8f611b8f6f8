"""`edgelb pool-template`: what the pools look like that are made of the labels of applications."""

import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from api.auto_pools.claim import DEFAULT_TEMPLATE
from api.cli import settings, values
from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk
from api.cli.text_file import name_of, read_text
from api.client.client import ApiClient
from api.client.pool_templates import PoolTemplateClient
from sdk.errors import InvalidSpec

_WIDTH = 80
#: A pool template of which nothing has to be mended.
_WELL = frozenset({"OK", "NO_TASKS"})
_LOOK_EVERY = 0.5

_json = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")


@click.group("pool-template")
def pool_template() -> None:
    """Change what the pools look like that are made of the labels of applications.

    Of each pool template one pool is made, auto-NAME, as soon as an application asks for something under it.
    """


@pool_template.command("list")
@_json
@client_command
def list_templates(client: ApiClient, as_json: bool) -> None:
    """List all pool templates."""
    found, warnings = PoolTemplateClient(client).all()
    if as_json:
        data_json(found)
    else:
        data(table(("NAME",), [(str(one["name"]),) for one in found]))
    _warn(warnings)


@pool_template.command()
@click.argument("name", metavar="NAME")
@_json
@client_command
def create(client: ApiClient, name: str, as_json: bool) -> None:
    """Make a pool template; until it is updated it is like the default one."""
    made = PoolTemplateClient(client).create(name)
    if as_json:
        data_json(made)
    else:
        data(f"Successfully created {name}. {_where(name)}")


@pool_template.command()
@click.argument("name", metavar="NAME")
@client_command
def delete(client: ApiClient, name: str) -> None:
    """Delete a pool template, and with it the pool that was made under it."""
    PoolTemplateClient(client).delete(name)
    data(f'Successfully deleted {name}. Check "edgelb status auto-{name}" for the removal of its pool.')


@pool_template.command()
@click.argument("name", metavar="NAME")
@client_command
def show(client: ApiClient, name: str) -> None:
    """Print the text of a pool template; the default one tells what can be changed."""
    data(PoolTemplateClient(client).text(name).rstrip("\n"))


@pool_template.command()
@click.argument("name", metavar="NAME")
@click.argument("template_file", metavar="TEMPLATE-FILE")
@click.option("--dry-run", is_flag=True, help="Only say what would be refused, and which applications would lose what.")
@client_command
def update(client: ApiClient, name: str, template_file: str, dry_run: bool) -> None:
    """Replace the text of a pool template (- for stdin), and print it as it is stored.

    It is tried with the tasks that run: it is refused when none of them could be served by it, and warnings say what
    single applications would lose.
    """
    stored, warnings = PoolTemplateClient(client).set_text(name, read_text(template_file), rehearse=dry_run)
    data(stored.rstrip("\n"))
    _warn(warnings)


@pool_template.command()
@click.argument("name", metavar="NAME")
@client_command
def reset(client: ApiClient, name: str) -> None:
    """Let a pool template have the default text again."""
    PoolTemplateClient(client).reset(name)
    data(f"Successfully reset Pool Template {name}. {_where(name)}")


@pool_template.command()
@click.argument("template_file", metavar="TEMPLATE-FILE")
@click.option(
    "--tasks", "tasks_file", metavar="FILE", required=True, help="What GET /state of a Mesos master answers, or a list."
)
@click.option("--name", default=DEFAULT_TEMPLATE, show_default=True, help="What the pool template is called.")
@settings.marathon_lb_groups
@click.option("--json", "as_json", is_flag=True, help="Print pool and statuses as one object.")
def render(template_file: str, tasks_file: str, name: str, marathon_lb_groups: str, as_json: bool) -> None:
    """Print the pool that a template (- for stdin) makes of some tasks, without any server.

    Tasks come as a master tells them, or as a list such as [{"id": "a", "labels": {"edgelb.expose": "true"}}]; of such
    a task `frameworkId`, `frameworkName`, `name`, `role` and `ports` may be given, too.
    """
    from api.auto_pools.balancer_groups import BalancerGroups
    from api.auto_pools.dialects import Dialects
    from api.auto_pools.templates.interpreter import Interpreter
    from api.auto_pools.templates.offline import outcome
    from api.auto_pools.templates.stored_template import StoredTemplate, name_problem
    from api.auto_pools.templates.task_file import NoTasks, read_tasks
    from scheduler.pools.model import Revision
    from scheduler.pools.output import output_pool

    if rule := name_problem(name):
        raise click.UsageError(f"--name: {name} invalid: {rule}")
    template = StoredTemplate(name, Revision("", 1), read_text(template_file))
    try:
        tasks = read_tasks(read_text(tasks_file))
    except NoTasks as error:
        raise Failure(f"{name_of(tasks_file)}: {error}", Exit.USAGE) from error
    interpreter = Interpreter()
    try:
        dialects = Dialects(BalancerGroups(frozenset(values.split(marathon_lb_groups))))
        found = outcome(interpreter, template, tasks, dialects)
    except InvalidSpec as error:
        raise Failure(str(error), Exit.REFUSED) from error
    finally:
        interpreter.stop()
    pool = None if found.pool is None else output_pool(found.pool)
    if as_json:
        statuses: dict[str, dict[str, Any]] = {}
        for key, one in found.statuses.items():
            told = {"status": one.status.value, "message": one.message, "uris": list(one.uris)}
            statuses.setdefault(key.framework_id, {})[key.id] = told
        data_json({"pool": pool, "statuses": statuses})
        return
    if pool is not None:
        data_json(pool)
    for key, one in sorted(found.statuses.items()):
        talk(f"{key.id}: {one.status.value}: {one.message}{''.join(f', {uri}' for uri in one.uris)}")
    if pool is None and found.statuses:
        talk(f"No pool: nothing of what tasks ask for under {name} can be had; what is above says why.")
    elif pool is None:
        talk(f"No pool: none of {len(tasks)} tasks asks for something under {name}.")


@pool_template.command()
@click.argument("name", metavar="NAME")
@_json
@click.option("--wait", is_flag=True, help="Wait until it has been looked at.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to --wait at most."
)
@client_command
def status(client: ApiClient, name: str, as_json: bool, wait: bool, timeout: float) -> None:
    """Show what became of a pool template, and of each task that asks for something under it."""
    templates, until = PoolTemplateClient(client), time.monotonic() + timeout
    found = templates.status(name)
    while wait and any(one.get("status") == "NEW" for one in found.values()):
        if time.monotonic() >= until:
            raise Failure(f"pool template {name} has not been looked at within {timeout:g} s", Exit.TIMEOUT)
        time.sleep(_LOOK_EVERY)
        found = templates.status(name)
    if as_json:
        data_json(found)
    else:
        data(table(("NAME", "STATUS", "MESSAGE"), [_row(pool, one) for pool, one in found.items()]))
        tasks = [row for one in found.values() for row in _task_rows(one)]
        if tasks:
            data("")
            data(table(("TASK ID", "STATUS", "MESSAGE", "URIS"), tasks))
    if any(one.get("status") not in _WELL for one in found.values()):
        raise SystemExit(Exit.UNHEALTHY)


def _row(name: str, told: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    return name, str(told.get("status", "")), textwrap.wrap(str(told.get("message", "")), _WIDTH)


def _task_rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], list[str]]]:
    for tasks in (told.get("statuses") or {}).values():
        for task, one in tasks.items():
            yield *_row(task, one), [str(uri) for uri in one.get("uris") or ()]


def _where(name: str) -> str:
    return f'Check "edgelb pool-template show {name}" or "edgelb pool-template status {name}" for deployment status'


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        talk(f"Warning: {warning}")
