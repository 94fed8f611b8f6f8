"""`edgelb local up` as people treat it: interrupted, killed, closed, started twice, started over."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.local.place import Place
from api.cli.local.stack import EXAMPLES
from sdk.local import processes
from tests.e2e.conftest import CHECKOUT
from tests.support.stack_ports import free_base
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


def heed_signals() -> None:
    """Be ended by Ctrl-C and by the end of the terminal, as what a shell runs in the foreground is."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Starter:
    """Runs `edgelb local up` and `down` for one directory, whose path has a space."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.base = free_base()
        self.started: list[subprocess.Popen[bytes]] = []

    def command(self, *arguments: str) -> list[str]:
        """`edgelb local <arguments>` for this directory."""
        verb, *rest = arguments
        port = ["--base-port", str(self.base)] if verb == "up" else []
        return [sys.executable, "-m", "api.cli.main", "local", verb, "--directory", str(self.directory), *port, *rest]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=120, check=False, cwd=CHECKOUT
        )

    def detached(self) -> None:
        """`up --detach`, which must succeed."""
        done = self.run("up", "--detach")
        log = self.directory / "up.log"
        assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")

    def up(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start it with its output in a file."""
        with (self.directory.parent / "output").open("ab") as output:
            process = subprocess.Popen(
                self.command("up", *arguments),
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # The tests may run in the background of a script, where both are ignored, and that is inherited.
                preexec_fn=heed_signals,
            )
        self.started.append(process)
        return process

    def edgelb(self, *arguments: str, content: str = "") -> str:
        """Run a command against the API that runs, which must succeed; what it says."""
        urls = json.loads((self.directory / "urls.json").read_text())
        return subprocess.run(
            [sys.executable, "-m", "api.cli.main", *arguments],
            input=content,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "EDGELB_API": urls["api"]},
            cwd=CHECKOUT,
            check=True,
        ).stdout

    def await_traffic(self) -> None:
        """Return once the URLs are noted."""
        wait_until(lambda: (self.directory / "urls.json").exists(), 60, "urls.json")

    def left(self) -> list[str]:
        """Command lines of everything that runs for this directory."""
        place = str(self.directory)
        found = []
        for pid in processes.everyone():
            words = processes.command_line(pid)
            values = processes.environment(pid)
            ours = any(place in word for word in words) or place in values.get("MESOS_SANDBOX", "")
            if ours or f":{self.base}" in values.get("EDGELB_API", ""):
                found.append(" ".join(words))
        return found

    def haproxies(self) -> list[int]:
        """Process ids of the load balancers."""
        place = str(self.directory)
        return [
            pid
            for pid in processes.everyone()
            if (words := processes.command_line(pid))
            and Path(words[0]).name == "haproxy"
            and any(place in word for word in words)
        ]


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Whatever a test leaves running is ended."""
    starter = Starter(tmp_path / "a stack")
    yield starter
    for process in starter.started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    starter.run("down")


@pytest.mark.parametrize("moment", ["note", "mesos", "api log", "traffic"])
def test_an_interrupt_at_any_moment_leaves_nothing_running(starter: Starter, moment: str) -> None:
    """Ctrl-C when it has just begun, when Mesos starts, when Edge-LB starts, and when traffic flows."""
    process = starter.up()
    sign = {
        "note": starter.directory / "up.pid",
        "mesos": starter.directory / "mesos" / "agent2" / "process.json",
        "api log": starter.directory / "logs" / "edgelb.log",
        "traffic": starter.directory / "urls.json",
    }[moment]
    wait_until(sign.exists, 60, str(sign))
    process.send_signal(signal.SIGINT)
    process.wait(60)
    wait_until(lambda: not starter.left(), 10, f"the end of {starter.left()}")
    assert Place(starter.directory).running() is None


def test_closing_the_terminal_ends_the_stack(starter: Starter) -> None:
    """SIGHUP is what a terminal's processes get when it is closed; writing to it fails from then on."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        starter.command("up"),
        cwd=CHECKOUT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=heed_signals,
    )
    starter.started.append(process)
    os.close(slave)
    with contextlib.suppress(OSError):
        screen = b""
        while b"Next, in another shell" not in screen:
            screen += os.read(master, 65536)
    os.close(master)
    process.send_signal(signal.SIGHUP)
    process.wait(60)
    wait_until(lambda: not starter.left(), 10, f"the end of {starter.left()}")


