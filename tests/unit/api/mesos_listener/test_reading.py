"""Reading messages that are as documented, and those that are not."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.mesos_listener import messages
from api.mesos_listener.events import EventReader
from api.mesos_listener.parse import parse_task
from api.mesos_listener.reading import Reader, Unreadable, fit
from api.mesos_listener.snapshot import Snapshot
from api.mesos_listener.task import LIVE_STATES
from sdk.mesos.recordio import MalformedStream, Piece
from tests.unit.api.mesos_listener import messages as m

#: Anything that JSON can say, in any place.
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
TEXT = st.text(st.sampled_from('ab{}[]",:\\/é.'), max_size=10)
PORT = st.sampled_from([0, 80, 31000, 31001, 65535, 65536, -1])


def message(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A message with some of these fields, of which now and then one is odd."""
    return st.fixed_dictionaries({}, optional={name: of | of | of | ODD for name, of in fields.items()})


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(of, max_size=2)


IDS = message(value=TEXT)
LABELS = message(labels=some(message(key=TEXT | st.just("edgelb.x") | st.just("network-scope"), value=TEXT)))
MAPPINGS = some(message(host_port=PORT, container_port=PORT, protocol=st.sampled_from(["tcp", "udp"])))
INFOS = some(
    message(
        name=st.sampled_from(["bridge", "dcos"]),
        ip_addresses=some(message(ip_address=st.sampled_from(["10.0.0.1", "fd00::1", "x", ""]))),
        port_mappings=MAPPINGS,
    )
)
STATES = st.sampled_from([*sorted(LIVE_STATES), "TASK_FAILED"])
TASKS = message(
    name=TEXT,
    executor_id=IDS,
    agent_id=IDS,
    state=STATES,
    resources=some(
        message(
            name=st.sampled_from(["cpus", "ports"]),
            ranges=message(range=some(message(begin=PORT, end=PORT))),
            allocation_info=message(role=TEXT),
        )
    ),
    statuses=some(
        message(
            state=STATES,
            healthy=st.booleans(),
            timestamp=st.floats(0, 1e9),
            container_status=message(network_infos=INFOS),
        )
    ),
    discovery=message(name=TEXT, ports=message(ports=some(message(number=PORT, name=TEXT, labels=LABELS)))),
    container=message(
        docker=message(network=st.sampled_from(["HOST", "BRIDGE", "USER"]), port_mappings=MAPPINGS),
        network_infos=INFOS,
    ),
    health_check=message(type=TEXT),
    labels=LABELS,
    user=TEXT,
).map(lambda task: {"task_id": {"value": "t1"}, "framework_id": {"value": "f1"}, **task})


def odd_fields(task: Any) -> messages.Task:
    """The message as Python's own decoder and the reading of odd messages see it."""
    return fit(task, messages.Task)


def read(document: Any, sizes: list[int]) -> messages.Event | Snapshot | None:
    """An event, in pieces of these sizes over and over."""
    data = json.dumps(document).encode()
    reader, at, turn = EventReader(), 0, 0
    while True:
        piece = data[at : at + sizes[turn % len(sizes)]]
        at, turn = at + len(piece), turn + 1
        found = reader.read(Piece(piece, len(data), at == len(data)))
        if at == len(data):
            return found
        assert found is None


@settings(max_examples=200, deadline=None)
@given(st.lists(TASKS, max_size=4), st.lists(st.integers(1, 900), min_size=1, max_size=3))
def test_a_task_is_the_same_through_splitter_and_decoder_as_read_field_by_field(
    tasks: list[Any], sizes: list[int]
) -> None:
    """Whatever its fields hold, in a snapshot and in an event."""
    numbered = [task | {"task_id": {"value": f"t{number}"}} for number, task in enumerate(tasks)]
    wanted = [parse_task(odd_fields(task)) for task in numbered]
    snapshot = read(m.subscribed(numbered), sizes)
    assert isinstance(snapshot, Snapshot)
    assert list(snapshot.tasks.values()) == [task for task in wanted if task and task.state in LIVE_STATES]
    for task, expected in zip(numbered, wanted, strict=True):
        event = read(m.task_added(task), sizes)
        assert isinstance(event, messages.Event)
        assert parse_task(event.task_added.task) == expected


@settings(max_examples=100, deadline=None)
@given(ODD)
def test_any_json_is_an_event_of_some_kind(document: Any) -> None:
    """Perhaps of none that is known."""
    assert isinstance(read(document, [7]), messages.Event)


