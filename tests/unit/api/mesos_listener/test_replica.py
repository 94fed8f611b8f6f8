"""A client's copy of the tasks."""

from typing import Any

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.kept import PATIENCE
from api.mesos_listener.replica import Replica, TaskChanges
from api.mesos_listener.task import Port, Task, TaskKey
from api.mesos_listener.wire import to_message


def task(name: str, state: str = "TASK_RUNNING") -> Task:
    return Task(id=name, framework_id="f1", state=state)


def key(name: str) -> TaskKey:
    return TaskKey(framework_id="f1", id=name)


def page(*tasks: Task, first: bool) -> pb.WatchEvent:
    return pb.WatchEvent(snapshot=pb.SnapshotPage(tasks=map(to_message, tasks), first=first))


def synced(token: str, *, resumed: bool = False) -> pb.WatchEvent:
    return pb.WatchEvent(revision=7, resume_token=token, synced=pb.Synced(resumed=resumed))


def told(replica: Replica, *events: pb.WatchEvent, now: float = 0.0) -> list[TaskChanges]:
    return [changes for event in events if (changes := replica.take(event, now)) is not None]


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


def on(name: str, agent: str, port: int = 0, *, unallocated: bool = False) -> Task:
    ports = (Port(number=port, unallocated=unallocated),) if port else ()
    return Task(id=name, framework_id="f1", state="TASK_RUNNING", agent_id=agent, agent_address="10.0.0.1", ports=ports)


def incomplete(token: str, *, awaited: tuple[str, ...] = (), heard: tuple[str, ...] | None = None) -> pb.WatchEvent:
    unheard = pb.Unheard(awaited=awaited, others=heard is not None, heard=heard or ())
    return pb.WatchEvent(revision=7, resume_token=token, synced=pb.Synced(unheard=unheard))


def delta(*updated: Task, **news: Any) -> pb.WatchEvent:
    return pb.WatchEvent(
        revision=8, resume_token="2", delta=pb.Delta(updated=[to_message(task) for task in updated], **news)
    )


ALIVE = pb.WatchEvent(resume_token="2", alive=pb.Alive())


def ids(replica: Replica) -> list[str]:
    return sorted(one.id for one in replica.tasks)


def knowing() -> Replica:
    """A copy with a task on each of four agents."""
    replica = Replica()
    replica.begin(0)
    told(replica, page(*(on(f"t{n}", f"a{n}", 31000 + n) for n in range(4)), first=True), synced("1"))
    replica.begin(0)
    return replica


def test_tasks_on_agents_that_were_not_heard_are_kept_until_they_are() -> None:
    """What is not named of an agent that is there ended; what is given up went missing."""
    replica = knowing()
    (begun,) = told(replica, page(first=True), incomplete("1", awaited=("a1", "a2", "a3")))
    assert (ids(replica), begun.removed, begun.incomplete) == (["t1", "t2", "t3"], (key("t0"),), True)
    (back,) = told(replica, delta(on("t1", "a1", 31001), heard=["a1"]))
    assert (ids(replica), back.removed) == (["t1", "t2", "t3"], ())
    (ended,) = told(replica, delta(heard=["a2"]))
    assert (ended.removed, ended.missing, ended.incomplete) == ((key("t2"),), frozenset(), True)
    (lost,) = told(replica, delta(overdue=["a3"]))
    assert (lost.removed, lost.missing, lost.incomplete) == ((key("t3"),), frozenset([key("t3")]), False)
    assert (ids(replica), replica.kept) == (["t1"], 0)


def test_agents_that_the_master_does_not_know_are_waited_for_as_well() -> None:
    """Unless it has heard of them."""
    replica = knowing()
    (begun,) = told(replica, page(first=True), incomplete("1", awaited=("a1",), heard=("a0", "a9")))
    assert (begun.removed, replica.kept) == ((key("t0"),), 3)
    (lost,) = told(replica, delta(others_overdue=True))
    assert (sorted(lost.missing), ids(replica)) == ([key("t2"), key("t3")], ["t1"])
    (ended,) = told(replica, delta(heard=["a1"]))
    assert (ended.removed, ended.incomplete) == ((key("t1"),), False)


def test_a_task_is_not_kept_at_a_place_that_another_one_has() -> None:
    """Whether that is named with the snapshot, or later."""
    replica = knowing()
    fresh = on("fresh", "a9", 31001)
    (begun,) = told(replica, page(fresh, first=True), incomplete("1", awaited=("a0", "a1", "a2", "a3")))
    assert (begun.removed, begun.missing) == ((key("t1"),), frozenset())
    (later,) = told(replica, delta(on("later", "a9", 31002)))
    assert later.removed == (key("t2"),)
    assert ids(replica) == ["fresh", "later", "t0", "t3"]


def test_tasks_that_name_the_same_port_are_all_there_when_they_are_named_at_once() -> None:
    """What is named runs, whoever else was kept at its place."""
    replica = Replica()
    replica.begin(0)
    told(replica, page(on("t1", "a1", 8080), on("t2", "a1", 8080), first=True), synced("1"))
    replica.begin(0)
    told(replica, page(first=True), incomplete("1", awaited=("a1",)))
    (back,) = told(replica, delta(on("t1", "a1", 8080), on("t2", "a1", 8080), heard=["a1"]))
    assert (ids(replica), back.removed, replica.kept) == (["t1", "t2"], (), 0)


def test_a_port_that_mesos_did_not_give_takes_nobodys_place() -> None:
    """A task may name any number; and what is kept under such a number is at home nowhere."""
    replica = knowing()
    told(replica, page(first=True), incomplete("1", awaited=("a0", "a1", "a2", "a3")))
    (later,) = told(replica, delta(on("greedy", "a9", 31001, unallocated=True)))
    assert (later.removed, ids(replica)) == ((), ["greedy", "t0", "t1", "t2", "t3"])


def test_listeners_that_begin_again_and_again_keep_nothing_for_ever() -> None:
    """A whole view ends it at once; else it ends after the time that Mesos gives agents, counted from the first."""
    replica = knowing()
    awaiting = incomplete("1", awaited=("a0", "a1", "a2", "a3"))
    told(replica, page(first=True), awaiting, now=100.0)
    replica.begin(0)
    assert told(replica, page(first=True), awaiting, ALIVE, now=100.0 + PATIENCE - 1)[0].removed == ()
    (gone,) = told(replica, ALIVE, now=100.0 + PATIENCE)
    assert (len(gone.removed), gone.missing) == (4, frozenset(gone.removed))
    replica = knowing()
    told(replica, page(first=True), awaiting)
    replica.begin(0)
    (whole,) = told(replica, page(on("t0", "a0", 31000), first=True), synced("2"))
    assert (sorted(whole.missing), whole.incomplete) == ([key("t1"), key("t2"), key("t3")], False)
