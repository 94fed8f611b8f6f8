"""What Mesos says leads tasks and reservations through their lives as the tables have it."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from sdk.core import reservation_life, task_life
from sdk.core.effects import Accept
from sdk.core.events import (
    Disconnected,
    OffersReceived,
    OperationStatusReceived,
    PodActionRequested,
    StatusReceived,
    TargetChanged,
    TargetsListed,
    Tick,
)
from sdk.core.fencing import stage_of
from sdk.core.frame import Frame
from sdk.core.releasing import stage_of as stage_of_reservation
from sdk.model.ids import AgentId, ResourceId, TaskId
from sdk.model.operations import Unreserve
from sdk.model.spec import UpdateStrategy
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus
from tests.support.story import Story, launched, offer, reserved, running, service

STATES = {
    task_life.Word.LIVE: TaskState.RUNNING,
    task_life.Word.UNREACHABLE: TaskState.UNREACHABLE,
    task_life.Word.ENDED: TaskState.DROPPED,
}


def _first(story: Story) -> tuple[Story, TaskId]:
    return story, story.record.tasks[0].task_id


def _lost() -> tuple[Story, TaskId]:
    return _first(running().status(TaskState.UNREACHABLE))


def _left() -> tuple[Story, TaskId]:
    story, task_id = _lost()
    story.give(Tick(), after=25).give(OffersReceived(offers=(offer("s2"),)))
    return story, task_id


def _serving() -> tuple[Story, TaskId]:
    story, task_id = _first(running())
    wish = service(command="other")
    [pod] = wish.pods
    changed = replace(wish, pods=(replace(pod, update=UpdateStrategy(max_surge=1)),))
    story.give(TargetChanged(service="web", spec=changed)).give(OffersReceived(offers=(offer("s2"),)))
    return story, task_id


def _ending() -> tuple[Story, TaskId]:
    story, task_id = _first(running())
    story.give(PodActionRequested(service="web", pod="app-0", action="restart"))
    return story, task_id


TASKS: dict[task_life.Stage, Callable[[], tuple[Story, TaskId]]] = {
    task_life.Stage.LAUNCHED: lambda: _first(launched()),
    task_life.Stage.KNOWN: lambda: _first(running()),
    task_life.Stage.LOST: _lost,
    task_life.Stage.SERVING: _serving,
    task_life.Stage.LEFT: _left,
    task_life.Stage.STRANGE: lambda: (running(), TaskId("strange")),
    task_life.Stage.ENDING: _ending,
    task_life.Stage.OVER: lambda: _first(running().status(TaskState.DROPPED)),
}


def _task(story: Story, task_id: TaskId) -> task_life.Stage:
    return stage_of(Frame(story.state, story.now, story.ids), task_id)


@pytest.mark.parametrize("word", STATES)
@pytest.mark.parametrize("stage", TASKS)
def test_task_goes_through_its_life(stage: task_life.Stage, word: task_life.Word) -> None:
    """Each word of Mesos leads where the table says; what is over may be on no record any more."""
    story, task_id = TASKS[stage]()
    assert _task(story, task_id) is stage
    update = TaskStatus(task_id=task_id, state=STATES[word], agent_id=AgentId("s1"), uuid="dXVpZA==")
    story.give(StatusReceived(status=update))
    expected, found = task_life.after(stage, word), _task(story, task_id)
    if (stage, word) == (task_life.Stage.OVER, task_life.Word.UNREACHABLE):
        assert found is task_life.Stage.LOST  # dropped, they said; its place is lost all the same
    elif expected is task_life.Stage.OVER:
        assert found in (task_life.Stage.OVER, task_life.Stage.STRANGE)
        assert task_id not in story.state.calls.kills
    else:
        assert found is expected


def _held() -> tuple[Story, ResourceId]:
    story = running()
    assert story.record.holding is not None
    assert story.record.holding.resource_id is not None
    return story, story.record.holding.resource_id


def _unwanted() -> tuple[Story, ResourceId]:
    story, resource_id = _held()
    story.give(TargetsListed(services=frozenset())).status(TaskState.KILLED)
    return story, resource_id


def _freeing() -> tuple[Story, ResourceId]:
    story, resource_id = _unwanted()
    story.give(OffersReceived(offers=(offer("s1", *reserved(story)),)))
    return story, resource_id


def _offered(story: Story) -> None:
    story.give(OffersReceived(offers=(offer("s1", *reserved(story)),)), after=1)


def _operation(state: OperationState) -> Callable[[Story], None]:
    def told(story: Story) -> None:
        [operation_id] = story.state.reservations.operations
        status = OperationStatus(operation_id=operation_id, state=state, uuid="dXVpZA==")
        story.give(OperationStatusReceived(status=status))

    return told


def _missed(story: Story) -> None:
    for _ in range(3):
        story.give(OffersReceived(offers=(offer("s1"),)), after=20)


def _silence(story: Story) -> None:
    story.give(Tick(), after=35)


def _agent_gone(story: Story) -> None:
    story.status(TaskState.GONE_BY_OPERATOR)


RESERVATIONS: Iterable[tuple[Callable[[], tuple[Story, ResourceId]], str, Callable[[Story], None], str]] = [
    (_held, "held", _agent_gone, "gone"),
    (_held, "held", lambda story: story.status(TaskState.FAILED), "held"),
    (_unwanted, "left", _offered, "freeing"),
    (_unwanted, "left", _missed, "gone"),
    (_freeing, "freeing", _operation(OperationState.FINISHED), "gone"),
    (_freeing, "freeing", _operation(OperationState.FAILED), "left"),
    (_freeing, "freeing", _operation(OperationState.PENDING), "freeing"),
    (_freeing, "freeing", _silence, "left"),
    (_freeing, "freeing", lambda story: story.give(Disconnected(why="x")), "left"),
    (_freeing, "freeing", _offered, "freeing"),
]


@pytest.mark.parametrize(("begin", "stage", "learn", "following"), RESERVATIONS)
def test_reservation_goes_through_its_life(
    begin: Callable[[], tuple[Story, ResourceId]], stage: str, learn: Callable[[Story], None], following: str
) -> None:
    """Each word leads where the table says, and the record of an instance goes with the last of its reservations."""
    story, resource_id = begin()
    assert stage_of_reservation(Frame(story.state, story.now, story.ids), resource_id) == stage
    learn(story)
    assert stage_of_reservation(Frame(story.state, story.now, story.ids), resource_id) == following
    assert (("web", "app-0") in story.state.pods) is (following != "gone" or stage == "held")


def test_reservation_offered_again_is_freed_with_the_same_offer() -> None:
    """The first UNRESERVE was not carried out."""
    story, _ = _freeing()
    _offered(story)
    [accept] = story.of(Accept)
    assert [type(operation) for operation in accept.operations] == [Unreserve]


def test_what_cannot_be_reached_is_forgotten_with_a_note() -> None:
    """An instance on a lost agent is removed after a while; should the agent come back, its reservation is freed."""
    story, resource_id = _held()
    held = reserved(story)
    story.status(TaskState.UNREACHABLE).give(TargetsListed(services=frozenset()))
    story.give(Tick(), after=61)
    frame = Frame(story.state, story.now, story.ids)
    assert stage_of_reservation(frame, resource_id) is reservation_life.Stage.FORGOTTEN
    assert "left on host-s1" in story.state.removal.notes[resource_id]
    assert ("web", "app-0") not in story.state.pods
    story.give(OffersReceived(offers=(offer("s1", *held),)), after=1)
    frame = Frame(story.state, story.now, story.ids)
    assert stage_of_reservation(frame, resource_id) is reservation_life.Stage.FREEING
    assert not story.state.removal.notes.get(resource_id)


@pytest.mark.parametrize("life", [task_life.LIFE, reservation_life.LIFE])
def test_every_life_can_end(life: dict[tuple[str, str], str]) -> None:
    """From each stage words lead to an end: nothing can get stuck for good."""
    ends = {"over", "gone"}
    reached = set(ends)
    while True:
        more = {stage for (stage, _), following in life.items() if following in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == {stage for stage, _ in life} | ends
