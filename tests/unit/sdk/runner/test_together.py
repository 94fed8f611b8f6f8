"""Events that are decided on together."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.core.events import Event, StatusesReceived, StatusReceived, Tick
from sdk.model.ids import TaskId
from sdk.model.status import TaskState, TaskStatus
from sdk.runner.together import together


def status(task: str, state: TaskState = TaskState.RUNNING) -> TaskStatus:
    """An update of a task."""
    return TaskStatus(task_id=TaskId(task), state=state)


_EVENTS = st.lists(
    st.just(Tick())
    | st.builds(StatusReceived, status=st.builds(status, st.sampled_from("abcd"), st.sampled_from(TaskState)))
)


def apart(event: Event) -> list[Event]:
    """What it was made of."""
    if isinstance(event, StatusesReceived):
        return [StatusReceived(status=each) for each in event.statuses]
    return [event]


@given(_EVENTS)
def test_all_events_come_in_their_order(events: list[Event]) -> None:
    """And each with its own items."""
    found = list(together(range(len(events)), events))
    assert [each for event, _ in found for each in apart(event)] == events
    assert [item for _, items in found for item in items] == list(range(len(events)))
    assert all(len(items) == len(apart(event)) for event, items in found)


@given(_EVENTS)
def test_two_updates_of_one_task_are_two_events(events: list[Event]) -> None:
    """And a single one is as it was."""
    for event, _ in together(events, events):
        if isinstance(event, StatusesReceived):
            tasks = [each.task_id for each in event.statuses]
            assert len(set(tasks)) == len(tasks) > 1


def test_neighbours_are_one_event() -> None:
    """Until something else comes, or the same task again."""
    updates = [StatusReceived(status=status(task)) for task in "abcab"]
    events: list[Event] = [*updates, Tick(), StatusReceived(status=status("d"))]
    sizes = [len(items) for _, items in together(events, events)]
    assert sizes == [3, 2, 1, 1]
