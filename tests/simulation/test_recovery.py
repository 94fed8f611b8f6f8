"""Stories of tasks, agents, schedulers and masters that fail and come back."""

from dataclasses import replace

import pytest

from sdk.core.effects import Acknowledge, Kill, Log, Reconcile, StorePod
from sdk.core.settings import Settings
from sdk.model.spec import Goal, OnUnreachable, PortSpec, RecoveryPolicy
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import changed, service

UNIQUE = (("hostname", "UNIQUE"),)


def deployed(agents: int = 2, **fields: object) -> Simulation:
    """A cluster in which the service runs and everything is at rest."""
    sim = Simulation()
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}")
    spec = service(**fields)  # type: ignore[arg-type]
    sim.publish(spec)
    count = spec.pods[0].count
    sim.run_until(lambda: len(sim.running()) == count, "all run")
    sim.settle()
    return sim


def test_failed_task_is_launched_again_in_its_reservation() -> None:
    """After TASK_FAILED the instance comes back on the same agent, in the same reservation, with the same port."""
    sim = deployed()
    before = sim.record("web/app-0")
    sim.kill_task("web/app-0")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again")
    after = sim.record("web/app-0")
    assert after.tasks[0].task_id != before.tasks[0].task_id
    assert after.tasks[0].hostname == before.tasks[0].hostname
    assert after.tasks[0].ports == before.tasks[0].ports
    assert after.holding is not None
    assert before.holding is not None
    assert after.holding.resource_id == before.holding.resource_id
    sim.expect_reserved_exactly()


def test_failures_back_off_and_are_explained() -> None:
    """A task that fails at once waits longer each time, and the step says why."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(fails_after=0.1, message="cannot open /etc/secret"))
    sim.publish(service())
    sim.run_until(lambda: sim.record("web/app-0").failures == 3, "three failures")
    assert sim.record("web/app-0").not_before - sim.now == pytest.approx(4.0, abs=1.0)
    step = sim.step("web/app-0", "recovery")
    assert step.status is Progress.DELAYED
    assert step.message.startswith("server failed on agent1: cannot open /etc/secret; tried again in ")
    sim.settle(600)
    assert sim.record("web/app-0").failures < 20


def test_failure_after_a_stable_run_starts_the_backoff_anew() -> None:
    """A run longer than the stability window forgets the failures before it."""
    sim = deployed()
    for _ in range(3):
        sim.kill_task("web/app-0")
        sim.settle(60)
    assert sim.record("web/app-0").failures == 1


def test_lost_agent_is_replaced_after_the_configured_time() -> None:
    """The instance of a lost agent runs on another one replace_after seconds after TASK_UNREACHABLE, not before."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=20.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.record("web/app-0").lost_at is not None, "the loss is noticed")
    lost_at = sim.now
    sim.advance(15)
    assert sim.where("web/app-0") == home
    step = sim.step("web/app-0", "recovery")
    assert step.status is Progress.DELAYED
    assert step.message.startswith(f"{home} lost ")
    assert "replaced in" in step.message
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere")
    assert sim.where("web/app-0") != home
    assert sim.now - lost_at < 25


