"""A client's copy of the tasks."""

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.replica import Replica, TaskChanges
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.wire import to_message


def task(name: str, state: str = "TASK_RUNNING") -> Task:
    return Task(id=name, framework_id="f1", state=state)


def key(name: str) -> TaskKey:
    return TaskKey(framework_id="f1", id=name)


def page(*tasks: Task, first: bool) -> pb.WatchEvent:
    return pb.WatchEvent(snapshot=pb.SnapshotPage(tasks=map(to_message, tasks), first=first))


def synced(token: str, *, resumed: bool = False) -> pb.WatchEvent:
    return pb.WatchEvent(revision=7, resume_token=token, synced=pb.Synced(resumed=resumed))


def told(replica: Replica, *events: pb.WatchEvent) -> list[TaskChanges]:
    return [changes for event in events if (changes := replica.take(event)) is not None]


def test_a_snapshot_counts_when_it_is_complete_and_only_its_difference_is_told() -> None:
    """A snapshot that begins again counts from its last beginning."""
    replica = Replica()
    replica.begin(0)
    (first,) = told(
        replica, page(task("x"), first=True), page(task("a"), first=True), page(task("b"), first=False), synced("1")
    )
    assert {one.id for one in first.updated} == {"a", "b"} == {one.id for one in replica.tasks}
    assert told(replica, page(task("a"), task("b"), first=True), synced("2")) == []
    (second,) = told(replica, page(task("b", "TASK_KILLING"), first=True), synced("3"))
    assert [one.leaving for one in second.updated] == [True]
    assert (second.removed, second.missing) == ((key("a"),), frozenset({key("a")}))


def test_pieces_of_a_revision_are_passed_on_at_once_and_resumed_only_after_the_last() -> None:
    """A break in between is as if none had come."""
    replica = Replica()
    replica.begin(0)
    told(replica, page(task("a"), first=True), synced("1"))
    piece = pb.WatchEvent(revision=8, delta=pb.Delta(updated=[to_message(task("b"))], event=5.0, index=6.0))
    gone = pb.Delta(removed=[pb.TaskKey(framework_id="f1", id="a", missing=True)])
    last = pb.WatchEvent(revision=8, resume_token="2", delta=gone)
    alive = pb.WatchEvent(resume_token="9", alive=pb.Alive())
    assert told(replica, piece, alive) == []
    assert replica.begin(0) == "1"
    (changes,) = told(replica, piece, last)
    assert [one.id for one in changes.updated] == ["b"]
    assert (changes.removed, changes.missing) == ((key("a"),), frozenset({key("a")}))
    assert (changes.event, changes.index) == (5.0, 6.0)
    assert told(replica, alive) == []
    assert replica.begin(0) == "9"


def test_what_was_told_under_another_filter_is_not_resumed() -> None:
    """Until the listener says that all has been told that the wider one wants."""
    replica = Replica()
    assert replica.begin(1) == ""
    (first,) = told(replica, page(first=True), synced("1"))
    assert first.selected == 1
    assert replica.begin(2) == ""
    told(replica, synced("1", resumed=True))
    assert replica.begin(3) == ""
    (changes,) = told(replica, pb.WatchEvent(resume_token="2", selected=pb.Selected(number=3)))
    assert changes.selected == 3
    assert replica.begin(3) == "2"
    replica.forget()
    assert replica.begin(3) == ""
