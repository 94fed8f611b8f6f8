"""Many changes at once, and many that have nothing to do with any pool.

2,000 events per second change 50,000 tasks, of which a tenth belongs to services of 1,000 pools. Ten times a second one
more change is timed, in a pool whose load balancer runs: how far is the way behind? In the end HAProxy has just the
servers that Mesos names. Then bursts: 200 and 5,000 tasks that start at the same moment, and end again.

    .venv/bin/python benchmarks/churn.py [--tasks 50000] [--rate 2000] [--seconds 60] [--pools 1000] [--burst 5000]
        [--json] [--check] [--quick]
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK, Answers, answer_of
from benchmarks.balancer import Balancer
from benchmarks.pool import backend, host_of, pool, probe_name, service_name
from benchmarks.prober import Prober
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.rest import rest
from benchmarks.system import System, until
from sdk.local.simulated.on_demand import NewTask
from sdk.mesos.operator import OperatorClient

RELEVANT = 0.1
"""The share of tasks that pools select."""
PROBES = 20
PATIENCE = 30.0
EVERY = 0.1
"""Seconds between two changes that are timed."""
BURST = "burst"


def places(count: int, first: int) -> list[tuple[str, int]]:
    """Addresses and ports, all different."""
    return [(f"{NETWORK}.{first}.{1 + number % 16}", 20_000 + number // 16) for number in range(count)]


def wanted(system: System, name: str) -> set[str]:
    """`address_port` of the tasks of that name that run, and are healthy as far as they are checked, says Mesos."""
    client = OperatorClient(system.mesos.address)
    try:
        agents = client.call("GET_AGENTS")["get_agents"]["agents"]
        tasks = client.call("GET_TASKS")["get_tasks"].get("tasks", [])
    finally:
        client.close()
    addresses = {item["agent_info"]["id"]["value"]: item["agent_info"]["hostname"] for item in agents}
    return {
        f"{addresses[task['agent_id']['value']]}_{task['discovery']['ports']['ports'][0]['number']}"
        for task in tasks
        if task["name"] == name
        and task["state"] == "TASK_RUNNING"
        and task["statuses"][-1].get("healthy", True) is not False
    }


def lags(system: System, balancer: Balancer, answers: Answers, seconds: float) -> list[float]:
    """Milliseconds of single changes meanwhile."""
    count = int(seconds / EVERY)
    served = places(count, 1)
    answers.listen(served)
    ids = system.tasks.prepare(
        NewTask(name=probe_name(number % PROBES), address=address, port=port)
        for number, (address, port) in enumerate(served)
    )
    found: list[float] = []
    with Prober(balancer.port) as prober:
        end = time.monotonic() + seconds
        for number, task in enumerate(ids):
            start = time.monotonic()
            if start > end:
                break
            expected = answer_of(served[number])
            prober.watch(host_of(probe_name(number % PROBES)), expected, timeout=120)
            moment = system.tasks.change([(task, "TASK_RUNNING")])
            found.append((prober.wait() - moment) * 1000)
            system.tasks.stop([task])
            if len(found) % 50 == 0:
                progress(f"  {len(found)} changes timed, median {median(found):.1f} ms")
            time.sleep(max(0.0, start + EVERY - time.monotonic()))
    return found


def burst(system: System, balancer: Balancer, count: int, first: int) -> tuple[float, float]:
    """Seconds from the last event until HAProxy has all of so many new servers, and until it has none of them."""
    ids = system.tasks.prepare(NewTask(name=BURST, address=host, port=port) for host, port in places(count, first))
    found = []
    for state, wanted in (("TASK_RUNNING", count), ("TASK_KILLED", 0)):
        moment = system.tasks.change((task, state) for task in ids)
        until(
            f"{count} changes",
            lambda wanted=wanted: len(balancer.live(BURST)) == wanted,  # type: ignore[misc]
            balancer.process,
            every=0.005,
        )
        found.append(time.monotonic() - moment)
        # What was compared afterwards is not part of the next one.
        rest(1.0)
    return found[0], found[1]


def measure(tasks: int, rate: float, seconds: float, pools: int, bursts: list[int], report: Report) -> None:
    """All of it."""
    services = max(1, int(pools / RELEVANT))
    progress(f"{tasks} tasks of {services} services, {pools} pools ...")
    with Answers() as answers, System(tasks=tasks, services=services, events_per_second=rate) as system:
        for number in range(pools - 1):
            one = backend("one", service_name(number), check=False)
            system.create(pool(f"pool-{number}", [one]))
        selected = f"service-{pools - 1}"
        watched = [backend(selected, service_name(pools - 1), check=False), backend(BURST, BURST, check=False)]
        system.create(pool("web", [*watched, *(backend(probe_name(n), probe_name(n)) for n in range(PROBES))]))
        balancer = system.balance("web")
        rest(2.0)
        began, start = system.cpu(), time.monotonic()
        found = lags(system, balancer, answers, seconds)
        passed = time.monotonic() - start
        now = system.cpu()
        used = {name: (now[name] - began[name]) / passed for name in now}
        report.figures |= {f"CPU of {name} (cores)": value for name, value in used.items()}
        report.figures |= {f"memory of {name} (MB)": process.memory() for name, process in system.measured.items()}
        report.figures |= {"changes timed": len(found), "lag p50 (ms)": median(found)}

        different = len(wanted(system, service_name(pools - 1)))
        end = time.monotonic() + PATIENCE
        # Tasks go on to change: at some moment both have to be the same.
        while different and time.monotonic() < end:
            live = {name.partition("_")[2] for name in balancer.live(selected)}
            different = len(live ^ wanted(system, service_name(pools - 1)))
            time.sleep(0.2)
        report.bars += [
            Bar(name="lag p99 (ms)", value=percentile(found, 0.99), limit=200),
            Bar(name="CPU of all three (cores)", value=sum(used.values()), limit=1.0),
            Bar(name="servers that are missing or too many in the end", value=different, limit=0),
        ]
    bursting(tasks, bursts, report)


def bursting(tasks: int, bursts: list[int], report: Report) -> None:
    """The same number of tasks, all of them in the pool and none of them changing."""
    with System(tasks=tasks) as system:
        watched = [backend("all", "^service-", check=False, pattern=True), backend(BURST, BURST, check=False)]
        system.create(pool("web", watched))
        balancer = system.balance("web")
        for at, count in enumerate(bursts):
            progress(f"{count} at once ...")
            begun, ended = burst(system, balancer, count, 10 + at)
            limit = 0.2 if count <= 200 else 1.5
            report.bars += [
                Bar(name=f"{count:,} that start at once, until the last one is live (s)", value=begun, limit=limit),
                Bar(name=f"{count:,} that end at once, until the last one is gone (s)", value=ended, limit=limit),
            ]


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, default=50_000)
    options.add_argument("--rate", type=float, default=2000.0, help="events per second")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--pools", type=int, default=1000)
    options.add_argument("--burst", type=int, default=5000, help="the larger burst; the smaller one is 200")
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.tasks, given.rate = min(given.tasks, 2000), min(given.rate, 200)
        given.seconds, given.pools, given.burst = min(given.seconds, 10), min(given.pools, 20), min(given.burst, 1000)
    report = Report(name="churn", figures={"tasks": given.tasks, "events per second": given.rate, "pools": given.pools})
    measure(given.tasks, given.rate, given.seconds, given.pools, sorted({min(200, given.burst), given.burst}), report)
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
