"""Single decisions: events in, state and effects out."""

import itertools
from dataclasses import replace

import pytest

from sdk.core.decide import decide, next_wake, problems, snapshot
from sdk.core.effects import (
    Accept,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    Kill,
    Reconcile,
    Revive,
    StoreFramework,
    StorePod,
    Suppress,
    UpdateRoles,
)
from sdk.core.events import (
    AgentFailed,
    CallFailed,
    Disconnected,
    Failed,
    OfferRescinded,
    OffersReceived,
    OperationStatusReceived,
    PodActionRequested,
    RolesAccepted,
    StatusesReceived,
    StatusReceived,
    Subscribed,
    TargetChanged,
    TargetsListed,
    Tick,
)
from sdk.core.state import State
from sdk.model.ids import AgentId, OfferId, OperationId, TaskId
from sdk.model.operations import Launch, Reserve, Unreserve
from sdk.model.resources import Reservation, Resource
from sdk.model.spec import CommandSpec, Goal, TaskSpec
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus
from sdk.offer.algebra import add
from sdk.plan.progress import Progress
from tests.support.story import FRAMEWORK, Story, launched, offer, reserved, running, service, subscribed


def test_equal_arguments_give_equal_answers() -> None:
    """decide is a function: same state, event, time and ids, same result; and the old state stays as it is."""
    state = subscribed(3).state
    event = OffersReceived(offers=(offer(), offer("s2")))
    first = decide(state, event, 5.0, map(str, itertools.count()).__next__)
    second = decide(state, event, 5.0, map(str, itertools.count()).__next__)
    assert first == second
    assert all(not record.tasks for record in state.pods.values())


def test_framework_id_is_stored_first() -> None:
    """The frame of the first SUBSCRIBED begins with storing the id."""
    story = subscribed()
    assert isinstance(story.effects[0], StoreFramework)
    assert story.effects[0].record.framework_id == FRAMEWORK


def test_roles_that_the_subscription_lacks_are_added() -> None:
    """UPDATE_FRAMEWORK is sent when the driver subscribed with other roles, and only then."""
    story = Story().give(TargetChanged(service="web", spec=service()))
    story.give(Subscribed(framework_id=FRAMEWORK, master="m", roles=()))
    assert story.of(UpdateRoles) == [UpdateRoles(roles=("r",))]
    story.give(Subscribed(framework_id=FRAMEWORK, master="m", roles=("r",)))
    assert story.of(UpdateRoles) == []


def test_roles_accepted_in_a_subscription_that_has_ended_are_asked_for_again() -> None:
    """The answer may come after the next subscription began, which knows nothing of it."""
    story = Story().give(TargetChanged(service="web", spec=service()))
    story.give(Subscribed(framework_id=FRAMEWORK, master="m", roles=()))
    story.give(Disconnected(why="x"))
    story.give(RolesAccepted(roles=("r",)))
    assert story.state.framework.roles == ()
    story.give(Subscribed(framework_id=FRAMEWORK, master="m", roles=()))
    assert story.of(UpdateRoles) == [UpdateRoles(roles=("r",))]


def test_stores_come_before_calls() -> None:
    """In each frame nothing is said to Mesos before it is stored."""
    story = launched()
    kinds = [type(effect) for effect in story.effects]
    assert kinds.index(StorePod) < kinds.index(Accept)


def test_update_is_stored_and_then_acknowledged() -> None:
    """The record with the new state stands before the ACKNOWLEDGE of the same update."""
    story = running()
    kinds = [type(effect) for effect in story.effects]
    assert kinds.index(StorePod) < kinds.index(Acknowledge)
    assert story.record.tasks[0].status.state is TaskState.RUNNING
    assert story.record.tasks[0].confirmed


def test_update_without_uuid_is_not_acknowledged() -> None:
    """Updates that the master made up must not be acknowledged."""
    assert launched().status(TaskState.RUNNING, uuid=None).of(Acknowledge) == []


def test_repeated_update_is_acknowledged_without_a_write() -> None:
    """An update that changes nothing needs no storing."""
    story = running().status(TaskState.RUNNING)
    assert story.of(StorePod) == []
    assert len(story.of(Acknowledge)) == 1


