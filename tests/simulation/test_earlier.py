"""Stories of a rolling update that stops: what it has not reached stays as it is, whatever happens to it."""

from dataclasses import replace
from typing import Any

from sdk.model.fingerprint import pod_config
from sdk.model.ids import ConfigId
from sdk.model.spec import Goal, RecoveryPolicy, ServiceSpec, StrategyKind, UpdateStrategy
from sdk.plan.configurations import Configuration, configurations
from sdk.plan.difference import difference
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import changed, service

GOOD, BAD = "sleep 1000", "bad"


def configuration(spec: ServiceSpec) -> ConfigId:
    """Fingerprint of its pod."""
    return pod_config(spec.pods[0], spec)


def commands(sim: Simulation, **fields: Any) -> list[str]:
    """What each instance runs, in order; empty for one that does not run."""
    names = {configuration(service(command=command, **fields)): command for command in (GOOD, BAD, "two", "third")}
    running = set(sim.running())
    records = sorted(sim.snapshot().services["web"].pods, key=lambda record: record.index)
    return [names[record.tasks[0].config] if f"web/{record.name}" in running else "" for record in records]


def kept(sim: Simulation) -> int:
    """How many earlier configurations are stored, as the next process sees it."""
    sim.restart_scheduler()
    assert sim.scheduler.state is not None
    return len(sim.scheduler.state.stored.earlier)


def stopped(count: int = 3, agents: int = 3, **fields: Any) -> Simulation:
    """An update to a configuration that fails: the first instance has got it, the others have not."""
    sim = Simulation()
    for index in range(agents):
        sim.add_agent(f"agent{index}")
    recovery = RecoveryPolicy(replace_after=10.0, backoff_max=5.0)
    sim.publish(service(count=count, recovery=recovery, **fields))
    sim.run_until(lambda: len(sim.running()) == count, "all run")
    sim.settle(10)
    sim.behave("app-0-server", Behaviour(fails_after=0.5))
    sim.publish(service(count=count, recovery=recovery, command=BAD, **fields))
    sim.run_until(lambda: sim.record("web/app-0").failures > 2, "the first one fails")
    return sim


def test_an_instance_that_fails_keeps_its_configuration() -> None:
    """The update is stuck with the first instance: the others run on as they are, also after a failure."""
    sim = stopped()
    sim.kill_task("web/app-1")
    sim.settle(60)
    assert commands(sim)[1:] == [GOOD, GOOD]
    assert sim.step("web/app-1").status is Progress.PENDING
    assert "runs on" in sim.step("web/app-1").message


def test_a_lost_instance_is_replaced_as_it_was() -> None:
    """On another agent, with the configuration that was ready."""
    sim = stopped()
    lost = sim.where("web/app-2")
    sim.partition(lost)
    sim.run_until(lambda: sim.where("web/app-2") != lost and "web/app-2" in sim.running(), "it runs elsewhere")
    assert commands(sim)[2] == GOOD


def test_an_instance_that_leaves_for_maintenance_serves_as_it_was() -> None:
    """The update that is stuck takes no part in it: it runs elsewhere before it is ended here."""
    sim = stopped()
    leaves = sim.where("web/app-2")
    sim.maintain(leaves, after=600)
    sim.run_until(lambda: sim.where("web/app-2") != leaves and "web/app-2" in sim.running(), "it runs elsewhere")
    assert commands(sim)[2] == GOOD
    assert sim.record("web/app-2").failures == 0


def test_it_is_remembered_over_a_restart_and_forgotten_with_the_update() -> None:
    """The configuration is stored while an instance has it; when the update goes on and ends it is gone."""
    sim = stopped()
    assert kept(sim) == 1
    sim.restart_scheduler()
    sim.kill_task("web/app-1")
    sim.settle(30)
    assert commands(sim)[1:] == [GOOD, GOOD]
    sim.behave("app-0-server", Behaviour())
    sim.run_until(lambda: commands(sim) == [BAD] * 3, "all are updated", within=300)
    sim.settle(30)
    assert kept(sim) == 0
    sim.expect_reserved_exactly()


