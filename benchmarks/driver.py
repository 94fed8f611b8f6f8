"""How much CPU and memory a scheduler of the SDK spends on events, with many tasks running.

The pure path of an event is measured in this process: Mesos' JSON is parsed and decided on, nothing is stored or sent.
Then the same with what is stored in memory, and in a ZooKeeper server on this machine. Times are seconds of CPU, those
with ZooKeeper of the clock, too.

    .venv/bin/python benchmarks/driver.py [--json] [--check] [--quick]
"""

import gc
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deploy import offer as wire_offer
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.stored import Stored, parsed, zookeeper
from sdk import garbage
from sdk.core.decide import decide
from sdk.core.effects import Acknowledge, Effect, Reconcile
from sdk.core.events import Event, OffersReceived, RolesAccepted, StatusReceived, Subscribed, TargetChanged, Tick
from sdk.core.state import State
from sdk.mesos.parse import scheduler_event
from sdk.model.fingerprint import pod_config
from sdk.model.ids import AgentId, FrameworkId, ResourceId, TaskId
from sdk.model.records import FrameworkRecord, Holding, PodRecord, TaskRecord
from sdk.model.resources import Offer, Reservation, Resource
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.runner.together import together
from sdk.storage.memory_persister import MemoryPersister

FRAMEWORK = FrameworkId("framework")
ROLE = "role"
NOW = 1_000_000.0
PER_AGENT = 10
"""Tasks on one agent."""
WAITING = 100
"""Updates that wait at once, where they come faster than one by one could be decided on."""


