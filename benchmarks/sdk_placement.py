"""How much CPU a scheduler of the SDK spends on one batch of offers.

The pure decisions are measured in this process: services that fit nowhere against many offers (the batch comes back
every five seconds as long as they wait), and instances of one service of which each host takes one. Times are seconds
of CPU.

    .venv/bin/python benchmarks/sdk_placement.py [--json] [--check] [--quick]
"""

import gc
import itertools
import sys
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Bar, Report, parser, stoppable
from sdk.core.decide import decide
from sdk.core.events import Event, OffersReceived, RolesAccepted, Subscribed, TargetChanged
from sdk.core.state import State
from sdk.model.ids import FrameworkId
from sdk.model.records import FrameworkRecord
from sdk.model.resources import Offer, Resource
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec

FRAMEWORK = FrameworkId("framework")
ROLE = "role"


def service(name: str, *, count: int = 1, port: int, constraints: tuple[tuple[str, ...], ...] = ()) -> ServiceSpec:
    """A service of one task with a fixed and a free port."""
    ports = (PortSpec(name="fixed", number=port), PortSpec(name="free"))
    task = TaskSpec(name="server", cpus=500, mem=64_000, ports=ports, command=CommandSpec(value="true"))
    return ServiceSpec(
        name=name, pods=(PodSpec(name="pod", count=count, role=ROLE, constraints=constraints, tasks=(task,)),)
    )


def offers(count: int, *, alike: bool) -> tuple[Offer, ...]:
    """One offer of each of so many agents; `alike`: all of them hold the same."""
    return tuple(
        Offer(
            id=f"o{index}",
            framework_id=FRAMEWORK,
            agent_id=f"s{index}",
            hostname=f"host{index}",
            role=ROLE,
            resources=(
                Resource(name="cpus", scalar=4000 if alike else 4000 + index),
                Resource(name="mem", scalar=10_000_000),
                Resource(name="ports", ranges=((31000, 32000),)),
            ),
        )
        for index in range(count)
    )


def measure(services: Mapping[str, ServiceSpec], offered: tuple[Offer, ...]) -> float:
    """Seconds of CPU for one batch of offers."""
    ids = map("id{}".format, itertools.count()).__next__
    state = State.initial(FrameworkRecord(name="framework"))
    events: list[Event] = [
        *(TargetChanged(service=name, spec=spec) for name, spec in services.items()),
        Subscribed(framework_id=FRAMEWORK, master="master:5050"),
        RolesAccepted(roles=(ROLE,)),
    ]
    for event in events:
        state, _ = decide(state, event, 1000.0, ids)
    begin = time.process_time()
    decide(state, OffersReceived(offers=offered), 1001.0, ids)
    return time.process_time() - begin


def main() -> int:
    """Measure all three."""
    given = parser(__doc__).parse_args()
    stoppable()
    services, agents, instances = (20, 200, 100) if given.quick else (100, 1000, 500)
    waiting = {f"service{index}": service(f"service{index}", port=80 + index) for index in range(services)}
    unique = {"unique": service("unique", count=instances, port=31005, constraints=(("hostname", "UNIQUE"),))}
    gc.freeze()
    found = {
        f"{services} services that fit nowhere, {agents} equal offers (s)": measure(
            waiting, offers(agents, alike=True)
        ),
        f"{services} services that fit nowhere, {agents} different offers (s)": measure(
            waiting, offers(agents, alike=False)
        ),
        f"{instances} instances, one per host, {instances} offers (s)": measure(unique, offers(instances, alike=True)),
    }
    report = Report(name="sdk_placement", figures=dict(found))
    report.bars = [Bar(name=name, value=None if given.quick else value, limit=1.0) for name, value in found.items()]
    return report.finish(given)


if __name__ == "__main__":
    raise SystemExit(main())
