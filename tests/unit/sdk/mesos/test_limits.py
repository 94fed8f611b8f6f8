"""Limits of tasks as Mesos reads them."""

from dataclasses import replace

from sdk.local.core.wire import convert
from sdk.local.rlimits import rlimits
from sdk.mesos.calls import task_info
from sdk.model.container import ContainerSpec
from sdk.model.ids import AgentId, ExecutorId, TaskId
from sdk.model.limits import LimitsSpec, RlimitSpec
from sdk.model.operations import TaskLaunch
from sdk.model.spec import CommandSpec, ExecutorSpec

LIMITS = LimitsSpec(
    cpus=2000,
    mem=512_000,
    rlimits=(RlimitSpec(type="RLMT_NOFILE", soft=1024, hard=4096), RlimitSpec(type="RLMT_CORE")),
    seccomp="default.json",
    shm=64_000,
)
LAUNCH = TaskLaunch(
    task_id=TaskId("web__1"),
    agent_id=AgentId("agent-1"),
    name="server",
    resources=(),
    command=CommandSpec(value="true"),
    environment={},
    limits=LIMITS,
)


def test_all_limits_are_fields_that_mesos_knows() -> None:
    """Those of cpus and memory in the TaskInfo, all others in its container."""
    task = convert("Task", task_info(LAUNCH, "framework-1"))
    assert task["limits"] == {"cpus": {"value": 2.0}, "mem": {"value": 512.0}}
    assert task["container"] == {
        "type": "MESOS",
        "linux_info": {
            "seccomp": {"profile_name": "default.json"},
            "ipc_mode": "PRIVATE",
            "shm_size": 64,
            "share_cgroups": True,
        },
        "rlimit_info": {
            "rlimits": [{"type": "RLMT_NOFILE", "soft": 1024, "hard": 4096}, {"type": "RLMT_CORE"}],
        },
    }


def test_limits_of_processes_are_those_of_this_machine() -> None:
    """As the embedded agent sets them."""
    (_, first), (_, second) = rlimits(task_info(LAUNCH, "f")["container"])
    assert first == (1024, 4096)
    assert second == (-1, -1)


def test_a_task_in_a_group_with_limits_has_a_cgroup_of_its_own() -> None:
    """Mesos refuses it otherwise."""
    nested = replace(LAUNCH, executor_id=ExecutorId("group-1"))
    assert task_info(nested, "f")["container"]["linux_info"]["share_cgroups"] is False
    confined = replace(nested, limits=LimitsSpec(seccomp="unconfined"))
    assert task_info(confined, "f")["container"]["linux_info"] == {"seccomp": {"unconfined": True}}


def test_of_a_custom_executor_they_stand_in_its_container() -> None:
    """Beside its image."""
    launch = replace(
        LAUNCH,
        command=None,
        executor=ExecutorSpec(command=CommandSpec(value="true")),
        container=ContainerSpec(image="registry.test/x"),
        limits=LimitsSpec(rlimits=(RlimitSpec(type="RLMT_CORE"),)),
    )
    info = task_info(launch, "f")
    assert "container" not in info
    assert info["executor"]["container"]["rlimit_info"] == {"rlimits": [{"type": "RLMT_CORE"}]}
    assert info["executor"]["container"]["mesos"]["image"]["docker"]["name"] == "registry.test/x"


def test_without_limits_nothing_is_said() -> None:
    """A task without any is told as ever."""
    assert not {"container", "limits"} & task_info(replace(LAUNCH, limits=None), "f").keys()
    assert not {"container", "limits"} & task_info(replace(LAUNCH, limits=LimitsSpec()), "f").keys()
