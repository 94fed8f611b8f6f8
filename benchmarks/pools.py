"""One pool's changes beside many other pools, and beside pools that are odd.

Single changes in one pool are timed, and counted in CPU, beside 10 and beside 1,000 pools. Then beside each of: a pool
whose configuration HAProxy refuses, a pool with 1,100 hosts and 1,100 rules without a host, and a pool whose HAProxy
template comes to no end, all of which somebody changes all the time; changes of the first pool's structure are timed as
well.

    .venv/bin/python benchmarks/pools.py [--pools 1000] [--tasks 10000] [--changes 50] [--rules 1100]
        [--json] [--check] [--quick]
"""

import contextlib
import functools
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK, Answers, answer_of
from benchmarks.awake import Awake
from benchmarks.balancer import Balancer
from benchmarks.changes import Series, series
from benchmarks.pool import Json, backend, host_of, pool, service_name, usual
from benchmarks.prober import Prober
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.rest import rest
from benchmarks.system import System
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.local.simulated.on_demand import NewTask
from sdk.storage.connection import connect

FEW = 10
PROBES = 10
SERVICES = 20
"""Backends of the pool that is measured, beside the probes."""
EVERY = 0.5
"""Seconds between two changes of an odd pool."""
TIMEOUT = 30.0
"""Seconds after which a change of structure counts as lost."""
PLACE = (f"{NETWORK}.1.1", 20_000)
ROOT = "/edgelb"
"""Where processes keep what they store, unless told otherwise."""
ENDLESS = (
    '{% extends "haproxy.cfg" %}\n{% block global %}'
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    "{% endblock %}"
)
"""A template that comes to no end."""


def refused(edit: int) -> Json:
    """HAProxy finds no address for it."""
    document = pool("odd", [backend("one", service_name(0), check=False), backend(f"edit-{edit}", "nobody")])
    document["haproxy"]["frontends"][0]["bindAddress"] = "nowhere.invalid"
    return document


def looping(edit: int) -> Json:
    """Nothing is odd about it but its template."""
    return pool("odd", [backend("one", service_name(0), check=False), backend(f"edit-{edit}", "nobody")])


def ruled(rules: int, edit: int) -> Json:
    """Each of its rules without a host counts for each of its hosts."""
    hosts = [{"backend": "one", "hostEq": f"host-{number}.test"} for number in range(rules)]
    paths = [{"backend": "one", "pathBeg": f"/path-{number}-{edit}/"} for number in range(rules)]
    both = [rule for pair in zip(hosts, paths, strict=True) for rule in pair]
    return pool("odd", [backend("one", service_name(0), check=False)], rules=both)


class Measured:
    """The pool `web` with its balancer."""

    def __init__(self, system: System, answers: Answers, changes: int, repeats: int) -> None:
        self._system, self._answers, self._changes, self._repeats = system, answers, changes, repeats
        self._more: list[Json] = []
        self._edits = itertools.count()
        answers.listen([PLACE])
        system.create(self._document())
        self._balancer: Balancer = system.balance("web")
        system.tasks.start([NewTask(name="structure", address=PLACE[0], port=PLACE[1])])

    def _document(self) -> Json:
        return usual("web", SERVICES, PROBES, more=self._more)

    def series(self) -> Series:
        """Single changes."""
        return series(self._system, self._balancer, self._answers, self._changes, PROBES)

    def structures(self) -> float:
        """Median of the seconds of a change of structure."""
        found = []
        with Prober(self._balancer.port) as prober:
            for _ in range(self._repeats):
                name = f"structure-{next(self._edits)}"
                self._more.append(backend(name, "structure"))
                prober.watch(host_of(name), answer_of(PLACE), timeout=TIMEOUT)
                start = time.monotonic()
                try:
                    self._system.update(self._document())
                    found.append(prober.wait() - start)
                except (RuntimeError, TimeoutError) as error:
                    progress(f"  {error}")
                    return TIMEOUT
                rest(2.0)
        return median(found)


@contextlib.contextmanager
def endless(system: System) -> Iterator[Callable[[Json], None]]:
    """Changes a pool and gives it a template that comes to no end.

    The API refuses such a pool: it is stored without being asked, as one is that came to loop with what it is given.
    """
    zookeeper = connect(system.zookeeper.address)
    store = PoolStore(zookeeper, ROOT)
    try:

        def change(document: Json) -> None:
            found = load_pool(document)
            store.replace(found)
            if not (stored := store.get(found.name)) or stored.template != ENDLESS:
                store.set_template(found.name, ENDLESS)

        yield change
    finally:
        zookeeper.close()