def test_reconciliation_answer_keeps_what_it_does_not_tell() -> None:
    """Addresses, health and message survive an answer that carries the state only."""
    story = launched().status(TaskState.RUNNING, addresses=("10.1.1.1",), healthy=True, message="well")
    story.status(
        TaskState.RUNNING, uuid=None, reason="REASON_RECONCILIATION", message="Reconciliation: Latest task state"
    )
    status = story.record.tasks[0].status
    assert (status.addresses, status.healthy, status.message) == (("10.1.1.1",), True, "well")


def test_unknown_task_is_killed_once_until_it_is_gone() -> None:
    """The second update of the same stranger sends no second KILL; its end stops the retries."""
    story = running().status(TaskState.RUNNING, task_id="stranger")
    assert story.of(Kill) == [Kill(task_id=TaskId("stranger"), agent_id=AgentId("s1"))]
    assert story.status(TaskState.RUNNING, task_id="stranger").of(Kill) == []
    assert story.give(Tick(), after=5).of(Kill) != []
    story.status(TaskState.GONE, task_id="stranger", uuid=None, reason="REASON_RECONCILIATION")
    assert story.of(Kill) == []
    assert story.give(Tick(), after=600).of(Kill) == []


@pytest.mark.parametrize("state", [TaskState.UNKNOWN, TaskState.GONE, TaskState.KILLED, TaskState.UNREACHABLE])
def test_unknown_task_that_does_not_run_is_left_alone(state: TaskState) -> None:
    """No KILL for what is over or cannot be reached, so no loop of KILL and answer."""
    assert running().status(state, task_id="stranger").of(Kill) == []


def test_tasks_are_reconciled_one_by_one_with_backoff() -> None:
    """After SUBSCRIBED each task is asked about after 0, 5, 15, 35 seconds until it answers; then no more."""
    story = running()
    story.give(Disconnected(why="x")).give(Subscribed(framework_id=FRAMEWORK, master="m"))
    assert [len(call.tasks) for call in story.of(Reconcile)] == [1]
    assert story.give(Tick(), after=4).of(Reconcile) == []
    assert len(story.give(Tick(), after=1).of(Reconcile)) == 1
    assert story.give(Tick(), after=9).of(Reconcile) == []
    assert len(story.give(Tick(), after=1).of(Reconcile)) == 1
    story.status(TaskState.RUNNING, uuid=None, reason="REASON_RECONCILIATION")
    assert story.give(Tick(), after=60).of(Reconcile) == []


def test_implicit_reconciliation_every_quarter_of_an_hour() -> None:
    """An empty RECONCILE brings tasks to light that no record knows."""
    story = running()
    assert story.give(Tick(), after=901).of(Reconcile) == [Reconcile(tasks=())]
    assert story.give(Tick(), after=1).of(Reconcile) == []


def test_unanswered_task_blocks_nobody() -> None:
    """While one task has no answer yet, other instances are placed."""
    story = running()
    story.give(Disconnected(why="x")).give(Subscribed(framework_id=FRAMEWORK, master="m"))
    story.give(TargetChanged(service="web", spec=service(2)))
    story.give(OffersReceived(offers=(offer("s2"),)))
    assert len(story.of(Accept)) == 1


def test_rest_of_its_agent_is_no_refusal_of_an_instance_that_waits_for_its_reservation() -> None:
    """Mesos offers what is free of an agent before it has recovered what an ended task had: nothing is wrong then."""
    story = running()
    held = reserved(story)
    story.status(TaskState.FAILED).give(OffersReceived(offers=(offer(offer_id="rest"),)), after=1)
    assert story.of(Accept) == []
    plans = {plan.name: plan for plan in snapshot(story.state, story.now).services["web"].plans}
    [step] = plans["recovery"].phases[0].steps
    assert (step.status, step.refusals) == (Progress.PREPARED, ())
    assert step.message.startswith("waits for its resources on host-s1 to be offered again")
    story.give(OffersReceived(offers=(offer("s1", *held, offer_id="whole"),)), after=1)
    assert [call.offer_ids for call in story.of(Accept)] == [("whole",)]


def test_unused_offers_are_declined_in_one_call() -> None:
    """At rest: one DECLINE for all, with a long filter, and SUPPRESS."""
    story = running().give(Tick(), after=30)
    assert story.of(Suppress) == [Suppress(roles=("r",))]
    story.give(OffersReceived(offers=(offer("s1"), offer("s2"), offer("s3"))))
    (decline,) = story.of(Decline)
    assert len(decline.offer_ids) == 3
    assert decline.refuse_seconds >= 120


