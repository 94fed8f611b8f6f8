"""Memory limits and limits of processes: what a container takes too much of ends it, and nothing else."""

import json
import subprocess
from pathlib import Path

import pytest

from sdk.local import processes
from sdk.local.isolation import Groups, Impossible, remove_groups
from tests.integration.sdk_local.agent_process import ROOT, AgentProcess, Master, mem, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
GREEDY = "python3 -c 'import time; x = bytearray(200 * 1024 * 1024); time.sleep(1000)'"


def groups_possible(tmp_path: Path) -> bool:
    """Whether this machine lets us make control groups."""
    try:
        Groups(tmp_path / "probe", "mesos-probe")
    except Impossible:
        return False
    remove_groups(tmp_path / "probe")
    return True


@pytest.fixture
def groups(tmp_path: Path) -> None:
    """Skips where the kernel does not let us."""
    if not groups_possible(tmp_path):
        pytest.skip("this machine lets nobody make memory control groups")


@pytest.fixture(params=["cgroups/mem", "watch/mem"])
def isolation(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each way to limit memory."""
    if request.param == "cgroups/mem" and not groups_possible(tmp_path):
        pytest.skip("this machine lets nobody make memory control groups")
    return str(request.param)


def places(agent: AgentProcess) -> list[Path]:
    """The groups of an agent's containers."""
    roots = (agent.work_dir / "meta/cgroups").read_text().split()
    return [group for root in roots for group in Path(root).iterdir() if group.is_dir()]


def test_a_task_beyond_its_memory_has_failed(master: Master, agent: AgentProcess, isolation: str) -> None:
    """The agent's status with reason, words and limitation of the real one; a modest task beside it goes on."""
    agent.start("--isolation", f"posix/cpu,{isolation}", "--container-memory-watch-interval", "0.2")
    master.run("modest", "exec sleep 1000", resources=[mem(32)])
    master.wait_for("modest", "TASK_RUNNING")
    master.run("greedy", GREEDY, resources=[mem(32)])
    status = master.wait_for("greedy", "TASK_FAILED")
    assert (status["source"], status["reason"]) == ("SOURCE_AGENT", "REASON_CONTAINER_LIMITATION_MEMORY")
    assert status["message"].startswith("Memory limit exceeded: Requested: 64MB Maximum Used: ")
    (limited,) = status["limitation"]["resources"]
    assert limited["name"] == "mem"
    assert limited["scalar"]["value"] >= 60
    assert master.states("modest")[-1] == "TASK_RUNNING"
    (statistics,) = agent.get("/monitor/statistics")
    assert statistics["statistics"]["mem_limit_bytes"] == 64 * 1024**2
    assert 0 < statistics["statistics"]["mem_rss_bytes"] < 64 * 1024**2


def test_reported_memory_is_not_limited(master: Master, agent: AgentProcess) -> None:
    """posix/mem, the default: a task that takes more goes on, and its use is told."""
    agent.start()
    master.run("greedy", GREEDY, resources=[mem(32)])
    master.wait_for("greedy", "TASK_RUNNING")

    def used() -> bool:
        (statistics,) = agent.get("/monitor/statistics")
        return bool(statistics["statistics"]["mem_rss_bytes"] > 200 * 1024**2)

    wait_until(used, 20, "the memory in use")
    assert master.states("greedy")[-1] == "TASK_RUNNING"


def test_a_task_may_have_a_limit_above_its_request(master: Master, agent: AgentProcess, isolation: str) -> None:
    """TaskInfo.limits.mem is what holds; the request is the soft limit."""
    agent.start("--isolation", isolation, "--container-memory-watch-interval", "0.2")
    limits = {"mem": {"value": 400.0}}
    command = 'python3 -c \'x = bytearray(200 * 1024 * 1024); open("ready", "w")\'; exec sleep 1000'
    master.run("t1", command, resources=[mem(32)], limits=limits)
    master.wait_for("t1", "TASK_RUNNING")
    wait_until(lambda: (agent.sandbox("t1") / "ready").exists(), 20, "the memory was had")
    (statistics,) = agent.get("/monitor/statistics")
    assert statistics["statistics"]["mem_limit_bytes"] == 432 * 1024**2
    assert statistics["statistics"]["mem_soft_limit_bytes"] == 64 * 1024**2
    assert master.states("t1")[-1] == "TASK_RUNNING"


def test_a_second_group_brings_its_memory(master: Master, agent: AgentProcess, groups: None) -> None:
    """The limit of an executor that runs is raised before it hears of more tasks."""
    agent.start("--isolation", "cgroups/mem")
    executor = {"type": "DEFAULT", "executor_id": {"value": "d"}, "resources": [mem(32)]}
    master.run_group(executor, task("g1", "exec sleep 1000", resources=[mem(32)]))
    master.wait_for("g1", "TASK_RUNNING")
    (group,) = places(agent)
    limit = next(file for name in ("memory.limit_in_bytes", "memory.max") if (file := group / name).exists())
    assert int(limit.read_text()) == 64 * 1024**2
    master.run_group(executor, task("g2", "exec sleep 1000", resources=[mem(100)]))
    master.wait_for("g2", "TASK_RUNNING")
    assert int(limit.read_text()) == 164 * 1024**2


def test_groups_are_found_again_and_removed(master: Master, agent: AgentProcess, groups: None) -> None:
    """After a crash of the agent a live container still is limited; groups of nobody, and of what ended, are gone."""
    agent.start("--isolation", "cgroups/mem")
    go = agent.work_dir.parent / "go"
    master.run("t1", f"while [ ! -e {go} ]; do sleep 0.05; done; {GREEDY}", resources=[mem(32)])
    pid = master.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    (group,) = places(agent)
    assert str(pid) in (group / "cgroup.procs").read_text().split()
    agent.kill()
    stray = group.with_name("stray")
    stray.mkdir()
    stranger = subprocess.Popen(["sleep", "1000"])
    (stray / "cgroup.procs").write_text(str(stranger.pid))
    agent.start("--isolation", "cgroups/mem")
    assert stranger.wait(20) < 0
    assert places(agent) == [group]
    go.touch()
    status = master.wait_for("t1", "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY"
    wait_until(lambda: not places(agent), 20, "the group is removed")
    wait_until(lambda: not processes.alive(pid), 20, "the executor has ended")


@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        (("--isolation", "docker/runtime"), 2, "--isolation: 'docker/runtime' is not among"),
        (
            ("--isolation", "cgroups/mem", "--cgroups-root", "cgroup.procs"),
            1,
            "cgroups/mem is not possible, because",
        ),
    ],
)
def test_an_agent_that_cannot_isolate_does_not_start(
    agent: AgentProcess, flags: tuple[str, ...], status: int, sentence: str
) -> None:
    """One sentence, and the end."""
    result = subprocess.run(agent.command(*flags), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == status
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def rlimits(*items: tuple[str, int | None]) -> dict[str, object]:
    """A ContainerInfo with limits of its processes."""
    found = [{"type": name} if value is None else {"type": name, "soft": value, "hard": value} for name, value in items]
    return {"type": "MESOS", "rlimit_info": {"rlimits": found}}


def test_limits_of_processes(master: Master, agent: AgentProcess) -> None:
    """RLimitInfo is set by the kernel for commands, for tasks of groups and for custom executors."""
    agent.start()
    container = rlimits(("RLMT_NOFILE", 64), ("RLMT_CORE", 0))
    shown = "ulimit -n; ulimit -c"
    master.run("t1", shown, container=container)
    master.wait_for("t1", "TASK_FINISHED")
    assert (agent.sandbox("t1") / "stdout").read_text() == "64\n0\n"
    master.run_group({"type": "DEFAULT", "executor_id": {"value": "d"}}, task("g1", shown, container=container))
    master.wait_for("g1", "TASK_FINISHED")
    assert (agent.sandbox("d") / "tasks/g1/stdout").read_text() == "64\n0\n"
    executor = {"type": "CUSTOM", "executor_id": {"value": "x"}, "command": {"value": shown}, "container": container}
    own = task("c1", "") | {"executor": executor}
    del own["command"]
    framework = {"id": {"value": "F"}, "name": "f", "user": "root", "checkpoint": True}
    master.say({"type": "RUN_TASK", "framework_info": framework, "task": own})
    master.wait_for("c1", "TASK_FAILED")
    assert (agent.sandbox("x") / "stdout").read_text() == "64\n0\n"


@pytest.mark.parametrize(
    ("container", "sentence"),
    [
        (rlimits(("RLMT_BEER", 1)), "no limit of the type 'RLMT_BEER'"),
        (
            {"type": "MESOS", "rlimit_info": {"rlimits": [{"type": "RLMT_CPU", "soft": 1}]}},
            "needs both 'soft' and 'hard'",
        ),
        ({"type": "MESOS", "rlimit_info": {"rlimits": [{"type": "RLMT_CPU", "soft": 2, "hard": 1}]}}, "cannot be 2"),
    ],
    ids=lambda value: json.dumps(value)[-24:],
)
def test_impossible_limits_fail_the_launch(
    master: Master, agent: AgentProcess, container: dict[str, object], sentence: str
) -> None:
    """A sentence, not a task without the limit it wanted."""
    agent.start()
    master.run("t1", "true", container=container)
    status = master.wait_for("t1", "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert sentence in status["message"]
