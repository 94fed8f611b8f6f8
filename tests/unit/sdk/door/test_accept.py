"""The door: what a spec has to be, and what is let in."""

import datetime
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.codecs import decode, encode
from sdk.door.accept import accept
from sdk.errors import InvalidSpec
from sdk.model.container import Containerizer, ContainerSpec, NetworkSpec
from sdk.model.group import GroupSpec
from sdk.model.limits import LimitsSpec, RlimitSpec
from sdk.model.readiness import OnNotReady, ReadinessCheckSpec
from sdk.model.spec import (
    CommandSpec,
    ExecutorSpec,
    HealthCheckSpec,
    PodSpec,
    PortSpec,
    RecoveryPolicy,
    ServiceSpec,
    TaskSpec,
    UpdateStrategy,
)
from sdk.plan.wish import target

TASK = TaskSpec(name="server", cpus=1000, mem=1000, command=CommandSpec(value="x"))
POD = PodSpec(name="lb", count=1, tasks=(TASK,))
DOCKER = ContainerSpec(type=Containerizer.DOCKER, image="x")
EXECUTOR = ExecutorSpec(command=CommandSpec(value="x"))


def service(pod: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **fields: Any) -> ServiceSpec:
    """A good service with other fields in the pod or the task."""
    changed = replace(POD, tasks=(replace(TASK, **(task or {})),))
    return replace(ServiceSpec(name="web", pods=(replace(changed, **(pod or {})),)), **fields)


def test_good_service_passes() -> None:
    """The base of the cases below breaks no rule."""
    accept(service())
    accept(service(task={"command": None, "executor": EXECUTOR, "mem": 64_000}))


