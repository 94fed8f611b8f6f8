"""How much CPU a scheduler of the SDK spends on one batch of offers.

The pure decisions are measured in this process: services that fit nowhere against many offers (the batch comes back
every five seconds as long as they wait), services with rules of placement, and instances of one service of which each
host takes one. Times are seconds of CPU.

    .venv/bin/python benchmarks/offers.py [--json] [--check] [--quick]
"""

import gc
import itertools
import sys
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Bar, Report, parser, stoppable
from sdk import garbage
from sdk.core.decide import decide
from sdk.core.effects import Accept
from sdk.core.events import Event, OffersReceived, RolesAccepted, Subscribed, TargetChanged
from sdk.core.state import State
from sdk.model.ids import FrameworkId
from sdk.model.operations import Launch
from sdk.model.placement import Away, Instances, Is, MaxPer, Not, Preference, PreferenceKind, RoundRobin, Rule
from sdk.model.records import FrameworkRecord
from sdk.model.resources import Attribute, Offer, Resource
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec

FRAMEWORK = FrameworkId("framework")
ROLE = "role"
RACKS = 20
UNIQUE = (("hostname", "UNIQUE"),)


def service(
    name: str,
    *,
    count: int = 1,
    port: int = 0,
    constraints: tuple[tuple[str, ...], ...] = (),
    placement: tuple[Rule, ...] = (),
    prefer: tuple[Preference, ...] = (),
) -> ServiceSpec:
    """A service of one task with a fixed and a free port."""
    ports = (PortSpec(name="fixed", number=port), PortSpec(name="free"))
    task = TaskSpec(name="server", cpus=500, mem=64_000, ports=ports, command=CommandSpec(value="true"))
    pod = PodSpec(
        name="pod", count=count, role=ROLE, constraints=constraints, placement=placement, prefer=prefer, tasks=(task,)
    )
    return ServiceSpec(name=name, pods=(pod,))


def offers(count: int, *, alike: bool) -> tuple[Offer, ...]:
    """One offer of each of so many agents in some racks; `alike`: all of them hold the same."""
    return tuple(
        Offer(
            id=f"o{index}",
            framework_id=FRAMEWORK,
            agent_id=f"s{index}",
            hostname=f"host{index}",
            role=ROLE,
            attributes=(Attribute(name="rack", text=f"r{index % RACKS}"), Attribute(name="disk", text="ssd")),
            resources=(
                Resource(name="cpus", scalar=4000 if alike else 4000 + index),
                Resource(name="mem", scalar=10_000_000),
                Resource(name="ports", ranges=((31000, 32000),)),
            ),
        )
        for index in range(count)
    )


def measure(services: Mapping[str, ServiceSpec], offered: tuple[Offer, ...], launched: int) -> float:
    """Seconds of CPU for one batch of offers, with which so many instances have to be launched."""
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
    _, effects = decide(state, OffersReceived(offers=offered), 1001.0, ids)
    spent = time.process_time() - begin
    operations = [operation for effect in effects if isinstance(effect, Accept) for operation in effect.operations]
    tasks = sum(len(operation.tasks) for operation in operations if isinstance(operation, Launch))
    assert tasks == launched, f"{tasks} were launched instead of {launched}"
    return spent


def main() -> int:
    """Measure all of them."""
    given = parser(__doc__).parse_args()
    stoppable()
    garbage.look_rarely()
    pods, agents, instances = (20, 200, 100) if given.quick else (100, 1000, 500)
    equal, different = offers(agents, alike=True), offers(agents, alike=False)
    fixed = {f"service{index}": service(f"service{index}", port=80 + index) for index in range(pods)}
    nowhere = {
        f"service{index}": service(
            f"service{index}",
            constraints=(*UNIQUE, ("rack", "LIKE", f"q[{index}]")),
            placement=(Not(rule=Is(field="disk", values=("hdd",))), MaxPer(field="rack", count=2)),
        )
        for index in range(pods)
    }
    somewhere = {
        f"service{index}": service(
            f"service{index}",
            constraints=UNIQUE,
            placement=(
                Is(field="rack", values=(f"r{index % RACKS}",)),
                Away(of=Instances(service=f"service{(index + 1) % pods}")),
            ),
        )
        for index in range(pods)
    }
    spread = (Preference(kind=PreferenceKind.SPREAD, field="rack"), Preference(kind=PreferenceKind.PACK))
    turns = {"turns": service("turns", count=pods, placement=(RoundRobin(field="rack", values=RACKS),), prefer=spread)}
    unique = {"unique": service("unique", count=instances, port=31005, constraints=UNIQUE)}
    gc.freeze()
    found = {
        f"{pods} services that fit nowhere, {agents} equal offers (s)": measure(fixed, equal, 0),
        f"{pods} services that fit nowhere, {agents} different offers (s)": measure(fixed, different, 0),
        f"{pods} services whose rules nobody keeps, {agents} offers (s)": measure(nowhere, different, 0),
        f"{pods} services with rules, {agents} offers (s)": measure(somewhere, different, pods),
        f"{pods} instances by turns in racks, packed, {agents} offers (s)": measure(turns, different, pods),
        f"{instances} instances, one per host, {instances} offers (s)": measure(
            unique, offers(instances, alike=True), instances
        ),
    }
    report = Report(name="offers", figures=dict(found))
    report.bars = [Bar(name=name, value=None if given.quick else value, limit=1.0) for name, value in found.items()]
    return report.finish(given)


if __name__ == "__main__":
    raise SystemExit(main())
