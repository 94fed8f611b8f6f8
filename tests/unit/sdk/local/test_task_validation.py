"""What the master refuses in tasks, executors and task groups: every refusal is a TASK_ERROR that says why."""

from typing import Any

import pytest

from tests.unit.sdk.local.model import World, amounts, launch, task

Json = dict[str, Any]
VOLUME: Json = {
    "name": "disk", "type": "SCALAR", "scalar": {"value": 10.0}, "reservations": [{"type": "DYNAMIC", "role": "r"}],
    "disk": {"persistence": {"id": "v"}, "volume": {"container_path": "v", "mode": "RW"}},
}  # fmt: skip


@pytest.fixture
def world() -> World:
    """A master with an agent that has ports and a set, and a framework."""
    result = World()
    result.agent("a1", "cpus:4;mem:1024;disk:1000;gpus:2;ports:[1-9]")
    result.subscribe("s", capabilities=("MULTI_ROLE", "RESERVATION_REFINEMENT", "PARTITION_AWARE"))
    return result


def refusal(world: World, **fields: Any) -> str | None:
    """Why a task with these fields is refused, None when it is launched."""
    offer = world.offers("s")[0]
    extra = fields.pop("more_resources", None)
    wanted = task(offer, fields.pop("task_id", "t1"), **fields)
    if extra is not None:
        wanted["resources"] = [*wanted["resources"], *extra]
    world.accept("s", offer, launch(wanted))
    return outcome(world)


def outcome(world: World) -> str | None:
    """The message of the only TASK_ERROR, None when the agent was told to run the task."""
    errors = [item for item in world.updates("s") if item["state"] == "TASK_ERROR"]
    launched = world.heard("a1", "RUN_TASK") + world.heard("a1", "RUN_TASK_GROUP")
    if not errors:
        assert len(launched) == 1
        return None
    assert not launched
    assert all("uuid" not in item and item["source"] == "SOURCE_MASTER" for item in errors)
    return str(errors[0]["message"])


def command(**variable: Any) -> Json:
    """A command with one variable."""
    return {"value": "true", "environment": {"variables": [{"name": "V"} | variable]}}


def executor(**fields: Any) -> Json:
    """A custom executor."""
    return {"executor_id": {"value": "e"}, "command": {"value": "true"}} | fields


def container(kind: str = "MESOS", **fields: Any) -> Json:
    """A ContainerInfo."""
    return {"type": kind} | fields


def ports(begin: int, end: int) -> Json:
    """Ports as a resource."""
    return {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end}]}}