def nested(levels: int) -> dict[str, Any]:
    """An object in an object in an object."""
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    ("spec", "path", "rule"),
    [
        (service(name="a__b"), "service.name", "separates the parts"),
        (service(name="a/b"), "service.name", "has to be letters"),
        (service(name="x" * 129), "service.name", "at most 128"),
        (service(pod={"name": "x" * 121}), f"service.pods.{'x' * 121}.name", "at most 120"),
        (service(pod={"count": 10_001}), "service.pods.lb.count", "at most 10000"),
        (service(name="n" * 128, pod={"name": "p" * 100}), f"service.pods.{'p' * 100}.tasks.server.name", "takes 255"),
        (service(task={"cpus": 0.5}), "service.pods.lb.tasks.server.cpus", "0.5 is not an integer (thousandths)"),
        (service(task={"cpus": True}), "service.pods.lb.tasks.server.cpus", "is not an integer"),
        (service(pod={"count": "2"}), "service.pods.lb.count", "'2' is not an integer"),
        (
            service(pod={"recovery": RecoveryPolicy(replace_after=math.inf)}),
            "service.pods.lb.recovery.replace_after",
            "inf is not a finite number",
        ),
        (
            service(pod={"update": UpdateStrategy(min_ready=math.nan)}),
            "service.pods.lb.update.min_ready",
            "not a finite",
        ),
        (service(task={"data": {8080: "x"}}), "service.pods.lb.tasks.server.data, key", "8080 is not a string"),
        (
            service(task={"data": {"at": [datetime.date(2026, 1, 1)]}}),
            "service.pods.lb.tasks.server.data.at[0]",
            "which JSON cannot tell",
        ),
        (service(task={"data": {"x": math.nan}}), "service.pods.lb.tasks.server.data.x", "not a finite number"),
        (service(task={"data": nested(1000)}), "service.pods.lb.tasks.server.data" + ".x" * 65, "levels deep"),
        (service(task={"environment": {"A": None}}), "service.pods.lb.tasks.server.environment.A", "not a string"),
        (service(task={"environment": {"A": "\ud800"}}), "service.pods.lb.tasks.server.environment.A", "surrogates"),
        (service(task={"goal": "RUNNING"}), "service.pods.lb.tasks.server.goal", "is no Goal"),
        (service(task={"labels": (("a", "b", "c"),)}), "service.pods.lb.tasks.server.labels[0]", "to have 2"),
        (service(pod={"constraints": [("hostname", "UNIQUE")]}), "service.pods.lb.constraints", "has to be a tuple"),
        (service(pod={"recovery": None}), "service.pods.lb.recovery", "has to be a RecoveryPolicy"),
        (service(pods=(None,)), "service.pods[0]", "has to be a PodSpec"),
        (service(task={"data": {"x": "y" * 450_000}}), "service", "more than the 450000 that can be stored"),
        (service(pods=()), "service.pods", "at least one pod"),
        (service(pods=(POD, POD)), "service.pods", "occurs twice"),
        (service(task_id_prefix="a__b"), "service.task_id_prefix", "separates"),
        (service(pod={"count": -1}), "service.pods.lb.count", "0 or more"),
        (service(pod={"tasks": ()}), "service.pods.lb.tasks", "at least one task"),
        (service(pod={"role": "a b"}), "service.pods.lb.role", "not a Mesos role"),
        (service(pod={"role": "public/*"}), "service.pods.lb.role", "not a Mesos role"),
        (service(pod={"role": "public/../x"}), "service.pods.lb.role", "not a Mesos role"),
        (service(pod={"role": "public/-x"}), "service.pods.lb.role", "not a Mesos role"),
        (service(pod={"prereserved_role": "slave_public"}), "service.pods.lb.role", "child of slave_public"),
        (service(pod={"constraints": (("a", "NEAR"),)}), "service.pods.lb.constraints[0]", "none of"),
        (service(pod={"update": UpdateStrategy(max_unavailable=0)}), "service.pods.lb.update.max_unavailable", "1 or"),
        (service(pod={"update": UpdateStrategy(min_ready=-1)}), "service.pods.lb.update.min_ready", "0 or more"),
        (service(pod={"update": UpdateStrategy(max_surge=-1)}), "service.pods.lb.update.max_surge", "0 or more"),
        (
            service(task={"container": ContainerSpec(image="a b")}),
            "service.pods.lb.tasks.server.container.image",
            "no name of an image",
        ),
        (
            service(task={"container": ContainerSpec(networks=(NetworkSpec(name=""),))}),
            "service.pods.lb.tasks.server.container.networks[0].name",
            "no name of a network",
        ),
        (
            service(task={"container": ContainerSpec(networks=(NetworkSpec(name="a"), NetworkSpec(name="a")))}),
            "service.pods.lb.tasks.server.container.networks",
            "'a' occurs twice",
        ),
        (
            service(
                task={
                    "ports": (PortSpec(name="a", number=80), PortSpec(name="b", number=80)),
                    "container": ContainerSpec(networks=(NetworkSpec(name="a"),)),
                }
            ),
            "service.pods.lb.tasks",
            "port 80 is wanted twice",
        ),
        (service(pod={"recovery": RecoveryPolicy(replace_after=-1)}), "service.pods.lb.recovery.replace_after", "0 or"),
        (service(pod={"recovery": RecoveryPolicy(backoff_factor=0.5)}), "service.pods.lb.recovery.backoff_factor", "1"),
        (service(task={"cpus": 0, "mem": 0}), "service.pods.lb.tasks.server.cpus", "without resources"),
        (service(task={"disk": -1}), "service.pods.lb.tasks.server.disk", "0 or more"),
        (service(task={"command": None}), "service.pods.lb.tasks.server.command", "and not both"),
        (service(task={"executor": EXECUTOR}), "service.pods.lb.tasks.server.command", "and not both"),
        (service(task={"command": None, "executor": EXECUTOR}), "service.pods.lb.tasks.server.mem", "executor's share"),
        (service(task={"kill_grace": 1e10}), "service.pods.lb.tasks.server.kill_grace", "1000000000 seconds"),
        (
            service(task={"environment": {"A=B": ""}}),
            "service.pods.lb.tasks.server.environment",
            "no name of a variable",
        ),
        (
            service(task={"command": CommandSpec(value="x", environment={"": ""})}),
            "service.pods.lb.tasks.server.command.environment",
            "no name of a variable",
        ),
        (
            service(task={"command": None, "executor": replace(EXECUTOR, cpus=-1), "mem": 64_000}),
            "service.pods.lb.tasks.server.executor.cpus",
            "0 or more",
        ),
        (
            service(task={"health_check": HealthCheckSpec(command="x", interval=-1.0)}),
            "service.pods.lb.tasks.server.health_check.interval",
            "0 to 1000000000",
        ),
        (
            service(task={"ports": (PortSpec(name="a"),), "health_check": HealthCheckSpec(http_path="x", port="a")}),
            "service.pods.lb.tasks.server.health_check.http_path",
            "begin with /",
        ),
        (
            service(pod={"recovery": RecoveryPolicy(launch_timeout=0)}),
            "service.pods.lb.recovery.launch_timeout",
            "above",
        ),
        (
            service(task={"health_check": HealthCheckSpec()}),
            "service.pods.lb.tasks.server.health_check",
            "exactly one",
        ),
        (
            service(task={"limits": LimitsSpec(cpus=999)}),
            "service.pods.lb.tasks.server.limits.cpus",
            "less than the 1.0",
        ),
        (service(task={"limits": LimitsSpec(mem=0)}), "service.pods.lb.tasks.server.limits.mem", "above 0"),
        (service(task={"limits": LimitsSpec(shm=1500)}), "service.pods.lb.tasks.server.limits.shm", "whole MB"),
        (
            service(task={"limits": LimitsSpec(seccomp="../x")}),
            "service.pods.lb.tasks.server.limits.seccomp",
            "no name",
        ),
        (
            service(task={"limits": LimitsSpec(rlimits=(RlimitSpec(type="NOFILE"),))}),
            "service.pods.lb.tasks.server.limits.rlimits[0].type",
            "is no limit",
        ),
        (
            service(task={"limits": LimitsSpec(rlimits=(RlimitSpec(type="RLMT_CPU", soft=2, hard=1),))}),
            "service.pods.lb.tasks.server.limits.rlimits[0].soft",
            "is not possible",
        ),
        (
            service(task={"limits": LimitsSpec(rlimits=(RlimitSpec(type="RLMT_CPU", soft=2),))}),
            "service.pods.lb.tasks.server.limits.rlimits[0].soft",
            "both, or neither",
        ),
        (
            service(task={"command": None, "executor": EXECUTOR, "mem": 64_000, "limits": LimitsSpec(cpus=2000)}),
            "service.pods.lb.tasks.server.limits.cpus",
            "has no place in a task with a custom executor",
        ),
        (service(pod={"group": GroupSpec(cpus=9)}), "service.pods.lb.group.cpus", "has to be 10 (thousandths) or more"),
        (service(pod={"group": GroupSpec(mem=31_999)}), "service.pods.lb.group.mem", "has to be 32000"),
        (
            service(pod={"group": GroupSpec()}, task={"container": DOCKER}),
            "service.pods.lb.tasks.server.container.type",
            "has no place in a group",
        ),
        (
            service(task={"container": DOCKER, "limits": LimitsSpec(shm=1000)}),
            "service.pods.lb.tasks.server.limits.shm",
            "means nothing to Docker's containerizer",
        ),
        (service(pod={"group": GroupSpec(disk=0)}), "service.pods.lb.group.disk", "has to be above 0"),
        (
            service(pod={"group": GroupSpec()}, task={"command": None, "executor": EXECUTOR, "mem": 64_000}),
            "service.pods.lb.tasks.server.executor",
            "has no place in a group",
        ),
        (
            service(
                pod={"group": GroupSpec()}, task={"container": ContainerSpec(networks=(NetworkSpec(name="calico"),))}
            ),
            "service.pods.lb.tasks.server.container.networks",
            "have no place in a group",
        ),
        (
            service(task={"readiness_check": ReadinessCheckSpec()}),
            "service.pods.lb.tasks.server.readiness_check",
            "exactly one of",
        ),
        (
            service(task={"readiness_check": ReadinessCheckSpec(tcp=True, port="x")}),
            "service.pods.lb.tasks.server.readiness_check.port",
            "is no port of the task",
        ),
        (
            service(
                task={
                    "command": None,
                    "executor": EXECUTOR,
                    "mem": 64_000,
                    "readiness_check": ReadinessCheckSpec(command="x"),
                }
            ),
            "service.pods.lb.tasks.server.readiness_check",
            "is not run by Mesos for custom executors",
        ),
        (
            service(pod={"recovery": RecoveryPolicy(start_timeout=0.0)}),
            "service.pods.lb.recovery.start_timeout",
            "has to be above 0",
        ),
        (
            service(pod={"recovery": RecoveryPolicy(on_not_ready=OnNotReady.FAIL)}),
            "service.pods.lb.recovery.ready_timeout",
            "has to be given with on_not_ready fail",
        ),
        (
            service(task={"essential": False}),
            "service.pods.lb.tasks",
            "at least one task that is essential",
        ),
        (
            service(task={"health_check": HealthCheckSpec(tcp=True, port="x")}),
            "service.pods.lb.tasks.server.health_check.port",
            "no port of the task",
        ),
        (
            service(task={"ports": (PortSpec(name="a", number=70_000),)}),
            "service.pods.lb.tasks.server.ports.a.number",
            "65535",
        ),
        (
            service(task={"ports": (PortSpec(name="a", ranges=((9, 1),)),)}),
            "service.pods.lb.tasks.server.ports.a.ranges",
            "not a range",
        ),
        (
            service(task={"ports": (PortSpec(name="a", number=80), PortSpec(name="b", number=80))}),
            "service.pods.lb.tasks",
            "wanted twice",
        ),
        (
            service(task={"ports": (PortSpec(name="a"), PortSpec(name="a"))}),
            "service.pods.lb.tasks.server.ports",
            "occurs twice",
        ),
    ],
)
def test_broken_rules_name_path_and_rule(spec: ServiceSpec, path: str, rule: str) -> None:
    """Each is told with the path of its field; the first stands for all."""
    with pytest.raises(InvalidSpec) as caught:
        accept(spec)
    assert caught.value.path == path
    assert rule in caught.value.rule


