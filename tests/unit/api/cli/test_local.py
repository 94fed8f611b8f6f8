"""What a local stack tells about itself: names of its processes, and the folder by which its commands find it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.local.place import Place
from api.cli.local.ps import process_name, stack_processes

PYTHON = ".venv/bin/python"
POOL_TASK = {"MESOS_EXECUTOR_ID": "dcos-edgelb.pools.my-site__edgelb-pool-1-server__0f3c", "TASK_NAME": "x"}
APP_TASK = {"MESOS_EXECUTOR_ID": "webapp__webapp-0-web__0f3c", "TASK_NAME": "webapp-0-web"}


@pytest.mark.parametrize(
    ("command", "environment", "parent", "name"),
    [
        ("java -cp zookeeper.jar org.Main", {}, None, "zookeeper"),
        (f"{PYTHON} -m sdk.local.master --port 1", {}, None, "master"),
        (f"{PYTHON} -m sdk.local.master --work-dir /x/mesos/master2 --port 1", {}, None, "master2"),
        (f"{PYTHON} -m sdk.local.agent --port 1 --hostname agent2", {}, None, "agent2"),
        (f"{PYTHON} -m api.cli.main serve", {}, None, "serve"),
        (f"{PYTHON} -m api.cli.main run scheduler", {}, "serve", "scheduler"),
        (f"{PYTHON} -m api.cli.main run scheduler --name webapp", {}, None, "webapp"),
        (f"{PYTHON} -m api.cli.main run", {}, None, None),
        (f"{PYTHON} -m api.cli.main scheduler", {}, None, None),
        ("python3 pool_executor.pyz", POOL_TASK, "agent1", "my-site/edgelb-pool-1/executor"),
        ("sh -c fetching", POOL_TASK, "agent1", None),
        ("/usr/sbin/haproxy -W", {}, "my-site/edgelb-pool-1/executor", "my-site/edgelb-pool-1/haproxy"),
        ("/usr/sbin/haproxy -W", {}, "my-site/edgelb-pool-1/haproxy", "my-site/edgelb-pool-1/worker"),
        (f"{PYTHON} -m examples.webapp --port 1", APP_TASK, None, "webapp-0-web"),
        (f"{PYTHON} -I command_executor.py", APP_TASK, "agent3", None),
        ("sleep 1", {}, None, None),
        ("", {}, None, None),
    ],
)
def test_each_process_of_a_stack_has_the_name_of_what_it_does(
    command: str, environment: dict[str, str], parent: str | None, name: str | None
) -> None:
    """`edgelb local ps` names a process by its command line, its environment and the process above it."""
    assert process_name(command.split(), environment, parent) == name


def test_an_executor_that_outlived_its_agent_is_still_listed(tmp_path: Path) -> None:
    """It descends from nobody of the stack, and is known by its sandbox in the stack's folder."""
    script = "import time; print(flush=True); time.sleep(60)"
    program = [sys.executable, "-c", script, "pool_executor.pyz"]
    environment = {**POOL_TASK, "MESOS_SANDBOX": f"{tmp_path}/mesos/agent1/sandbox"}
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE) as executor:
        try:
            assert executor.stdout is not None
            # Its line says that it runs with its own environment, no longer with ours.
            executor.stdout.readline()
            # Nothing descends from the executor, so it stands for a stack that lost its agent.
            found = [(name, pid) for name, pid, _ in stack_processes(executor.pid, tmp_path)]
        finally:
            executor.kill()
    assert found == [("my-site/edgelb-pool-1/executor", executor.pid)]


def test_a_stack_is_found_by_the_note_of_the_process_that_runs_it(tmp_path: Path) -> None:
    """The note names this process; once it has left, nothing runs."""
    place = Place(tmp_path / "stack")
    assert place.running() is None
    place.take()
    assert place.running() == os.getpid()
    place.leave()
    assert place.running() is None


def test_a_note_whose_process_id_was_given_to_another_process_counts_for_nothing(tmp_path: Path) -> None:
    """The start time tells processes of the same id apart; garbage is no note at all."""
    place = Place(tmp_path)
    (tmp_path / "up.pid").write_text(json.dumps({"pid": os.getpid(), "started": "1"}))
    assert place.running() is None
    for garbage in ("{", "[]", "{}", '{"pid": "x", "started": 1}'):
        (tmp_path / "up.pid").write_text(garbage)
        assert place.running() is None