class Scheduler:
    """A state that goes through events, and what each of them costs."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.now = NOW
        self._ids = map("id{}".format, itertools.count()).__next__

    def give(self, event: Event) -> tuple[Effect, ...]:
        """One event, a millisecond after the one before."""
        self.now += 0.001
        self.state, effects = decide(self.state, event, self.now, self._ids)
        return effects

    def cost(self, event: Event) -> float:
        """Seconds of CPU."""
        begin = time.process_time()
        self.give(event)
        return time.process_time() - begin


def service(name: str, count: int, command: str = "run") -> ServiceSpec:
    """Instances of one task."""
    task = TaskSpec(name="server", cpus=100, mem=32_000, command=CommandSpec(value=command))
    return ServiceSpec(name=name, pods=(PodSpec(name="app", count=count, role=ROLE, tasks=(task,)),))


def _reservation(resource_id: str) -> tuple[Resource, ...]:
    labels = (("resource_id", resource_id),)
    entry = Reservation(role=ROLE, dynamic=True, labels=labels)
    return (
        Resource(name="cpus", scalar=100, reservations=(entry,)),
        Resource(name="mem", scalar=32_000, reservations=(entry,)),
    )


def record(spec: ServiceSpec, index: int, number: int) -> PodRecord:
    """An instance that runs; `number` tells it from those of all services."""
    pod = spec.pods[0]
    config = pod_config(pod, spec)
    agent_id, hostname = AgentId(f"s{number // PER_AGENT}"), f"host{number // PER_AGENT}"
    task_id = TaskId(f"{spec.name}__app-{index}-server__{number}")
    task = TaskRecord(
        name="server",
        task_id=task_id,
        agent_id=agent_id,
        hostname=hostname,
        config=config,
        status=TaskStatus(task_id=task_id, state=TaskState.RUNNING, agent_id=agent_id),
        launched_at=NOW - 1000,
        changed_at=NOW - 999,
        confirmed=True,
    )
    resource_id = ResourceId(f"r{number}")
    holding = Holding(
        agent_id=agent_id,
        hostname=hostname,
        role=ROLE,
        resources=_reservation(resource_id),
        resource_id=resource_id,
        confirmed=True,
    )
    return PodRecord(
        service=spec.name,
        pod="app",
        index=index,
        tasks=(task,),
        holding=holding,
        deployed=config,
        ready_since=NOW - 999,
    )


def cluster(services: int, each: int) -> Scheduler:
    """A scheduler that has just started, with so many services of so many running instances on record."""
    specs = {f"service{number}": service(f"service{number}", each) for number in range(services)}
    numbers = itertools.count()
    records = [record(spec, index, next(numbers)) for spec in specs.values() for index in range(each)]
    framework = FrameworkRecord(name="framework", framework_id=FRAMEWORK, roles=(ROLE,))
    return Scheduler(State.restore(framework, specs, records))


def fail_over(scheduler: Scheduler) -> None:
    """Subscribe, ask about every task and hear of each, until nobody waits for an answer."""
    asked = scheduler.give(Subscribed(framework_id=FRAMEWORK, master="master:5050", roles=(ROLE,)))
    for effect in asked:
        for task_id, agent_id in effect.tasks if isinstance(effect, Reconcile) else ():
            answer = TaskStatus(
                task_id=task_id, state=TaskState.RUNNING, agent_id=agent_id, reason="REASON_RECONCILIATION"
            )
            scheduler.give(StatusReceived(status=answer))
    scheduler.give(RolesAccepted(roles=(ROLE,)))
    scheduler.give(Tick())


def update(record: PodRecord, healthy: bool) -> str:
    """A status of a running task, as Mesos writes it."""
    [task] = record.tasks
    status = {
        "task_id": {"value": task.task_id},
        "agent_id": {"value": task.agent_id},
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "healthy": healthy,
        "timestamp": NOW,
        "uuid": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    return json.dumps({"type": "UPDATE", "update": {"status": status}})


def offer(number: int) -> Offer:
    """What an agent has left."""
    return Offer(
        id=f"o{number}",
        framework_id=FRAMEWORK,
        agent_id=f"s{number}",
        hostname=f"host{number}",
        role=ROLE,
        resources=(Resource(name="cpus", scalar=4000), Resource(name="mem", scalar=1_000_000)),
    )


def updates_per_second(scheduler: Scheduler, count: int, waiting: int) -> float:
    """Parsed and decided on, each acknowledged; so many wait when the first is looked at, as the runner takes them."""
    records = sorted(scheduler.state.pods.values(), key=lambda found: (found.index, found.service))
    rows = list(itertools.islice(itertools.cycle(records), count))
    lines = [update(found, healthy) for healthy in (True, False) for found in rows]
    acknowledged = 0
    begin = time.process_time()
    for start in range(0, len(lines), waiting):
        events = [parsed(line) for line in lines[start : start + waiting]]
        for event, _ in together(events, events):
            acknowledged += sum(isinstance(effect, Acknowledge) for effect in scheduler.give(event))
    spent = time.process_time() - begin
    assert acknowledged == len(lines)
    return len(lines) / spent


def large_event(megabytes: float) -> float:
    """How many times longer than reading its JSON alone it takes to read an event of offers of that size."""
    one = json.dumps(wire_offer(1))
    offers = ",".join(json.dumps(wire_offer(number)) for number in range(int(megabytes * 2**20 / len(one))))
    record = f'{{"type":"OFFERS","offers":{{"offers":[{offers}]}}}}'.encode()
    begin = time.process_time()
    plain = json.loads(record)
    alone = time.process_time() - begin
    del plain
    begin = time.process_time()
    event = scheduler_event(json.loads(record))
    whole = time.process_time() - begin
    assert isinstance(event, OffersReceived)
    return whole / alone


def percentile(costs: Sequence[float], part: float) -> float:
    """In milliseconds."""
    return sorted(costs)[min(len(costs) - 1, int(len(costs) * part))] * 1000


def single_events(scheduler: Scheduler, count: int) -> Iterator[float]:
    """Failures, recoveries, offers and ticks of a cluster at rest: what each costs."""
    records = list(itertools.islice(scheduler.state.pods.values(), count))
    for number, found in enumerate(records):
        [task] = found.tasks
        failed = TaskStatus(task_id=task.task_id, state=TaskState.FAILED, agent_id=task.agent_id, uuid="dXVpZA==")
        yield scheduler.cost(StatusReceived(status=failed))
        yield scheduler.cost(Tick())
        yield scheduler.cost(OffersReceived(offers=(offer(number),)))


def change(services: int, each: int, rounds: int) -> float:
    """The usual cost of one changed service among so many, in milliseconds."""
    scheduler = cluster(services, each)
    fail_over(scheduler)
    costs = []
    for number in range(rounds):
        name = f"service{number % services}"
        changed = service(name, each, f"run {number}")
        costs.append(scheduler.cost(TargetChanged(service=name, spec=changed)))
    return statistics.median(costs) * 1000


def memory() -> float:
    """Resident, in megabytes."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024