def test_offers_that_do_not_fit_come_back_soon() -> None:
    """While work waits the filter is short, and the refusal is remembered by agent."""
    story = subscribed().give(OffersReceived(offers=(offer("s1", cpus=1), offer("s2", cpus=1))))
    (decline,) = story.of(Decline)
    assert decline.refuse_seconds == 5
    step = snapshot(story.state, story.now).services["web"].plans[0].phases[0].steps[0]
    assert [(refusal.count, refusal.reason) for refusal in step.refusals] == [(2, "cpus: wants 1.0, offer has 0.001")]
    story.give(OffersReceived(offers=(offer("s1", cpus=1),)))
    step = snapshot(story.state, story.now).services["web"].plans[0].phases[0].steps[0]
    assert step.refusals[0].count == 2


def test_lost_agent_no_longer_counts_among_the_refusals() -> None:
    """Explanations are about agents that are there."""
    story = subscribed().give(OffersReceived(offers=(offer("s1", cpus=1), offer("s2", cpus=1))))
    story.give(AgentFailed(agent_id=AgentId("s2")))
    step = snapshot(story.state, story.now).services["web"].plans[0].phases[0].steps[0]
    assert step.refusals[0].count == 1


def test_foreign_resources_are_never_released() -> None:
    """Neither another framework's reservations nor unlabelled ones are touched, whatever their resource_id."""
    story = running()
    foreign = [
        Resource(name="cpus", scalar=100, reservations=(Reservation(role="r", dynamic=True, labels=labels),))
        for labels in ((), (("resource_id", "x"),), (("resource_id", "x"), ("framework_id", "other")))
    ]
    story.give(OffersReceived(offers=(offer("s1", *foreign),)))
    assert story.of(Accept) == []
    assert len(story.of(Decline)) == 1


def test_garbage_of_our_own_is_released() -> None:
    """A reservation with our framework id that no record holds is given back."""
    story = running()
    entry = Reservation(role="r", dynamic=True, labels=(("resource_id", "x"), ("framework_id", FRAMEWORK)))
    garbage = Resource(name="cpus", scalar=100, reservations=(entry,))
    story.give(OffersReceived(offers=(offer("s2", garbage),)))
    (accept,) = story.of(Accept)
    (operation,) = accept.operations
    assert isinstance(operation, Unreserve)
    assert operation.resources == (garbage,)
    assert accept.refuse_seconds == 0


def test_offers_are_wanted_for_the_rest_of_what_nobody_held() -> None:
    """An executor's part of a reservation is offered only after its end: until then the role is not suppressed."""
    story = running().give(Tick(), after=600)
    entry = Reservation(role="r", dynamic=True, labels=(("resource_id", "x"), ("framework_id", FRAMEWORK)))
    part = Resource(name="cpus", scalar=100, reservations=(entry,))
    story.give(OffersReceived(offers=(offer("s2", part),)))
    assert story.of(Suppress) == []
    assert story.give(Tick(), after=20).of(Suppress) == []
    (accept,) = story.give(OffersReceived(offers=(offer("s2", part),)), after=1).of(Accept)
    assert isinstance(accept.operations[0], Unreserve)
    assert len(story.give(Tick(), after=60).of(Suppress)) == 1


def test_garbage_and_launch_share_one_accept() -> None:
    """What is released and what is launched on one agent goes in one call."""
    entry = Reservation(role="r", dynamic=True, labels=(("resource_id", "x"), ("framework_id", FRAMEWORK)))
    garbage = Resource(name="cpus", scalar=100, reservations=(entry,))
    story = subscribed().give(OffersReceived(offers=(offer("s1", garbage),)))
    (accept,) = story.of(Accept)
    assert [type(operation) for operation in accept.operations] == [Unreserve, Reserve, Launch]


def failed(story: Story) -> Story:
    """The task fails, its backoff passes, and the instance waits for its reservation."""
    return story.status(TaskState.FAILED, message="boom").give(Tick(), after=2)


def test_reservation_that_stays_away_is_given_up() -> None:
    """When the agent makes offers without the reservation for half a minute, the instance starts anew."""
    story = failed(running())
    story.give(OffersReceived(offers=(offer(),)))
    assert story.of(Accept) == []
    assert story.give(OffersReceived(offers=(offer(),)), after=29).of(Accept) == []
    story.give(OffersReceived(offers=(offer(),)), after=2)
    (accept,) = story.of(Accept)
    assert any(isinstance(operation, Reserve) for operation in accept.operations)
    assert story.record.superseded[0].ended


