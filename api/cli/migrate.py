"""`edgelb migrate`: from what served applications before to what asks for the same here."""

from collections.abc import Iterator, Sequence

import click

from api.auto_pools.marathon_lb import Migration, migrate, read_apps
from api.cli import marathon_apps
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, table, talk


@click.group("migrate")
def migrate_command() -> None:
    """Move applications to auto pools."""


@migrate_command.command("marathon-lb")
@click.option("--marathon", metavar="URL", help="Marathon, whose applications are asked for.")
@click.option(
    "--apps",
    metavar="FILE",
    help="Instead of it: what Marathon answers at /v2/apps, one application, or a list of them; - for stdin.",
)
@click.option("--token", envvar="EDGELB_TOKEN", metavar="TOKEN", help="DC/OS token for Marathon.  [env: EDGELB_TOKEN]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all labels of each application together.")
def marathon_lb(marathon: str | None, apps: str | None, token: str | None, as_json: bool) -> None:
    """Print the labels that ask for what Marathon-LB does for each application.

    Nothing is changed. The labels can be added while Marathon-LB serves: both read labels of their own.
    """
    if (marathon is None) == (apps is None):
        raise Failure("give --marathon URL or --apps FILE", Exit.USAGE)
    document = marathon_apps.from_marathon(marathon, token) if marathon else marathon_apps.from_file(apps or "-")
    try:
        found = read_apps(document)
    except ValueError as error:
        raise Failure(f"{marathon or apps} {error}", Exit.USAGE) from error
    labels = {app.id: dict(app.labels) for app in found}
    migrations = [made for app in found if (made := migrate(app)) is not None]
    if as_json:
        data_json([{**_json(one), "all": {**labels[one.app], **one.labels}} for one in migrations])
        return
    if not migrations:
        talk("No application has labels of Marathon-LB (HAPROXY_GROUP).")
        return
    data(table(("APP", "LABEL", "VALUE"), list(_labels(migrations))))
    for header, said in (
        ("WHAT WILL DIFFER", [(one.app, one.differs) for one in migrations]),
        ("WHAT CANNOT BE CARRIED OVER", [(one.app, one.cannot) for one in migrations]),
    ):
        if rows := [(app, sentences) for app, sentences in said if sentences]:
            data("")
            data(table(("APP", header), rows))
    talk("Next: add the labels to the applications, look at edgelb endpoints auto-default, then change DNS")


def _labels(migrations: Sequence[Migration]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    for one in migrations:
        yield one.app, list(one.labels) or ["-"], [text or '""' for text in one.labels.values()] or ["-"]


def _json(one: Migration) -> dict[str, object]:
    return {"id": one.app, "labels": dict(one.labels), "differs": list(one.differs), "cannot": list(one.cannot)}
