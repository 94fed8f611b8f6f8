"""The processes that render, each with a deadline for every pool.

A pool that takes long is tried again apart from the others, in a process for such pools, with a longer deadline; one
that takes longer still is refused. So whatever a pool needs, the others wait a moment at most. Does not know how
rendering is done (renderer.py).
"""

import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

import structlog

from api.dcos_template.clerk import Clerk, Order
from api.dcos_template.dispatch import Answer, Refusal, read_message, write_message
from api.dcos_template.printed import Texts
from scheduler.pools.stored import StoredPool
from sdk.errors import InvalidSpec

#: Seconds that a pool may take among the others, and by itself.
QUICK, SLOW = 1.0, 30.0
_PROCESSES = 2
# Not with -m: then the classes of its answers would be those of another module.
_COMMAND = (sys.executable, "-c", "from api.dcos_template.renderer import main; main()")
#: Seconds that the start of a process may take.
_START = 60.0


log = structlog.get_logger()


class TooSlow(Exception):
    """The deadline passed; the process was ended."""


class Workshop:
    """`command` starts a process that answers as renderer.py does."""

    def __init__(
        self,
        order: Order,
        *,
        command: tuple[str, ...] = _COMMAND,
        quick: float = QUICK,
        slow: float = SLOW,
    ) -> None:
        self._lanes = (
            _Lane(Clerk("render", _PROCESSES, order), _Processes(command), quick),
            _Lane(Clerk("render-slow", 1, order), _Processes(command), slow),
        )

    def prepare(self) -> None:
        """Have a process ready before it is needed, so that the first pool waits less."""
        lane = self._lanes[False]
        lane.clerk.do(lane.processes.prepare, _log_failure)

    def render(self, pool: StoredPool, slow: bool, done: Callable[[Texts | TooSlow | Exception], None]) -> None:
        """Render the pool, `slow` by itself; `done` gets the texts or what it failed with, on the worker's thread."""
        lane = self._lanes[slow]
        lane.clerk.do(lambda: lane.processes.render(pool, lane.deadline), done)

    def stop(self) -> None:
        """End all processes."""
        for lane in self._lanes:
            lane.clerk.stop()
            lane.processes.stop()


def _log_failure(outcome: Exception | None) -> None:
    if outcome is not None:
        log.error("A process that renders cannot be started; trying again when it is needed", exc_info=outcome)


class _Processes:
    """As many as are used at once; each is started when it is needed, and again after it was ended."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def render(self, pool: StoredPool, deadline: float) -> Texts:
        process = self._take()
        answer = cast(Answer, self._ask(process, pool, deadline))
        self._idle.put(process)
        if isinstance(answer, Refusal):
            raise InvalidSpec(answer.path, answer.rule)
        return answer

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()  # whoever uses it at this moment does the rest
        while not self._idle.empty():
            self._end(self._idle.get())

    def prepare(self) -> None:
        """Have a process ready before it is needed."""
        self._idle.put(self._take())

    def _ask(self, process: subprocess.Popen[bytes], pool: StoredPool | None, deadline: float) -> object:
        """What the process says to this, or by itself; it is ended when that fails."""
        timer = threading.Timer(deadline, process.kill)
        timer.daemon = True
        timer.start()
        try:
            if pool is not None:
                write_message(cast(BinaryIO, process.stdin), pool)
            return read_message(cast(BinaryIO, process.stdout))
        except (EOFError, OSError) as error:
            passed = not timer.is_alive()
            self._end(process)
            if passed:
                raise TooSlow(f"is not rendered within {deadline:g} s: split it into several pools") from error
            raise RuntimeError(f"the process that renders ended with status {process.returncode}") from error
        except Exception:
            self._end(process)
            raise
        finally:
            timer.cancel()

    def _take(self) -> subprocess.Popen[bytes]:
        while not self._idle.empty():
            process = self._idle.get()
            if process.poll() is None:
                return process
            self._end(process)
        with self._lock:
            if self._stopped:
                raise RuntimeError("this process is stopping")
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._running.add(process)
        self._ask(process, None, _START)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)
        process.kill()
        with contextlib.suppress(OSError):  # what it was not told any more
            process.communicate()


@dataclass(frozen=True, slots=True)
class _Lane:
    clerk: Clerk
    processes: _Processes
    deadline: float