def test_a_second_start_waits_for_the_first_and_shows_the_same(starter: Starter) -> None:
    """Whoever starts what is already starting gets its URLs, once; the state is taken over by the next start."""
    first = starter.up()
    wait_until(lambda: Place(starter.directory).running() is not None, 20, "the note")
    second = starter.run("up", "--detach")
    assert second.returncode == 0, second.stderr
    assert f"Already running (pid {first.pid})" in second.stdout
    assert json.loads((starter.directory / "urls.json").read_text())["pools"]["web"]["web"][0] in second.stdout
    assert f"bin/down --directory '{starter.directory}' stops it" in second.stdout
    assert starter.run("up", "--fresh").returncode == 1
    down = starter.run("down")
    assert (down.returncode, first.wait(10)) == (0, 0)
    assert starter.left() == []


def test_two_starts_at_the_same_moment_make_one_stack(starter: Starter) -> None:
    """One of them takes the place; the other one says so or joins, and disturbs nothing."""
    both = [starter.up(), starter.up()]
    starter.await_traffic()
    wait_until(lambda: any(one.poll() is not None for one in both), 60, "the end of the one that was too late")
    [alive] = [one for one in both if one.poll() is None]
    assert Place(starter.directory).running() == alive.pid
    urls = json.loads((starter.directory / "urls.json").read_text())
    assert starter.run("up").stdout.count(urls["api"]) >= 1


def test_a_killed_stack_is_cleaned_up_by_down_or_found_by_the_next_start(starter: Starter) -> None:
    """kill -9 leaves load balancers serving; `up` takes them over again, `down` and `up --fresh` end them."""
    first = starter.up()
    starter.await_traffic()
    # A master and a worker each; what checks a configuration is called haproxy as well.
    wait_until(lambda: len(starter.haproxies()) == 4, 20, "both load balancers")
    serving = starter.haproxies()
    first.kill()
    first.wait(10)
    second = starter.run("up", "--detach")
    assert second.returncode == 0, second.stdout + second.stderr
    assert set(starter.haproxies()) == set(serving)
    pid = Place(starter.directory).running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: Place(starter.directory).running() is None, 10, "its end")
    keep = starter.directory / "notes of the user"
    keep.write_text("mine")
    fresh = starter.run("up", "--detach", "--fresh")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert "Created the pool web" in fresh.stdout
    assert not set(starter.haproxies()) & set(serving)
    assert keep.read_text() == "mine"
    pid = Place(starter.directory).running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: Place(starter.directory).running() is None, 10, "its end")
    assert "left running" in starter.run("down").stdout
    wait_until(lambda: not starter.left(), 10, f"the end of {starter.left()}")


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """A stack that runs in the background, and runs again after each of the tests below; they need not be in order."""
    starter = Starter(tmp_path_factory.mktemp("lasting"))
    starter.detached()
    yield starter
    starter.run("down")


def test_a_second_start_shows_what_runs_now(lasting: Starter) -> None:
    """A pool that came since the start, for people and for scripts; nothing of the start is repeated."""
    pool = {**json.loads((EXAMPLES / "pools" / "web.json").read_text()), "name": "late", "count": 1}
    lasting.edgelb("create", "-", "--wait", content=json.dumps(pool))
    again = lasting.run("up", "--masters", "3")
    assert again.returncode == 0, again.stderr
    pools = json.loads((lasting.directory / "urls.json").read_text())["pools"]
    [[url]] = pools["late"].values()
    assert f"  pool late    {url}\n" in again.stdout
    assert "{" not in again.stdout
    assert "--masters 3 (it has 1)" in again.stderr
    lasting.edgelb("delete", "--wait", "late")


def test_a_changed_sample_pool_does_not_keep_the_stack_from_starting(lasting: Starter) -> None:
    """The pool of an earlier run is shown as it is, even when it serves nothing any more."""
    pool = json.loads(lasting.edgelb("show", "--json", "web"))
    pool["count"] = 1
    lasting.edgelb("update", "-", content=json.dumps(pool))
    assert lasting.run("down").returncode == 0
    again = lasting.run("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "\nNext: . " in again.stdout

    def shown() -> bool:
        # An instance of before the end may be told of until its session is over, and its successor a moment later.
        assert lasting.run("up").returncode == 0
        pools = json.loads((lasting.directory / "urls.json").read_text())["pools"]
        return [len(urls) for urls in pools["web"].values()] == [1]

    wait_until(shown, 30, "its one address", every=1.0)


def test_a_deleted_sample_pool_stays_deleted(lasting: Starter) -> None:
    """Who deleted it did so on purpose; who wants it back is told how, and --fresh makes it again."""
    lasting.edgelb("delete", "--wait", "web")
    assert lasting.run("down").returncode == 0
    again = lasting.run("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "The pool web was deleted and stays so; `edgelb create " in again.stdout
    assert "&& edgelb list" in again.stdout
    assert json.loads((lasting.directory / "urls.json").read_text())["pools"] == {}
    lasting.edgelb("create", "--wait", str(EXAMPLES / "pools" / "web.json"))
