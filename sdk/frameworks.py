"""frameworks.json: which frameworks a process runs, with which plugin, and how Marathon launches that process.

Knows the file's form and its rules; every complaint names the field path. Does not know what a plugin does with its
`options`.
"""

import importlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sdk.codecs import from_json, to_json
from sdk.errors import CorruptRecord, EnvironmentProblem, InvalidSpec
from sdk.model.roles import is_role
from sdk.strict_json import unique

WEEK = 7 * 24 * 3600.0


class Capability(StrEnum):
    """Framework capabilities that the SDK can live with; the four of the default are the ones it is written for."""

    PARTITION_AWARE = "PARTITION_AWARE"
    MULTI_ROLE = "MULTI_ROLE"
    RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT"
    TASK_KILLING_STATE = "TASK_KILLING_STATE"
    GPU_RESOURCES = "GPU_RESOURCES"
    REGION_AWARE = "REGION_AWARE"


_NEEDED = (
    Capability.PARTITION_AWARE,
    Capability.MULTI_ROLE,
    Capability.RESERVATION_REFINEMENT,
    Capability.TASK_KILLING_STATE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonPort:
    """A port that Marathon assigns to the process; its number arrives as `$PORT<n>` and `$PORT_<NAME>`."""

    name: str
    environment: Mapping[str, str]
    """Variables that the process gets from it; in their values `{port}` and `{host}` are filled in."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonHealthCheck:
    """An HTTP health check: Mesos runs the first one on the agent, Marathon the others."""

    path: str
    port: str
    """Name of one of the app's ports."""
    grace: int = 60
    interval: int = 10
    timeout: int = 10
    max_failures: int = 3
    tls: bool = False
    """Whether that port speaks TLS; certificates are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonApp:
    """The Marathon app that launches the process which runs this framework."""

    id: str
    command: str
    instances: int = 1
    cpus: float = 0.5
    mem: int = 512
    disk: int = 128
    ports: tuple[MarathonPort, ...] = ()
    health_checks: tuple[MarathonHealthCheck, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[tuple[str, ...], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkConfig:
    """One framework. `plugin` is `module:Class`; `zk_root` None means the process's own root."""

    name: str
    plugin: str
    roles: tuple[str, ...]
    principal: str | None = None
    user: str = "root"
    failover_timeout: float = 2 * WEEK
    """Seconds that Mesos keeps the tasks of a framework that is away; 0 would end them all at every reconnection."""
    capabilities: tuple[Capability, ...] = _NEEDED
    min_allocatable: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By role: how much of each kind of resource an agent has to have left for an offer of it. An empty object asks for
    offers of the smallest rests, too. A role that is not named gets what the master's flag says."""
    checkpoint: bool = True
    guarded: bool = True
    """Whether changes over HTTP need the scheduler's secret. False only where everybody who reaches the port may."""
    webui_url: str | None = None
    """None: the address at which the process says it can be reached."""
    zk_root: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    """For the plugin."""
    marathon: MarathonApp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    frameworks: tuple[FrameworkConfig, ...]


_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
# Mesos: a role is not ".", "..", "*", does not begin with "-", has no white space or backspace; "/" makes it a child.
_PLUGIN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def load_frameworks(path: Path) -> tuple[FrameworkConfig, ...]:
    """The frameworks in the file. Raises EnvironmentProblem when it cannot be read, InvalidSpec with the field path."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentProblem(f"{path} cannot be read: {error}; name another file with --frameworks") from error
    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise InvalidSpec(str(path), f"is not JSON: {error}") from error
    return parse_frameworks(value)


def parse_frameworks(value: object) -> tuple[FrameworkConfig, ...]:
    """The frameworks in the parsed JSON; raises InvalidSpec with the field path of the first broken rule."""
    try:
        parsed = from_json(_File, value, "")
    except CorruptRecord as error:
        raise InvalidSpec(error.path.removeprefix(".") or "frameworks.json", str(error).partition(": ")[2]) from error
    for path in _unknown(value, to_json(parsed), ""):
        raise InvalidSpec(path.removeprefix("."), "is not a known field")
    seen: set[str] = set()
    for index, framework in enumerate(parsed.frameworks):
        _check(framework, f"frameworks[{index}]")
        if framework.name in seen:
            raise InvalidSpec(f"frameworks[{index}].name", f"{framework.name!r} stands twice; names must differ")
        seen.add(framework.name)
    if not parsed.frameworks:
        raise InvalidSpec("frameworks", "must hold at least one framework")
    return parsed.frameworks


def load_plugin(framework: FrameworkConfig) -> type[Any]:
    """The class that `plugin` names; raises InvalidSpec when there is none."""
    module_name, _, class_name = framework.plugin.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise InvalidSpec(f"{framework.name}.plugin", f"{framework.plugin!r} cannot be loaded: {error}") from error
    if not isinstance(found, type):
        raise InvalidSpec(f"{framework.name}.plugin", f"{framework.plugin!r} is not a class")
    return found


def select(frameworks: Sequence[FrameworkConfig], names: Sequence[str]) -> tuple[FrameworkConfig, ...]:
    """Those of the given names in that order, all when no name is given; raises InvalidSpec for an unknown one."""
    if not names:
        return tuple(frameworks)
    known = {framework.name: framework for framework in frameworks}
    for name in names:
        if name not in known:
            raise InvalidSpec("framework", f"{name!r} is not in the file; it has {', '.join(sorted(known))}")
    return tuple(known[name] for name in dict.fromkeys(names))


def _unknown(given: object, known: object, path: str) -> Iterator[str]:
    """Paths of object fields in `given` that the parsed value did not keep."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key in known:
                yield from _unknown(value, known[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(known, list):
        for index, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from _unknown(one, other, f"{path}[{index}]")


def _check(framework: FrameworkConfig, path: str) -> None:
    if not _NAME.fullmatch(framework.name):
        raise InvalidSpec(f"{path}.name", f"{framework.name!r} must match ^{_NAME.pattern}$")
    if not _PLUGIN.fullmatch(framework.plugin):
        raise InvalidSpec(f"{path}.plugin", f"{framework.plugin!r} must have the form module:Class")
    if not framework.roles:
        raise InvalidSpec(f"{path}.roles", "must name at least one role")
    for index, role in enumerate(framework.roles):
        if role == "*" or not is_role(role):
            raise InvalidSpec(f"{path}.roles[{index}]", f"{role!r} is not a role that Mesos accepts")
    if len(set(framework.roles)) != len(framework.roles):
        raise InvalidSpec(f"{path}.roles", "must not name a role twice")
    if framework.failover_timeout <= 0:
        raise InvalidSpec(
            f"{path}.failover_timeout", "must be above 0: with 0 Mesos ends all tasks when the scheduler restarts"
        )
    for needed in _NEEDED:
        if needed not in framework.capabilities:
            raise InvalidSpec(f"{path}.capabilities", f"must include {needed}: the SDK relies on it")
    _check_min_allocatable(framework, f"{path}.min_allocatable")
    if framework.zk_root is not None and not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", framework.zk_root):
        raise InvalidSpec(f"{path}.zk_root", f"{framework.zk_root!r} must be an absolute ZooKeeper path such as /name")
    if framework.marathon is not None:
        _check_marathon(framework.marathon, f"{path}.marathon")


def _check_min_allocatable(framework: FrameworkConfig, path: str) -> None:
    for role, least in framework.min_allocatable.items():
        if role not in framework.roles:
            raise InvalidSpec(f"{path}.{role}", f"is none of the framework's roles, {', '.join(framework.roles)}")
        for name, amount in least.items():
            if not name or amount < 0:
                raise InvalidSpec(f"{path}.{role}.{name}", f"is {amount}, has to be 0 or more of a kind of resource")


def _check_marathon(app: MarathonApp, path: str) -> None:
    if not re.fullmatch(r"(/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)+", app.id):
        raise InvalidSpec(f"{path}.id", f"{app.id!r} must be an absolute Marathon app id such as /group/app")
    if app.instances < 0 or app.cpus <= 0 or app.mem <= 0 or app.disk < 0:
        raise InvalidSpec(path, "instances and disk must not be negative, cpus and mem must be positive")
    names = [port.name for port in app.ports]
    if len(set(names)) != len(names):
        raise InvalidSpec(f"{path}.ports", "must not name a port twice")
    for index, port in enumerate(app.ports):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", port.name):
            raise InvalidSpec(f"{path}.ports[{index}].name", f"{port.name!r} must match ^[a-z][a-z0-9-]*$")
        _check_environment(port.environment, f"{path}.ports[{index}].environment")
    if not app.command.strip():
        raise InvalidSpec(f"{path}.command", "must not be empty")
    for index, check in enumerate(app.health_checks):
        if check.port not in names:
            raise InvalidSpec(f"{path}.health_checks[{index}].port", f"{check.port!r} is not one of {', '.join(names)}")
        if not check.path.startswith("/"):
            raise InvalidSpec(f"{path}.health_checks[{index}].path", f"{check.path!r} must begin with /")
    _check_environment(app.environment, f"{path}.environment")


def _check_environment(variables: Mapping[str, str], path: str) -> None:
    for name, value in variables.items():
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            raise InvalidSpec(f"{path}.{name}", "is not the name of a variable")
        # They stand in a shell command, in double quotes.
        if not re.fullmatch(r"([A-Za-z0-9_.,:/@-]|\{port\}|\{host\})*", value):
            rule = "may hold letters, digits, any of _.,:/@- and the placeholders {port} and {host}"
            raise InvalidSpec(f"{path}.{name}", f"{value!r} {rule}")
