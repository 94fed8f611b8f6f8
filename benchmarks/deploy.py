"""How much CPU it takes a scheduler of the SDK to launch many instances on as many agents.

The pure way is measured in this process, with Mesos' JSON at both ends: offers come in batches, what is accepted is
written as calls, and each task's updates are parsed, decided on and acknowledged until all run. Nothing is sent, and
what is to be stored is encoded only. Times are seconds of CPU.

    .venv/bin/python benchmarks/deploy.py [--pods 1000] [--agents 1000] [--json] [--check] [--quick]
"""

import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Bar, Report, parser, stoppable
from sdk import garbage
from sdk.codecs import encode
from sdk.core.decide import decide
from sdk.core.effects import Accept, Effect, StorePod
from sdk.core.events import Event, RolesAccepted, Subscribed, TargetChanged
from sdk.core.state import State
from sdk.mesos import wire
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.parse import scheduler_event
from sdk.model.ids import FrameworkId
from sdk.model.operations import Launch, TaskLaunch
from sdk.model.placement import MaxPer
from sdk.model.records import FrameworkRecord
from sdk.model.spec import CommandSpec, HealthCheckSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec

FRAMEWORK = FrameworkId("framework")
ROLE = "role"
BATCH = 100
"""Offers that come together."""
INFO = FrameworkInfo(name="framework", roles=(ROLE,), framework_id=FRAMEWORK)
STATES = (("TASK_STARTING", None), ("TASK_RUNNING", None), ("TASK_RUNNING", True))


def service(number: int, count: int) -> ServiceSpec:
    """Instances of one task with a port and a health check, at most five in a rack."""
    task = TaskSpec(
        name="server",
        cpus=500,
        mem=64_000,
        ports=(PortSpec(name="http"),),
        command=CommandSpec(value="exec serve"),
        health_check=HealthCheckSpec(tcp=True, port="http"),
    )
    pod = PodSpec(
        name="app",
        count=count,
        role=ROLE,
        tasks=(task,),
        constraints=(("hostname", "UNIQUE"),),
        placement=(MaxPer(field="rack", count=5),),
    )
    return ServiceSpec(name=f"service{number}", pods=(pod,))


def offer(number: int) -> dict[str, Any]:
    """As Mesos writes it."""
    scalars = [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": ROLE}}
        for name, value in (("cpus", 4.0), ("mem", 8192.0), ("disk", 65536.0))
    ]
    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 32000}]}}
    return {
        "id": {"value": f"o{number}"},
        "framework_id": {"value": FRAMEWORK},
        "agent_id": {"value": f"s{number}"},
        "hostname": f"host{number}",
        "allocation_info": {"role": ROLE},
        "attributes": [{"name": "rack", "type": "TEXT", "text": {"value": f"r{number % 50}"}}],
        "resources": [*scalars, ports | {"allocation_info": {"role": ROLE}}],
    }


def update(task: TaskLaunch, state: str, healthy: bool | None) -> str:
    """A status as Mesos writes it."""
    status = {
        "task_id": {"value": task.task_id},
        "agent_id": {"value": task.agent_id},
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "timestamp": 1_000_000.0,
        "uuid": "AAAAAAAAAAAAAAAAAAAAAA==",
    } | ({} if healthy is None else {"healthy": healthy})
    return json.dumps({"type": "UPDATE", "update": {"status": status}})


class Deployment:
    """A scheduler, and what it launched."""

    def __init__(self) -> None:
        self.state = State.initial(FrameworkRecord(name="framework"))
        self.launched: list[TaskLaunch] = []
        self.stored = 0
        self._now = 1000.0
        self._ids = map("id{}".format, itertools.count()).__next__

    def give(self, event: Event) -> None:
        """Decide, and write down what follows."""
        self._now += 0.001
        self.state, effects = decide(self.state, event, self._now, self._ids)
        for effect in effects:
            self._write(effect)

    def hear(self, line: str) -> None:
        """An event of Mesos."""
        event = scheduler_event(json.loads(line))
        assert event is not None
        self.give(event)

    def _write(self, effect: Effect) -> None:
        if isinstance(effect, StorePod):
            self.stored += len(encode(effect.record))
        elif isinstance(effect, Accept):
            json.dumps(wire.call(effect, INFO))
            launches = (operation for operation in effect.operations if isinstance(operation, Launch))
            self.launched.extend(task for launch in launches for task in launch.tasks)


def lines(agents: int) -> Iterator[str]:
    """The offers of all agents, some at a time."""
    for begin in range(0, agents, BATCH):
        batch = [offer(number) for number in range(begin, min(begin + BATCH, agents))]
        yield json.dumps({"type": "OFFERS", "offers": {"offers": batch}})


def main() -> int:
    """Launch all of them."""
    made = parser(__doc__)
    made.add_argument("--pods", type=int, help="instances (1000)")
    made.add_argument("--agents", type=int, help="agents (1000)")
    given = made.parse_args()
    stoppable()
    garbage.look_rarely()
    pods, agents = given.pods or (100 if given.quick else 1000), given.agents or (100 if given.quick else 1000)
    offered = list(lines(agents))
    gc.freeze()
    deployment = Deployment()
    begin = time.process_time()
    deployment.give(Subscribed(framework_id=FRAMEWORK, master="master:5050", roles=(ROLE,)))
    deployment.give(RolesAccepted(roles=(ROLE,)))
    each = 50
    for number in range(0, pods, each):
        spec = service(number // each, min(each, pods - number))
        deployment.give(TargetChanged(service=spec.name, spec=spec))
    targets = time.process_time() - begin
    for line in offered:
        deployment.hear(line)
    placed = time.process_time() - begin
    assert len(deployment.launched) == pods, f"{len(deployment.launched)} of {pods} were launched"
    for state, healthy in STATES:
        for task in deployment.launched:
            deployment.hear(update(task, state, healthy))
    whole = time.process_time() - begin
    assert all(record.ready_since is not None for record in deployment.state.pods.values())
    report = Report(name="deploy")
    report.figures = {
        "instances": pods,
        "agents": agents,
        "targets taken (s)": targets,
        "launched (s)": placed - targets,
        "all run and are healthy (s)": whole - placed,
        "an instance (ms)": whole / pods * 1000,
        "stored meanwhile (MB)": deployment.stored / 1e6,
    }
    shown = None if given.quick or given.pods or given.agents else whole
    report.bars = [Bar(name="from nothing until all run (s)", value=shown, limit=30.0)]
    return report.finish(given)


if __name__ == "__main__":
    raise SystemExit(main())
