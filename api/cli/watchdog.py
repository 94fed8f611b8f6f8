"""Finding child processes that hang: each is asked for its health, and one that does not answer is ended by force.

Ending is all: the supervisor starts it again like any child that ended. A process that was stopped, or whose working
loop hangs, takes no SIGTERM, so it gets SIGKILL. Knows HTTP and times; does not know what the children do.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import urllib3

from sdk.clock import Clock

_EVERY = 3.0
_ANSWER = 4.0
"""Seconds for one answer; a process that is busy answers later than one that is not, one that hangs never."""
PATIENCE = 20.0
"""A process that was well and does not say so for longer hangs: it is found within 30 s whatever the two above add."""
_LEAST_LOOKS = 3
"""So many looks in vain are needed besides: when the whole machine stood still, time passed and nobody looked."""
START_PATIENCE = 120.0
"""The same for one that has not been well yet: on a loaded machine a start takes its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is known of one life of a child: its process, when it was last known to be well, and how many looks were in
    vain since.
    """

    pid: int
    well_at: float
    was_well: bool = False
    in_vain: int = 0


def judge(known: Watched | None, pid: int, problem: str | None, now: float) -> tuple[Watched, str | None]:
    """What is known after a look at `now` at the process `pid`, and the sentence when it has to be ended. Pure."""
    if known is None or known.pid != pid:
        known = Watched(pid=pid, well_at=now)
    if problem is None:
        return replace(known, well_at=now, was_well=True, in_vain=0), None
    known = replace(known, in_vain=known.in_vain + 1)
    silent = now - known.well_at
    if silent < (PATIENCE if known.was_well else START_PATIENCE) or known.in_vain < _LEAST_LOOKS:
        return known, None
    since = "for" if known.was_well else "since its start,"
    return known, f"hangs ({problem}, {since} {silent:.0f} s); ended by SIGKILL"


class Watchdog:
    """Looks at every child on a thread of its own, so that one which hangs does not delay the others' turn."""

    def __init__(
        self,
        urls: Mapping[str, str],
        pids: Callable[[], Mapping[str, int]],
        hangs: Callable[[str, str], None],
        clock: Clock,
    ) -> None:
        """`urls` are the children's health by name, `pids` their processes now; `hangs` is told name and sentence."""
        self._pids = pids
        self._hangs = hangs
        self._clock = clock
        self._stopping = threading.Event()
        # A child on this machine is asked by an address that may not be in its certificate, and nothing is told to it.
        self._http = urllib3.PoolManager(retries=False, timeout=_ANSWER, cert_reqs="CERT_NONE", assert_hostname=False)
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._threads = [
            threading.Thread(target=self._watch, args=one, name=f"watchdog-{one[0]}", daemon=True)
            for one in urls.items()
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End nobody from now on."""
        self._stopping.set()

    def _watch(self, name: str, url: str) -> None:
        known: Watched | None = None
        while not self._stopping.wait(_EVERY):
            pid = self._pids().get(name)
            if pid is None:
                known = None  # it ended by itself and is started again
                continue
            problem = self._problem(url)
            if self._stopping.is_set() or self._pids().get(name) != pid:
                continue
            known, verdict = judge(known, pid, problem, self._clock.monotonic())
            if verdict is not None:
                self._hangs(name, verdict)

    def _problem(self, url: str) -> str | None:
        try:
            answer = self._http.request("GET", url)
        except urllib3.exceptions.HTTPError:
            return f"no answer from {url}"
        if answer.status < 500:
            return None
        told = " ".join(answer.data.decode(errors="replace").split())[:200]
        return f"{url} answers HTTP {answer.status}: {told}"
