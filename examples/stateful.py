"""A framework that keeps data: each instance has a volume of its own, and an operator looks at each change first.

Every launch writes a line into the instance's volume and serves it over HTTP, to its own machine only. Options in
frameworks.json: `count`. PUT `/v1/line` with `{"line": "hello again"}` changes what is written, which relaunches the
instances, a canary first.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sdk.errors import CorruptRecord, InvalidSpec, StorageUnavailable
from sdk.http.errors import HttpError
from sdk.model.resources import milli
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec, UpdateStrategy
from sdk.model.volumes import VolumeSpec
from sdk.plugin import Host, Plugin, Targets
from sdk.storage.connection import Handle, decode_json, encode_json

FIRST = "hello"
_SERVE = 'echo "$LINE" >> data/lines; exec python3 -m http.server "$PORT_HTTP" --bind 127.0.0.1 --directory data'


def service(role: str, count: int, line: str) -> ServiceSpec:
    """`count` instances that write `line` when they are launched, and go on with the data of the launch before."""
    task = TaskSpec(
        name="server",
        cpus=milli(0.1),
        mem=milli(64),
        ports=(PortSpec(name="http"),),
        volumes=(VolumeSpec(name="data", path="data", size=milli(16), destroy=True),),
        environment={"LINE": line},
        command=CommandSpec(value=_SERVE),
    )
    pod = PodSpec(name="keeper", count=count, tasks=(task,), role=role, update=UpdateStrategy(canary=1))
    return ServiceSpec(name="keepers", pods=(pod,))


class Stateful(Plugin):
    """The plugin. The line stands in ZooKeeper, where every process that runs this framework sees it."""

    def __init__(self) -> None:
        self._watch: Handle | None = None

    def start(self, host: Host) -> None:
        """Get ready."""
        self._host = host
        self._path = f"{host.settings.zk_root}/wishes/{host.settings.framework.name}/line"
        self._count = _count(host.settings.framework.options.get("count", 2))

    def took_charge(self, targets: Targets) -> None:
        """Publish what is to be written, read anew, and again at each of its changes."""
        self.stop()
        self._watch = self._host.zookeeper.watch_data(self._path, partial(self._on_line, targets))

    def stop(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()

    def uninstalled(self) -> None:
        """Forget the line."""
        self._host.zookeeper.delete(self._path.rpartition("/")[0], recursive=True)

    def blueprints(self, host: Host) -> Sequence[Blueprint]:
        """PUT `/v1/line`."""
        self.start(host)
        routes = Blueprint(f"stateful-{host.settings.framework.name}", __name__)

        @routes.put("/v1/line")
        def put_line() -> Response:
            body = request.get_json(silent=True)
            try:
                line = _line("line", body.get("line") if isinstance(body, dict) else None)
                host.zookeeper.put(self._path, encode_json({"line": line}))
            except InvalidSpec as error:
                raise HttpError(400, str(error)) from error
            except StorageUnavailable as error:
                raise HttpError(503, str(error)) from error
            return jsonify({"line": line})

        return [routes]

    def _on_line(self, targets: Targets, found: tuple[bytes, int] | None) -> None:
        role = self._host.settings.framework.roles[0]
        try:
            value: Any = {"line": FIRST} if found is None else decode_json(self._path, found[0])
            line = _line(self._path, value.get("line") if isinstance(value, dict) else None)
        except (CorruptRecord, InvalidSpec) as error:
            self._host.report({"keepers": str(error)})
            return
        self._host.report({})
        targets.publish_all({"keepers": service(role, self._count, line)})


def _line(path: str, given: object) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"[ -~]{1,200}", given):
        raise InvalidSpec(path, f"{given!r:.80} must be up to 200 printable characters of ASCII")
    return given


def _count(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 100:
        raise InvalidSpec("options.count", f"{given!r} must be a whole number from 1 to 100")
    return given