def test_one_odd_task_does_not_change_how_its_neighbours_are_read() -> None:
    """What can be read of it is; the others are read as ever."""
    tasks = [m.running("t1"), m.running("t2", name=7, labels="none"), m.running("t3", name="\ud800")]
    reader = EventReader()
    data = json.dumps(m.subscribed(tasks)).encode()
    snapshot = reader.read(Piece(data, len(data), True))
    assert isinstance(snapshot, Snapshot)
    assert {key.id: task.name for key, task in snapshot.tasks.items()} == {"t1": "t1", "t2": "", "t3": "?"}
    assert reader.counts == {"odd": 2}


def test_a_task_with_bytes_that_are_no_text_is_read() -> None:
    """Mesos passes on what a framework says, and does not look whether it is UTF-8."""
    data = json.dumps(m.task_added(m.running("t1", name="XX"))).encode().replace(b"XX", b"\xff\xfe")
    event = EventReader().read(Piece(data, len(data), True))
    assert isinstance(event, messages.Event)
    assert event.task_added.task.name == "\ufffd\ufffd"


def test_what_is_too_large_is_left_out_and_counted() -> None:
    """A task of a snapshot, or an event; what comes after it is read."""
    reader = EventReader(limit=5000)
    huge = m.running("huge", labels={"labels": [{"key": "k", "value": "x" * 300_000}]})
    for document, found in (
        (m.subscribed([m.running("t1"), huge, m.running("t2")]), ["t1", "t2"]),
        (m.task_added(huge), None),
        (m.task_added(m.running("t3")), "t3"),
    ):
        data = json.dumps(document).encode()
        event = None
        for at in range(0, len(data), 1000):
            event = reader.read(Piece(data[at : at + 1000], len(data), at + 1000 >= len(data)))
        if isinstance(event, Snapshot):
            assert [key.id for key in event.tasks] == found
        else:
            assert (event.task_added.task.task_id.value if event else None) == found
    assert reader.counts["too_large"] >= 1


@pytest.mark.parametrize("data", [b"", b"{", b'{"type": nothing}', b'{"type": "SUBSCRIBED", "subscribed": {"x": [1}}'])
def test_an_event_that_is_no_json_means_that_the_stream_is_of_no_use(data: bytes) -> None:
    """What it meant is not known, so another stream has to begin."""
    with pytest.raises(MalformedStream):
        EventReader().read(Piece(data, len(data), True))


def test_the_heartbeat_is_what_subscribed_says_if_it_can_be_true() -> None:
    """Nothing else than a number of seconds."""
    for told, read_as in ((15.0, 15.0), (0, None), (-1, None), ("15", None), (1e300, None), (None, None)):
        event = m.subscribed()
        event["subscribed"]["heartbeat_interval_seconds"] = told
        data = json.dumps(event).encode()
        reader = EventReader()
        reader.read(Piece(data, len(data), True))
        assert reader.heartbeat == read_as


def test_what_is_nested_too_deeply_is_unreadable() -> None:
    """It is one task's affair."""
    deep = b'{"name": "t1", "user": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Unreadable):
        Reader(messages.Task).read(deep)


def test_every_kind_of_field_can_be_read_field_by_field() -> None:
    """A message with a field of another kind fails here, not when Mesos sends something odd."""
    for kind in vars(messages).values():
        if isinstance(kind, type) and issubclass(kind, messages.Message):
            assert fit({}, kind) == kind()
            assert msgspec.json.decode(b"{}", type=kind) == kind()


@pytest.mark.parametrize(
    "event",
    [
        {"type": "TASK_ADDED"},
        {"type": "TASK_ADDED", "task_added": {"task": {"task_id": {"value": "t1"}}}},
        {"type": "TASK_UPDATED", "task_updated": {"framework_id": {"value": "f1"}, "status": {"state": "TASK_LOST"}}},
        m.task_updated("t1", {"state": 7}),
        {"type": "AGENT_ADDED", "agent_added": {"agent": {"pid": "x"}}},
        m.agent_removed(""),
        {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": "a1"}},
        m.framework_removed(""),
        m.framework_added({}),
    ],
)
def test_an_event_that_does_not_say_what_it_is_about_is_left_out_and_counted(event: m.Json) -> None:
    """Or it could mean all that have no name, and a task without a state would have ended."""
    event.get("task_updated", {}).pop("state", None)
    data, reader = json.dumps(event).encode(), EventReader()
    assert reader.read(Piece(data, len(data), True)) is None
    assert reader.counts["unreadable"] == 1
