"""An application whose tasks are replaced one after the other.

Knows which tasks run, where they answer, and when each ended. Does not know who asks them.
"""

import itertools
import time

from benchmarks.answers import NETWORK, Answers, Place, answer_of
from benchmarks.load import Seen
from benchmarks.system import System
from sdk.local.simulated.on_demand import NewTask

APP = "app"
GRACE = 1.0
"""Seconds that a task has which is not killed with its event."""
SETTLED = 0.5
"""Seconds after its end in which a removed server may still get requests without being counted."""
_addresses = itertools.count()


class Application:
    """The tasks behind one backend, and who of them ended when."""

    def __init__(self, system: System, answers: Answers) -> None:
        self._system, self._answers = system, answers
        self.ended: dict[str, float] = {}
        self._running: list[tuple[str, Place]] = []
        self._ready: list[tuple[str, Place]] = []

    def prepare(self, count: int) -> None:
        """So many more tasks that can run at once."""
        numbers = [next(_addresses) for _ in range(count)]
        places = [(f"{NETWORK}.0.{1 + number % 16}", 20_000 + number // 16) for number in numbers]
        self._answers.listen(places)
        ids = self._system.tasks.prepare(NewTask(name=APP, address=host, port=port) for host, port in places)
        self._ready += list(zip(ids, places, strict=True))

    def start(self, count: int) -> None:
        """So many tasks run."""
        self.prepare(count)
        self._running, self._ready = self._ready, []
        self._system.tasks.change((task, "TASK_RUNNING") for task, _ in self._running)

    def replace(self, number: int, over: float, *, killed: bool) -> None:
        """Replace so many tasks in that time, each of which stops a second after its event, or is killed with it."""
        self.prepare(number)
        start = time.monotonic()
        leaving: list[tuple[float, Place]] = []
        for at in range(number):
            _until(start + over * at / number, leaving, self._answers)
            (old, place), new = self._running.pop(0), self._ready.pop(0)
            if killed:
                self._answers.kill([place])
            moment = self._system.tasks.change([(new[0], "TASK_RUNNING"), (old, "TASK_KILLED")])
            self.ended[answer_of(place)] = moment
            if not killed:
                leaving.append((moment + GRACE, place))
            self._running.append(new)
        _until(time.monotonic() + GRACE + SETTLED, leaving, self._answers)

    def asked_removed(self, seen: Seen) -> int:
        """Servers that answered requests sent long after their tasks had ended."""
        return sum(seen.last.get(answer, 0.0) > moment + SETTLED for answer, moment in self.ended.items())


def _until(moment: float, leaving: list[tuple[float, Place]], answers: Answers) -> None:
    """Wait until then; whose time has come stops."""
    while (now := time.monotonic()) < moment:
        while leaving and leaving[0][0] <= now:
            answers.close([leaving.pop(0)[1]])
        time.sleep(min(0.01, moment - now))
