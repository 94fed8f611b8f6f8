"""`edgelb marathon-app`: the Marathon app definition that launches a framework's process."""

from pathlib import Path

import click

from api.cli import settings
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data_json, talk
from sdk.errors import SdkError


@click.command("marathon-app")
@settings.zk
@settings.zk_root
@settings.mesos
@settings.frameworks
@click.option(
    "--name", "--framework", "framework", envvar="EDGELB_FRAMEWORK", default="edgelb", show_default=True,
    show_envvar=True, help="Which framework of the file.",
)  # fmt: skip
@click.option(
    "--executable",
    default="edgelb",
    show_default=True,
    help="The command as agents find it: on their PATH, or its whole path in a venv or image.",
)
def marathon_app(zk: str, zk_root: str, mesos: str, frameworks: Path | None, framework: str, executable: str) -> None:
    """Print the Marathon app that launches a framework's process, made from frameworks.json.

    POST it to Marathon's /v2/apps. With --frameworks the same path is used on the agents.
    """
    from scheduler.config import default_frameworks
    from scheduler.marathon import MarathonSettings, app_definition
    from sdk.frameworks import load_frameworks, select

    on_agents = str(frameworks.resolve()) if frameworks else None
    try:
        (chosen,) = select(load_frameworks(frameworks or default_frameworks()), (framework,))
        definition = app_definition(
            chosen,
            MarathonSettings(zk=zk, zk_root=zk_root, mesos=mesos, frameworks=on_agents, executable=executable),
        )
    except SdkError as error:
        raise Failure(str(error), Exit.USAGE) from error
    data_json(definition)
    for name, value in (("--zk", zk), ("--mesos", mesos)):
        if value.startswith(("127.", "localhost")):
            talk(f"Note: {name} is {value}; agents will look for it on themselves")
