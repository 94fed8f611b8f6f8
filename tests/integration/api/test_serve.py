"""`edgelb serve` and its supervisor as real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local.processes import alive, command_line, descendants
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

SUPERVISED = """
import os, sys
from api.cli.serve import Tagged, supervise
from api.cli.supervisor import Child
from sdk.retry import Policy
pairs = zip(sys.argv[1::2], sys.argv[2::2])
children = [Child(name=name, command=tuple(command.split("|")), grace=1.0) for name, command in pairs]
health = dict(one.split("=", 1) for one in os.environ.get("HEALTH", "").split())
sys.exit(supervise(children, health, Tagged(form="text"), Policy(first=0.2, most=0.2)))
"""
SLEEP = "sleep|1000"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Whatever a test starts is ended, with everything below it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        below = descendants(process.pid)
        process.kill()
        process.communicate()
        for pid in below:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def start(processes: list[subprocess.Popen[str]], log: Path, *children: str, health: str = "") -> subprocess.Popen[str]:
    """Supervise `name command name command ...`; `health` is `name=url name=url ...`."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISED, *children], stderr=file, text=True, env={**os.environ, "HEALTH": health}
        )
    processes.append(process)
    return process


def test_a_child_that_dies_is_started_again_and_the_end_is_told(
    processes: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """With its name in front."""
    log = tmp_path / "log"
    process = start(processes, log, "one", SLEEP)
    (first,) = wait_until(lambda: descendants(process.pid), 10, "the child")
    os.kill(first, signal.SIGKILL)

    wait_until(lambda: [pid for pid in descendants(process.pid) if pid != first], 10, "its successor")
    assert "one       | was killed by SIGKILL; starting it again" in log.read_text()


@pytest.mark.slow
def test_a_child_that_hangs_is_killed_and_started_again(processes: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """A stopped process ends by no signal but SIGKILL; one beside it that answers is left alone."""
    ports = free_port(), free_port()
    children = [word for port in ports for word in (f"web{port}", f"{sys.executable}|-m|http.server|{port}")]
    health = " ".join(f"web{port}=http://127.0.0.1:{port}/" for port in ports)
    log = tmp_path / "log"
    process = start(processes, log, *children, health=health)
    # It was seen to be well: from then on its silence counts.
    wait_until(lambda: log.read_text().count('"GET / HTTP/1.1" 200') >= 4, 60, "answers of both")
    first, second = wait_until(lambda: len(found := descendants(process.pid)) == 2 and found, 10, "the children")
    os.kill(first, signal.SIGSTOP)

    wait_until(lambda: not alive(first), 60, "its end")
    wait_until(lambda: len(descendants(process.pid)) == 2, 20, "its successor")
    assert alive(second)
    assert "hangs (no answer from http://127.0.0.1:" in log.read_text()
    assert log.read_text().count("starting it again") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_children_and_the_supervisor_with_0(
    processes: list[subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    """In an orderly way."""
    process = start(processes, tmp_path / "log", "one", SLEEP, "two", SLEEP)
    pids = wait_until(lambda: len(found := descendants(process.pid)) == 2 and found, 10, "the children")
    process.send_signal(number)

    assert process.wait(10) == 0
    assert not any(alive(pid) for pid in pids)


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(
    processes: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The supervisor always ends."""
    program = "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('deaf', flush=True); time.sleep(1000)"
    deaf = f"{sys.executable}|-c|{program}"
    log = tmp_path / "log"
    process = start(processes, log, "deaf", deaf)
    wait_until(lambda: "deaf      | deaf" in log.read_text(), 10, "the child's line")
    (pid,) = descendants(process.pid)
    process.terminate()

    assert process.wait(15) == 0
    assert not alive(pid)


def test_children_end_when_the_supervisor_is_killed(processes: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """No orphans hold the ports when it is started again."""
    process = start(processes, tmp_path / "log", "one", SLEEP, "two", SLEEP)

    def begun() -> list[int]:
        # Before that a child has not yet asked the kernel to end it with its parent.
        return [pid for pid in descendants(process.pid) if command_line(pid)[:1] == ["sleep"]]

    pids = wait_until(lambda: len(found := begun()) == 2 and found, 10, "the children")
    process.kill()
    process.wait(10)

    wait_until(lambda: not any(alive(pid) for pid in pids), 10, "the end of the children")


@pytest.mark.parametrize("log", ["full", "closed"])
def test_a_log_that_cannot_be_written_ends_neither_the_supervisor_nor_its_children(
    processes: list[subprocess.Popen[str]], log: str
) -> None:
    """A child that dies is started again, whatever becomes of the line that tells it."""
    process = start(processes, Path("/dev/full"), "one", f"sh|-c|echo said; exec {SLEEP.replace('|', ' ')}")
    if log == "closed":
        reader, writer = os.pipe()
        process = subprocess.Popen([sys.executable, "-c", SUPERVISED, "one", SLEEP], stderr=writer, text=True)
        processes.append(process)
        os.close(writer)
        os.close(reader)
    seen: set[int] = set()
    for number in range(3):
        pids = wait_until(lambda: set(descendants(process.pid)) - seen, 10, f"start {number + 1} of the child")
        seen.update(pids)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(descendants(process.pid)) - seen, 10, "the last start of the child")
    process.terminate()
    assert process.wait(10) == 0


def test_it_gives_up_when_nothing_ever_works(processes: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """Exit code 1 and a sentence."""
    log = tmp_path / "log"
    process = start(processes, log, "one", "false")

    assert process.wait(120) == 1
    assert "no component stays up" in log.read_text()


@pytest.mark.parametrize(
    ("option", "variables", "said"),
    [
        (["--api-listen", "nonsense"], {}, "'nonsense' is not host:port"),
        (["--listener", ":1"], {}, "Invalid value for '--listener'"),
        ([], {"EDGELB_HOLD_PERCENT": "101"}, "template refused its settings"),
    ],
)
def test_wrong_settings_of_a_component_end_serve_with_2(
    option: list[str], variables: dict[str, str], said: str
) -> None:
    """Its own options are named before anything starts; what only a component knows is named by that."""
    environment = {
        **os.environ,
        "EDGELB_ZK": f"127.0.0.1:{free_port()}",
        "EDGELB_MESOS": f"127.0.0.1:{free_port()}",
        "EDGELB_API_LISTEN": f"127.0.0.1:{free_port()}",
        "EDGELB_SCHEDULER_LISTEN": f"127.0.0.1:{free_port()}",
        "EDGELB_LISTENER_LISTEN": f"127.0.0.1:{free_port()}",
        "EDGELB_LISTENER_HEALTH_LISTEN": f"127.0.0.1:{free_port()}",
        "EDGELB_TEMPLATE_HEALTH_LISTEN": f"127.0.0.1:{free_port()}",
        **variables,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "serve", *option],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
