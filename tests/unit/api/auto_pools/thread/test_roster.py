"""Which tasks are under which pool template."""

from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.dialects import Dialects
from api.auto_pools.thread.roster import Moves, Roster
from api.mesos_listener.task import Task, TaskKey
from tests.unit.api.dcos_template.pools import task


def exposed(task_id: str, template: str = "default") -> Task:
    return task(task_id, labels=(("edgelb.expose", "true"), ("edgelb.template", template)))


def told(moves: dict[str, Moves]) -> dict[str, tuple[list[str], list[str]]]:
    return {name: ([one.id for one in one.updated], [key.id for key in one.removed]) for name, one in moves.items()}


def test_a_task_is_under_the_template_that_its_labels_name() -> None:
    """Whether there is such a template or not; without labels, or not exposed, under none."""
    roster = Roster(Dialects().templates_of)
    moves = roster.update(
        [exposed("a"), exposed("b", "team"), task("c"), task("d", labels=(("edgelb.expose", "no"),))], []
    )
    assert told(moves) == {"default": (["a"], []), "team": (["b"], [])}
    assert [one.id for one in roster.under("team")] == ["b"]
    assert list(roster.under("other")) == []


def test_a_task_that_changes_its_template_leaves_the_one_before() -> None:
    """And one that ends leaves its own."""
    roster = Roster(Dialects().templates_of)
    roster.update([exposed("a")], [])
    assert told(roster.update([exposed("a", "team")], [])) == {"default": ([], ["a"]), "team": (["a"], [])}
    assert told(roster.update([], [TaskKey("f1", "a"), TaskKey("f1", "b")])) == {"team": ([], ["a"])}
    assert list(roster.under("team")) == []


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["", "a1", "b1"])), max_size=30))
def test_it_is_what_the_last_word_of_each_task_says(changes: list[tuple[int, str]]) -> None:
    """However often they change."""
    roster, last = Roster(Dialects().templates_of), {}
    for number, template in changes:
        last[f"t{number}"] = template
        if template:
            roster.update([exposed(f"t{number}", template)], [])
        else:
            roster.update([], [TaskKey("f1", f"t{number}")])
    for template in ("a1", "b1"):
        assert {one.id for one in roster.under(template)} == {name for name, told in last.items() if told == template}
