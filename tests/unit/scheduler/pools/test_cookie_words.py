"""What may be said of the cookie of a sticky backend."""

import pytest

from scheduler.pools.words.cookie_words import LONGEST, cookie_problem, cookie_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SRV insert", "SRV insert dynamic"),
        ("  SRV   insert indirect  nocache ", "SRV insert indirect nocache dynamic"),
        ("SRV insert dynamic nocache", "SRV insert dynamic nocache"),
        ("cookie SRV insert", "SRV insert dynamic"),
        ("cookie insert", "cookie insert dynamic"),
        ("dynamic insert", "dynamic insert dynamic"),
        ("JSESSIONID prefix nocache", "JSESSIONID prefix nocache dynamic"),
        ("S insert maxidle 30m maxlife 8h domain .a.test attr SameSite=None secure", None),
    ],
)
def test_values_are_always_made_by_haproxy(text: str, words: str | None) -> None:
    """With or without the keyword that files of HAProxy have there."""
    assert cookie_problem(text) is None
    assert cookie_words(text) == (words or f"{text} dynamic")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "name of a cookie"),
        ("cookie", "must hold one of insert"),
        ("SRV", "must hold one of insert"),
        ("SRV insert rewrite", "must hold one of insert"),
        ("SRV rewrite indirect", "indirect needs insert"),
        ("SRV prefix maxlife 1h", "maxlife needs insert"),
        ("S:V insert", "name of a cookie"),
        ("SRV insert domain test", "domain cannot be followed by 'test'"),
        ("SRV insert domain", "domain cannot be followed by ''"),
        ("SRV insert domain a..b", "domain cannot be followed"),
        ("SRV insert maxidle 0", "maxidle cannot be followed"),
        ("SRV insert maxidle 10000d", "maxidle cannot be followed"),
        ("SRV insert attr SameSite=None;x", "attr cannot be followed"),
        ("SRV insert\nserver x 10.0.0.1", "must hold only words of ASCII"),
        ("SRV insert # x", "# is not supported"),
        ("SRV insert 'x'", "is not supported"),
        ("SRV insert é", "must hold only words of ASCII"),
        (f"{'S' * LONGEST} insert", "must not be longer"),
    ],
)
def test_what_means_nothing_or_something_else_is_refused(text: str, rule: str) -> None:
    """The rule names the word."""
    assert rule in (cookie_problem(text) or "")