def test_it_is_told_who_has_which_configuration() -> None:
    """Also by the next process; when the update is through there is one."""
    sim = stopped()
    sim.restart_scheduler()
    sim.settle()
    bad, good = told(sim)
    assert (bad.wanted, [each.instance for each in bad.instances]) == (True, ["app-0"])
    assert (good.wanted, [each.instance for each in good.instances]) == (False, ["app-1", "app-2"])
    assert [each.keeps for each in good.instances] == [True, True]
    assert good.spec is not None
    assert bad.spec is not None
    assert [each.path for each in difference(good.spec, bad.spec, "app")] == ["app.tasks.server.command.value"]
    sim.behave("app-0-server", Behaviour())
    sim.run_until(lambda: commands(sim) == [BAD] * 3, "all are updated", within=300)
    assert [each.id for each in told(sim)] == [bad.id]


def told(sim: Simulation) -> tuple[Configuration, ...]:
    """The configurations of the service."""
    view = sim.snapshot().services["web"]
    return configurations(view.target, view.pods, view.earlier)


def test_publishing_what_was_there_takes_the_update_back() -> None:
    """Only the one that has failed is launched again; the others are what they should be, and none is touched."""
    sim = stopped()
    before = [sim.record(f"web/app-{index}").tasks[0].task_id for index in (1, 2)]
    sim.behave("app-0-server", Behaviour())
    sim.publish(service(count=3, recovery=RecoveryPolicy(replace_after=10.0, backoff_max=5.0)))
    sim.run_until(lambda: commands(sim) == [GOOD] * 3, "all are as they were")
    sim.settle(60)
    assert [sim.record(f"web/app-{index}").tasks[0].task_id for index in (1, 2)] == before
    assert kept(sim) == 0


def test_a_second_change_reaches_all() -> None:
    """Instances of two earlier configurations, one of which never worked, get the third."""
    sim = stopped()
    sim.behave("app-0-server", Behaviour())
    sim.publish(service(count=3, command="third"))
    sim.run_until(lambda: commands(sim) == ["third"] * 3, "all are updated", within=300)
    sim.settle(10)
    assert kept(sim) == 0


def test_one_that_fits_nowhere_as_it_was_gets_the_new_configuration() -> None:
    """An update that is to help it must not wait for it."""
    sim = Simulation()
    sim.add_agent("agent1", cpus=2.0)
    sim.publish(service(cpus=1.5, recovery=RecoveryPolicy(replace_after=5.0)))
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.settle(10)
    sim.kill_agent("agent1")
    sim.add_agent("agent2", cpus=1.0)
    sim.settle(60)
    sim.publish(service(cpus=0.5, recovery=RecoveryPolicy(replace_after=5.0)))
    sim.run_until(lambda: bool(sim.running()), "it runs with less")


def test_a_surge_launches_the_new_configuration() -> None:
    """The place beside the present one is for what is new; a broken one takes nothing down."""
    sim = stopped(update=UpdateStrategy(max_surge=1))
    sim.settle(30)
    assert commands(sim)[1:] == [GOOD, GOOD]
    sim.behave("app-0-server", Behaviour())
    sim.run_until(lambda: commands(sim) == [BAD] * 3, "all are updated", within=300)


def test_a_job_that_is_done_runs_anew_with_its_new_configuration() -> None:
    """It serves nobody, so it waits for nobody."""

    def job(command: str) -> ServiceSpec:
        spec = service(count=2, command=command, ports=())
        return changed(spec, tasks=(replace(spec.pods[0].tasks[0], goal=Goal.FINISHED),))

    sim = Simulation()
    sim.add_agent("agent1")
    for index in range(2):
        sim.behave(f"app-{index}-server", Behaviour(finishes_after=1.0))
    sim.publish(job("one"))
    sim.run_until(lambda: sim.snapshot().services["web"].status is Progress.COMPLETE, "it is done")
    sim.publish(job("two"))
    anew = configuration(job("two"))
    sim.run_until(lambda: all(sim.record(f"web/app-{index}").tasks[0].config == anew for index in range(2)), "anew")
    sim.run_until(lambda: sim.snapshot().services["web"].status is Progress.COMPLETE, "it is done anew")


def test_more_instances_are_updated_while_one_recovers_as_it_was() -> None:
    """In parallel: what is down for another reason takes no turn of the update from the others."""
    update = UpdateStrategy(kind=StrategyKind.PARALLEL, max_unavailable=2)
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service(count=4, update=update))
    sim.run_until(lambda: len(sim.running()) == 4, "all run")
    sim.settle(10)
    sim.kill_task("web/app-3")
    sim.publish(service(count=4, command="two", update=update))
    sim.run_until(lambda: commands(sim) == ["two"] * 4, "all are updated", within=300)
