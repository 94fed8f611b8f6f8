"""`edgelb run listener` and `edgelb run template` as the processes that the supervisor starts."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer, session

pytestmark = pytest.mark.integration


class Process:
    """One of our processes, its log in a file."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self._log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "api.cli.main", "run", *arguments),
                    *("--health-listen", "127.0.0.1:0", "--log-format", "json"),
                ],
                stdout=output,
                stderr=output,
            )

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self._log.read_text(), timeout=30, what=f"{text!r} in the log")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        return self._process.wait(20)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.kill()


def test_a_listener_without_mesos_waits_and_stops_at_once(tmp_path: Path, processes: list[Process]) -> None:
    """SIGTERM ends it with 0, also while it is trying to connect."""
    processes.append(
        Process(tmp_path / "log", "listener", "--mesos", f"127.0.0.1:{free_port()}", "--listen", "127.0.0.1:0")
    )
    processes[0].wait_for("accepts gRPC calls")
    processes[0].wait_for("No Mesos master")
    assert processes[0].stop() == 0


def test_a_template_without_zookeeper_and_listener_waits_and_stops_at_once(
    tmp_path: Path, processes: list[Process]
) -> None:
    """Nothing that it needs has to be there first."""
    nowhere = f"127.0.0.1:{free_port()}"
    processes.append(Process(tmp_path / "log", "template", "--zk", nowhere, "--listener", nowhere))
    processes[0].wait_for("The template process has started")
    processes[0].wait_for("does not serve yet")
    assert processes[0].stop(signal.SIGINT) == 0


def test_a_killed_template_is_replaced_by_the_standby(
    zookeeper: ZooKeeperServer, zk_root: str, tmp_path: Path, processes: list[Process]
) -> None:
    """kill -9 leaves the lock to the end of the session, not for ever."""
    arguments = ("template", "--zk", zookeeper.address, "--zk-root", zk_root, "--listener", f"127.0.0.1:{free_port()}")
    for number in range(2):
        processes.append(Process(tmp_path / f"log{number}", *arguments))
        processes[0].wait_for("Publishing from now on")
    processes[1].wait_for("The template process has started")
    processes[0].kill()
    processes[1].wait_for("Publishing from now on")
    assert processes[1].stop() == 0
    # A clean end gives the lock back at once.
    with session(zookeeper) as zk:
        assert not zk.exists(f"{zk_root}/locks/template/holder")
