"""The processes that render, each with a deadline for every pool.

A pool that takes long is tried again apart from the others, in a process for such pools, with a longer deadline; one
that takes longer still is refused. So whatever a pool needs, the others wait a moment at most. Does not know how
rendering is done (renderer.py).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog

from api.dcos_template.publishing.clerk import Clerk, Order
from api.dcos_template.rendering.dispatch import Answer, Refusal
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.processes import Processes, TooSlow
from scheduler.pools.checks import raw_problems
from scheduler.pools.stored.record import StoredPool
from sdk.errors import InvalidSpec

#: Seconds that a pool may take among the others, and by itself.
QUICK, SLOW = 1.0, 30.0
_MOST = 2
# Not with -m: then the classes of its answers would be those of another module.
_COMMAND = (sys.executable, "-c", "from api.dcos_template.rendering.renderer import main; main()")

log = structlog.get_logger()


class Workshop:
    """`command` starts a process that answers as renderer.py does."""

    def __init__(
        self,
        order: Order,
        *,
        command: tuple[str, ...] = _COMMAND,
        quick: float = QUICK,
        slow: float = SLOW,
        raw_strings: bool = True,
    ) -> None:
        """Without `raw_strings` a pool that holds some is refused."""
        self._lanes = (
            _Lane(Clerk("render", _MOST, order), Processes(command), quick, raw_strings),
            _Lane(Clerk("render-slow", 1, order), Processes(command), slow, raw_strings),
        )

    def prepare(self) -> None:
        """Have a process ready before it is needed, so that the first pool waits less."""
        lane = self._lanes[False]
        lane.clerk.do(lane.processes.prepare, _log_failure)

    def render(self, pool: StoredPool, slow: bool, done: Callable[[Texts | TooSlow | Exception], None]) -> None:
        """Render the pool, `slow` by itself; `done` gets the texts or what it failed with, on the worker's thread."""
        lane = self._lanes[slow]
        lane.clerk.do(lambda: lane.render(pool), done)

    def stop(self) -> None:
        """End all processes."""
        for lane in self._lanes:
            lane.clerk.stop()
            lane.processes.stop()


def _log_failure(outcome: Exception | None) -> None:
    if outcome is not None:
        log.error("A process that renders cannot be started; trying again when it is needed", exc_info=outcome)


@dataclass(frozen=True, slots=True)
class _Lane:
    clerk: Clerk
    processes: Processes
    deadline: float
    raw_strings: bool

    def render(self, pool: StoredPool) -> Texts:
        """The texts; raises InvalidSpec for a pool that has none, TooSlow when the deadline passed."""
        if not self.raw_strings and (problem := next(raw_problems(pool), None)):
            raise InvalidSpec(problem.path, problem.rule)
        try:
            answer = cast(Answer, self.processes.ask(pool, self.deadline))
        except TooSlow as error:
            raise TooSlow(f"is not rendered within {self.deadline:g} s: split it into several pools") from error
        if isinstance(answer, Refusal):
            raise InvalidSpec(answer.path, answer.rule)
        return answer
