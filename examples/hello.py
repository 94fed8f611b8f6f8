"""A framework of one kind of task: the smallest plugin, and the proof that the SDK knows nothing of what it runs.

Options in frameworks.json: `count`, `command`, `cpus`, `mem`, `task` (its name), `ports` (name -> number, 0 = any),
`labels` (of the task), `constraints` (Marathon's triples), `kill_grace`. In the command `{python}` stands for the
interpreter that runs the scheduler, for examples whose agents are on the same machine.

PUT `/v1/count` with `{"count": 3}` (as JSON, and with the scheduler's secret unless frameworks.json says
`"guarded": false`) changes the number of tasks; the number is kept in ZooKeeper, where every process that
runs this framework sees it.
"""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from flask import Blueprint, Response, jsonify, request

from sdk.codecs import from_json
from sdk.errors import CorruptRecord, InvalidSpec, StorageUnavailable
from sdk.http.errors import HttpError
from sdk.model.resources import milli
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, RecoveryPolicy, ServiceSpec, TaskSpec
from sdk.plugin import Host, Targets
from sdk.storage.connection import Handle, decode_json, encode_json

_log = structlog.get_logger()

_MAX_COUNT = 1000


def command_line(template: str, python: str) -> str:
    """The shell's command with `{python}` replaced by an interpreter, whose path may have spaces."""
    return template.replace("{python}", shlex.quote(python))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """See the module."""

    count: int = 1
    command: str = 'echo "hello from $TASK_NAME"; exec sleep 100000'
    cpus: float = 0.1
    mem: int = 32
    task: str = "hello"
    ports: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[tuple[str, ...], ...] = ()
    kill_grace: float = 5.0


def parse_options(given: Mapping[str, object]) -> Options:
    """The options in frameworks.json; raises InvalidSpec with the field path."""
    known = Options.__dataclass_fields__
    for name in given:
        if name not in known:
            raise InvalidSpec(f"options.{name}", f"is not an option; there are {', '.join(known)}")
    try:
        options = from_json(Options, dict(given), "options")
    except CorruptRecord as error:
        raise InvalidSpec(error.path, str(error).partition(": ")[2]) from error
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", options.task):
        raise InvalidSpec("options.task", f"{options.task!r} may hold lower case letters, digits and dashes only")
    if options.cpus <= 0 or options.mem <= 0:
        raise InvalidSpec("options", "cpus and mem must be positive")
    _check_count("options.count", options.count)
    return options


class Hello:
    """The plugin."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._options = Options()
        self._count_path = ""
        self._watch: Handle | None = None

    def start(self, host: Host) -> None:
        """Get ready."""
        self._prepare(host)

    def took_charge(self, targets: Targets) -> None:
        """Publish the stored count, read anew, and again at each of its changes."""
        assert self._host is not None
        self.stop()
        self._watch = self._host.zookeeper.watch_data(self._count_path, partial(self._on_count, targets))

    def stop(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()

    def blueprints(self, host: Host) -> Sequence[Blueprint]:
        """GET and PUT `/v1/count`."""
        self._prepare(host)
        routes = Blueprint(f"hello-{host.settings.framework.name}", __name__)

        @routes.get("/v1/count")
        def get_count() -> Response:
            try:
                found = host.zookeeper.get(self._count_path)
            except StorageUnavailable as error:
                raise HttpError(503, str(error)) from error
            return jsonify({"count": self._parse_count(found)})

        @routes.put("/v1/count")
        def put_count() -> Response:
            body = request.get_json(silent=True)
            count = body.get("count") if isinstance(body, dict) else None
            try:
                _check_count("count", count)
                host.zookeeper.put(self._count_path, encode_json({"count": count}))
            except InvalidSpec as error:
                raise HttpError(400, str(error)) from error
            except StorageUnavailable as error:
                raise HttpError(503, str(error)) from error
            return jsonify({"count": count})

        return [routes]

    def on_change(self) -> None:
        """Nothing depends on what runs."""

    def uninstalled(self) -> None:
        """Forget the stored count."""
        if self._host is not None:
            self._host.zookeeper.delete(self._count_path.rpartition("/")[0], recursive=True)

    def service(self, count: int) -> ServiceSpec:
        """The service with `count` tasks."""
        options = self._options
        assert self._host is not None
        settings = self._host.settings
        task = TaskSpec(
            name=options.task,
            cpus=milli(options.cpus),
            mem=milli(options.mem),
            ports=tuple(PortSpec(name=name, number=number) for name, number in sorted(options.ports.items())),
            labels=tuple(sorted(options.labels.items())),
            command=CommandSpec(value=command_line(options.command, sys.executable)),
            kill_grace=options.kill_grace,
        )
        pod = PodSpec(
            name=settings.framework.name,
            count=count,
            tasks=(task,),
            role=settings.framework.roles[0],
            constraints=options.constraints,
            recovery=RecoveryPolicy(replace_after=settings.replace_after),
        )
        return ServiceSpec(name=settings.framework.name, pods=(pod,))

    def _prepare(self, host: Host) -> None:
        self._host = host
        self._options = parse_options(host.settings.framework.options)
        self._count_path = f"{host.settings.zk_root}/wishes/{host.settings.framework.name}/count"

    def _on_count(self, targets: Targets, found: tuple[bytes, int] | None) -> None:
        assert self._host is not None
        name = self._host.settings.framework.name
        try:
            count = self._parse_count(found)
        except CorruptRecord as error:
            self._host.report({name: str(error)})
            return
        self._host.report({})
        targets.publish_all({name: self.service(count)})

    def _parse_count(self, found: tuple[bytes, int] | None) -> int:
        if found is None:
            return self._options.count
        value: Any = decode_json(self._count_path, found[0])
        count = value.get("count") if isinstance(value, dict) else None
        try:
            _check_count("count", count)
        except InvalidSpec as error:
            raise CorruptRecord(self._count_path, str(error)) from error
        assert isinstance(count, int)
        return count


def _check_count(path: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MAX_COUNT:
        raise InvalidSpec(path, f"{count!r} must be a whole number from 0 to {_MAX_COUNT}")