def test_reservation_given_up_is_released_when_it_appears() -> None:
    """What was given up and comes after all is garbage like any other."""
    story = failed(running())
    old = reserved(story)
    for _ in range(3):
        story.give(OffersReceived(offers=(offer(),)), after=20)
    assert reserved(story) != old
    story.status(TaskState.RUNNING)
    story.give(OffersReceived(offers=(offer("s1", *old),)))
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert add(operation.resources, ()) == add(old, ())


def test_reservation_that_was_never_made_is_given_up_at_once() -> None:
    """A launch whose ACCEPT never arrived: the first offer of the agent proves that there is nothing to wait for."""
    story = launched()
    story.status(TaskState.GONE, uuid=None, reason="REASON_RECONCILIATION")
    story.give(OffersReceived(offers=(offer(),)))
    assert len(story.of(Accept)) == 1
    assert story.record.superseded == ()
    assert story.record.failures == 0


def test_invalid_offers_are_tried_again_at_once() -> None:
    """TASK_DROPPED for invalid offers is nobody's failure and leaves no reservation behind."""
    story = launched().status(TaskState.DROPPED, uuid=None, reason="REASON_INVALID_OFFERS")
    assert story.record.failures == 0
    assert story.record.holding is None
    assert story.of(Revive) == [Revive(roles=("r",))]
    assert len(story.give(OffersReceived(offers=(offer("s2"),))).of(Accept)) == 1


def test_agent_gone_by_operator_is_replaced_at_once() -> None:
    """Nobody waits for an agent that will never return, and nothing is held there."""
    story = running().status(TaskState.GONE_BY_OPERATOR, uuid=None)
    assert story.record.holding is None
    story.give(OffersReceived(offers=(offer("s2"),)))
    assert story.record.tasks[0].agent_id == "s2"
    assert story.record.superseded == ()


@pytest.mark.parametrize("state", [TaskState.LOST, TaskState.UNKNOWN])
def test_forgotten_task_counts_as_lost_agent_and_may_come_back(state: TaskState) -> None:
    """LOST and UNKNOWN start the replacement timer; a task that shows up in time is adopted."""
    story = running().status(state, uuid=None)
    assert story.record.lost_at == story.now
    assert story.record.failures == 0
    story.status(TaskState.RUNNING, after=5, uuid=None, reason="REASON_AGENT_REREGISTERED")
    assert story.of(StorePod)[0].record.lost_at is None
    assert story.record.tasks[0].status.state is TaskState.RUNNING


def test_late_update_of_an_ended_task_changes_nothing() -> None:
    """What its own executor called the end is the end."""
    story = failed(running())
    before = story.record
    story.status(TaskState.RUNNING)
    assert story.record == before
    assert len(story.of(Acknowledge)) == 1


def test_agent_under_a_new_id_keeps_its_reservations() -> None:
    """The resource id in the offer tells that the agent is the old one."""
    story = running().give(AgentFailed(agent_id=AgentId("s1"))).status(TaskState.LOST, uuid=None)
    back = replace(offer("s9", *reserved(story)), hostname="host-s1")
    story.give(OffersReceived(offers=(back,)), after=3)
    assert story.record.tasks[0].agent_id == "s9"
    assert story.record.lost_at is None
    (launch,) = story.of(Accept)[0].operations
    assert isinstance(launch, Launch)


def test_failure_of_an_agent_starts_the_timer_without_an_update() -> None:
    """FAILURE alone is enough; the deadline is the next wake-up at the latest."""
    story = running().give(AgentFailed(agent_id=AgentId("s1")))
    assert story.record.lost_at == story.now
    wake = next_wake(story.state, story.now)
    assert wake is not None
    assert wake <= story.now + 20


def test_offer_of_a_lost_agent_asks_about_its_tasks() -> None:
    """An agent that makes offers is there: its tasks are reconciled instead of replaced."""
    story = running().status(TaskState.UNREACHABLE, uuid=None)
    story.give(OffersReceived(offers=(offer(),)), after=1)
    assert [call.tasks for call in story.of(Reconcile)] == [((story.record.tasks[0].task_id, AgentId("s1")),)]