def test_constraints_are_taken_in_capitals() -> None:
    """As Marathon takes them; whoever compares them later knows one spelling only."""
    taken = accept(service(pod={"constraints": (("hostname", "unique"), ("rack", "like", "r-.*"))}))
    assert taken.pods[0].constraints == (("hostname", "UNIQUE"), ("rack", "LIKE", "r-.*"))


_ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2000),
    st.floats(),
    st.text(max_size=4),
    st.just("unique"),
    st.lists(st.just("a"), max_size=1),
    st.dictionaries(st.text(max_size=2) | st.integers(), st.floats() | st.text(max_size=2), max_size=2),
    st.tuples(st.tuples(st.just("hostname"), st.sampled_from(["unique", "UNIQUE", "IS"]))),
    st.builds(RecoveryPolicy, replace_after=st.floats() | st.integers()),
    st.builds(UpdateStrategy, min_ready=st.floats()),
    st.builds(lambda number: (PortSpec(name="p", number=number),), st.integers(0, 9) | st.floats(0, 9)),
)


@settings(max_examples=400, deadline=None)
@given(
    pod=st.dictionaries(st.sampled_from([field.name for field in fields(PodSpec)]), _ANYTHING, max_size=2),
    task=st.dictionaries(st.sampled_from([field.name for field in fields(TaskSpec)]), _ANYTHING, max_size=2),
)
def test_what_is_taken_can_be_stored_and_read_back(pod: dict[str, Any], task: dict[str, Any]) -> None:
    """Any value in any field is refused, or comes back equal from its bytes."""
    pod.pop("tasks", None)
    try:
        taken = accept(service(pod, task))
    except InvalidSpec:
        return
    assert decode(ServiceSpec, encode(taken), "s") == taken
    target(taken)


