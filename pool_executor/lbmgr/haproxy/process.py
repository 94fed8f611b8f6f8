"""The HAProxy processes of an instance: start, check, reload with proof, soft stop, end.

Knows HAProxy's master-worker mode: the master keeps its process id, executes itself anew at a reload (reading the
directory of `-f` again), and goes on with the old worker when the new configuration fails. Does not know what the
configuration says.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import structlog

from pool_executor.lbmgr.haproxy.check import Check, NotChecked, environment
from pool_executor.lbmgr.haproxy.master import Master, Processes
from pool_executor.lbmgr.haproxy.output import Output
from pool_executor.lbmgr.haproxy.runtime import Runtime, SocketFailed
from pool_executor.lbmgr.structure.instance import RELAY_ENTRY, RELAY_MAP

_log = structlog.get_logger()

# The kernel sends the signal when the thread that started HAProxy ends, and HAProxy's workers end with their master. A
# small launcher does it because code between fork and exec of a process with threads may deadlock.
_LAUNCHER = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGTERM = 1, 15
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the executor ended before HAProxy was started")
os.execvp(sys.argv[2], sys.argv[2:])
"""
_POLL = 0.005
_MASTER_POLL = 0.05
_MASTER_PATIENCE = 5.0
_RELAY_PATIENCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A worker that has read the configuration with the marker asked for, and a connection to it."""

    pid: int
    version: str
    runtime: Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """HAProxy does not serve the configuration asked for; `message` is what it said."""

    message: str


class Haproxy:
    """One HAProxy master with its workers. One thread uses it, for as long as HAProxy shall live."""

    def __init__(
        self,
        *,
        binary: str,
        directory: Path,
        admin: Path,
        master: Path,
        log: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`variables` are seen by HAProxy beside the few of ours."""
        self._variables = variables
        self._binary = binary
        self._directory = directory
        self._admin = admin
        self._master = Master(master)
        # Beside the sockets, because it has no more to do with a version of the configuration than they have.
        self._relay = admin.parent / RELAY_MAP
        self._output = Output(log, directory)
        self._process: subprocess.Popen[bytes] | None = None

    # -- life

    @property
    def master(self) -> int | None:
        """The process id of the master while it lives."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def ended(self) -> str | None:
        """How the master ended, as a phrase; None while it lives or was never started."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return None
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"

    def start(self, marker: str, timeout: float) -> Serving | Failed:
        """Start the master and wait until its worker has read `marker`."""
        offset = self._output.size
        try:
            self._spawn()
        except OSError as error:
            return Failed(message=f"HAProxy could not be started: {error}")
        result = self._prove(marker, time.monotonic() + timeout, offset, reloads=None)
        if isinstance(result, Failed):
            self.stop(1.0)
        return result

    def _spawn(self) -> None:
        for path in (self._admin, self._master.path):
            path.unlink(missing_ok=True)
        self._allow_relaying()
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        haproxy = [self._binary, "-W", "-S", f"{self._master.path},mode,600,level,admin", "-f", str(self._directory)]
        with open(self._output.path, "ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *haproxy],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C on a terminal is for the executor, which drains.
                process_group=0,
                env={**self._variables, **environment()},
            )

    @contextlib.contextmanager
    def checking(self, files: Sequence[Path], timeout: float) -> Iterator[Callable[[], str | None]]:
        """`haproxy -c` looks at the files while the block goes on.

        The function waits for what it says against them, None when it accepts them.
        """
        try:
            self._allow_relaying()
            check = Check(self._binary, files, self._variables)
        except (OSError, NotChecked) as error:
            said = _not_checked(error)
            yield lambda: said
            return
        with check:
            yield lambda: _complaint(check, timeout)

    def reload(self, marker: str, timeout: float) -> Serving | Failed:
        """Execute the master anew and wait until a new worker has read `marker`; the old worker leaves by itself."""
        deadline = time.monotonic() + timeout
        before = self._processes_soon(_MASTER_PATIENCE)
        if before is None:
            return Failed(message=f"HAProxy {self.ended or 'has a master that does not answer on its socket'}")
        offset = self._output.size
        self._signal(signal.SIGUSR2)
        return self._prove(marker, deadline, offset, reloads=before.reloads)

    def processes(self) -> Processes | None:
        """The master's account of its workers; None when it does not answer now."""
        return self._master.processes()

    def _processes_soon(self, patience: float) -> Processes | None:
        """The same; right after a start or reload the worker answers some milliseconds before its master does."""
        deadline = time.monotonic() + patience
        while (found := self.processes()) is None and self.ended is None and time.monotonic() < deadline:
            time.sleep(_POLL)
        return found

    def tell(self, pid: int, command: str) -> str:
        """What a worker, also one that leaves, answers to a command; raises SocketFailed."""
        return self._master.tell(pid, command)

    def end_worker(self, pid: int) -> None:
        """End one worker at once, of those that `processes` has just told; its connections are cut."""
        with contextlib.suppress(ProcessLookupError):  # it was done in this very moment
            os.kill(pid, signal.SIGTERM)

    def soft_stop(self) -> None:
        """Close the listeners, let the connections finish, then exit."""
        self._forbid_relaying()
        self._signal(signal.SIGUSR1)

    def stop(self, timeout: float) -> None:
        """End at once, by force after `timeout` seconds; connections are cut."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        # Workers exit when their master does, but not one that hangs. The group is the master's own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def wait(self, timeout: float) -> bool:
        """Whether the master is gone, after at most `timeout` seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def trim_log(self) -> None:
        """Keep the log from filling the disk."""
        self._output.trim()

    # -- relaying

    def _allow_relaying(self) -> None:
        if not self._relay.exists():
            self._relay.write_text(RELAY_ENTRY)

    def _forbid_relaying(self) -> None:
        """Nobody comes after this worker: what is asked on the connections that are left is answered where they are.

        A worker that leaves takes hardly any orders, but changes of maps.
        """
        processes = self._processes_soon(_RELAY_PATIENCE)
        if processes is None:
            _log.warning("HAProxy's workers were not told that nobody follows them: the master does not answer")
            return
        for pid in (*processes.workers, *processes.leaving):
            try:
                self._master.tell(pid, f"clear map {self._relay}")
            except SocketFailed as error:
                _log.warning("A worker was not told that nobody follows it", worker=pid, error=str(error))

    # -- proof

    def _prove(self, marker: str, deadline: float, offset: int, *, reloads: int | None) -> Serving | Failed:
        """Wait for a worker that read `marker`.

        The stats socket answers from the old worker until the new one has taken it over, so an answer alone proves
        nothing; nor does the absence of an error, because a new worker may hang while it loads. The socket itself may
        be handed on: nothing about it tells who will answer.
        """
        last = "its stats socket did not answer"
        ask_master_at = time.monotonic() + _MASTER_POLL
        while time.monotonic() < deadline:
            if self.ended is not None:
                return Failed(message=self._output.complaints(offset) or f"HAProxy {self.ended}")
            asked = self._ask_for(marker)
            if isinstance(asked, Serving):
                return asked
            last = asked
            if reloads is not None and time.monotonic() >= ask_master_at:
                processes = self.processes()
                if processes is not None and processes.reloads > reloads and processes.failed > 0:
                    message = self._output.complaints(offset) or "the reload failed; HAProxy gave no reason"
                    return Failed(message=message)
                ask_master_at = time.monotonic() + _MASTER_POLL
            time.sleep(_POLL)
        return Failed(message=f"no new worker answered in time: {last}")

    def _ask_for(self, marker: str) -> Serving | str:
        """Whoever answers at the stats socket, if it has read `marker`; else why not, as a socket that is bound a
        moment before it listens."""
        try:
            runtime = Runtime(self._admin, timeout=2.0)
        except SocketFailed as error:
            return str(error)
        try:
            info = runtime.info()
        except SocketFailed as error:
            runtime.close()
            return str(error)
        if info.get("description") == marker and info.get("Stopping") == "0":
            return Serving(pid=int(info["Pid"]), version=info["Version"], runtime=runtime)
        runtime.close()
        return f"the worker that answers has read {info.get('description')!r}, not {marker!r}"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


def _complaint(check: Check, timeout: float) -> str | None:
    try:
        return "; ".join(check.refusals(timeout)) or None
    except NotChecked as error:
        return _not_checked(error)


def _not_checked(error: Exception) -> str:
    return f"haproxy -c could not be run: {error}"
