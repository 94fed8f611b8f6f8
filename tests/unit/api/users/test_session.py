"""Sessions: only what was signed for the user's present password counts, and only until it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.users.session import Session, claimed, is_signed, page_token, sign

SESSION = Session(user="alice", expires=1000.5)
TEXT = sign(SESSION, "scrypt:1$a$b")


def test_a_session_says_whose_it_is_and_is_signed_for_one_password() -> None:
    """With another password it is none any more."""
    assert claimed(TEXT) == SESSION
    assert is_signed(TEXT, "scrypt:1$a$b")
    assert not is_signed(TEXT, "scrypt:1$a$c")


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="latin-1"))
def test_no_character_of_it_may_change(at: int, other: str) -> None:
    """Neither of what it says nor of the signature."""
    changed = TEXT[:at] + other + TEXT[at + 1 :]
    assert is_signed(changed, "scrypt:1$a$b") is (changed == TEXT)


@given(st.text() | st.text("s1.AZaz09_-", max_size=80))
def test_any_text_is_a_session_or_none(text: str) -> None:
    """Nothing is raised by what a client sends."""
    claimed(text)
    assert not is_signed(text, "scrypt:1$a$b")


@pytest.mark.parametrize("said", ["[1, 2]", '["alice"]', '["alice", "later"]', '["alice", true]', "{}", "null", "["])
def test_what_says_something_else_is_none(said: str) -> None:
    """Even in the right form."""
    import base64

    encoded = base64.urlsafe_b64encode(said.encode()).rstrip(b"=").decode()
    assert claimed(f"s1.{encoded}.{'A' * 43}") is None


def test_what_pages_send_along_belongs_to_one_session() -> None:
    """It is no session itself, and that of another session is another."""
    other = sign(Session(user="alice", expires=1001.5), "scrypt:1$a$b")
    tokens = {page_token(text, password) for text in (TEXT, other) for password in ("scrypt:1$a$b", "scrypt:1$a$c")}
    assert len(tokens) == 4
    assert not any(is_signed(token, "scrypt:1$a$b") for token in tokens)
