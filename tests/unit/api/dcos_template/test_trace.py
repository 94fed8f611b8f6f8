"""What the template remembers of the last changes."""

from api.dcos_template.inbox import TaskChange
from api.dcos_template.trace import MOST, Told, Trace
from api.mesos_listener.task import TaskKey
from pool_executor.contract import Put, Remove, Server


def key(task: str) -> TaskKey:
    return TaskKey("f1", task)


def coming(event: float) -> TaskChange:
    return TaskChange(None, False, 0.0, event, event + 0.1)


def put(task: str) -> Told:
    return Told(Put("app", Server(f"server-{task}", "10.0.0.1", 80, 1, task)), task)


def test_a_change_has_the_times_of_its_task_and_the_number_of_its_operation() -> None:
    """Of two changes in one head each has its own; the head has those of the older one."""
    heads = []
    trace = Trace(heads.append)
    trace.selected(["web"], [(key("a"), coming(10.0)), (key("b"), coming(5.0))], 11.0, 11.5)
    stamps = trace.published("web", "f00", 8, [put("a"), put("b")], 12.0)
    [a], [b] = trace.of("a"), trace.of("b")
    assert a["stamps"] == {"event": 10.0, "index": 10.1, "taken": 11.0, "selected": 11.5, "published": 12.0}
    assert (a["sequence"], b["sequence"]) == (7, 8)
    assert (a["pool"], a["backend"], a["server"], a["operation"]) == ("web", "app", "server-a", "put")
    assert stamps == b["stamps"]
    assert heads == [stamps]


def test_a_removal_is_that_of_the_task_that_was_there() -> None:
    """The operation itself names no task."""
    trace = Trace()
    trace.published("web", "f00", 1, [Told(Remove("app", "server-a"), "a")], 2.0)
    [change] = trace.of("a")
    assert (change["operation"], change["state"], change["stamps"]) == ("remove", None, {"published": 2.0})


def test_times_belong_to_the_next_head_of_a_pool_and_to_no_later_one() -> None:
    """A server that is written again because its pool was changed has not been on its way since its task began."""
    trace = Trace()
    trace.selected(["web", "shop"], [(key("a"), coming(1.0))], 2.0, 2.0)
    trace.published("web", "f00", 1, [put("a")], 3.0)
    trace.published("web", "f00", 2, [put("a")], 900.0)
    trace.published("shop", "f01", 1, [put("a")], 4.0)
    assert [(one["pool"], "event" in one["stamps"]) for one in trace.of("a")] == [
        ("web", True),
        ("web", False),
        ("shop", True),
    ]


def test_however_much_happens_only_the_last_is_kept() -> None:
    """And whoever asks with less than an id gets what fits; servers of no task are nobody's."""
    trace = Trace()
    trace.selected(["web"], [(key(f"task-{number}"), coming(1.0)) for number in range(3 * MOST)], 1.0, 1.0)
    trace.published("web", "f00", 2 * MOST, [put(f"task-{number}") for number in range(2 * MOST)], 2.0)
    trace.published("web", "f00", 2 * MOST + 1, [Told(Put("app", Server("fixed", "10.0.0.9", 80, 2)), "")], 2.0)
    found = trace.of("task-")
    assert len(found) == MOST - 1
    assert found[-1]["task"] == f"task-{2 * MOST - 1}"
    assert trace.of("task-0") == []
