"""Regular expressions of rules: what is taken means the same to RE2 and to others, and what could stall is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.expression import BadExpression, plain, problem
from sdk.pattern import Pattern


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"^(www\.)?example\.com(:\d+)?$", r"^(www\.)?example\.com(:[0-9]+)?$"),
        (r"(?:png|jpe?g)+?", r"(png|jpe?g)+"),
        ("(a|x|/)*", "[/ax]*"),
        (r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*test$", r"^([0-9a-z]([\-0-9a-z]*[0-9a-z])?\.)*test$"),
        ("(?i)^/a1", "^/[Aa]1"),
        ("it's", r"it\x27s"),
        (r"[[:digit:]x-]{2,3}", r"[\-0-9x]{2,3}"),
        (r"[]\w]", r"[0-9A-Z\]_a-z]"),
        (r"\W\/$", r"[^0-9A-Z_a-z]/$"),
        ("(/[a-z]+|-[0-9]+)*", "(/[a-z]+|-[0-9]+)*"),
    ],
)
def test_an_expression_is_written_in_plain_words(text: str, written: str) -> None:
    """Without what only some libraries read, and without quotes."""
    assert plain(text) == written


def test_an_expression_for_texts_in_lower_case_is_in_lower_case() -> None:
    """Hosts are compared without case."""
    assert plain(r"^App-[A-Z]+\.Test$", lower=True) == r"^app-[a-z]+\.test$"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(a", "missing )"),
        ("a" * 513, "longer than 512"),
        ("a b", "printable ASCII"),
        ("b\u00fccher", "printable ASCII"),
        (r"\bx", r"\b; of escapes"),
        ("(?P<n>x)", "(? group"),
        ("(?s).", "(? group"),
        ("a{101}", "at most 100"),
        ("(abcd){100}" * 3, "larger than 1000"),
        ("^*", "repeats ^"),
        (r"[\D]", "within [ ]"),
        ("[[:graph:]]", "known are [:alnum:]"),
        ("(" * 11 + "ab" + ")" * 11, "parentheses deeper"),
        ("a}", "counts nothing"),
    ],
)
def test_what_is_not_read_alike_everywhere_is_refused(text: str, why: str) -> None:
    """With what it is."""
    assert why in (problem(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+",
        "(a|aa)*",
        "(a*b|b)*",
        "(xa*|a)*",
        "(.*,)*",
        "(/[a-z]*[a-z]*)*",
        "((a|ab)b?/)*",
        "(a?){100}",
        "([a-z]+-?)*",
        "x((a+)+b)?",
    ],
)
def test_a_group_that_many_ways_lead_through_is_refused(text: str) -> None:
    """A client could have HAProxy try all of them."""
    assert "many ways" in (problem(text) or "")


ATOMS = st.sampled_from(["a", "b", "/", ".", "[ab]", "[^/]", r"\.", r"\d", "[a-c0-1]"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("{}{}".format, st.one_of(ATOMS, st.builds("({})".format, inner)), st.sampled_from("*+?")),
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("^{}".format, inner),
        st.builds("{}$".format, inner),
    ),
    max_leaves=8,
)
TEXTS = st.text("ab/.01c", max_size=12)


@given(EXPRESSIONS, st.lists(TEXTS, min_size=1, max_size=8))
def test_what_is_taken_means_what_re2_says(text: str, examples: list[str]) -> None:
    """As it is given and as it is written anew, and to a library that tries one way after the other."""
    try:
        written = plain(text)
    except BadExpression:
        return
    for example in examples:
        found = Pattern(text).found_in(example)
        assert (Pattern(written).found_in(example), re.search(written, example) is not None) == (found, found)


@given(EXPRESSIONS)
def test_what_is_taken_takes_no_exponential_time(text: str) -> None:
    """Python's `re` tries one way after the other, without a limit: it would not come back."""
    try:
        written = re.compile(f"^({plain(text)})!$")
    except BadExpression:
        return
    for turn in ("a", "b", "ab", "/a", "a/", "a.", "/", "0"):
        assert written.search(turn * 40) is None
