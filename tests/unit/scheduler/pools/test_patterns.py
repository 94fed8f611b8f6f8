"""Which regular expressions of users may be run against untrusted names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.model import Backend, Endpoint, Haproxy, MesosSelector, Pool, Service
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool
from scheduler.pools.words.patterns import MAX_PATTERN, pattern_problem
from sdk.pattern import Pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "web",
        "^broker-.*$",
        "^broker-*$",
        ".*.httpd.example.com",
        "(a|b)+",
        "(ab){2,5}",
        "[a-z]+-[0-9]+",
        "(?i)web",
        "(?P<name>web)",
        r"^([0-9]{1,3}\.){3}[0-9]{1,3}$",
        "^(dev|test|prod)-(eu|us)-.*-web(-v[0-9]+)?$",
        "(" * 80 + ")" * 80,
        # What a backtracking engine would take for ever with.
        "(a+)+",
        "^(a|aa)+$",
        "(a?){26}a{26}$",
        ".*a.*b.*c.*d.*e",
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    """All patterns of the documentation are among them."""
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "is not a regular expression of RE2: missing )"),
        ("*a", "is not a regular expression of RE2: no argument for repetition operator: *"),
        ("[", "is not a regular expression of RE2: missing ]"),
        ("a{1001}", "is not a regular expression of RE2: invalid repetition size"),
        ("((a{100}){100}){100}", "is not a regular expression of RE2: "),
        (r"(\pN{1,300}){3}", "is not a regular expression of RE2: "),
        (r"(a)\1", r"is not a regular expression of RE2: invalid escape sequence: \1"),
        ("(?=a)", "is not a regular expression of RE2: invalid perl operator: (?="),
        ("(?<!a)b", "is not a regular expression of RE2: invalid perl operator: (?<"),
        ("\ud800", "is not a regular expression: half of a surrogate pair"),
        ("x" * (MAX_PATTERN + 1), "must not be longer"),
    ],
)
def test_what_re2_does_not_take_is_refused_in_its_words(pattern: str, why: str) -> None:
    """Syntax, and what would need too much memory."""
    problem = pattern_problem(pattern)
    assert problem is not None
    assert problem.startswith(why)


@given(st.text(alphabet="ab(|)*+?.[]{}^$\\1,2:=<!", max_size=40))
def test_any_text_is_judged_without_an_exception_and_what_is_accepted_compiles(pattern: str) -> None:
    """And can be used."""
    if pattern_problem(pattern) is None:
        Pattern(pattern).found_in("ab")


def test_a_pattern_and_a_name_made_for_each_other_end() -> None:
    """For a backtracking engine, each `.*` multiplies the time by the length of the name."""
    assert not Pattern(".*a.*a.*a.*a.*b").found_in("a" * 4096)
    assert not Pattern("(a+)+$").matches("a" * 4096 + "b")


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_whole_text_or_any_place_of_it(before: str, after: str) -> None:
    """Selectors search, constraints match the whole value."""
    assert Pattern("web").found_in(before + "web" + after)
    assert Pattern("web").matches(before + "web" + after) == (before + after == "")


def test_a_selectors_pattern_is_refused_with_its_place() -> None:
    """In a pool that is stored already it may stand; see test_stored.py."""
    service = Service(mesos=MesosSelector(task_name_pattern=r"a\Z"), endpoint=Endpoint(port_name="web"))
    pool = Pool(name="web", haproxy=Haproxy(backends=(Backend(name="app", services=(service,)),)))
    with pytest.raises(InvalidPool, match=r"backends\[0\]\.services\[0\]\.mesos\.taskNamePattern.*RE2: invalid escape"):
        load_pool(dump_pool(pool))
