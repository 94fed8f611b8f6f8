"""Rules for specs."""

import datetime
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.codecs import decode, encode
from sdk.door.accept import check_service
from sdk.errors import InvalidSpec
from sdk.model.container import ContainerSpec, NetworkSpec
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
EXECUTOR = ExecutorSpec(command=CommandSpec(value="x"))


def service(pod: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **fields: Any) -> ServiceSpec:
    """A good service with other fields in the pod or the task."""
    changed = replace(POD, tasks=(replace(TASK, **(task or {})),))
    return replace(ServiceSpec(name="web", pods=(replace(changed, **(pod or {})),)), **fields)


def test_good_service_passes() -> None:
    """The base of the cases below breaks no rule."""
    check_service(service())
    check_service(service(task={"command": None, "executor": EXECUTOR, "mem": 64_000}))


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
            "service.pods.lb.tasks.server.container.networks",
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
        (
            service(task={"health_check": HealthCheckSpec()}),
            "service.pods.lb.tasks.server.health_check",
            "exactly one",
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
    """The first broken rule is told with the path of its field."""
    with pytest.raises(InvalidSpec) as caught:
        check_service(spec)
    assert caught.value.path == path
    assert rule in caught.value.rule


def test_constraints_are_taken_in_capitals() -> None:
    """As Marathon takes them; whoever compares them later knows one spelling only."""
    taken = check_service(service(pod={"constraints": (("hostname", "unique"), ("rack", "like", "r-.*"))}))
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
        taken = check_service(service(pod, task))
    except InvalidSpec:
        return
    assert decode(ServiceSpec, encode(taken), "s") == taken
    target(taken)


def test_containers_with_addresses_of_their_own_may_use_the_same_port() -> None:
    """On the agent's network two tasks may not."""
    ports = (PortSpec(name="http", number=80),)
    inside = replace(TASK, ports=ports, container=ContainerSpec(networks=(NetworkSpec(name="dcos"),)))
    check_service(service(pod={"tasks": (inside, replace(inside, name="other"), replace(TASK, name="b", ports=ports))}))