def test_containers_with_addresses_of_their_own_may_use_the_same_port() -> None:
    """On the agent's network two tasks may not."""
    ports = (PortSpec(name="http", number=80),)
    inside = replace(TASK, ports=ports, container=ContainerSpec(networks=(NetworkSpec(name="dcos"),)))
    accept(service(pod={"tasks": (inside, replace(inside, name="other"), replace(TASK, name="b", ports=ports))}))


def test_every_problem_is_told_at_once() -> None:
    """Wrong types and broken rules of all pods and tasks, each with its path; rules that need a wrong value wait."""
    bad = replace(TASK, name="a b", cpus=0.5, mem=-1, ports=(PortSpec(name="p", number=70_000), PortSpec(name="p")))
    pods = (
        replace(POD, count=-1, role="a b"),
        replace(POD, name="more", tasks=(bad,), update=UpdateStrategy(max_surge=-1)),
    )
    with pytest.raises(InvalidSpec) as caught:
        accept(service(name="a/b", pods=pods), "web")
    assert [path for path, _ in caught.value.problems] == [
        "web.pods.lb.count",
        "web.pods.lb.role",
        "web.pods.more.tasks[0].cpus",
        "web.pods.more.tasks[0].ports.p.number",
        "web.pods.more.tasks[0].name",
        "web.pods.more.tasks[0].ports",
        "web.pods.more.update.max_surge",
        "web.name",
        "web.name",
    ]
    assert str(caught.value).count("; ") == 8


