"""Volumes: persistent ones in every kind of sandbox, those of containers, and paths that lead elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.sdk_local.agent_process import FRAMEWORK, AgentProcess, Json, Master, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def volume(name: str, path: str = "data", role: str = "r") -> Json:
    """A persistent volume."""
    return {
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": 10.0},
        "reservations": [{"type": "DYNAMIC", "role": role}],
        "disk": {"persistence": {"id": name}, "volume": {"mode": "RW", "container_path": path}},
    }


def apply(master: Master, kind: str, uuid: str, *volumes: Json) -> None:
    """CREATE or DESTROY, and wait for its status."""
    master.say(
        {
            "type": "APPLY_OPERATION",
            "framework_id": {"value": "F"},
            "operation_uuid": uuid,
            "operation": {"type": kind, kind.lower(): {"volumes": list(volumes)}},
        }
    )

    def told() -> list[Json]:
        return [message for message in master.messages if message.get("operation_uuid") == uuid]

    state = wait_until(told, 20, f"the status of {uuid}")[0]["status"]["state"]
    assert state == "OPERATION_FINISHED"


RESOURCES = ("--resources", "cpus:4;mem:1024;disk(r):100")


def reserved(master: Master) -> None:
    """All disk of the agent is reserved for `r` as the volumes want it."""
    static = {"type": "STATIC", "role": "r"}
    master.say(
        {
            "type": "APPLY_OPERATION",
            "framework_id": {"value": "F"},
            "operation_uuid": "reserve",
            "operation": {
                "type": "RESERVE",
                "reserve": {
                    "source": [
                        {"name": "disk", "type": "SCALAR", "scalar": {"value": 100.0}, "reservations": [static]}
                    ],
                    "resources": [
                        {
                            "name": "disk",
                            "type": "SCALAR",
                            "scalar": {"value": 100.0},
                            "reservations": [{"type": "DYNAMIC", "role": "r"}],
                        }
                    ],
                },
            },
        }
    )


def test_a_volume_is_shared_and_survives(master: Master, agent: AgentProcess) -> None:
    """Two tasks at once, one in a group, use one volume; it outlives a restart of the agent; DESTROY removes it."""
    agent.start(*RESOURCES)
    reserved(master)
    apply(master, "CREATE", "create", volume("v1"))
    path = agent.work_dir / "volumes/roles/r/v1"
    assert path.is_dir()
    writing = "echo hello > data/from-t1; while [ ! -e data/from-g1 ]; do sleep 0.05; done"
    master.run("t1", writing, resources=[volume("v1")])
    reading = "while [ ! -e data/from-t1 ]; do sleep 0.05; done; echo hello > data/from-g1"
    executor = {"type": "DEFAULT", "executor_id": {"value": "d"}}
    master.run_group(executor, task("g0", "exec sleep 1000"))
    master.wait_for("g0", "TASK_RUNNING")
    # The volume comes to an executor that runs already.
    master.run_group(executor, task("g1", reading, resources=[volume("v1")]))
    master.wait_for("t1", "TASK_FINISHED")
    master.wait_for("g1", "TASK_FINISHED")
    assert (agent.sandbox("d") / "tasks/g1/data").resolve() == path
    agent.kill()
    agent.start(*RESOURCES)
    master.run("t2", "cat data/from-t1 data/from-g1", resources=[volume("v1")])
    master.wait_for("t2", "TASK_FINISHED")
    assert (agent.sandbox("t2") / "stdout").read_text() == "hello\nhello\n"
    apply(master, "DESTROY", "destroy", volume("v1"))
    wait_until(lambda: not path.exists(), 20, "the volume is removed")


def test_names_do_not_lead_out_of_the_work_directory(master: Master, agent: AgentProcess) -> None:
    """Ids of volumes, roles, tasks, executors and frameworks are one component of a path, whatever is in them."""
    agent.start(*RESOURCES)
    reserved(master)
    evil = volume("../../../../evil", role="r")
    apply(master, "CREATE", "create", evil)
    assert (agent.work_dir / "volumes/roles/r").is_dir()
    apply(master, "DESTROY", "destroy", evil)
    for name in ("../../evil", "..", "a/b"):
        own = task(name, "echo here > file") | {"task_id": {"value": name}}
        master.say({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": own})
        master.wait_for(name, "TASK_FINISHED")
        group = task(f"g{name}", "true") | {"task_id": {"value": f"g/{name}"}}
        master.run_group({"type": "DEFAULT", "executor_id": {"value": f"d{name}"}}, group)
        status = master.wait_for(f"g/{name}", "TASK_FAILED")
        assert "cannot name a directory" in status["message"]
    files = {file.relative_to(agent.work_dir).parts[0] for file in agent.work_dir.rglob("file") if file.is_file()}
    assert files == {"slaves"}
    assert not list(agent.work_dir.parent.glob("evil*"))


@pytest.mark.parametrize("path", ["/etc/evil", "../evil", "a/../../evil", "", ".", "stdout"])
def test_container_paths_outside_the_sandbox_are_refused(master: Master, agent: AgentProcess, path: str) -> None:
    """For persistent volumes and others, in sandboxes of every kind."""
    agent.start(*RESOURCES)
    host = {"mode": "RW", "container_path": path, "source": {"type": "HOST_PATH", "host_path": {"path": "/tmp"}}}
    container = {"type": "MESOS", "volumes": [host]}
    if path != "stdout":
        # The sandbox is empty when the agent links; a task of a group has no such file yet either.
        reserved(master)
        apply(master, "CREATE", "create", volume("v", path))
        master.run("t1", "true", resources=[volume("v", path)])
        master.run("t2", "true", container=container)
        for name in ("t1", "t2"):
            status = master.wait_for(name, "TASK_FAILED")
            assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
            assert "is not below the sandbox" in status["message"]
        master.run_group({"type": "DEFAULT", "executor_id": {"value": "d"}}, task("g1", "true", container=container))
        assert "is not below the sandbox" in master.wait_for("g1", "TASK_FAILED")["message"]
    else:
        both = {
            "type": "MESOS",
            "volumes": [host, {**host, "source": {"type": "HOST_PATH", "host_path": {"path": "/"}}}],
        }
        master.run("t1", "true", container=both)
        assert "is taken by something else" in master.wait_for("t1", "TASK_FAILED")["message"]


def source(kind: str, **content: Any) -> Json:
    """The source of a volume."""
    return {"type": kind, kind.lower(): content}


def test_volumes_of_containers(master: Master, agent: AgentProcess, tmp_path: Path) -> None:
    """HOST_PATH, SANDBOX_PATH of the task itself, and of its executor, through which tasks of a group share files."""
    agent.start()
    host = tmp_path / "host"
    host.mkdir()
    (host / "file").write_text("from the host\n")
    volumes = [
        {"mode": "RW", "container_path": "h", "source": source("HOST_PATH", path=str(host))},
        {"mode": "RO", "container_path": "old", "host_path": str(host / "file")},
        {"mode": "RW", "container_path": "in/s", "source": source("SANDBOX_PATH", type="SELF", path="own")},
    ]
    container = {"type": "MESOS", "volumes": volumes}
    command = "cat h/file old; echo x > in/s/y; test -e own/y; echo z > h/written"
    master.run("t1", command, container=container)
    master.wait_for("t1", "TASK_FINISHED")
    assert (agent.sandbox("t1") / "stdout").read_text() == "from the host\nfrom the host\n"
    assert (host / "written").exists()
    shared = {
        "type": "MESOS",
        "volumes": [
            {"mode": "RW", "container_path": "common", "source": source("SANDBOX_PATH", type="PARENT", path="shared")}
        ],
    }
    master.run_group(
        {"type": "DEFAULT", "executor_id": {"value": "d"}},
        task("g1", "echo hello > common/file", container=shared),
        task("g2", "while [ ! -e common/file ]; do sleep 0.05; done", container=shared),
    )
    master.wait_for("g1", "TASK_FINISHED")
    master.wait_for("g2", "TASK_FINISHED")
    for number, bad in enumerate(
        [
            {"mode": "RW", "container_path": "p", "source": source("HOST_PATH", path=str(tmp_path / "nothing"))},
            {"mode": "RW", "container_path": "p", "source": source("SANDBOX_PATH", type="PARENT", path="x")},
            {"mode": "RW", "container_path": "p", "source": source("SANDBOX_PATH", type="SELF", path="../x")},
            {"mode": "RW", "container_path": "p", "source": source("SECRET")},
            {"mode": "RW", "container_path": "p", "image": {"type": "DOCKER"}},
        ]
    ):
        master.run(f"bad{number}", "true", container={"type": "MESOS", "volumes": [bad]})
        status = master.wait_for(f"bad{number}", "TASK_FAILED")
        assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
        assert "container.volumes" in status["message"]
