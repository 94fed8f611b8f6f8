"""Policies give plans another order, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sdk.model.plans import Strategy
from sdk.plan.candidates import candidates
from sdk.plan.plan import Phase, Plan
from sdk.plan.policies import Instance, customised, seeds_first

STEPS = ("db-0", "db-1", "db-2")
INSTANCES = {name: Instance(pod="db", index=index, deployed=False, ready=False) for index, name in enumerate(STEPS)}
DEPLOY = Plan(name="deploy", phases=(Phase(name="db", pod="db", steps=STEPS),))
RECOVERY = Plan(name="recovery", phases=tuple(Phase(name=name, pod="db", steps=(name,)) for name in STEPS))


@pytest.mark.parametrize("plan", [DEPLOY, RECOVERY])
def test_seeds_come_first(plan: Plan) -> None:
    """Both of them together, then all others; in a deployment as in a recovery."""
    found = customised("seeds", seeds_first("db", 2), plan, INSTANCES)
    assert candidates(found, ().__contains__, None) == {"db-0", "db-1"}
    assert candidates(found, ("db-0",).__contains__, None) == {"db-1"}
    assert candidates(found, ("db-0", "db-1").__contains__, None) == {"db-2"}


def test_other_pods_do_not_wait() -> None:
    """They have no seeds."""
    web = Phase(name="web", pod="web", steps=("web-0",))
    plan = replace(DEPLOY, phases=(*DEPLOY.phases, web))
    instances = INSTANCES | {"web-0": Instance(pod="web", index=0, deployed=False, ready=False)}
    found = customised("seeds", seeds_first("db"), plan, instances)
    assert candidates(found, ().__contains__, None) == {"db-0", "web-0"}


def test_a_policy_cannot_leave_a_step_out() -> None:
    """What comes back has the same phases and steps."""

    def forgets(plan: Plan, _: Mapping[str, Instance]) -> Plan:
        return plan.only(lambda step: step != "db-2")

    def renames(plan: Plan, _: Mapping[str, Instance]) -> Plan:
        return replace(plan, name="other")

    def reverses(plan: Plan, _: Mapping[str, Instance]) -> Plan:
        phases = (replace(phase, steps=phase.steps[::-1], strategy=Strategy.SERIAL) for phase in plan.phases)
        return replace(plan, phases=tuple(phases))

    for policy in (forgets, renames):
        with pytest.raises(ValueError, match="something else than plan deploy in another order"):
            customised("odd", policy, DEPLOY, INSTANCES)
    assert candidates(customised("back", reverses, DEPLOY, INSTANCES), ().__contains__, None) == {"db-2"}
