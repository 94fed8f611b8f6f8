"""Which regular expressions of users may be run against untrusted names."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.patterns import MAX_PATTERN, pattern_problem


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
        "(a+){1,3}b",
        r"^([0-9]{1,3}\.){3}[0-9]{1,3}$",
        "^(dev|test|prod)-(eu|us)-.*-web(-v[0-9]+)?$",
        "(" * 80 + ")" * 80,
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    """All patterns of the documentation are among them."""
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "is not a regular expression"),
        ("*a", "is not a regular expression"),
        ("[", "is not a regular expression"),
        ("a{99999999999999999999}", "is not a regular expression"),
        ("(a+)+", "must not repeat a repetition"),
        ("(a*)*b", "must not repeat a repetition"),
        ("((a|b+)c)*", "must not repeat a repetition"),
        ("(?:a{1,1000}){1,1000}", "must not repeat a repetition"),
        ("(?>a+)*", "must not repeat a repetition"),
        ("^(a|aa)+$", "must not repeat a repetition"),
        ("(?:foo|bar)*", "must not repeat a repetition"),
        ("(a{1,3})*$", "must not repeat a repetition"),
        ("(a?){26}a{26}$", "has too many ways to match"),
        ("(a|b?){20}", "has too many ways to match"),
        ("(a+){5}", "must not hold more than 4 repetitions"),
        (".*a.*b.*c.*d.*e", "must not hold more than 4 repetitions"),
        (r"(a)\1", "must not use backreferences"),
        ("(a)?(?(1)b|c)", "must not use backreferences"),
        ("(?=a)", "must not use look-ahead"),
        ("(?<!a)b", "must not use look-ahead"),
        ("x" * (MAX_PATTERN + 1), "must not be longer"),
    ],
)
def test_patterns_that_do_not_compile_or_could_run_for_ever_are_refused(pattern: str, why: str) -> None:
    """A pool must not be able to stop the template for all others."""
    problem = pattern_problem(pattern)

    assert problem is not None
    assert problem.startswith(why)


# Python warns of sets such as [[a] whose meaning may change; they are accepted.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text(alphabet="ab(|)*+?.[]{}^$\\1,2:=<!", max_size=40))
def test_any_text_is_judged_without_an_exception_and_what_is_accepted_compiles(pattern: str) -> None:
    """The parse tree that is looked at is the one `re` uses."""
    if pattern_problem(pattern) is None:
        re.compile(pattern)


def test_an_accepted_pattern_is_fast_even_on_names_made_against_it() -> None:
    """The known bad case of an exponential pattern would take years here."""
    assert pattern_problem("^(ab)*c$") is None
    started = time.monotonic()
    re.search("^(ab)*c$", "ab" * 5000)
    assert time.monotonic() - started < 30  # not a speed test: the exponential case would never end