def test_failed_accept_takes_its_offers_back_and_asks_about_its_tasks() -> None:
    """The offers may still be ours: they are declined, so that they come back."""
    story = launched()
    task_id = story.record.tasks[0].task_id
    story.give(CallFailed(effect="Accept", why="x", task_ids=(task_id,), offer_ids=(OfferId("offer-s1"),)))
    assert story.of(Decline) == [Decline(offer_ids=(OfferId("offer-s1"),), refuse_seconds=0.0)]
    assert len(story.of(Reconcile)) == 1


def test_silent_accept_is_taken_back_after_a_while() -> None:
    """Without any word about it within ten seconds the offers are declined; a word in time prevents it."""
    assert len(launched().give(Tick(), after=10).of(Decline)) == 1
    assert running().give(Tick(), after=10).of(Decline) == []


def test_release_is_believed_when_it_is_proven() -> None:
    """The record of a removed instance goes when the operation's feedback says so, and not when it was sent."""
    story = running()
    held = reserved(story)
    story.give(TargetsListed(services=frozenset())).status(TaskState.KILLED)
    story.give(OffersReceived(offers=(offer("s1", *held),)))
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert operation.operation_id is not None
    assert ("web", "app-0") in story.state.pods
    finished = OperationStatus(operation_id=operation.operation_id, state=OperationState.FINISHED, uuid="dQ==")
    story.give(OperationStatusReceived(status=finished))
    assert ("web", "app-0") not in story.state.pods
    assert len(story.of(AcknowledgeOperation)) == 1


def test_master_without_feedback_is_served_without_operation_ids() -> None:
    """When the id is refused again and again it is left out; then silence of twice the time is the proof."""
    story = running()
    held = reserved(story)
    story.give(TargetsListed(services=frozenset())).status(TaskState.KILLED)
    for _ in range(2):
        story.give(OffersReceived(offers=(offer("s1", *held),)))
        (operation,) = story.of(Accept)[0].operations
        assert isinstance(operation, Unreserve)
        assert operation.operation_id is not None
        error = OperationStatus(operation_id=operation.operation_id, state=OperationState.ERROR)
        story.give(OperationStatusReceived(status=error))
    story.give(OffersReceived(offers=(offer("s1", *held),)))
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert operation.operation_id is None
    story.give(Tick(), after=19)
    assert ("web", "app-0") in story.state.pods
    story.give(Tick(), after=1)
    assert ("web", "app-0") not in story.state.pods


def test_a_stale_offer_does_not_switch_feedback_off() -> None:
    """One OPERATION_ERROR is normal life: the next release carries an id, and its outcome is believed."""
    story, held, operation_id = released()
    error = OperationStatus(operation_id=operation_id, state=OperationState.ERROR, message="Offer o is no longer valid")
    story.give(OperationStatusReceived(status=error))
    story.give(OffersReceived(offers=(offer("s1", *held),)))
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert operation.operation_id is not None
    story.give(Tick(), after=25)
    assert ("web", "app-0") in story.state.pods
    finished = OperationStatus(operation_id=operation.operation_id, state=OperationState.FINISHED)
    story.give(OperationStatusReceived(status=finished))
    assert ("web", "app-0") not in story.state.pods


def test_operations_of_a_subscription_that_ended_are_forgotten() -> None:
    """Their releases are, too: the offers of the next subscription tell what is left."""
    story, _, _ = released()
    story.give(Disconnected(why="x"))
    assert (dict(story.state.reservations.operations), dict(story.state.reservations.releases)) == ({}, {})


def released() -> tuple[Story, tuple[Resource, ...], OperationId]:
    """A removed instance whose UNRESERVE has been sent: story, what was held, id of the operation."""
    story = running()
    held = reserved(story)
    story.give(TargetsListed(services=frozenset())).status(TaskState.KILLED)
    story.give(OffersReceived(offers=(offer("s1", *held),)))
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert operation.operation_id is not None
    return story, held, operation.operation_id


def test_release_without_word_holds_no_clock() -> None:
    """While the outcome of an UNRESERVE is awaited, and after that, each wake is later than the moment it is set at."""
    story, _, _ = released()
    for _ in range(40):
        story.give(Tick(), after=5)
        wake = next_wake(story.state, story.now)
        assert wake is None or wake > story.now