def main() -> int:
    """Measure all of it."""
    given = parser(__doc__).parse_args()
    stoppable()
    garbage.look_rarely()
    services, each, many = (20, 10, 100) if given.quick else (1000, 10, 1000)
    tasks = services * each
    report = Report(name="driver")
    half = cluster(services // 2, each)
    begin = time.process_time()
    fail_over(half)
    halfway = time.process_time() - begin
    del half
    gc.collect()
    scheduler = cluster(services, each)
    begin = time.process_time()
    fail_over(scheduler)
    took = time.process_time() - begin
    single = updates_per_second(scheduler, tasks, 1)
    throughput = updates_per_second(scheduler, tasks, WAITING)
    records = list(itertools.islice(scheduler.state.pods.values(), 200 if given.quick else 2000))
    lines = [update(found, healthy) for healthy in (False, True) for found in records]
    _, memory_store = Stored(MemoryPersister(), scheduler.state).take(lines, WAITING)
    with zookeeper() as persister:
        stored = Stored(persister, scheduler.state)
        stored.fill()
        clock_zookeeper, cpu_zookeeper = stored.take(lines, WAITING)
        progress("restart ...")
        begin, spent = time.monotonic(), time.process_time()
        again = Scheduler(stored.store.load().state(scheduler.state.framework, scheduler.state.settings))
        fail_over(again)
        restart, restart_cpu = time.monotonic() - begin, time.process_time() - spent
        assert len(again.state.pods) == tasks
        del again, stored
    larger = large_event(1 if given.quick else 64)
    costs = list(single_events(scheduler, min(1000, tasks)))
    held = memory()
    del scheduler
    gc.collect()
    few, lots = change(10, each, 50), change(many, each, 50)
    report.figures = {
        "tasks": tasks,
        "failover digested (s)": took,
        "the same with half of the tasks (s)": halfway,
        "events, median (ms)": percentile(costs, 0.5),
        "events, p99 (ms)": percentile(costs, 0.99),
        "updates a second, one at a time": single,
        f"updates a second, {WAITING} waiting": throughput,
        "updates a second of CPU, stored in memory and acknowledged": memory_store,
        "updates a second of CPU, stored in ZooKeeper": cpu_zookeeper,
        "updates a second of the clock, stored in ZooKeeper": clock_zookeeper,
        "read from ZooKeeper and subscribed (s)": restart,
        "the same, CPU (s)": restart_cpu,
        "64 MiB of offers (times json.loads)": larger,
        "memory (MB)": held,
        "one of 10 services changes (ms)": few,
        f"one of {many} services changes (ms)": lots,
    }

    def shown(value: float) -> float | None:
        return None if given.quick else value

    report.bars = [
        Bar(name="an event, p99 (ms)", value=shown(percentile(costs, 0.99)), limit=5.0),
        Bar(name="failover digested (s)", value=shown(took), limit=3.0),
        Bar(name="of twice the tasks (ratio)", value=shown(took / halfway), limit=2.5),
        Bar(name="memory (MB)", value=shown(held), limit=300.0),
        Bar(name="a change among many services (ratio)", value=shown(lots / few), limit=1.3),
        Bar(name="microseconds of CPU for an update that is stored", value=shown(1e6 / memory_store), limit=1e6 / 2000),
        Bar(name="read from ZooKeeper and subscribed (s)", value=shown(restart), limit=10.0),
        Bar(name="64 MiB of offers (times json.loads)", value=shown(larger), limit=2.0),
        Bar(name=f"microseconds for an update, {WAITING} waiting", value=shown(1e6 / throughput), limit=1e6 / 15_000),
    ]
    return report.finish(given)


if __name__ == "__main__":
    raise SystemExit(main())
