"""A framework of work that ends: parts that are done in parallel, each once, and a total when all of them are.

Options in frameworks.json: `parts`, how many there are. GET `/v1/progress` tells how many are done. Beside them the
plan `report` runs whenever an operator starts it, with a title of his.
"""

from collections.abc import Sequence

from flask import Blueprint, Response, jsonify

from sdk.errors import InvalidSpec
from sdk.http.errors import HttpError
from sdk.http.openapi import described
from sdk.model.plans import PhaseSpec, PlanSpec
from sdk.model.resources import milli
from sdk.model.spec import CommandSpec, Goal, PodSpec, ServiceSpec, TaskSpec
from sdk.model.status import TaskState
from sdk.plugin import Host, Plugin, Targets

MOST = 100
_WORK = 'echo "part $POD_INSTANCE_INDEX of {parts}"; sleep 1'
_TOTAL = 'echo "all {parts} parts are done"'
_REPORT = 'echo "${TITLE:-report} $PLAN_RUN"'
_PROGRESS = {"type": "object", "required": ["done", "parts"]}


def pod(name: str, role: str, count: int, command: str) -> PodSpec:
    """`count` tasks that run to their end, and are not run again until their specification changes."""
    task = TaskSpec(name="work", cpus=milli(0.1), mem=milli(32), goal=Goal.FINISHED, command=CommandSpec(value=command))
    return PodSpec(name=name, count=count, tasks=(task,), role=role)


def parts(role: str, count: int) -> ServiceSpec:
    """The parts, and the report, which runs only when its plan is started."""
    plan = PlanSpec(name="report", phases=(PhaseSpec(name="report", pod="report"),), parameters=("TITLE",))
    pods = (pod("part", role, count, _WORK.format(parts=count)), pod("report", role, 1, _REPORT))
    return ServiceSpec(name="parts", pods=pods, plans=(plan,))


def total(role: str, count: int) -> ServiceSpec:
    """What comes after the parts."""
    return ServiceSpec(name="total", pods=(pod("total", role, 1, _TOTAL.format(parts=count)),))


class Batch(Plugin):
    """The plugin. What is done stands in the records that the SDK keeps: there is nothing to be stored here."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._targets: Targets | None = None

    def start(self, host: Host) -> None:
        """Get ready."""
        _count(host)
        self._host = host

    def took_charge(self, targets: Targets) -> None:
        """Publish the parts, and the total if they are done; `keep` is what another process may have published."""
        host = self._required()
        targets.publish_all({"parts": parts(host.settings.framework.roles[0], _count(host))}, keep=["total"])
        self._targets = targets
        self.on_change()

    def on_change(self) -> None:
        """After each change of anything: publish the total once all parts are done."""
        host, targets = self._required(), self._targets
        if targets is None or self.done() < _count(host):
            return
        self._targets = None
        targets.publish(total(host.settings.framework.roles[0], _count(host)))

    def blueprints(self, host: Host) -> Sequence[Blueprint]:
        """GET `/v1/progress`."""
        self._host = host
        routes = Blueprint(f"batch-{host.settings.framework.name}", __name__)

        @routes.get("/v1/progress")
        @described("How many parts are done.", _PROGRESS)
        def progress() -> Response:
            if not host.leading:
                raise HttpError(503, "another process is in charge; GET /v1/state tells which")
            return jsonify({"done": self.done(), "parts": _count(host)})

        return [routes]

    def done(self) -> int:
        """How many parts are."""
        records = [record for record in self._required().records("parts") if record.pod == "part"]
        return sum(any(task.status.state is TaskState.FINISHED for task in record.tasks) for record in records)

    def _required(self) -> Host:
        if self._host is None:
            raise RuntimeError("the plugin was not started")
        return self._host


def _count(host: Host) -> int:
    """Of parts, from the options; raises InvalidSpec."""
    count = host.settings.framework.options.get("parts", 3)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise InvalidSpec("options.parts", f"{count!r} must be a whole number from 1 to {MOST}")
    return count
