"""How much CPU the master of the embedded Mesos spends on deciding who is offered what.

The pure core is measured in this process, without sockets: agents with five resources each, frameworks in ten roles.
A full cycle offers every agent to somebody; an idle cycle finds that every framework refused every agent; an event is
one agent that goes and comes back, or one offer that is declined. Times are milliseconds of CPU. What grows with the
cluster is a cycle; an event may not.

    .venv/bin/python benchmarks/embedded_mesos_allocation.py [--agents 1000] [--frameworks 100] [--json] [--check]
        [--quick]
"""

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Bar, Report, median, parser, progress, stoppable
from sdk.local.core import Master, MasterConfig, Output, ToScheduler
from sdk.local.flags import resources

ROLES = 10
CAPABILITIES = ("PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT")
INTERVAL = 0.001
"""Seconds between cycles: so short that nobody misses a ping during the run."""
LONG = 10_000.0
"""Seconds: longer than any run."""

Json = dict[str, Any]


class Cluster:
    """One master with agents and frameworks that only answer offers."""

    def __init__(self, agents: int, frameworks: int) -> None:
        self.now = 0.0
        self.master = Master(MasterConfig(master_id="M", allocation_interval=INTERVAL), now=0.0)
        self.offers: dict[str, list[str]] = {}
        # Frameworks first: an offer to the first of them would hold all agents.
        for index in range(frameworks):
            info = {
                "user": "root", "name": f"f{index}", "roles": [f"role{index % ROLES}"], "failover_timeout": 60.0,
                "capabilities": [{"type": name} for name in CAPABILITIES],
            }  # fmt: skip
            call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
            self.take(self.master.call(call, stream=None, now=self.now, new_stream=f"s{index}").outputs)
        self.infos = [
            {"hostname": f"a{index}", "ip": "127.0.0.1", "port": 10_000 + index,
             "resources": resources("cpus:8;mem:16384;disk:100000;ports:[31000-32000];cpus(role0):1")}
            for index in range(agents)
        ]  # fmt: skip
        for index in range(agents):
            self.register(index)

    def take(self, outputs: tuple[Output, ...]) -> None:
        """Remember the offers."""
        for output in outputs:
            if isinstance(output, ToScheduler) and output.event["type"] == "OFFERS":
                self.offers.setdefault(output.stream, []).extend(
                    offer["id"]["value"] for offer in output.event["offers"]["offers"]
                )

    def register(self, index: int) -> None:
        """A new agent at the address of that number; one that was there before is lost."""
        message = {"type": "REGISTER", "agent_info": self.infos[index]}
        self.take(self.master.agent_message(f"c{index}-{self.now}", message, now=self.now))

    def decline(self, stream: str, offers: list[str], seconds: float) -> None:
        """DECLINE of some offers of a framework."""
        call: Json = {
            "type": "DECLINE", "framework_id": {"value": f"M-{int(stream[1:]):04d}"},
            "decline": {"offer_ids": [{"value": name} for name in offers], "filters": {"refuse_seconds": seconds}},
        }  # fmt: skip
        self.take(self.master.call(call, stream=stream, now=self.now).outputs)

    def decline_all(self, seconds: float) -> int:
        """Everybody declines everything; how many offers that were."""
        offers, self.offers = self.offers, {}
        for stream, names in offers.items():
            self.decline(stream, names, seconds)
        return sum(map(len, offers.values()))

    def cycle(self) -> None:
        """The next allocation cycle."""
        self.now += INTERVAL
        self.take(self.master.tick(now=self.now))


def cpu(action: Callable[[], object]) -> float:
    """Milliseconds of CPU that it takes."""
    started = time.process_time()
    action()
    return (time.process_time() - started) * 1000


def measure(agents: int, frameworks: int, repeats: int) -> dict[str, float]:
    """The figures of one size of cluster."""
    progress(f"{agents} agents, {frameworks} frameworks ...")
    cluster = Cluster(agents, frameworks)
    full: list[float] = []
    for _ in range(repeats):
        cluster.decline_all(0.0)
        full.append(cpu(cluster.cycle))
    # One that is declined while all others are held, then a cycle to offer it again.
    decline: list[float] = []
    for _ in range(min(repeats * 10, agents // 2)):
        stream = next(name for name, offers in cluster.offers.items() if offers)
        offer = cluster.offers[stream].pop()
        decline.append(cpu(lambda stream=stream, offer=offer: cluster.decline(stream, [offer], 5.0)))  # type: ignore[misc]
    cluster.cycle()
    event: list[float] = []
    for index in range(repeats * 10):
        cluster.now += INTERVAL
        event.append(cpu(lambda index=index: cluster.register(index % agents)))  # type: ignore[misc]
    rounds = 0
    while cluster.decline_all(LONG) or rounds == 0:
        cluster.cycle()
        rounds += 1
    idle: list[float] = []
    for _ in range(repeats):
        cluster.master.state.allocation_at = cluster.now
        idle.append(cpu(cluster.cycle))
    return {
        "full cycle": median(full),
        "idle cycle": median(idle),
        "one agent registers": median(event),
        "one offer is declined": median(decline),
    }


def main() -> int:
    """Measure a small and a large cluster."""
    options = parser(__doc__)
    options.add_argument("--agents", type=int, default=1000)
    options.add_argument("--frameworks", type=int, default=100)
    given = options.parse_args()
    stoppable()
    agents, frameworks, repeats = given.agents, given.frameworks, 5
    if given.quick:
        agents, frameworks, repeats = min(agents, 500), min(frameworks, 30), 3
    gc.freeze()
    small = measure(agents // 10, frameworks, repeats)
    large = measure(agents, frameworks, repeats)
    report = Report(name="embedded_mesos_allocation")
    for size, found in ((agents // 10, small), (agents, large)):
        report.figures |= {f"{name}, {size} agents (ms)": value for name, value in found.items()}
    ratios = {name: large[name] / max(small[name], 0.001) for name in small}
    whole = agents == 1000 and frameworks == 100
    for name in ("full cycle", "idle cycle"):
        value = large[name] if whole else None
        report.bars.append(Bar(name=f"{name}, 1,000 agents x 100 frameworks (ms)", value=value, limit=500))
    for name, ratio in ratios.items():
        # A cycle may grow as the cluster does.
        fair = ratio / 10 if "cycle" in name else ratio
        report.bars.append(Bar(name=f"{name}, ten times the agents (ratio)", value=fair, limit=2))
    return report.finish(given)


if __name__ == "__main__":
    raise SystemExit(main())
