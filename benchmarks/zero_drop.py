"""Failed requests while everything changes: 1,000 requests per second from clients that never try again.

Ten tasks of one backend answer, among as many servers as are asked for. They are replaced one after the other while the
old one stops a second later, or is killed with its event; the balancer is reloaded; maps of 1,500 rules are edited; and
two balancers of which one serves are relaunched in turns. The same load without any change comes first. Downloads that
take a second, upgraded connections and TCP connections run beside the replacements. With --quick there are 300 requests
per second. Where client and servers cannot keep that pace without any change, the pace is halved until they can: what a
machine does that is overloaded is no property of a balancer.

    .venv/bin/python benchmarks/zero_drop.py [--servers 1000,10000]
        [--scenarios replacements,reloads,relaunches,maps] [--json] [--check] [--quick]
"""

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import Answers
from benchmarks.application import APP, GRACE, Application
from benchmarks.balancer import Balancer
from benchmarks.kernel import syns_sent_again
from benchmarks.lasting import Lasting
from benchmarks.load import KINDS, Kind, Load, Seen
from benchmarks.pool import Json, backend, host_of, pool, services_for, usual, with_tcp
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.rest import rest
from benchmarks.system import System, until

TASKS = 10
SCENARIOS = ("replacements", "reloads", "relaunches", "maps")
RULES = 1500
CALM = 50.0
"""Milliseconds within which all but a hundredth of requests are answered at a pace that this machine can keep."""
SLOWEST = 50.0
"""Requests per second below which nothing is worth measuring."""
LATE = 250.0
"""Milliseconds of delay of the client itself from which on its failures say nothing of the balancer."""
P99 = 3.0
"""Milliseconds by which the slowest hundredth may be slower than without changes."""
RELAUNCHED = 1.5
"""How many times as slow the slowest hundredth may be beside relaunches of who is asked as of who is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    control: float
    replacements: int
    over: float
    """Seconds for all replacements."""
    rate: float
    """Requests per second, at most."""
    reloads: int
    edits: int
    relaunches: int
    unasked: int
    """Relaunches of a balancer that nobody asks."""


WHOLE = Sizes(rate=1000, control=10, replacements=50, over=15, reloads=100, edits=200, relaunches=20, unasked=6)
QUICK = Sizes(rate=300, control=4, replacements=10, over=4, reloads=3, edits=10, relaunches=1, unasked=1)


@contextlib.contextmanager
def mixed(ports: list[int], rate: float) -> Iterator[list[Load]]:
    """All kinds of clients at once, that pace together."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Load(ports, host_of(APP), kind=kind, rate=rate / len(KINDS))) for kind in KINDS]


