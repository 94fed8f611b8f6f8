"""Who callers are, by tokens and certificates of a file."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from sdk.errors import InvalidSpec
from sdk.http.access import AccessFile, Caller, Right, SharedSecret
from sdk.http.tls import CLIENT_NAMES
from tests.support.wait import wait_until

TOKEN = "a-token-that-nobody-guesses"
HASH = hashlib.sha256(b"another-token-of-somebody").hexdigest()
FILE = f"""# who may do what
read   prometheus token:{TOKEN}

change ops        sha256:{HASH}
change deploy.example certificate
"""


def asked(authorization: str | None = None, names: Sequence[str] = ()) -> Request:
    headers = {} if authorization is None else {"Authorization": authorization}
    builder = EnvironBuilder(headers=headers, environ_overrides={CLIENT_NAMES: tuple(names)})
    return Request(builder.get_environ())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "access"
    made.write_text(FILE)
    return made


def test_callers_are_known_by_their_token_or_certificate(path: Path) -> None:
    """A hash stands for the token; nobody is known by the hash itself."""
    way = AccessFile(path, "access-file")

    def who(*given: object) -> Caller | None:
        return way.caller(asked(*given))  # type: ignore[arg-type]

    assert who(f"Bearer {TOKEN}") == Caller(name="prometheus", right=Right.READ)
    assert who("bearer another-token-of-somebody") == Caller(name="ops", right=Right.CHANGE)
    assert who(None, ["x", "deploy.example"]) == Caller(name="deploy.example", right=Right.CHANGE)
    for authorization in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {HASH}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN} ",
        "ü",
    ):
        assert who(authorization) is None, authorization
    assert who(None, ["ops", "prometheus"]) is None


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(path: Path) -> None:
    """Who was known goes on to be until the file can be read."""
    way = AccessFile(path, "access-file")
    path.write_text("nonsense")
    request = asked(f"Bearer {TOKEN}")
    assert way.caller(request) is not None
    path.write_text(FILE.replace(TOKEN, "a-new-token-of-prometheus"))
    os.utime(path, ns=(1, 1))
    wait_until(lambda: way.caller(request) is None, what="the end of the old token")
    assert way.caller(asked("Bearer a-new-token-of-prometheus")) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names nobody"),
        ("# nothing\n", "names nobody"),
        ("read ops", "line 1: must have the form"),
        (f"write ops token:{TOKEN}", "line 1: must have the form"),
        ("\nread ops password:secret-of-somebody", "line 2: must have the form"),
        ("read ops token:short", "line 1: the token has less than 16 characters"),
        ("read ops sha256:abc", "line 1: must have the form"),
        (f"read a token:{TOKEN}\nchange b token:{TOKEN}", "line 2: what is shown stands in an earlier line"),
        ("read a certificate\nchange a certificate", "line 2: what is shown stands in an earlier line"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused_without_its_secrets(tmp_path: Path, text: str, why: str) -> None:
    """By the setting's name and the line."""
    path = tmp_path / "access"
    path.write_text(text)
    with pytest.raises(InvalidSpec, match=why) as caught:
        AccessFile(path, "access-file")
    assert str(caught.value).startswith("access-file: ")
    assert TOKEN not in str(caught.value)
    assert "secret-of-somebody" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(InvalidSpec, match="No such file"):
        AccessFile(tmp_path / "no", "access-file")


def test_the_shared_secret_may_change_everything() -> None:
    """Whoever knows it."""
    way = SharedSecret("s3cret", "the API")
    assert way.caller(asked("Bearer s3cret")) == Caller(name="the API", right=Right.CHANGE)
    for given in ("Bearer s3cre", "s3cret", "Basic s3cret", "Bearer s3cret ", "Bearer ü"):
        assert way.caller(asked(given)) is None
