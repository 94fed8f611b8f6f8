"""Which tasks a reader wants."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mesos_listener.board import Board, Changes
from api.mesos_listener.delta import Delta
from api.mesos_listener.filter import ALL, BadTerm, Filter, Term
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.wire import removed_part, updated_part

WEB = Task(id="w.1", framework_id="f1", name="web", framework_name="marathon", marathon_id="/shop/web")
POD = Task(id="p.1", framework_id="f1", name="nginx", marathon_id="/shop/pod", marathon_container="nginx")
LABELLED = Task(
    id="l.1", framework_id="f2", labels=(("EDGELB_PORT", "80"), ("edgelb.mode", ""), ("edgelb.pool", "public"))
)


@pytest.mark.parametrize(
    ("term", "wanted"),
    [
        (Term("name", "web"), {"w.1"}),
        (Term("name", "we"), set()),
        (Term("name", "we", pattern=True), {"w.1"}),
        (Term("marathon_id", "^/shop/", pattern=True), {"w.1", "p.1"}),
        (Term("marathon_container", "nginx"), {"p.1"}),
        (Term("marathon_container", "", pattern=True), {"p.1"}),
        (Term("framework_id", "f1"), {"w.1", "p.1"}),
        (Term("framework_name", "marathon"), {"w.1"}),
        (Term("id", "p.1"), {"p.1"}),
        (Term("name", ""), set()),
        (Term("label_key", "edgelb.pool"), {"l.1"}),
        (Term("label_key", "edgelb"), set()),
        (Term("label_key", "(?i)^edgelb", pattern=True), {"l.1"}),
        (Term("label_key", "^edgelb_", pattern=True), set()),
        (Term("label", "public", key="edgelb.pool"), {"l.1"}),
        (Term("label", "80", key="edgelb.pool"), set()),
        (Term("label", "^pub", pattern=True, key="edgelb.pool"), {"l.1"}),
        (Term("label", "", key="edgelb.mode"), {"l.1"}),
        (Term("label", "^$", pattern=True, key="edgelb.mode"), {"l.1"}),
        (Term("label", "", pattern=True, key="edgelb.other"), set()),
    ],
)
def test_a_term_is_a_value_or_a_pattern_that_is_found_in_it(term: Term, wanted: set[str]) -> None:
    """A field that a task does not have meets no pattern."""
    assert {task.id for task in (WEB, POD, LABELLED) if Filter.of([term]).wants(task)} == wanted


def test_a_filter_is_met_by_any_term_and_grows() -> None:
    """Without terms by nothing, and all tasks are all tasks."""
    none, web, pod = Filter.of([]), Filter.of([Term("name", "web")]), Filter.of([Term("id", "^p", pattern=True)])
    assert (none.wants(WEB), ALL.wants(WEB)) == (False, True)
    both = web.with_(pod)
    assert (both.wants(WEB), both.wants(POD)) == (True, True)
    assert both == Filter.of([Term("name", "web"), Term("id", "^p", pattern=True)])
    assert both.with_(web) is both
    assert web.with_(ALL) is ALL


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        (Term("colour", "red"), "there is no field 'colour'; there are id, name, "),
        (Term("label", "x"), "label: needs the key of the label"),
        (Term("name", "x", key="edgelb.pool"), "name: has no key 'edgelb.pool'; only label has one"),
        (Term("name", "(", pattern=True), r"name: '\(' is not a regular expression of RE2: missing \)"),
    ],
)
def test_what_is_no_term_is_refused_with_a_sentence(term: Term, sentence: str) -> None:
    """A client can be told."""
    with pytest.raises(BadTerm, match=sentence):
        Filter.of([term])


NAMES = st.sampled_from(["web", "api", ""])
STEPS = st.lists(st.tuples(st.sampled_from(["t1", "t2", "t3"]), st.none() | NAMES), max_size=12)


@given(STEPS, STEPS)
def test_a_reader_that_wants_more_has_what_a_new_one_gets(
    early: list[tuple[str, str | None]], late: list[tuple[str, str | None]]
) -> None:
    """However tasks came, changed their names and went, before and after he asked."""
    board = Board("run")
    revision = 0
    had = Filter.of([Term("label", "web", key="edgelb.app")])
    wanted = had.with_(Filter.of([Term("name", "api")]))

    def publish(steps: list[tuple[str, str | None]]) -> None:
        nonlocal revision
        for task_id, name in steps:
            key = TaskKey(framework_id="f1", id=task_id)
            known = any(task.key == key for task in board.snapshot().tasks)
            if name is None and not known:
                continue
            revision += 1
            labels = (("edgelb.app", name or ""),)
            updated = () if name is None else (Task(id=task_id, framework_id="f1", name=name, labels=labels),)
            board.publish(Delta(revision=revision, updated=updated, removed=() if updated else (key,)), True)

    publish(early)
    begun = board.snapshot()
    copy = set(begun.parts(had))
    publish(late)
    changes = board.changes_after(begun.revision, 0.0, lambda: True, lambda: True)
    assert changes is not None
    for part in changes.parts(wanted, had):
        for key in {task for task in ("t1", "t2", "t3") if _names(part, task)}:
            copy = {one for one in copy if not _names(one, key)}
        if part not in {removed_part(TaskKey("f1", one), missing=False) for one in ("t1", "t2", "t3")}:
            copy.add(part)
    assert copy == {updated_part(task) for task in board.snapshot().tasks if wanted.wants(task)}


def _names(part: bytes, task_id: str) -> bool:
    """Whether a part of a message is about this task."""
    return task_id.encode() in part


def test_a_reader_that_wants_much_is_woken_rather_than_looked_through() -> None:
    """That would be the time of all others."""
    many = Filter.of([Term("name", f"^app-{number}$", pattern=True) for number in range(100)])
    assert many.is_costly
    assert not Filter.of([Term("name", f"app-{number}") for number in range(10_000)]).is_costly
    board = Board("run")
    woken: list[Changes | None] = []
    waits = threading.Event()

    def looked() -> bool:
        waits.set()
        return False

    reader = threading.Thread(target=lambda: woken.append(board.changes_after(0, 30.0, looked, wanted=many)))
    reader.start()
    assert waits.wait(20)
    board.publish(Delta(revision=1, updated=(Task(id="t", framework_id="f1", name="web"),)), True)
    reader.join(20)
    (changes,) = woken
    assert changes is not None
    assert (changes.revision, changes.parts(many)) == (1, [])
