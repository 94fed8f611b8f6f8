"""The Marathon app that launches a framework's process, made from frameworks.json and templates/marathon.

Marathon sets `$HOST`, `$PORT0`.. and `$PORT_<NAME>` per instance; the command turns them into our own settings. Any
number of instances may run: one is in charge, the others wait, so an upgrade may start the new one before the old one
ends, and no label says that there must be only one.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any

import jinja2

from sdk.errors import InvalidSpec
from sdk.frameworks import FrameworkConfig, MarathonApp, MarathonPort

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("templates", "marathon"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - JSON, every value goes through tojson
)
# Jinja's own tojson escapes for HTML, which would make the shell command hard to read.
_environment.filters["tojson"] = lambda value: json.dumps(value, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonSettings:
    """What the launched process has to know beside its ports."""

    zk: str
    zk_root: str
    mesos: str
    frameworks: str | None = None
    """Path of another frameworks.json on the agents; None: the packaged one."""
    executable: str = "edgelb"
    """The command as agents find it: on PATH, or the whole path of it in a venv or image."""


def app_definition(framework: FrameworkConfig, settings: MarathonSettings) -> dict[str, Any]:
    """The app as Marathon's API takes it. Raises InvalidSpec when frameworks.json has no `marathon` for it."""
    app = framework.marathon
    if app is None:
        raise InvalidSpec(f"{framework.name}.marathon", "is missing: frameworks.json does not say how to launch it")
    indexes = {port.name: index for index, port in enumerate(app.ports)}
    text = _environment.get_template("app.json.j2").render(
        app=app,
        cmd=command(app, settings.executable),
        env=environment(app, settings),
        health_checks=[
            {
                # Marathon refuses an app with more than one check that Mesos runs ("AppDefinition can contain at most
                # one Mesos health check"); it runs the others itself.
                "protocol": f"{'' if index else 'MESOS_'}HTTP{'S' if check.tls else ''}",
                "path": check.path,
                "port_index": indexes[check.port],
                "grace": check.grace,
                "interval": check.interval,
                "timeout": check.timeout,
                "max_failures": check.max_failures,
            }
            for index, check in enumerate(app.health_checks)
        ],
    )
    definition: dict[str, Any] = json.loads(text)
    return definition


def command(app: MarathonApp, executable: str) -> str:
    """The shell command: ports into our variables, then the process itself in the shell's place."""
    first, *rest = shlex.split(app.command)
    words = [executable if first == "edgelb" else first, *rest]
    settings = [
        f'{name}="{value.format(port=f"$PORT_{_key(port)}", host="$HOST")}"'
        for port in app.ports
        for name, value in sorted(port.environment.items())
    ]
    return " ".join([*(["export", *settings, "&&"] if settings else []), "exec", shlex.join(words)])


def environment(app: MarathonApp, settings: MarathonSettings) -> dict[str, str]:
    """Variables that are the same for all instances."""
    return {
        "EDGELB_ZK": settings.zk,
        "EDGELB_ZK_ROOT": settings.zk_root,
        "EDGELB_MESOS": settings.mesos,
        "EDGELB_LOG_FORMAT": "json",
        **({"EDGELB_FRAMEWORKS": settings.frameworks} if settings.frameworks else {}),
        **app.environment,
    }


def _key(port: MarathonPort) -> str:
    return port.name.upper().replace("-", "_")