class Run:
    """One size: every scenario, with its figures and bars."""

    def __init__(self, system: System, answers: Answers, servers: int, sizes: Sizes, report: Report) -> None:
        self._system, self._answers, self._sizes, self._report = system, answers, sizes, report
        self._services = services_for(servers)
        self._name = f"{servers:,} servers"
        self._control: dict[Kind, Seen] = {}
        self._rate = sizes.rate
        self.app = Application(system, answers)

    def pool(self, more: int = 0) -> Json:
        """The usual pool, with backends that make structures differ."""
        extra = [backend(APP, APP), *(backend(f"more-{number}", f"more-{number}") for number in range(more))]
        return with_tcp(usual("web", self._services, 0, more=extra), "app-tcp", APP)

    def all(self, scenarios: Sequence[str]) -> None:
        """These, one after the other."""
        self._system.create(self.pool())
        balancer = self._system.balance("web")
        self.app.start(TASKS)
        rest(1.0)
        self._rate, _ = self._pace([balancer.port], "", lambda: time.sleep(self._sizes.control / 2))
        if "replacements" in scenarios:
            self._all_replaced(balancer)
        if "reloads" in scenarios:
            self._reloaded(balancer)
        if "relaunches" in scenarios:
            self._relaunched()

    def _pace(self, ports: list[int], what: str, action: Callable[[], object]) -> tuple[float, list[Seen]]:
        """A pace at which requests are answered in time while nothing but this happens, and what was seen then."""
        rate = self._rate
        while True:
            with mixed(ports, rate) as loads:
                action()
                seen = [load.end() for load in loads]
            slowest = max(one.p99 for one in seen)
            if slowest <= CALM or rate / 2 < SLOWEST:
                self._report.figures[f"{self._name}: requests per second{what}"] = rate
                return rate, seen
            progress(f"  {rate:g} requests per second are too many here{what}: p99 {slowest:.0f} ms")
            rate /= 2

    def _all_replaced(self, balancer: Balancer) -> None:
        for kind in KINDS:
            self._control[kind] = self._single("no change", kind, balancer, lambda: time.sleep(self._sizes.control))
        for killed in (False, True):
            for kind in KINDS:
                self._replaced(kind, balancer, killed=killed)

    def edited(self) -> None:
        """Maps of many rules, in a pool that has nothing else."""
        rules = [{"backend": APP, "hostEq": f"host-{number}.test"} for number in range(RULES)]
        own = {"backend": APP, "hostEq": host_of(APP)}

        def document(edit: int) -> Json:
            moved = [{"backend": APP, "hostEq": f"moved-{edit}.test"}, *rules[1:]]
            return pool("maps", [backend(APP, APP)], rules=[own, *(moved if edit else rules)])

        self._system.create(document(0))
        balancer = self._system.balance("maps")
        rest(1.0)
        balancer.reloads()

        def edit() -> None:
            for number in range(1, self._sizes.edits + 1):
                self._system.update(document(number))

        self._mixed(f"{self._sizes.edits} edits of a map of {RULES}", [balancer.port], edit)
        self._report.figures[f"{self._name}: reloads for edits of a map"] = balancer.reloads()
        balancer.stop()
        self._system.delete("maps")

    def _single(self, what: str, kind: Kind, balancer: Balancer, action: Callable[[], object]) -> Seen:
        with Load(balancer.port, host_of(APP), kind=kind, rate=self._rate) as load:
            action()
            seen = load.end()
        self._tell(f"{what}, {kind}", seen)
        return seen

    def _mixed(self, what: str, ports: list[int], action: Callable[[], object]) -> None:
        with mixed(ports, self._rate) as loads:
            time.sleep(0.5)
            action()
            found = [load.end() for load in loads]
        for kind, seen in zip(KINDS, found, strict=True):
            self._tell(f"{what}, {kind}", seen)
            self._failed(f"{what}, {kind}", seen)

    def _replaced(self, kind: Kind, balancer: Balancer, *, killed: bool) -> None:
        sizes = self._sizes
        how = "killed with the event" if killed else f"old one has {GRACE:g} s"
        what = f"{sizes.replacements} replacements, {how}"
        balancer.reloads()
        before = balancer.reloads()
        with (
            Lasting(balancer.port, host_of(APP)) as lasting,
            Load(balancer.tcp, host_of(APP), kind="close", rate=self._rate / 10) as tcp,
        ):
            seen = self._single(
                what, kind, balancer, lambda: self.app.replace(sizes.replacements, sizes.over, killed=killed)
            )
            cut, plain = lasting.end(), tcp.end()
        progress(f"    {plain.failed} of {plain.requests} TCP connections failed {dict(plain.failures)}")
        self._report.figures[f"{self._name}: reloads, {what}, {kind}"] = balancer.reloads() - before
        self._bar(f"answers of removed servers, {what}, {kind}", self.app.asked_removed(seen))
        if killed:
            self._failed(f"{what}, {kind}", seen, share=0.02)
            # Whoever has his TCP connection made with a server that ends just then cannot be given to another one.
            self._report.figures[f"{self._name}: TCP connections failed, {what}, {kind}"] = plain.failed
        else:
            self._failed(f"{what}, {kind}", seen)
            self._bar(f"failed downloads beside it, {kind}", cut.downloads)
            self._bar(f"failed TCP connections beside it, {kind}", plain.failed)
            self._report.figures[f"{self._name}: upgraded connections cut, {what}, {kind}"] = cut.upgraded
        control = self._control[kind]
        # A client that is late itself measures the machine.
        fair = max(seen.late, control.late) < P99
        beyond = seen.p99 - control.p99 if fair else None
        self._bar(f"p99 beyond that without change (ms), {what}, {kind}", beyond, P99)

    def _reloaded(self, balancer: Balancer) -> None:
        balancer.reloads()
        wanted = balancer.reloads() + self._sizes.reloads

        def reload() -> None:
            for number in itertools.count(1):
                before = balancer.reloads()
                self._system.update(self.pool(1 + number % 2))
                until("a reload", lambda before=before: balancer.reloads() > before, balancer.process)  # type: ignore[misc]
                if balancer.reloads() >= wanted:
                    return

        self._mixed(f"{self._sizes.reloads} reloads", [balancer.port], reload)
        self._report.figures[f"{self._name}: workers in the end"] = len(balancer.workers())

    def _relaunched(self) -> None:
        balancers = [self._system.balancers[0], self._system.balance("web")]
        ports = [one.port for one in balancers]
        spare = [self._system.balance("web")]

        def unasked() -> None:
            for _ in range(self._sizes.unasked):
                spare[0].leave()
                until("its bad health", lambda: not spare[0].healthy())
                spare[0].wait()
                spare[0] = self._comes()

        rate, control = self._pace(ports, " beside a relaunch", unasked)
        before = syns_sent_again()
        with mixed(ports, rate) as loads:
            for number in range(self._sizes.relaunches):
                at = number % 2
                leaving = balancers[at]
                leaving.leave()
                until("its bad health", lambda leaving=leaving: not leaving.healthy())  # type: ignore[misc]
                for load in loads:
                    load.use([balancers[1 - at].port])
                leaving.wait()
                balancers[at] = self._comes()
                for load in loads:
                    load.use([one.port for one in balancers])
            found = [load.end() for load in loads]
        what = f"{self._sizes.relaunches} relaunches of two"
        self._bar(f"requests for a connection sent again, {what}", syns_sent_again() - before)
        for kind, seen, without in zip(KINDS, found, control, strict=True):
            self._tell(f"relaunches of one that nobody asks, {kind}", without)
            self._tell(f"{what}, {kind}", seen)
            self._failed(f"{what}, {kind}", seen)
            times = seen.p99 / without.p99 if seen.late < without.late + P99 else None
            self._bar(f"p99 as a multiple of that beside one that nobody asks, {what}, {kind}", times, RELAUNCHED)

    def _comes(self) -> Balancer:
        balancer = self._system.balance("web")
        until("its good health", balancer.healthy)
        time.sleep(0.5)
        return balancer

    def _tell(self, what: str, seen: Seen) -> None:
        progress(f"  {what}: {seen.failed} of {seen.requests} failed {dict(seen.failures)}, p99 {seen.p99:.1f} ms")
        self._report.figures[f"{self._name}: requests, {what}"] = seen.requests
        self._report.figures[f"{self._name}: failed, {what}"] = seen.failed
        self._report.figures[f"{self._name}: p99 (ms), {what}"] = seen.p99
        self._report.figures[f"{self._name}: the client itself late, p99 (ms), {what}"] = seen.late

    def _failed(self, what: str, seen: Seen, share: float = 0.0) -> None:
        """None may fail, or no more than this share in percent."""
        fair = seen.late < LATE or not seen.failed
        found = seen.failed / seen.requests * 100 if share else seen.failed
        self._bar(f"failed{' (%)' if share else ''}, {what}", found if fair else None, share)

    def _bar(self, what: str, value: float | None, limit: float = 0) -> None:
        self._report.bars.append(Bar(name=f"{self._name}: {what}", value=value, limit=limit))


def main() -> int:
    """Replacements at each size; every other scenario at the first."""
    options = parser(__doc__)
    options.add_argument("--servers", default="1000,10000", help="sizes, with commas between")
    options.add_argument("--scenarios", default=",".join(SCENARIOS), help="with commas between")
    given = options.parse_args()
    scenarios = given.scenarios.split(",")
    if unknown := set(scenarios) - set(SCENARIOS):
        options.error(f"there is no scenario {', '.join(sorted(unknown))}: choose among {', '.join(SCENARIOS)}")
    stoppable()
    report = Report(name="zero_drop")
    sizes = [int(size) for size in given.servers.split(",")]
    sizes = [min(sizes)] if given.quick else sizes
    for number, servers in enumerate(sizes):
        progress(f"{servers} servers ...")
        with Answers() as answers, System(tasks=servers, services=services_for(servers)) as system:
            run = Run(system, answers, servers, QUICK if given.quick else WHOLE, report)
            run.all(scenarios if not number else [one for one in scenarios if one == "replacements"])
            if not number and "maps" in scenarios:
                run.edited()
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
