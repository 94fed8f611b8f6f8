"""Rules for specs."""

from dataclasses import replace
from typing import Any

import pytest

from sdk.errors import InvalidSpec
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
from sdk.plan.checks import check_service

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


@pytest.mark.parametrize(
    ("spec", "path", "rule"),
    [
        (service(name="a__b"), "service.name", "separates the parts"),
        (service(name="a/b"), "service.name", "has to be letters"),
        (service(name="x" * 201), "service.name", "at most 200"),
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