@contextlib.contextmanager
def odd(
    system: System, document: Callable[[int], Json], *, balance: bool, change: Callable[[Json], None] | None = None
) -> Iterator[None]:
    """That pool is there and changes all the time, with the API unless `change` does it."""
    change = change or system.update
    system.create(document(0))
    change(document(1))
    balancer = system.balance("odd", wait=False) if balance else None
    left = threading.Event()

    def edit() -> None:
        for number in itertools.count(2):
            if left.wait(EVERY):
                return
            try:
                change(document(number))
            except (OSError, RuntimeError) as error:
                progress(f"  {error}")

    thread = threading.Thread(target=edit, name="odd-pool")
    thread.start()
    try:
        rest(2.0)
        yield
    finally:
        left.set()
        thread.join()
        if balancer is not None:
            balancer.stop()
        with contextlib.suppress(OSError, RuntimeError):
            system.delete("odd")


def tell(report: Report, name: str, found: Series) -> None:
    """The figures of a series."""
    report.figures |= {f"{name}: p50 (ms)": median(found.times), f"{name}: p99 (ms)": percentile(found.times, 0.99)}
    report.figures |= {f"{name}: CPU of {process} per change (ms)": value for process, value in found.cpu.items()}


def many(system: System, measured: Measured, pools: int, report: Report) -> Series:
    """Beside few pools, and beside many; what it was beside few."""
    numbers = itertools.count()

    def grow(upto: int) -> None:
        for number in itertools.islice(numbers, upto):
            system.create(pool(f"pool-{number}", [backend("one", service_name(number), check=False)]))
        rest(2.0)

    found = {}
    for count, more in ((FEW, FEW - 1), (pools, pools - FEW)):
        progress(f"{count} pools ...")
        grow(more)
        found[count] = measured.series()
        tell(report, f"{count:,} pools", found[count])
    few, lots = found[FEW], found[pools]
    report.bars += [
        Bar(
            name=f"p50 beside {pools:,} pools as a multiple of {FEW}'s",
            value=median(lots.times) / median(few.times),
            limit=1.3,
        ),
        Bar(
            name=f"CPU per change beside {pools:,} pools as a multiple of {FEW}'s",
            value=sum(lots.cpu.values()) / max(0.1, sum(few.cpu.values())),
            limit=1.3,
        ),
    ]
    return few


def beside(measured: Measured, name: str, few: Series, alone: float, report: Report) -> None:
    """Changes beside an odd pool; `few` and `alone` is what they take without."""
    progress(f"{name} ...")
    found, structure = measured.series(), measured.structures()
    tell(report, f"beside {name}", found)
    report.figures[f"beside {name}: change of structure (s)"] = structure
    report.bars += [
        Bar(
            name=f"p50 beside {name} as a multiple of that without",
            value=median(found.times) / median(few.times),
            limit=1.3,
        ),
        Bar(name=f"change of structure beside {name} as a multiple of that without", value=structure / alone, limit=2),
    ]


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--pools", type=int, default=1000)
    options.add_argument("--tasks", type=int, default=10_000)
    options.add_argument("--changes", type=int, default=50, help="servers that come and go in each series")
    options.add_argument("--repeats", type=int, default=5, help="changes of structure in each series")
    options.add_argument("--rules", type=int, default=1100, help="hosts of the odd pool, and its rules without a host")
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.pools, given.tasks, given.changes = min(given.pools, 50), min(given.tasks, 1000), min(given.changes, 10)
        given.repeats = min(given.repeats, 2)
    report = Report(name="pools", figures={"tasks": given.tasks})
    services = max(SERVICES, given.pools)
    with Awake(), Answers() as answers, System(tasks=given.tasks, services=services) as system:
        measured = Measured(system, answers, given.changes, given.repeats)
        alone = measured.structures()
        few = many(system, measured, given.pools, report)
        report.figures["change of structure (s)"] = alone
        for name, document, balance in (
            ("a pool that HAProxy refuses", refused, True),
            (
                f"a pool of {given.rules:,} hosts and {given.rules:,} rules without",
                functools.partial(ruled, given.rules),
                False,
            ),
        ):
            with odd(system, document, balance=balance):
                beside(measured, name, few, alone, report)
        with endless(system) as change, odd(system, looping, balance=False, change=change):
            beside(measured, "a pool whose template loops", few, alone, report)
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