def test_release_without_word_ends_when_the_offers_lack_the_reservation() -> None:
    """The feedback is lost for good: offers of the agent in which the reservation stays absent are the proof."""
    story, _, _ = released()
    story.give(Tick(), after=30)
    story.give(OffersReceived(offers=(offer("s1"),)), after=1)
    assert [record.name for record in story.state.pods.values()] == ["app-0"]
    story.give(OffersReceived(offers=(offer("s1"),)), after=30)
    assert ("web", "app-0") not in story.state.pods
    assert not story.state.reservations.operations


def test_release_without_word_is_repeated_when_the_reservation_is_offered() -> None:
    """Whatever became of the first UNRESERVE, what is offered is still reserved."""
    story, held, first = released()
    story.give(Tick(), after=30)
    story.give(OffersReceived(offers=(offer("s1", *held),)), after=1)
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    assert operation.operation_id not in (None, first)
    finished = OperationStatus(
        operation_id=operation.operation_id or OperationId(""), state=OperationState.FINISHED, uuid="dQ=="
    )
    story.give(OperationStatusReceived(status=finished))
    assert ("web", "app-0") not in story.state.pods


def test_instance_of_another_role_gives_its_reservation_up() -> None:
    """A changed role is placed with offers of the new role, and what was held under the old one is released."""
    story = running()
    held = reserved(story)
    wish = service()
    other = replace(wish, pods=(replace(wish.pods[0], role="other"),))
    story.give(TargetChanged(service="web", spec=other)).status(TaskState.KILLED)
    assert story.of(StorePod)[0].record.holding is None
    plan = next(plan for plan in snapshot(story.state, story.now).services["web"].plans if plan.name == "update")
    message = "waits for an offer; none of role other has come yet"
    assert plan.phases[0].steps[0].message == message
    story.give(OffersReceived(offers=(offer("s1", *held),)), after=1)
    (operation,) = story.of(Accept)[0].operations
    assert isinstance(operation, Unreserve)
    story.give(OffersReceived(offers=(replace(offer("s1"), role="other"),)), after=1)
    assert [type(each) for each in story.of(Accept)[0].operations] == [Reserve, Launch]
    assert story.record.holding is not None
    assert story.record.holding.role == "other"


