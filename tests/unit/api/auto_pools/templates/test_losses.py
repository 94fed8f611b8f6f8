"""Which applications would be worse off under another text of a pool template."""

from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.templates.losses import losses
from api.auto_pools.thread.choosing import LEFT_OUT
from tests.unit.api.auto_pools.exposed import exposed

OK = TaskStatus(RenderStatus.OK, "is in the pool")


def wrong(why: str) -> TaskStatus:
    return TaskStatus(RenderStatus.RENDER_ERR, why)


def test_each_reason_is_told_once_with_those_whom_it_concerns() -> None:
    """Tasks of an application are counted."""
    tasks = [exposed(f"/{app}", number=number) for app in "abcde" for number in (1, 2)]
    after = {task.key: wrong("no" if task.name == "e" else "line 3") for task in tasks}
    assert list(losses(tasks, {task.key: OK for task in tasks}, after)) == [
        "/a (2 tasks), /b (2 tasks), /c (2 tasks) and 1 more applications: line 3",
        "/e (2 tasks): no",
    ]


def test_what_is_so_already_is_not_told() -> None:
    """Nor what becomes better."""
    tasks = [exposed(f"/{app}") for app in "abcd"]
    [a, b, c, d] = [task.key for task in tasks]
    before = {a: wrong("line 3"), b: wrong("line 3"), c: OK, d: LEFT_OUT}
    assert list(losses(tasks, before, {a: wrong("line 3"), b: OK, c: OK, d: LEFT_OUT})) == []
    assert list(losses(tasks, before, {a: wrong("line 4"), b: OK, c: LEFT_OUT, d: OK})) == [
        "/a: line 4",
        f"/c: {LEFT_OUT.message}",
    ]


def test_of_many_reasons_the_first_are_told() -> None:
    """And how many more there are."""
    tasks = [exposed(f"/app-{number}") for number in range(30)]
    after = {task.key: wrong(f"because of {task.name}") for task in tasks}
    found = list(losses(tasks, {}, after))
    assert len(found) == 11
    assert found[-1].startswith("and 20 more reasons")
