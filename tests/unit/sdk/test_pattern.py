"""Patterns that are searched for together find what each finds by itself."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.pattern import Pattern, PatternSet

TEXTS = ["a", "^b", "c$", "ab+", "", ".", "(?s).", "a.*b", "[^a]", "b{2,3}", "a|c", "\\bab", "é", "(a{100}){10}"]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(TEXTS)), max_size=60),
    st.lists(st.text("abc é", max_size=6), max_size=4),
)
def test_a_set_finds_what_its_patterns_find(steps: list[tuple[bool, str]], values: list[str]) -> None:
    """Whatever was added and taken away before."""
    made, there = PatternSet(), dict[str, Pattern]()
    for add, text in steps:
        if add:
            there[text] = Pattern(text)
            made.add(Pattern(text))
        else:
            there.pop(text, None)
            made.discard(Pattern(text))
        assert len(made) == len(there)
        for value in values:
            found = made.found_in(value)
            assert len(found) == len(set(found))
            assert set(found) == {pattern for pattern in there.values() if pattern.found_in(value)}


def test_many_patterns_are_searched_for_in_a_few_passes() -> None:
    """More than stand in one set."""
    made = PatternSet()
    for number in range(100):
        made.add(Pattern(f"^app-{number}-"))
    assert [pattern.text for pattern in made.found_in("app-77-x")] == ["^app-77-"]
    assert made.found_in("other") == []