def test_returning_agent_is_cleaned_up() -> None:
    """When the old agent returns, its old task is killed and its reservation released; the new instance stays."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.settle()
    assert len(sim.processes()) == 2
    sim.heal(home)
    sim.run_until(lambda: len(sim.processes()) == 1, "the old task is fenced")
    sim.run_until(lambda: home not in sim.reservations(), "the old reservation is released")
    sim.settle(60)
    assert sim.record("web/app-0").superseded == ()
    sim.expect_running("web/app-0")
    sim.expect_reserved_exactly()
    assert sim.snapshot().suppressed == ("sim-role",)


def test_agent_that_returns_in_time_is_adopted() -> None:
    """A partition shorter than replace_after relaunches nothing: the task is adopted."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=60.0))
    task = sim.record("web/app-0").tasks[0].task_id
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.running() == [], "the loss is noticed")
    sim.heal(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it is adopted")
    sim.settle()
    assert sim.record("web/app-0").tasks[0].task_id == task
    assert len(sim.processes()) == 1


def test_overdue_instance_that_fits_nowhere_is_still_adopted() -> None:
    """While no other agent fits, the returning task is kept although its time was up."""
    sim = deployed(agents=1, recovery=RecoveryPolicy(replace_after=5.0))
    task = sim.record("web/app-0").tasks[0].task_id
    sim.partition("agent1")
    sim.advance(100)
    assert sim.step("web/app-0", "recovery").status is Progress.PREPARED
    sim.heal("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it is adopted")
    assert sim.record("web/app-0").tasks[0].task_id == task
    sim.settle()
    sim.expect_reserved_exactly()


def test_machine_that_dies_with_its_tasks_and_returns_leaves_no_reservation() -> None:
    """A rebooted machine has no task to report; its reservation is released all the same."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=5.0))
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "replaced")
    sim.settle(300)
    sim.return_agent(home)
    sim.run_until(lambda: home not in sim.reservations(), "the old reservation is released")
    sim.settle(60)
    assert sim.record("web/app-0").superseded == ()
    sim.expect_reserved_exactly()


def test_machine_that_returns_in_time_gets_its_task_again() -> None:
    """A quick reboot: the task is over, so it is launched again in its reservation."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=60.0))
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.advance(10)
    sim.return_agent(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again")
    assert sim.where("web/app-0") == home
    sim.settle()
    sim.expect_reserved_exactly()


def test_restart_of_the_agent_process_changes_nothing() -> None:
    """Executors survive their agent's restart."""
    sim = deployed()
    task = sim.record("web/app-0").tasks[0].task_id
    sim.restart_agent(sim.where("web/app-0"))
    sim.settle()
    sim.expect_running("web/app-0")
    assert sim.record("web/app-0").tasks[0].task_id == task


def test_waiting_policy_never_replaces() -> None:
    """With on_unreachable WAIT the instance waits for its agent however long it takes."""
    sim = deployed(recovery=RecoveryPolicy(on_unreachable=OnUnreachable.WAIT, replace_after=5.0))
    home = sim.where("web/app-0")
    task = sim.record("web/app-0").tasks[0].task_id
    sim.partition(home)
    sim.advance(1000)
    assert sim.running() == []
    sim.heal(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it is adopted")
    assert sim.record("web/app-0").tasks[0].task_id == task


def test_timer_of_a_replacement_survives_a_restart() -> None:
    """The seconds since the loss go on counting in the next life of the scheduler."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=30.0))
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: sim.record("web/app-0").lost_at is not None, "the loss is noticed")
    lost_at = sim.now
    sim.advance(15)
    sim.restart_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere")
    assert sim.where("web/app-0") != home
    assert 28 < sim.now - lost_at < 35


def test_agent_lost_while_the_scheduler_was_down_is_replaced() -> None:
    """The reconciliation after the start tells of the loss."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=10.0))
    home = sim.where("web/app-0")
    sim.stop_scheduler()
    sim.partition(home)
    sim.advance(60)
    sim.start_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere")
    assert sim.where("web/app-0") != home


def test_waiting_for_a_reservation_on_a_silent_agent_ends() -> None:
    """A failed task whose agent vanished while the scheduler was down is not waited for for ever."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=10.0, backoff_initial=30.0, backoff_max=60.0))
    home = sim.where("web/app-0")
    sim.kill_task("web/app-0")
    sim.stop_scheduler()
    sim.partition(home)
    sim.advance(60)
    sim.start_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs elsewhere", within=200)
    assert sim.where("web/app-0") != home


def test_wide_partition_replaces_one_at_a_time() -> None:
    """When many agents are lost at once, one replacement has to be ready before the next begins."""
    sim = deployed(agents=3, count=3, constraints=UNIQUE, recovery=RecoveryPolicy(replace_after=10.0))
    for name in ("spare1", "spare2", "spare3"):
        sim.add_agent(name)
    for name in ("agent1", "agent2", "agent3"):
        sim.partition(name)
    for pod in range(3):
        sim.behave(f"app-{pod}-server", Behaviour(runs_after=20.0))
    sim.run_until(lambda: any(record.superseded for record in sim.scheduler.state.pods.values()), "one is replaced")  # type: ignore[union-attr]
    sim.advance(5)
    assert sim.scheduler.state is not None
    assert sum(bool(record.superseded) for record in sim.scheduler.state.pods.values()) == 1
    waiting = [sim.step(f"web/app-{pod}", "recovery").message for pod in range(3)]
    assert sum("waits until another replacement is ready" in message for message in waiting) == 2
    sim.run_until(lambda: len(sim.running()) == 3, "all are replaced")


def test_replacement_avoids_the_agent_for_a_while() -> None:
    """`replace` moves the instance to another agent although its old one offers first."""
    sim = deployed()
    home = sim.where("web/app-0")
    sim.action("web/app-0", "replace")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "it moved")
    sim.settle(60)
    assert len(sim.processes()) == 1
    sim.expect_reserved_exactly()


def test_restart_relaunches_in_place() -> None:
    """`restart` ends the task and launches it again in the same reservation."""
    sim = deployed()
    before = sim.record("web/app-0")
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and not sim.record("web/app-0").restart, "it was restarted")
    after = sim.record("web/app-0")
    assert after.tasks[0].task_id != before.tasks[0].task_id
    assert after.holding is not None
    assert before.holding is not None
    assert after.holding.resource_id == before.holding.resource_id
    assert after.failures == 0


@pytest.mark.parametrize("action", ["restart", "replace"])
def test_operator_action_survives_a_crash(action: str) -> None:
    """An action that was stored is carried out by the next life of the scheduler."""
    sim = deployed()
    before = sim.record("web/app-0").tasks[0].task_id
    sim.die_before("Kill")
    sim.action("web/app-0", action)
    assert sim.scheduler.state is None
    sim.start_scheduler()
    sim.settle(90)
    sim.expect_running("web/app-0")
    assert sim.record("web/app-0").tasks[0].task_id != before
    assert len(sim.processes()) == 1
    sim.expect_reserved_exactly()


def test_crash_between_store_and_accept_is_repaired() -> None:
    """A record written ahead whose ACCEPT never went out: the answer to RECONCILE shows it, and it is launched anew."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.die_before("Accept")
    sim.publish(service())
    sim.run_until(lambda: sim.scheduler.state is None, "it died")
    assert sim.processes() == []
    sim.start_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=10)
    assert sim.record("web/app-0").failures == 0
    sim.settle()
    sim.expect_reserved_exactly()
    assert len(sim.processes()) == 1


def test_crash_after_accept_adopts_the_task() -> None:
    """A scheduler that dies right after its ACCEPT finds the task running and keeps it."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.die_before("Acknowledge")
    sim.publish(service())
    sim.run_until(lambda: sim.scheduler.state is None, "it died")
    processes = sim.processes()
    assert len(processes) == 1
    sim.start_scheduler()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it is adopted")
    sim.settle()
    assert sim.processes() == processes
    assert sim.scheduler.sent["Accept"] == 1
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("how", ["lose_calls", "fail_calls"])
def test_accept_that_never_arrives_is_noticed(how: str) -> None:
    """An ACCEPT that got lost blocks neither its offers nor the instance."""
    sim = Simulation()
    sim.add_agent("agent1")
    getattr(sim, how)("Accept")
    sim.publish(service(recovery=RecoveryPolicy(launch_timeout=20.0)))
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=60)
    sim.settle()
    sim.expect_reserved_exactly()
    assert len(sim.processes()) == 1


def test_lost_acknowledgements_are_made_up_for() -> None:
    """Mesos sends an update again until it is acknowledged; the record does not suffer."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.lose_calls("Acknowledge", 2)
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=60)
    sim.expect_reserved_exactly()


def test_update_is_stored_before_it_is_acknowledged() -> None:
    """In each frame the record with the update stands before the ACKNOWLEDGE."""
    sim = deployed()
    stored: set[tuple[str, str]] = set()
    acknowledged = 0
    for effect in sim.scheduler.effects:
        if isinstance(effect, StorePod):
            stored.update((task.task_id, task.status.state) for task in effect.record.tasks)
        elif isinstance(effect, Acknowledge):
            acknowledged += 1
            assert (effect.status.task_id, effect.status.state) in stored
            assert effect.status.uuid is not None
    assert acknowledged >= 2


def test_lost_kills_are_repeated_until_the_task_ends() -> None:
    """KILL is sent again after 5, 10, 20 ... seconds."""
    sim = deployed()
    sim.lose_calls("Kill", 3)
    sim.action("web/app-0", "restart")
    sim.run_until(lambda: not sim.record("web/app-0").restart, "it was restarted", within=60)
    assert sum(isinstance(effect, Kill) for effect in sim.scheduler.effects) == 4


def test_unknown_task_is_killed_without_a_loop() -> None:
    """A task of this framework that no record knows is killed, its reservation released, and then it is quiet."""
    sim = deployed()
    sim.publish(service(), service("stranger"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.stop_scheduler()
    sim.lose_records("stranger")
    sim.publish(service())
    sim.start_scheduler()
    sim.settle(1000)  # the implicit reconciliation brings the stranger to light
    sim.expect_running("web/app-0")
    assert len(sim.processes()) == 1
    sim.expect_reserved_exactly()
    assert sum(isinstance(effect, Kill) for effect in sim.scheduler.effects) == 1


def test_silent_launch_is_reconciled_and_launched_again() -> None:
    """An executor that never registers fails the task; the instance is tried again with backoff."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.behave("app-0-server", Behaviour(registers=False))
    sim.publish(service())
    sim.run_until(lambda: sim.record("web/app-0").failures == 1, "it is given up", within=120)
    sim.behave("app-0-server", Behaviour())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs")


def test_machine_that_returns_with_its_task_failed_launches_it_at_once() -> None:
    """The agent is back, so there is no loss to wait out: the failure counts as any other."""
    sim = deployed(recovery=RecoveryPolicy(replace_after=300.0))
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.run_until(lambda: sim.record("web/app-0").lost_at is not None, "the loss is noticed")
    sim.advance(60)
    assert sim.snapshot().suppressed == ("sim-role",)
    sim.return_agent(home)
    sim.run_until(lambda: sim.record("web/app-0").lost_at is None, "it is seen to be back", within=5)
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs again", within=5)
    assert sim.where("web/app-0") == home
    assert sim.record("web/app-0").failures == 1


def test_finished_pod_whose_agent_dies_can_be_removed() -> None:
    """What has run to completion is not launched again when its machine dies, and is forgotten when not wanted."""
    spec = service()
    finishing = changed(spec, tasks=(replace(spec.pods[0].tasks[0], goal=Goal.FINISHED),))
    sim = Simulation()
    for name in ("agent1", "agent2"):
        sim.add_agent(name)
    sim.behave("app-0-server", Behaviour(finishes_after=5.0))
    sim.publish(finishing)
    sim.run_until(lambda: sim.step("web/app-0").message == "finished", "it has finished", within=30)
    record = sim.record("web/app-0")
    sim.kill_agent(record.tasks[0].hostname)
    sim.settle(200)
    assert sim.record("web/app-0").tasks == record.tasks
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "it is forgotten", within=200)


def test_pods_of_several_tasks_back_off() -> None:
    """The neighbour of a failing task is ended with it, and that resets nothing: as many launches as with one task."""
    launches = []
    for names in (("server",), ("server", "sidecar")):
        spec = service()
        [task] = spec.pods[0].tasks
        tasks = tuple(replace(task, name=name, ports=(PortSpec(name=name),)) for name in names)
        sim = Simulation()
        sim.add_agent("agent1")
        sim.behave("app-0-server", Behaviour(fails_after=0.5))
        sim.publish(changed(spec, tasks=tasks))
        sim.advance(600)
        sentences = [effect.sentence for effect in sim.scheduler.effects if isinstance(effect, Log)]
        launches.append(sentences.count("Launching web/app-0 on agent1"))
    assert launches[0] <= 15
    assert launches[1] <= launches[0]


def test_wide_partition_stays_within_the_budget_of_the_framework() -> None:
    """One service per instance: no more than the budget is replaced at once, and each that is ready wakes the next."""
    sim = Simulation(settings=Settings(principal="sim-principal", replacements_at_once=2))
    names = [f"s{number}" for number in range(6)]
    for name in names:
        sim.add_agent(f"agent-{name}", cpus=0.6)
    sim.publish(*(service(name, recovery=RecoveryPolicy(replace_after=10.0)) for name in names))
    sim.run_until(lambda: len(sim.running()) == 6, "all run")
    sim.add_agent("large", cpus=8.0)
    sim.behave("app-0-server", Behaviour(runs_after=20.0))
    for name in names:
        sim.partition(f"agent-{name}")
    most = 0
    for _ in range(1000):
        sim.advance(0.1)
        assert sim.scheduler.state is not None
        most = max(most, len(sim.scheduler.state.index.replacing))
    assert most == 2
    assert len(sim.running()) == 6


def test_replacement_that_fits_nowhere_takes_no_turn_from_others() -> None:
    """The budget counts what was launched, not who waits for a place."""
    sim = Simulation(settings=Settings(principal="sim-principal", replacements_at_once=1))
    sim.add_agent("agent1", ports="80,31000-31009")
    sim.publish(service("fixed", ports=(PortSpec(name="http", number=80),)), service("web"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.add_agent("agent2")
    sim.partition("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "the other one is replaced", within=60)
    assert "port 80 not offered" in sim.step("fixed/app-0", "recovery").refusals[0].reason


def test_agent_that_was_lost_is_a_place_again_as_soon_as_it_is_back() -> None:
    """Two agents that are lost one after the other: the instance goes back to the first at once."""
    sim = deployed(agents=2, recovery=RecoveryPolicy(replace_after=5.0))
    first = sim.where("web/app-0")
    sim.partition(first)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != first, "it is replaced")
    sim.heal(first)
    sim.advance(5)
    second = sim.where("web/app-0")
    sim.partition(second)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") == first, "it is back", within=25)


def test_replacement_of_long_ago_blocks_nobody() -> None:
    """An instance that was replaced once and was ready since is no replacement under way when it fails later."""
    sim = deployed(agents=4, count=2, constraints=UNIQUE, recovery=RecoveryPolicy(replace_after=5.0))
    first = sim.where("web/app-0")
    sim.kill_agent(first)
    sim.run_until(lambda: len(sim.running()) == 2 and sim.where("web/app-0") != first, "it is replaced")
    sim.settle(7200.0)
    sim.behave("app-0-server", Behaviour(runs_after=1e6))
    sim.kill_task("web/app-0")
    sim.settle(30)
    lost = sim.where("web/app-1")
    sim.kill_agent(lost)
    sim.run_until(
        lambda: "web/app-1" in sim.running() and sim.where("web/app-1") != lost,
        "its sibling is replaced all the same",
        within=120,
    )


def test_replacement_that_is_never_ready_blocks_for_a_while_only() -> None:
    """After the patience the next one has its turn."""
    sim = deployed(agents=4, count=2, constraints=UNIQUE, recovery=RecoveryPolicy(replace_after=5.0))
    sim.behave("app-0-server", Behaviour(runs_after=1e6))
    sim.kill_agent(sim.where("web/app-0"))
    sim.settle(30)
    sim.kill_agent(sim.where("web/app-1"))
    sim.settle(60)
    assert sim.running() == []
    sim.run_until(lambda: sim.running() == ["web/app-1"], "the second one is replaced", within=300)


def test_replace_does_not_come_back_when_the_old_place_is_released() -> None:
    """With no other agent the instance waits for a minute, and then has another port."""
    sim = deployed(agents=1)
    before = sim.record("web/app-0").tasks[0].ports
    sim.action("web/app-0", "replace")
    sim.settle(50)
    assert sim.running() == []
    assert sim.reservations() == {}
    assert sim.step("web/app-0", "recovery").refusals[0].reason.startswith("agent1 was left by a replacement; ")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it takes what there is", within=30)
    assert sim.record("web/app-0").tasks[0].ports != before


def test_broken_connection_changes_nothing_at_rest() -> None:
    """After a reconnect everything is reconciled and nothing is launched or killed."""
    sim = deployed(count=2)
    before = {name: sim.record(name).tasks[0].task_id for name in sim.running()}
    sim.disconnect()
    assert sim.snapshot().connection == "disconnected"
    sim.settle()
    assert {name: sim.record(name).tasks[0].task_id for name in sim.running()} == before
    assert any(isinstance(effect, Reconcile) and len(effect.tasks) == 2 for effect in sim.scheduler.effects)


def test_master_failover_changes_nothing() -> None:
    """Another master with the same registry: same framework, same tasks."""
    sim = deployed(count=2)
    before = {name: sim.record(name).tasks[0].task_id for name in sim.running()}
    sim.master_failover()
    sim.settle(60)
    assert {name: sim.record(name).tasks[0].task_id for name in sim.running()} == before
    assert len(sim.processes()) == 2
    sim.expect_reserved_exactly()


def test_silent_agent_after_a_master_failover_blocks_nobody_else() -> None:
    """One agent that does not come back to the new master leaves its tasks unanswered; other work goes on at once."""
    sim = deployed(count=2, constraints=UNIQUE)
    sim.partition("agent2")
    sim.master_failover()
    sim.kill_task("web/app-0" if sim.where("web/app-0") == "agent1" else "web/app-1")
    sim.run_until(lambda: len(sim.running()) == 2, "the failed one runs again", within=15)
    sim.publish(service(count=2, constraints=UNIQUE), service("api"))
    sim.run_until(lambda: "api/app-0" in sim.running(), "new work is placed", within=5)


def test_static_port_is_kept_over_a_relaunch() -> None:
    """A static port that the instance holds is not 'not free' when it is launched again."""
    sim = Simulation()
    sim.add_agent("agent1", ports="80")
    sim.publish(service(ports=(PortSpec(name="http", number=80),)))
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.kill_task("web/app-0")
    sim.run_until(lambda: bool(sim.running()), "it runs again")
    assert sim.record("web/app-0").tasks[0].ports == {"http": 80}
