"""Tasks as gRPC messages."""

from hypothesis import given
from hypothesis import strategies as st

from api.mesos_listener.board import pages
from api.mesos_listener.task import NetworkMode, Port, Task
from api.mesos_listener.wire import from_message, to_message, updated_part

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
LABELS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=3).map(lambda found: tuple(sorted(found.items())))
PORTS = st.builds(
    Port, name=TEXT, number=st.integers(0, 65535), container_port=st.integers(0, 65535), protocol=TEXT, labels=LABELS
)
TASKS = st.builds(
    Task,
    id=TEXT,
    framework_id=TEXT,
    name=TEXT,
    state=TEXT,
    healthy=st.none() | st.booleans(),
    health_checked=st.booleans(),
    framework_name=TEXT,
    agent_id=TEXT,
    agent_hostname=TEXT,
    agent_address=TEXT,
    addresses=st.lists(TEXT, max_size=2).map(tuple),
    network_mode=st.sampled_from(NetworkMode),
    ports=st.lists(PORTS, max_size=3).map(tuple),
    labels=LABELS,
    discovery_name=TEXT,
    executor_id=TEXT,
    role=TEXT,
    marathon_id=TEXT,
    marathon_container=TEXT,
    started=st.floats(0, 1e10),
    revision=st.integers(0, 2**63),
)


@given(TASKS)
def test_a_task_survives_the_wire(task: Task) -> None:
    """Every field arrives as it was sent, also those that do not count in comparisons."""
    arrived = from_message(to_message(task))
    assert arrived == task
    assert (arrived.started, arrived.revision) == (task.started, task.revision)


@given(st.lists(TASKS, max_size=12), st.integers(1, 5), st.integers(1, 400))
def test_pages_hold_every_task_once_and_stay_within_their_limits(tasks: list[Task], most: int, most_bytes: int) -> None:
    """A task larger than a page has one of its own; no tasks are one empty page."""
    messages = [updated_part(task) for task in tasks]
    made = list(pages(messages, most, most_bytes))
    assert [message for page in made for message in page] == messages
    assert made
    for page in made:
        assert len(page) <= most
        assert len(page) <= 1 or sum(len(message) for message in page) <= most_bytes