REFUSED: dict[str, tuple[Json, str]] = {
    "long id": ({"task_id": "x" * 256}, "ID must not be greater than 255 characters"),
    "negative completion time": (
        {"max_completion_time": {"nanoseconds": -1}}, "Task's `max_completion_time` must be non-negative"),
    "check without a type": ({"check": {}}, "Task uses invalid check: CheckInfo must specify 'type'"),
    "health check without a type": (
        {"health_check": {}}, "Task uses invalid health check: HealthCheck must specify 'type'"),
    "health check of no known type": (
        {"health_check": {"type": "GRPC"}}, "Task uses invalid health check: 'GRPC' is not a valid health check type"),
    "health check without a command line": (
        {"health_check": {"type": "COMMAND", "command": {}}},
        "Task uses invalid health check: Command health check must contain 'shell command'"),
    "check without an executable": (
        {"check": {"type": "COMMAND", "command": {"command": {"shell": False}}}},
        "Task uses invalid check: Command check must contain 'executable path'"),
    "scheme": (
        {"health_check": {"type": "HTTP", "http": {"port": 1, "scheme": "ftp"}}},
        "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'"),
    "path": (
        {"check": {"type": "HTTP", "http": {"port": 1, "path": "x"}}},
        "Task uses invalid check: The path 'x' of HTTP check must start with '/'"),
    "negative interval": (
        {"check": {"type": "TCP", "tcp": {"port": 1}, "interval_seconds": -1}},
        "Task uses invalid check: Expecting 'interval_seconds' to be non-negative"),
    "variable without a value": (
        {"command": command()},
        "Task's `CommandInfo` is invalid: Environment variable 'V' of type 'VALUE' must have a value set"),
    "secret with a value": (
        {"command": command(type="SECRET", value="x", secret={"type": "VALUE"})},
        "Task's `CommandInfo` is invalid: Environment variable 'V' of type 'SECRET' must not have a value set"),
    "secret without its reference": (
        {"command": command(type="SECRET", secret={"type": "REFERENCE"})},
        "Task's `CommandInfo` is invalid: Environment variable 'V' specifies an invalid secret: "
        "Secret of type REFERENCE must have the 'reference' field set"),
    "variable of another type": (
        {"command": command(type="FILE", value="x")},
        "Task's `CommandInfo` is invalid: Environment variable of type 'UNKNOWN' is not allowed"),
    "volume from two places": (
        {"container": container(volumes=[{"mode": "RW", "container_path": "v", "host_path": "/x", "image": {}}])},
        "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and "
        "'source'"),
    "volume without its source": (
        {"container": container(volumes=[
            {"mode": "RW", "container_path": "v", "source": {"type": "SANDBOX_PATH"}}])},
        "Task's `ContainerInfo` is invalid: Invalid volume: 'source.sandbox_path' is not set for SANDBOX_PATH volume"),
    "docker without docker": (
        {"container": container("DOCKER")},
        "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"),
    "docker with a name": (
        {"container": container("DOCKER", docker={"image": "i", "parameters": [{"key": "name", "value": "x"}]})},
        "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'"),
    "limit of disk": (
        {"limits": {"disk": {"value": 1.0}}}, "Only cpus and mem may be included in a task's resource limits"),
    "limit below the request": (
        {"limits": {"mem": {"value": 1.0}}}, "The memory limit must be greater than or equal to the memory request"),
    "half a gpu": (
        {"more_resources": [{"name": "gpus", "type": "SCALAR", "scalar": {"value": 0.5}}]},
        "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"),
    "volume of nobody": (
        {"more_resources": [{name: part for name, part in VOLUME.items() if name != "reservations"}]},
        "Task uses invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved "
        "resources"),
    "volume id with a slash": (
        {"more_resources": [VOLUME | {"disk": VOLUME["disk"] | {"persistence": {"id": "../x"}}}]},
        "Task uses invalid resources: Invalid DiskInfo: Invalid persistence ID for persistent volume: '../x' contains "
        "invalid characters"),
    "volume twice": (
        {"more_resources": [VOLUME, VOLUME | {"scalar": {"value": 5.0}}]},
        "Task uses duplicate persistence ID: Persistence ID 'v' is not unique"),
    "two roles": (
        {"more_resources": [ports(1, 1) | {"allocation_info": {"role": "other"}}]},
        "Invalid task resources: The resources have multiple allocation roles ('other' and 'r') but only one "
        "allocation role is allowed"),
    "revocable and not": (
        {"more_resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "revocable": {}}]},
        "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the "
        "same time"),
    "executor of the default type": (
        {"executor": {"executor_id": {"value": "e"}, "type": "DEFAULT"}}, "'ExecutorInfo.type' must be 'CUSTOM'"),
    "executor of no known type": ({"executor": executor(type="OTHER")}, "Unknown executor type"),
    "negative grace of an executor": (
        {"executor": executor(shutdown_grace_period={"nanoseconds": -1})},
        "ExecutorInfo's 'shutdown_grace_period' must be non-negative"),
    "variable of an executor": (
        {"executor": executor(command=command())},
        "Executor's `CommandInfo` is invalid: Environment variable 'V' of type 'VALUE' must have a value set"),
    "executor with the task's port": (
        {"more_resources": [ports(1, 3)], "executor": executor(resources=[ports(3, 3)])},
        "There are overlapping resources in the task resources *"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_task_is_refused_in_the_words_of_mesos(world: World, fields: Json, message: str) -> None:
    """TASK_ERROR with the reason, nothing reaches the agent, and the offer's resources come back."""
    why = refusal(world, **fields)
    assert why is not None
    assert why == message or (message.endswith("*") and why.startswith(message[:-1]))
    world.at(1.0)
    assert world.offers("s")


ACCEPTED: dict[str, Json] = {
    "all kinds of variables": {"command": command(type="SECRET", secret={"type": "VALUE", "value": {"data": "eA=="}})},
    "limits": {"limits": {"mem": {"value": 128.0}, "cpus": {"value": 2.0}}},
    "ports of task and executor": {
        "more_resources": [ports(1, 2)], "executor": executor(resources=[ports(3, 3)])},
    "a volume of the sandbox": {
        "container": container(volumes=[{
            "mode": "RW", "container_path": "v",
            "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "SELF", "path": "x"}}}])},
    "whole gpus": {"more_resources": [{"name": "gpus", "type": "SCALAR", "scalar": {"value": 2.0}}]},
}  # fmt: skip


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_task_with_everything_in_order_is_launched(world: World, fields: Json) -> None:
    """Nothing of what is allowed is refused."""
    assert refusal(world, **fields) is None


def test_the_id_of_an_unreachable_task_is_taken(world: World) -> None:
    """A task that may come back keeps its id."""
    assert refusal(world, task_id="t1") is None
    world.acknowledge("s", world.report("a1", "t1", "TASK_RUNNING"))
    world.take(world.master.agent_disconnected("a1", now=world.now))
    world.at(100.0)
    assert world.updates("s")[-1]["state"] == "TASK_UNREACHABLE"
    world.agent("a2", "cpus:4;mem:1024")
    offer = world.offers("s")[-1]
    world.accept("s", offer, launch(task(offer, "t1")))
    assert world.updates("s")[-1]["state"] == "TASK_ERROR"
    assert world.updates("s")[-1]["message"] == "Task reuses the ID of an unreachable task: t1"


def group(world: World, *tasks: Json, **fields: Any) -> str | None:
    """Why a group is refused; `fields` change its executor. Tasks are named t0, t1, ..."""
    offer = world.offers("s")[0]
    own = {"executor_id": {"value": "e"}, "type": "DEFAULT", "resources": amounts(offer, cpus=0.1, mem=32.0, disk=10.0)}
    members = [task(offer, f"t{number}") | fields for number, fields in enumerate(tasks)]
    chosen = {name: part for name, part in (own | fields).items() if part is not None}
    content = {"executor": chosen, "task_group": {"tasks": members}}
    world.accept("s", offer, {"type": "LAUNCH_GROUP", "launch_group": content})
    errors = [item for item in world.updates("s") if item["state"] == "TASK_ERROR"]
    assert len(errors) in (0, len(tasks))
    return outcome(world)


GROUPS: dict[str, tuple[list[Json], Json, str]] = {
    "no type": ([{}], {"type": None, "command": {"value": "true"}}, "'ExecutorInfo.type' must be set"),
    "no resources": (
        [{}], {"resources": None}, "Executor 'e' uses less CPUs (None) than the minimum required (0.01)"),
    "little memory": (
        [{}],
        {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                       {"name": "mem", "type": "SCALAR", "scalar": {"value": 16.0}}]},
        "Executor 'e' uses less memory (16) than the minimum required (32MB)"),
    "no disk": (
        [{}],
        {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                       {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}}]},
        "Executor 'e' uses no disk"),
    "docker executor": (
        [{}], {"type": "CUSTOM", "command": {"value": "x"}, "container": {"type": "DOCKER", "docker": {"image": "i"}}},
        "Docker ContainerInfo is not supported on the executor"),
    "docker task": (
        [{"container": {"type": "DOCKER", "docker": {"image": "i"}}}], {},
        "Task 't0' is invalid: Docker ContainerInfo is not supported on the task"),
    "one bad of two": (
        [{}, {"kill_policy": {"grace_period": {"nanoseconds": -1}}}], {},
        "Task 't1' is invalid: Task's 'kill_policy.grace_period' must be non-negative"),
    "the same task twice": (
        [{}, {"task_id": {"value": "t0"}}], {}, "Task 't0' is invalid: Task has duplicate ID: t0"),
    "limits of a shared cgroup": (
        [{"limits": {"mem": {"value": 100.0}}}], {},
        "Task 't0' is invalid: Resource limits may only be set for tasks within a task group when the 'share_cgroups' "
        "field is set to 'false'."),
    "another executor": (
        [{"executor": {"executor_id": {"value": "f"}, "type": "DEFAULT"}}], {},
        "Task 't0' is invalid: The `ExecutorInfo` of task 't0' is different from executor 'e'"),
    "one port for two": (
        [{"resources": [ports(1, 2)]}, {"resources": [ports(2, 3)]}], {},
        "There are overlapping resources in the task group's task resources *"),
}  # fmt: skip


@pytest.mark.parametrize(("tasks", "fields", "message"), GROUPS.values(), ids=GROUPS.keys())
def test_a_group_is_refused_as_a_whole(world: World, tasks: list[Json], fields: Json, message: str) -> None:
    """Every task of the group gets the same TASK_ERROR."""
    why = group(world, *tasks, **fields)
    assert why is not None
    assert why == message or (message.endswith("*") and why.startswith(message[:-1]))


def test_a_group_in_order_is_launched(world: World) -> None:
    """Two tasks with limits of their own and ports of their own."""
    container = {"type": "MESOS", "linux_info": {"share_cgroups": False}}
    limited = {"limits": {"mem": {"value": 100.0}}, "container": container}
    assert group(world, limited, {}) is None
