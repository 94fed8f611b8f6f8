"""Options of servers in HAProxy's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool_executor.lbmgr.haproxy.runtime import SERVER_OPTIONS
from scheduler.pools.words.server_words import (
    CHECK,
    LONGEST,
    SERVER,
    ServerWords,
    check_problem,
    misc_problem,
    server_words,
)

TEXTS = st.lists(
    st.sampled_from([*SERVER, "check", "cookie", "crt"]) | st.from_regex(r"[a-z0-9.]{1,5}", fullmatch=True)
).map(" ".join)


@pytest.mark.parametrize(
    ("misc", "check", "words", "weight"),
    [
        ("", "", "", None),
        ("weight 20", "", "", 20),
        ("weight 20 weight 0", "", "", 0),
        ("backup  maxconn 5", "inter 2s", "inter 2s backup maxconn 5", None),
        ("ssl", "", "ssl verify none check-ssl", None),
        ("", "check-ssl", "check-ssl verify none", None),
        ("send-proxy", "", "send-proxy check-send-proxy", None),
        ("send-proxy-v2", "port 81", "port 81 send-proxy-v2", None),
        ("ssl verify none check-ssl", "", "ssl verify none check-ssl", None),
    ],
)
def test_the_weight_is_told_apart_from_the_other_words(misc: str, check: str, words: str, weight: int | None) -> None:
    """A weight is a fact of the server, which changes at run time; TLS is told what to trust."""
    assert (misc_problem(misc), check_problem(check)) == (None, None)
    assert server_words(misc, check) == ServerWords(words, weight)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cookie a", "cookie belongs to the backend's stickiness"),
        ("no-check", "no-check is what endpoint.check.enabled says"),
        ("ca-file /etc/ssl/ca.pem", "ca-file is not supported; known are addr, "),
        ("weight 300", "weight cannot be followed by '300'"),
        ("weight", "weight cannot be followed by ''"),
        ("check-sni 1.2.3", "check-sni cannot be followed by '1.2.3'"),
        ("weight 1\n  server x", "must hold only words"),
        ("backup " * LONGEST, "must not be longer"),
    ],
)
def test_what_is_refused_is_named_with_the_reason(text: str, why: str) -> None:
    """So that whoever wrote it knows what to write instead."""
    assert (misc_problem(text) or "").startswith(why)


def test_all_options_can_be_given_at_run_time() -> None:
    """None of them makes a new server a reload."""
    assert set(CHECK) < set(SERVER) <= set(SERVER_OPTIONS)


@given(TEXTS | st.text(), TEXTS | st.text())
def test_any_text_is_judged_and_what_is_accepted_holds_only_known_words(misc: str, check: str) -> None:
    """And no character that means something to HAProxy."""
    if misc_problem(misc) is None and check_problem(check) is None:
        words = server_words(misc, check).words
        assert misc_problem(words) is None or len(words) > LONGEST
