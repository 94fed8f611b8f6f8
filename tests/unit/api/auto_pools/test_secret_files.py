"""How files of secrets are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.secret_files import path_of, secret_file
from scheduler.pools.words import file_names

part = st.from_regex(r"[a_][a_.-]{0,3}", fullmatch=True)
secrets = st.lists(part, min_size=1, max_size=3).map("/".join).filter(lambda name: file_names.secret(name) is None)


@pytest.mark.parametrize(
    ("secret", "file"),
    [
        ("tutorial-secret", "tutorial-secret"),
        ("/tutorial-secret", "tutorial-secret"),
        ("team_a.web", "team_a.web"),
        ("team/web/cert", "team__web__cert"),
    ],
)
def test_a_file_is_called_like_its_secret(secret: str, file: str) -> None:
    """With two underscores for a slash."""
    assert secret_file(secret) == file
    assert path_of(secret) == f"$SECRETS/{file}"


@given(secrets, secrets)
def test_two_secrets_have_two_files(one: str, other: str) -> None:
    """Otherwise one application's certificate would be served for another's."""
    assert (secret_file(one) == secret_file(other)) == (one == other)
    assert file_names.certificate(path_of(one)) is None


def test_the_file_of_a_long_name_is_one_that_can_be() -> None:
    """And so is that of one with a key of Vault."""
    for secret in ("a/" * 200 + "b", "team/web#cert", "a__b", "a" * 500):
        assert file_names.file_name(secret_file(secret)) is None
