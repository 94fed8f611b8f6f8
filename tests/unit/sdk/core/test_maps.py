"""Persistent maps and sets by name."""

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from sdk.core.maps import Groups, without

STEPS = st.lists(st.tuples(st.sampled_from(("add", "discard", "drop")), st.sampled_from("ab"), st.integers(0, 3)))


@given(STEPS)
def test_groups_are_sets_by_name(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is done, they hold what a dict of sets holds, without names that have no members; the old ones stay."""
    model: dict[str, set[int]] = {}
    groups: Groups[str, int] = Groups()
    for what, name, member in steps:
        before, kept = groups, {each: set(groups.of(each)) for each in groups}
        match what:
            case "add":
                groups = groups.add(name, member)
                model.setdefault(name, set()).add(member)
            case "discard":
                groups = groups.discard(name, member)
                model.get(name, set()).discard(member)
            case _:
                groups = groups.drop(name)
                model.pop(name, None)
        model = {each: members for each, members in model.items() if members}
        assert {each: set(groups.of(each)) for each in groups} == model
        assert len(groups) == len(model)
        assert {each: set(before.of(each)) for each in before} == kept


def test_nothing_is_made_anew_without_a_change() -> None:
    """What did not change is the same object, so that nobody looks at it again."""
    groups = Groups[str, int]().add("a", 1)
    assert groups.add("a", 1) is groups
    assert groups.discard("a", 2) is groups
    assert groups.drop("b") is groups
    found = Map({"a": 1})
    assert without(found, "b") is found
