"""Child processes that are kept running: started, heard, restarted with backoff, ended together.

Knows nothing of what the children do, nor where their lines go (`output`). Used by `edgelb serve` and by `edgelb local
up`.
"""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from api.cli.child_output import Output, Persistent, reason
from sdk.retry import Policy

Ended = Callable[[str, int, float], None]
"""Told of each unwanted end, on the child's thread: its name, its status as Popen gives it, the seconds it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep running. `environment` is added to this process' own."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0
    """Seconds between SIGTERM and SIGKILL when it is stopped."""


RESTARTS = Policy(first=0.4, most=10.0)
#: A child that ran so many seconds was well: when it ends, it is started again as if it were the first time.
_STABLE = 30.0
_REMEMBERED = 60
"""Last lines of a child among which the reason of its end is looked for: a Java stack trace has some thirty."""


class Supervisor:
    """Runs children until `stop`. Each child has one thread that starts it, reads its output and waits for it.

    An `output` that fails loses lines and nothing else.
    """

    def __init__(
        self,
        children: Sequence[Child],
        output: Output,
        *,
        restarts: Policy = RESTARTS,
        on_end: Ended | None = None,
    ) -> None:
        self._children = {child.name: child for child in children}
        self._on_end = on_end
        self._output = Persistent(output)
        self._restarts = restarts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._ended: set[str] = set()

    def start(self) -> None:
        """Start all children; returns at once."""
        for child in self._children.values():
            self._watch(child)

    def add(self, child: Child) -> None:
        """Start one more child."""
        self._children[child.name] = child
        self._watch(child)

    def end(self, name: str) -> None:
        """End one child for good; returns when it has ended."""
        with self._lock:
            self._ended.add(name)
        self._end(name)

    def kill(self, name: str, why: str) -> None:
        """End a child at once, without a chance to clean up; it is started again like one that ended by itself."""
        with self._lock:
            process = self._processes.get(name)
        if process is not None and process.poll() is None:
            self._output.told(name, why)
            process.kill()

    def pids(self) -> dict[str, int]:
        """Process ids of the children that run now."""
        with self._lock:
            return {name: process.pid for name, process in self._processes.items() if process.poll() is None}

    def stop(self) -> None:
        """SIGTERM to each in reverse order of their start, SIGKILL after its grace; returns when all have ended."""
        self._stopping.set()
        for name in reversed(list(self._children)):
            self._end(name)
        for thread in self._threads:
            thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until `stop` was called; False when `timeout` seconds passed before."""
        return self._stopping.wait(timeout)

    def _watch(self, child: Child) -> None:
        thread = threading.Thread(target=self._keep_running, args=(child,), name=f"child-{child.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_running(self, child: Child) -> None:
        delay, backoff = 0.0, self._restarts.backoff()
        while not self._stopping.wait(delay):
            started = time.monotonic()
            try:
                process = self._spawn(child)
            except OSError as error:
                if child.name in self._ended:
                    return
                delay = backoff.delay()
                self._output.told(child.name, f"could not be started: {error}; trying again in {delay:.1f} s")
                continue
            assert process.stdout is not None
            last: deque[str] = deque(maxlen=_REMEMBERED)
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                last.append(line)
                self._output.line(child.name, line)
            status = process.wait()
            process.stdout.close()
            if self._stopping.is_set() or child.name in self._ended:
                return
            ran = time.monotonic() - started
            if ran >= _STABLE:
                backoff.reset()
            delay = backoff.delay()
            self._output.told(child.name, f"{ending(status, last)}; starting it again in {delay:.1f} s")
            if self._on_end is not None:
                self._on_end(child.name, status, ran)

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopping.is_set() or child.name in self._ended:
                raise OSError("it is being stopped")
            process = subprocess.Popen(
                # setpriv lets the kernel end the child when this thread is gone, so that kill -9 leaves no orphans.
                ("setpriv", "--pdeathsig", "TERM", "--", *child.command),
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches this process only; it then ends the children in order.
                start_new_session=True,
            )
            self._processes[child.name] = process
            return process

    def _end(self, name: str) -> None:
        with self._lock:
            process = self._processes.get(name)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(self._children[name].grace)
        except subprocess.TimeoutExpired:
            process.kill()


def signal_name(number: int) -> str:
    """`SIGKILL`, or `signal 40`: of the real-time signals Python names the first and the last only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ending(status: int, last: Iterable[str]) -> str:
    """How a child ended, from its status as Popen gives it and its last lines. Pure."""
    if status < 0:
        return f"was killed by {signal_name(-status)}"
    why = reason(last) if status else None
    return f"ended with status {status}" + (f" ({why})" if why else "")
