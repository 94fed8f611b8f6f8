"""Stories of going back to a configuration that a pod had, whatever is published, and forward again."""

from functools import partial

from sdk.model.ids import ConfigId
from sdk.model.spec import ServiceSpec
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import service
from tests.simulation.test_earlier import configuration


def spec(command: str, count: int = 2) -> ServiceSpec:
    """The service with another command."""
    return service(command=command, count=count)


def config(command: str) -> ConfigId:
    """Its fingerprint."""
    return configuration(spec(command))


def runs(sim: Simulation) -> list[ConfigId]:
    """What each instance runs."""
    records = sorted(sim.snapshot().services["web"].pods, key=lambda record: record.index)
    return [record.tasks[0].config for record in records if f"web/{record.name}" in sim.running()]


def _same(sim: Simulation, wanted: list[ConfigId]) -> bool:
    return runs(sim) == wanted


def deployed(*commands: str) -> Simulation:
    """All of these were deployed, one after the other."""
    sim = Simulation()
    for number in range(1, 4):
        sim.add_agent(f"agent{number}")
    for command in commands:
        sim.publish(spec(command))
        wanted = [config(command)] * 2
        sim.run_until(partial(_same, sim, wanted), f"{command} runs", within=200)
        sim.settle(10)
    return sim


def test_a_service_goes_back_to_a_configuration_that_nobody_runs_any_more() -> None:
    """By a rolling update; also when another process has taken over since."""
    sim = deployed("one", "two")
    sim.restart_scheduler()
    sim.settle(5)
    sim.rollback("web", config("one"), "ada")
    sim.run_until(lambda: runs(sim) == [config("one")] * 2, "it runs as before", within=200)
    sim.settle(10)
    assert sim.snapshot().services["web"].status is Progress.COMPLETE
    assert f"app is pinned to configuration {config('one')[:12]}" in sim.problems()["web"]
    assert "by ada" in sim.plan("web/update").message
    sim.expect_reserved_exactly()


def test_what_is_published_is_not_deployed_while_another_is_pinned() -> None:
    """It is remembered, by the next process too; its number of instances holds; unpinned, it is deployed."""
    sim = deployed("one", "two")
    sim.rollback("web", config("one"))
    sim.run_until(lambda: runs(sim) == [config("one")] * 2, "it runs as before", within=200)
    sim.publish(spec("three", count=3))
    sim.run_until(lambda: runs(sim) == [config("one")] * 3, "there are three as before", within=200)
    sim.restart_scheduler()
    sim.settle(60)
    assert runs(sim) == [config("one")] * 3
    sim.unpin("web")
    sim.run_until(lambda: runs(sim) == [config("three")] * 3, "what was published runs", within=300)
    assert "web" not in sim.problems()
    sim.unpin("web")
    sim.settle(10)
    assert runs(sim) == [config("three")] * 3


def test_a_rollback_ends_an_update_that_fails() -> None:
    """Those that it has not reached are not touched."""
    sim = deployed("one")
    before = sim.record("web/app-1").tasks[0].task_id
    sim.behave("app-0-server", Behaviour(fails_after=0.5))
    sim.publish(spec("bad"))
    sim.run_until(lambda: sim.record("web/app-0").failures > 2, "the first one fails")
    sim.behave("app-0-server", Behaviour())
    sim.rollback("web", config("one"))
    sim.run_until(lambda: runs(sim) == [config("one")] * 2, "both run as before")
    sim.settle(60)
    assert sim.record("web/app-1").tasks[0].task_id == before
    assert sim.snapshot().services["web"].status is Progress.COMPLETE


def test_only_what_was_ready_and_the_last_few_can_be_gone_back_to() -> None:
    """A configuration that never worked is not remembered; nor is one that is long gone."""
    sim = deployed("one", "two", "three", "four")
    sim.behave("app-0-server", Behaviour(fails_after=0.0, runs_after=1.0, healthy=False))
    sim.publish(spec("bad"))
    sim.run_until(lambda: sim.record("web/app-0").failures > 0, "the first one fails")
    sim.behave("app-0-server", Behaviour())
    sim.publish(spec("five"))
    sim.run_until(lambda: runs(sim) == [config("five")] * 2, "the fifth runs", within=200)
    assert sim.scheduler.state is not None
    past = sim.scheduler.state.stored.versions["web"].past
    assert [found.config for found in past] == [config("four"), config("three"), config("two")]
    sim.rollback("web", config("one"))
    sim.settle(20)
    assert "no such configuration is stored" in sim.said()[-1]
    assert runs(sim) == [config("five")] * 2


def test_a_pin_ends_with_what_it_is_about() -> None:
    """With the service."""
    sim = deployed("one", "two")
    sim.rollback("web", config("one"))
    sim.run_until(lambda: runs(sim) == [config("one")] * 2, "it runs as before", within=200)
    sim.publish()
    sim.run_until(lambda: not sim.scheduler.stored_pods(), "all is gone", within=120)
    sim.settle(5)
    sim.publish(spec("two"))
    sim.run_until(lambda: runs(sim) == [config("two")] * 2, "it is what was published", within=120)
    sim.uninstall()
    sim.settle(60)
    sim.expect_nothing_left()
