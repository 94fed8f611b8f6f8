"""Stories of plans that a plugin's policy orders."""

from collections.abc import Mapping
from dataclasses import replace

from sdk.core.settings import Settings
from sdk.model.spec import ServiceSpec
from sdk.plan.plan import Plan
from sdk.plan.policies import Instance, Policy, seeds_first
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import service
from tests.simulation.test_plans import pod, running

SLOW = Behaviour(runs_after=3.0)


def story(policies: Mapping[str, Policy]) -> Simulation:
    """Three agents, and a scheduler whose plugin has registered these."""
    sim = Simulation(settings=Settings(principal="sim-principal", policies=policies))
    for number in range(1, 4):
        sim.add_agent(f"agent{number}")
    return sim


def database(count: int = 3) -> ServiceSpec:
    """A database whose first instance is its seed."""
    return ServiceSpec(name="web", pods=(pod("db", count),), policy="seeds")


def test_seeds_are_deployed_before_the_others() -> None:
    """These wait for it, and say so."""
    sim = story({"seeds": seeds_first("db")})
    sim.behave("db-0-db", SLOW)
    sim.publish(database())
    sim.run_until(lambda: bool(sim.record("web/db-0").tasks), "the seed is launched", step=0.1)
    assert [sim.step(f"web/db-{index}").message for index in (1, 2)] == ["waits for db-0"] * 2
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    seed, *others = (sim.record(f"web/db-{index}").tasks[0] for index in range(3))
    assert all(seed.changed_at <= other.launched_at for other in others)


def test_seeds_are_recovered_before_the_others() -> None:
    """Also when these have failed first."""
    sim = story({"seeds": seeds_first("db")})
    sim.publish(database())
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.behave("db-0-db", SLOW)
    sim.kill_task("web/db-1")
    sim.kill_task("web/db-0")
    sim.run_until(lambda: not {"db-0", "db-1"} & set(running(sim)), "both are down", step=0.1)
    sim.run_until(lambda: "db-1" in running(sim), "it is back", within=120)
    assert sim.record("web/db-0").tasks[0].changed_at <= sim.record("web/db-1").tasks[0].launched_at
    sim.run_until(lambda: len(running(sim)) == 3, "all run")
    sim.expect_reserved_exactly()


def test_a_policy_that_fails_is_the_trouble_of_its_service() -> None:
    """It is left alone, and says why; another one is deployed; when the policy works again it goes on."""
    broken = True

    def odd(plan: Plan, _: Mapping[str, Instance]) -> Plan:
        if broken:
            raise KeyError("a defect")
        return plan

    sim = story({"seeds": odd})
    sim.publish(database(), service("other"))
    sim.run_until(lambda: sim.running() == ["other/app-0"], "the other one runs")
    sim.settle(20)
    assert sim.running() == ["other/app-0"]
    assert "KeyError: 'a defect'" in sim.problems()["web"]
    assert list(sim.problems()) == ["web"]
    broken = False
    sim.run_until(lambda: len(sim.running()) == 4, "all run", within=400)
    assert not sim.problems()


def test_a_policy_that_nobody_registered_is_told() -> None:
    """With those that there are; another specification is deployed."""
    sim = story({"roots": seeds_first("db")})
    sim.publish(database(1))
    sim.settle(20)
    assert "this process has no policy 'seeds' for plans; the plugin registers roots" in sim.problems()["web"]
    sim.publish(replace(database(1), policy=None))
    sim.run_until(lambda: running(sim) == ["db-0"], "it runs")
