"""`edgelb local fault` on a running stack of three masters: traffic goes on, and all is as before afterwards."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.e2e.conftest import CHECKOUT
from tests.support.load import load_in_thread
from tests.support.stack_ports import free_base
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


class Running:
    """A stack that another process runs, as people have it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def local(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `edgelb local ...` for this stack."""
        return subprocess.run(
            [sys.executable, "-m", "api.cli.main", "local", *arguments, "--directory", str(self.directory)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def fault(self, *arguments: str) -> str:
        """A fault, which must succeed; what was said."""
        done = self.local("fault", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def faults(self) -> Any:
        """The faults in force, as scripts read them."""
        return json.loads(self.fault("list", "--json"))

    def urls(self) -> dict[str, Any]:
        """The file for scripts."""
        found: dict[str, Any] = json.loads((self.directory / "urls.json").read_text())
        return found

    def get(self, url: str) -> Any:
        """A JSON document."""
        answer = urllib3.request("GET", url, headers={"Connection": "close"}, retries=urllib3.Retry(2), timeout=10)
        assert answer.status == 200, answer.data
        return answer.json()

    def tasks(self) -> dict[str, str]:
        """Running tasks by id with their agents' names, as the leading master tells."""
        for address in self.urls()["masters"].values():
            try:
                state = self.get(f"http://{address}/state")
            except (urllib3.exceptions.HTTPError, AssertionError):
                continue
            names = {agent["id"]: agent["hostname"] for agent in state["slaves"]}
            tasks = [task for framework in state["frameworks"] for task in framework["tasks"]]
            return {task["id"]: names[task["slave_id"]] for task in tasks if task["state"] == "TASK_RUNNING"}
        return {}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """What `bin/up --detach --masters 3` leaves running."""
    running = Running(tmp_path_factory.mktemp("stack") / "local")
    try:
        up = running.local("up", "--detach", "--masters", "3", "--base-port", str(free_base()))
        assert up.returncode == 0, up.stdout + up.stderr
        yield running
    finally:
        running.local("down")


def test_traffic_goes_on_through_faults(stack: Running) -> None:
    """A partition, cut streams, a dead leader and an expired session cost no request and no task."""
    url = stack.urls()["pools"]["web"]["web"][0]
    before = stack.tasks()
    agent = next(iter(before.values()))
    with load_in_thread(url, rps=50) as load:
        assert f"Undo: edgelb local fault heal {agent} --directory {stack.directory}" in stack.fault("partition", agent)
        assert stack.faults() == {agent: {"partition": True}}
        stack.fault("cut-stream", "scheduler", "--count", "2")
        stack.fault("heal", agent)
        killed = stack.fault("kill-leader").split()[0]
        assert killed in stack.urls()["masters"]

        def moved() -> str:
            done = stack.local("fault", "expire-session")
            return done.stdout if done.returncode == 0 else ""

        # Refused with a sentence until ZooKeeper has given up the session of the dead one.
        said = wait_until(moved, 40, "the next leader", every=0.5)
        assert f" of {killed} " not in said
        wait_until(lambda: stack.tasks() == before, 60, "the same tasks at the newest leader")
        stack.fault("clear")
    assert load.report().failures == {}
    assert stack.faults() == {}


def test_the_stack_works_after_an_agent_is_gone(stack: Running) -> None:
    """What ran on it runs elsewhere, or on the new agent that takes its place."""
    urls = stack.urls()
    before = stack.tasks()
    [victim, *_] = [name for task, name in before.items() if not task.startswith("dcos-edgelb.")]
    lost = {task for task, name in before.items() if name == victim}
    assert "cannot be undone" in stack.fault("agent-gone", victim)
    wait_until(lambda: not lost & stack.tasks().keys(), 60, "the end of what ran there")
    wait_until(lambda: len(stack.tasks()) == len(before), 60, "as many tasks as before")
    [url, *_] = urls["pools"]["web"]["web"]
    wait_until(lambda: len({stack.get(url)["instance"] for _ in range(10)}) == 2, 60, "both instances in the traffic")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("partition", "agent9"), 4, "there is no agent agent9; there are agent1, agent2, agent3, agent4"),
        (("expire-session", "--master", "agent1"), 4, "there is no master agent1; there are master, master2, master3"),
        (("cut-stream", "operator", "--framework", "f"), 5, "only the streams of schedulers have one"),
        (("cut-stream", "operator", "--agent", "agent1"), 5, "only the streams of executors are an agent's"),
        (("slow-master", "3601"), 2, "3601.0 is not in the range 0<=x<=3600"),
        (("drop-updates", "agent1", "--count", "-2"), 2, "-2 is not in the range"),
    ],
)
def test_nonsense_gets_a_sentence(stack: Running, arguments: tuple[str, ...], status: int, said: str) -> None:
    """And the exit code of its kind; nothing is changed."""
    done = stack.local("fault", *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert stack.faults() == {}


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    """Status 3, as when nothing answers."""
    done = Running(tmp_path).local("fault", "list")
    assert done.returncode == 3
    assert "no stack is running" in done.stderr
    assert "bin/up" in done.stderr
