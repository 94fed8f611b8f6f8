"""Stories of operations with ids: their outcome is on record before it is acknowledged, and told where it is bad."""

import pytest

from sdk.core.effects import Accept, AcknowledgeOperation, ReconcileOperations, StorePod
from sdk.core.events import OperationStatusReceived
from sdk.model.operations import Reserve
from sdk.model.status import OperationState, OperationStatus
from sdk.plan.progress import Progress
from sdk.testing import Behaviour, Simulation
from tests.simulation.specs import service

FORBIDDEN = {"permissive": True, "reserve_resources": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}


def asleep(sim: Simulation) -> None:
    """Tasks of the service do not come up, so that nothing but operations can tell of their place."""
    sim.behave("app-0-server", Behaviour(registers=False))


def reserves(sim: Simulation) -> list[Reserve]:
    """All that were sent."""
    accepts = [effect for effect in sim.scheduler.effects if isinstance(effect, Accept)]
    return [operation for accept in accepts for operation in accept.operations if isinstance(operation, Reserve)]


def test_an_outcome_is_stored_before_it_is_acknowledged() -> None:
    """It confirms the place; nothing is asked about it any more."""
    sim = Simulation()
    sim.add_agent("agent1")
    asleep(sim)
    sim.publish(service())
    sim.advance(5)
    holding = sim.record("web/app-0").holding
    assert holding is not None
    assert holding.confirmed
    assert holding.operations == ()
    effects = sim.scheduler.effects
    acknowledged = next(at for at, effect in enumerate(effects) if isinstance(effect, AcknowledgeOperation))
    assert any(
        isinstance(effect, StorePod) and effect.record.holding is not None and effect.record.holding.confirmed
        for effect in effects[:acknowledged]
    )


def test_an_outcome_that_cannot_be_stored_is_not_acknowledged() -> None:
    """Mesos says it again, and then it is."""
    sim = Simulation()
    sim.add_agent("agent1")
    asleep(sim)
    sim.die_before("AcknowledgeOperation")
    sim.publish(service())
    sim.advance(5)
    sim.start_scheduler()
    sim.run_until(lambda: sim.scheduler.sent["AcknowledgeOperation"] > 0, "it is acknowledged", within=60)


def test_a_process_that_takes_over_asks_about_operations() -> None:
    """The one before died between ACCEPT and outcome."""
    sim = Simulation()
    sim.add_agent("agent1")
    asleep(sim)
    sim.scheduler.before("Accept", lambda: sim.partition("agent1"))
    sim.publish(service())
    sim.advance(1)
    holding = sim.record("web/app-0").holding
    assert holding is not None
    [operation] = holding.operations
    sim.restart_scheduler()
    sim.advance(2)
    asked = [effect for effect in sim.scheduler.effects if isinstance(effect, ReconcileOperations)]
    assert (operation.operation_id, holding.agent_id) in asked[-1].operations
    sim.behave("app-0-server", Behaviour())
    sim.heal("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=600)
    after = sim.record("web/app-0").holding
    assert after is not None
    assert after.operations == ()
    sim.settle(60)
    sim.expect_reserved_exactly()


def test_a_reserve_that_mesos_forbids_is_told_and_tried_again_with_pauses() -> None:
    """The step says what the operation failed with, and not that the task behind it is invalid; it goes on when it may.

    A reason that stays is tried at most once a minute.
    """
    sim = Simulation(acls=FORBIDDEN)
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.DELAYED, "it waits for its next try")
    assert "RESERVE on agent1 failed: Principal 'sim-principal' no authorized" in sim.step("web/app-0").message
    sim.advance(600)
    assert 8 <= len(reserves(sim)) <= 25
    assert sim.reservations() == {}
    sim.allow_everything()
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=120)
    assert not any("invalid" in sentence for sentence in sim.said())


@pytest.mark.parametrize(
    ("why", "with_id"),
    [
        ("agent sim-S0 does not have the required AGENT_OPERATION_FEEDBACK capability", False),
        ("Operation attempted with invalid offers: Offer sim-O0 is no longer valid", True),
    ],
)
def test_only_an_agent_that_takes_no_operation_with_an_id_gets_them_without(why: str, with_id: bool) -> None:
    """The master names the capability that it lacks. A stale offer is an error, too, and says nothing of the agent."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.scheduler.before("Accept", lambda: sim.partition("agent1"))
    sim.publish(service())
    sim.run_until(lambda: bool(reserves(sim)), "an offer is used")
    [first] = reserves(sim)
    assert first.operation_id is not None
    told = OperationStatus(operation_id=first.operation_id, state=OperationState.ERROR, message=why)
    sim.scheduler.give(OperationStatusReceived(status=told))
    sim.heal("agent1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=600)
    assert (reserves(sim)[-1].operation_id is not None) is with_id
    sim.settle(60)
    sim.expect_reserved_exactly()
