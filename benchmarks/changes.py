"""A series of single changes of one backend's server, timed one by one through the front door.

Knows the tasks, who answers for them and the client that asks; what is compared with what is each benchmark's.
"""

import itertools
import time
from dataclasses import dataclass, field

from benchmarks.answers import NETWORK, Answers, answer_of
from benchmarks.balancer import Balancer
from benchmarks.pool import host_of, probe_name
from benchmarks.prober import Prober
from benchmarks.report import progress
from benchmarks.rest import duration, rest
from benchmarks.system import System
from sdk.local.simulated.on_demand import NewTask

PAUSE = 0.1
"""Seconds between changes: each is measured by itself."""
IDLE = 4.0
STILL = 0.03
"""Cores: whoever uses more is still at work."""
PATIENCE = 60.0
TIMEOUT = 20.0
_numbers = itertools.count()


@dataclass(slots=True, kw_only=True)
class Series:
    """Milliseconds until each change was seen, and of CPU for each."""

    times: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    late: bool = False
    """Whether it ended early, with a change that was not seen in time."""


def idle_of(system: System) -> dict[str, float]:
    """Seconds of CPU per second that go by when nothing happens, once what happened before is over."""
    end = time.monotonic() + duration(PATIENCE)
    while (found := _used(system, 1.0)) and max(found.values()) > STILL and time.monotonic() < end:
        continue
    return _used(system, IDLE)


def _used(system: System, seconds: float) -> dict[str, float]:
    began = system.cpu()
    rest(seconds)
    now = system.cpu()
    return {name: (now[name] - began[name]) / duration(seconds) for name in now}


def cost(
    system: System, began: dict[str, float], idle: dict[str, float], seconds: float, changes: int
) -> dict[str, float]:
    """Milliseconds of CPU for each change beyond what goes by without any."""
    now = system.cpu()
    return {name: max(0.0, now[name] - began[name] - idle[name] * seconds) / changes * 1000 for name in now}


def series(system: System, balancer: Balancer, answers: Answers, count: int, probes: int) -> Series:
    """So many servers come and go, in backends of the pool's first `probes` probes."""
    numbers = [next(_numbers) for _ in range(count)]
    places = [(f"{NETWORK}.2.{1 + number % 16}", 20_000 + number // 16) for number in numbers]
    answers.listen(places)
    ids = system.tasks.prepare(
        NewTask(name=probe_name(at % probes), address=address, port=port) for at, (address, port) in enumerate(places)
    )
    found = Series()
    idle = idle_of(system)
    began, start = system.cpu(), time.monotonic()
    with Prober(balancer.port) as prober:
        for at, task in enumerate(ids):
            for state, other in (("TASK_RUNNING", False), ("TASK_KILLED", True)):
                prober.watch(host_of(probe_name(at % probes)), answer_of(places[at]), other=other, timeout=TIMEOUT)
                moment = system.tasks.change([(task, state)])
                try:
                    found.times.append((prober.wait() - moment) * 1000)
                except TimeoutError as error:
                    # That late is as good as never, and the next ones wait for the same.
                    progress(f"  not within {TIMEOUT:g} s: {error}")
                    found.times.append(TIMEOUT * 1000)
                    found.late = True
                    break
                time.sleep(PAUSE)
            if found.late:
                break
    found.cpu = cost(system, began, idle, time.monotonic() - start, len(found.times))
    return found