def test_of_many_problems_the_rest_is_counted() -> None:
    """Nobody reads a thousand lines."""
    pods = tuple(replace(POD, name=f"p{index}", count=-1) for index in range(50))
    with pytest.raises(InvalidSpec, match=r"; and 30 more$") as caught:
        accept(service(pods=pods))
    assert (len(caught.value.problems), caught.value.more) == (20, 30)


@pytest.mark.parametrize(
    "task",
    [
        {"environment": {"PASSWORD": ["hunter2"]}},
        {"environment": {"PASSWORD": "hunter2\ud800"}},
        {"data": {"password": "hunter2\ud800"}},
        {"command": CommandSpec(value="x", environment={"PASSWORD": b"hunter2"})},  # type: ignore[dict-item]
        {"executor": {"PASSWORD": "hunter2"}},
        {"container": CommandSpec(value="x", environment={"PASSWORD": "hunter2"})},
    ],
)
def test_what_may_be_a_secret_is_not_told(task: dict[str, Any]) -> None:
    """Values of environments and data, and whatever has some in it, stay out of the message."""
    with pytest.raises(InvalidSpec) as caught:
        accept(service(task=task))
    assert "hunter2" not in str(caught.value)


class Trap(dict[str, str]):
    """A mapping that fails when somebody looks into it."""

    def __iter__(self) -> Any:
        raise RuntimeError("sprung")


def test_a_value_that_cannot_be_looked_at_is_refused() -> None:
    """Whatever it raises is told as the rule."""
    with pytest.raises(InvalidSpec, match="web: cannot be read: RuntimeError: sprung"):
        accept(service(task={"environment": Trap()}), "web")


def test_what_is_let_in_is_a_copy() -> None:
    """A plugin that changes its mapping afterwards changes nothing."""
    environment = {"A": "1"}
    taken = accept(service(task={"environment": environment}))
    environment["A"] = "2"
    assert taken.pods[0].tasks[0].environment == {"A": "1"}


def test_a_configuration_is_the_same_after_it_was_read_again() -> None:
    """Its fingerprint is made of what is stored: 5 seconds and 5.0 seconds are one thing, and lists and tuples."""
    taken = accept(service(task={"kill_grace": 5, "data": {"x": (1, 2)}}))
    assert target(decode(ServiceSpec, encode(taken), "s")) == target(taken)
    assert taken == accept(service(task={"kill_grace": 5.0, "data": {"x": [1, 2]}}))


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTask(TaskSpec):
    """A class with a field that nobody stores."""

    extra: str = "x"


def test_what_the_stored_form_cannot_tell_is_refused() -> None:
    """It would be another spec after the next restart."""
    task = MyTask(name="server", cpus=1000, mem=1000, command=CommandSpec(value="x"))
    with pytest.raises(InvalidSpec, match="stored form cannot tell"):
        accept(service(pod={"tasks": (task,)}))


def test_the_name_is_the_one_that_it_is_published_by() -> None:
    """Else two names would be about one service."""
    with pytest.raises(InvalidSpec, match=r"other.name: is 'web', but was published as 'other'"):
        accept(service(), "other")
