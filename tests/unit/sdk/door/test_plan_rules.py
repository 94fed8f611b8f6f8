"""Plans of a spec: what is let in, and what is wrong with the others."""

from typing import Any

import pytest

from sdk.door.accept import accept
from sdk.errors import InvalidSpec
from sdk.model.fingerprint import service_config
from sdk.model.plans import PhaseSpec, PlanSpec, Strategy
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec, UpdateStrategy

TASK = TaskSpec(name="t", cpus=100, mem=1000, command=CommandSpec(value="x"))


def pod(name: str, **fields: Any) -> PodSpec:
    """A pod of two instances."""
    return PodSpec(name=name, count=2, tasks=(TASK,), **fields)


def phase(name: str, **fields: Any) -> PhaseSpec:
    """A phase over the pod of its name."""
    return PhaseSpec(name=name, **{"pod": name, **fields})


def service(*plans: PlanSpec) -> ServiceSpec:
    """Three pods, and these plans."""
    return ServiceSpec(name="web", pods=(pod("db"), pod("app"), pod("job")), plans=plans)


def plan(name: str, *phases: PhaseSpec, **fields: Any) -> PlanSpec:
    """A plan of these phases."""
    return PlanSpec(name=name, phases=phases, **fields)


def test_plans_pass_and_come_back_as_they_were() -> None:
    """Orders with dependencies of both kinds, canaries, and a plan with parameters."""
    spec = service(
        plan("deploy", phase("db"), phase("app", depends_on=("db",)), strategy=Strategy.DEPENDENCY),
        plan("update", phase("app", strategy=Strategy.DEPENDENCY, after={"1": (0,)}), phase("db", canary=1)),
        plan("backup", phase("job", indexes=(1, 0)), parameters=("TO",)),
    )
    assert accept(spec) == spec


def test_a_spec_without_plans_has_the_fingerprint_that_it_had() -> None:
    """Upgrades of the library change no target."""
    known = "a9147eccd83510b62f52d31a34a28ec1f7bae7a31e19c7df75dadcbafd0b47b5"
    assert service_config(ServiceSpec(name="web", pods=(pod("app"),))) == known
    assert service_config(service()) == service_config(ServiceSpec(name="web", pods=service().pods))


@pytest.mark.parametrize(
    ("found", "path", "why"),
    [
        (plan("recovery", phase("db")), "plans.recovery.name", "that every service has"),
        (plan("a__b", phase("db")), "plans.a__b.name", "separates"),
        (plan("deploy"), "plans.deploy.phases", "at least one"),
        (plan("deploy", phase("db"), phase("db")), "plans.deploy.phases", "'db' occurs twice"),
        (plan("deploy", phase("x")), "plans.deploy.phases", "there is no pod 'x'; there are app, db, job"),
        (plan("deploy", phase("a", pod="db"), phase("b", pod="db")), "plans.deploy.phases", "in another phase already"),
        (
            plan("deploy", phase("a", pod="db", indexes=(0,)), phase("b", pod="db")),
            "plans.deploy.phases",
            "in another phase already",
        ),
        (plan("deploy", phase("db", depends_on=("app",)), phase("app")), "depends_on", "of strategy dependency"),
        (
            plan("deploy", phase("db", depends_on=("x",)), strategy=Strategy.DEPENDENCY),
            "phases.db.depends_on",
            "names 'x'; the plan has db",
        ),
        (
            plan(
                "deploy",
                phase("db", depends_on=("app",)),
                phase("app", depends_on=("db",)),
                strategy=Strategy.DEPENDENCY,
            ),
            "plans.deploy.phases",
            "app and db wait for each other",
        ),
        (plan("deploy", phase("db", after={"1": (0,)})), "phases.db.after", "of strategy dependency"),
        (plan("deploy", phase("db", strategy=Strategy.DEPENDENCY, after={"x": (0,)})), "after", "'x' is no index"),
        (
            plan("deploy", phase("db", strategy=Strategy.DEPENDENCY, after={"1": (0,), "0": (1,)})),
            "after",
            "0 and 1 wait for each other",
        ),
        (plan("deploy", phase("db", canary=-1)), "phases.db.canary", "0 or more"),
        (plan("deploy", phase("db"), canary=-1), "plans.deploy.canary", "0 or more"),
        (plan("deploy", phase("db"), canary=1), "plans.deploy.canary", "a phase of every pod; app, job is in none"),
        (plan("deploy", phase("db", indexes=(-1,))), "phases.db.indexes", "0 or more"),
        (plan("deploy", phase("db", indexes=(0, 0))), "phases.db.indexes", "0 occurs twice"),
        (plan("deploy", phase("db"), parameters=("A",)), "plans.deploy.parameters", "is never started"),
        (plan("backup", phase("db"), parameters=("A=B",)), "plans.backup.parameters", "has to match"),
        (plan("backup", phase("db"), parameters=("PLAN_RUN",)), "plans.backup.parameters", "PLAN_RUN"),
        (plan("backup", phase("db"), parameters=("A", "A")), "plans.backup.parameters", "'A' occurs twice"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_with_its_path(found: PlanSpec, path: str, why: str) -> None:
    """All of it, as of any other part of a spec."""
    with pytest.raises(InvalidSpec) as error:
        accept(service(found))
    assert path in str(error.value)
    assert why in str(error.value)


def test_a_pod_that_a_started_plan_runs_is_in_no_other_plan() -> None:
    """It would be launched by two, or never."""
    with pytest.raises(InvalidSpec, match="job runs only while plan backup does"):
        accept(service(plan("backup", phase("job")), plan("deploy", phase("job"))))
    with pytest.raises(InvalidSpec, match="which plan backup runs already"):
        accept(service(plan("backup", phase("job")), plan("restore", phase("job"))))


def test_canaries_of_an_update_are_counted() -> None:
    """0 or more."""
    with pytest.raises(InvalidSpec, match=r"canary.*0 or more"):
        accept(ServiceSpec(name="web", pods=(pod("app", update=UpdateStrategy(canary=-1)),)))
