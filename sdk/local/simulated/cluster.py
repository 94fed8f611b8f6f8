"""A simulated cluster as a child process, for tests and benchmarks.

    with SimulatedCluster(port=5050, agents=1000, tasks=50_000, events_per_second=2000) as cluster:
        ...  # cluster.address is that of its master; all tasks run

`tasks.TasksOnDemand` starts and ends single tasks in it.

Knows the process; what runs in it is `process`.
"""

import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from sdk.errors import EnvironmentProblem
from sdk.local.simulated.process import READY

_ROOT = Path(__file__).resolve().parents[3]


class SimulatedCluster:
    """One process. `timeout` is how many seconds it may take until all tasks run."""

    def __init__(
        self,
        *,
        port: int,
        agents: int,
        tasks: int,
        events_per_second: float = 0.0,
        seed: int = 0,
        services: int | None = None,
        task_life: float | None = None,
        timeout: float = 300.0,
    ) -> None:
        self.address = f"127.0.0.1:{port}"
        """Host and port of the master."""
        self._timeout = timeout
        self._command = [
            sys.executable, "-m", "sdk.local.simulated", "--port", str(port), "--agents", str(agents),
            "--tasks", str(tasks), "--events-per-second", str(events_per_second), "--seed", str(seed),
        ]  # fmt: skip
        if services is not None:
            self._command += ["--services", str(services)]
        if task_life is not None:
            self._command += ["--task-life", str(task_life)]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process id of the master."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; returns when all tasks run. EnvironmentProblem with its own words when that cannot be."""
        process = subprocess.Popen(self._command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        late = threading.Timer(self._timeout, process.kill)
        late.start()
        try:
            line = process.stdout.readline()
        finally:
            late.cancel()
        if line.strip() != READY:
            process.kill()
            said = process.stderr.read().strip()
            self.stop()
            raise EnvironmentProblem(said or f"the simulated tasks did not run within {self._timeout:g} s")
        # What it has to say later goes to nobody, but must not block it.
        threading.Thread(target=process.stderr.read, name="simulated-stderr", daemon=True).start()

    def stop(self) -> None:
        """End it. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "SimulatedCluster":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