def test_part_of_a_reservation_is_not_released_while_the_executor_lingers() -> None:
    """The rest comes with the executor's end; releasing a part would forget the other."""
    story = running()
    held = reserved(story)
    story.give(TargetsListed(services=frozenset())).status(TaskState.KILLED)
    part = tuple(replace(entry, scalar=entry.scalar // 2) for entry in held if entry.scalar)
    assert story.give(OffersReceived(offers=(offer("s1", *part),))).of(Accept) == []
    assert len(story.give(OffersReceived(offers=(offer("s1", *held),)), after=1).of(Accept)) == 1


@pytest.mark.parametrize("reason", ["REASON_TASK_INVALID", "REASON_TASK_UNAUTHORIZED"])
def test_task_that_mesos_refuses_is_not_tried_again_and_again(reason: str) -> None:
    """Once more, for it may be an accident; then it says why, and is launched when its configuration is another."""
    story = launched().status(TaskState.ERROR, reason=reason, message="no such user 'x'")
    held = OffersReceived(offers=(offer("s1", *reserved(story)),))
    assert len(story.give(held, after=2).of(Accept)) == 1
    story.status(TaskState.ERROR, reason=reason, message="no such user 'x'")
    assert story.give(held, after=5000).of(Accept) == []
    assert "no such user 'x'; it is not tried again" in problems(story.state)["web"]
    assert snapshot(story.state, story.now).services["web"].status == "ERROR"
    story.give(TargetChanged(service="web", spec=service(command="other")))
    [accept] = story.give(OffersReceived(offers=(offer("s1", *reserved(story)),))).of(Accept)
    assert any(isinstance(operation, Launch) for operation in accept.operations)


def test_staged_task_is_asked_about_until_it_starts() -> None:
    """The answer "staging" ends the question, not the asking."""
    story = launched()
    for _ in range(3):
        story.give(Tick(), after=130)
        assert [effect for effect in story.of(Reconcile) if effect.tasks]
        story.status(TaskState.STAGING, reason="REASON_RECONCILIATION", uuid=None)
        assert [effect for effect in story.give(Tick(), after=30).of(Reconcile) if effect.tasks] == []
        story.now -= 30


def test_nothing_is_called_without_a_subscription() -> None:
    """While disconnected decisions wait; wishes are stored all the same."""
    story = running().give(Disconnected(why="gone"))
    story.give(TargetChanged(service="web", spec=service(command="other")))
    assert story.of(Kill) == []
    assert story.give(Tick(), after=2000).effects == ()
    story.give(Subscribed(framework_id=FRAMEWORK, master="m", roles=("r",)))
    assert story.of(Kill) == []
    # An instance is ended for its new configuration only when its agent makes offers.
    story.give(OffersReceived(offers=(offer("s1"),)))
    assert len(story.of(Kill)) == 1


def test_removed_framework_is_shown_and_quiet() -> None:
    """An id that Mesos refuses for good is an error for the operator, not a new framework."""
    story = running().give(Failed(message="Framework has been removed", removed=True))
    view = snapshot(story.state, story.now)
    assert (view.connection, view.error) == ("removed", "Framework has been removed")
    assert story.give(Tick(), after=1000).effects == ()


def test_rescinded_offer_needs_nothing() -> None:
    """No offer is kept, so none can be missed."""
    assert running().give(OfferRescinded(offer_id=OfferId("offer-s1"))).effects == ()


@pytest.mark.parametrize(("action", "pod"), [("restart", "app-7"), ("explode", "app-0")])
def test_impossible_action_is_refused(action: str, pod: str) -> None:
    """An action on nothing, or of an unknown kind, changes nothing."""
    story = running()
    before = story.state.pods
    story.give(PodActionRequested(service="web", pod=pod, action=action))
    assert dict(story.state.pods) == dict(before)


def test_replace_leaves_the_old_task_to_be_fenced() -> None:
    """The old task is killed and remembered together with its reservation; offers are asked for at once."""
    story = running()
    old = story.record
    story.give(PodActionRequested(service="web", pod="app-0", action="replace"))
    assert story.of(Kill) == [Kill(task_id=old.tasks[0].task_id, agent_id=AgentId("s1"))]
    (left,) = story.record.superseded
    assert old.holding is not None
    assert (left.task_id, left.resource_id) == (old.tasks[0].task_id, old.holding.resource_id)
    story.give(OffersReceived(offers=(offer("s1"),)))
    assert story.of(Accept) == []
    step = snapshot(story.state, story.now).services["web"].plans[0].phases[0].steps[0]
    assert (
        "host-s1 was left by a replacement"
        in snapshot(story.state, story.now).services["web"].plans[2].phases[0].steps[0].message
    )
    assert step.status is Progress.COMPLETE


def test_revives_are_limited() -> None:
    """A burst of new work asks for offers a few times, then in steps of seconds."""
    story = subscribed().give(OffersReceived(offers=(offer(cpus=1),)))
    revives = 0
    for count in range(2, 30):
        story.give(TargetChanged(service="web", spec=service(count)))
        revives += len(story.of(Revive))
    assert revives == 5
    wake = next_wake(story.state, story.now)
    assert wake is not None
    assert wake <= story.now + 5
    assert len(story.give(Tick(), after=5).of(Revive)) == 1


def test_lost_revive_is_repeated() -> None:
    """Work that waits without any offer asks again after a while."""
    story = subscribed()
    revives = 0
    for _ in range(10):
        wake = next_wake(story.state, story.now)
        assert wake is not None
        story.give(Tick(), after=max(0.0, wake - story.now))
        revives += len(story.of(Revive))
    assert revives >= 3


def test_cost_of_an_update_does_not_depend_on_the_other_instances() -> None:
    """An update touches its own instance: the others' records are the same objects as before."""
    story = subscribed(50)
    story.give(OffersReceived(offers=tuple(offer(f"s{number}", cpus=2000) for number in range(50))))
    before = dict(story.state.pods)
    story.status(TaskState.RUNNING)
    changed = [key for key, record in story.state.pods.items() if record is not before[key]]
    assert changed == [("web", "app-0")]
    assert len(story.of(StorePod)) == 1


def being_updated() -> tuple[Story, list[Kill]]:
    """An instance that is being ended for its new configuration, and the KILL."""
    story = running().give(TargetChanged(service="web", spec=service(command="other")))
    story.give(OffersReceived(offers=(offer("s1"),)))
    return story, story.of(Kill)


def test_next_process_goes_on_with_a_kill() -> None:
    """That a task shall end is on record; and its end is no failure, though nothing is wanted of it any more."""
    story, kills = being_updated()
    assert len(kills) == 1
    story.state = State.restore(story.state.framework, {"web": service()}, story.state.pods.values())
    story.give(Subscribed(framework_id=FRAMEWORK, master="m:5050", roles=("r",)))
    assert story.of(Kill) == kills
    story.status(TaskState.FAILED)
    assert (story.record.failures, story.record.not_before) == (0, 0.0)


def test_failure_of_a_launch_is_counted_once() -> None:
    """What becomes of the neighbours of a task that failed is counted with it, also by the next process."""
    wish = service()
    [pod] = wish.pods
    [task] = pod.tasks
    both = replace(wish, pods=(replace(pod, tasks=(task, replace(task, name="sidecar", ports=()))),))
    story = Story().give(TargetChanged(service="web", spec=both))
    story.give(Subscribed(framework_id=FRAMEWORK, master="m:5050", roles=("r",)))
    story.give(OffersReceived(offers=(offer(),)))
    first, second = (task.task_id for task in story.record.tasks)
    story.status(TaskState.RUNNING, first).status(TaskState.RUNNING, second)
    story.status(TaskState.FAILED, first)
    story.state = State.restore(story.state.framework, {"web": both}, story.state.pods.values())
    story.give(Subscribed(framework_id=FRAMEWORK, master="m:5050", roles=("r",)))
    story.status(TaskState.FAILED, second)
    assert story.record.failures == 1
    story.give(OffersReceived(offers=(offer("s1", *reserved(story)),)), after=60)
    assert (story.record.failed, story.record.failures) == (False, 1)


def test_updates_that_come_together_mean_what_they_mean_one_by_one() -> None:
    """Three tasks of one service, one of which failed: the same records, and each update is acknowledged."""
    apart, joined = (subscribed(3).give(OffersReceived(offers=(offer(),))) for _ in range(2))
    states = (TaskState.RUNNING, TaskState.FAILED, TaskState.RUNNING)
    statuses = tuple(
        TaskStatus(task_id=record.tasks[0].task_id, state=state, agent_id=record.tasks[0].agent_id, uuid=record.name)
        for record, state in zip(sorted(apart.state.pods.values(), key=lambda each: each.index), states, strict=True)
    )
    acknowledged = []
    for status in statuses:
        apart.give(StatusReceived(status=status), after=0.0)
        acknowledged += apart.of(Acknowledge)
    joined.give(StatusesReceived(statuses=statuses), after=0.0)
    assert joined.of(Acknowledge) == acknowledged
    assert joined.state.pods == apart.state.pods
    assert joined.state.work == apart.state.work


def test_refused_launch_beside_others_leaves_them_their_place() -> None:
    """Mesos has said nothing yet of the task that is staged there: what is reserved for it stays on record."""
    spec = service()
    [pod] = spec.pods
    job = TaskSpec(name="job", cpus=100, mem=32_000, command=CommandSpec(value="x"), goal=Goal.FINISHED)
    spec = replace(spec, pods=(replace(pod, tasks=(*pod.tasks, job)),))
    story = Story().give(TargetChanged(service="web", spec=spec))
    story.give(Subscribed(framework_id=FRAMEWORK, master="m:5050", roles=("r",)))
    story.give(OffersReceived(offers=(offer(),)))
    story.status(TaskState.FAILED, task_id=story.record.tasks[1].task_id)
    sizes = {"cpus": job.cpus, "mem": job.mem}
    part = tuple(replace(each, scalar=sizes[each.name]) for each in reserved(story) if each.name in sizes)
    story.give(OffersReceived(offers=(offer("s1", *part, offer_id="second"),)), after=5)
    [accept] = story.of(Accept)
    [launch] = accept.operations
    assert isinstance(launch, Launch)
    before = story.record.holding
    ids = tuple(task.task_id for task in launch.tasks)
    story.give(CallFailed(effect="Accept", why="not valid", refused=True, task_ids=ids, offer_ids=(OfferId("second"),)))
    assert before is not None
    assert story.record.holding == before
    assert [task.status.state for task in story.record.tasks] == [TaskState.STAGING, TaskState.ERROR]
