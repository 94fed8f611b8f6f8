"""The users' file is followed while it is edited; a clock that tests turn says when it is looked at."""

from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from werkzeug.security import generate_password_hash

from api.users.credentials import SESSION_SECONDS, Credentials, TooOften, WrongPassword
from api.users.on_disk import users_on_disk
from api.users.user import Role
from api.users.users import token_hash
from sdk.errors import InvalidSpec
from tests.support.users import ALICE, OPS, PASSWORD, TurnedClock, entry


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for the password of nobody is compared as quickly as the passwords of the tests."""
    quick = partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr("api.users.users.generate_password_hash", quick)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one admin."""
    made = tmp_path / "users.toml"
    made.write_text(OPS)
    made.chmod(0o600)
    return made


def test_a_change_counts_a_second_later(file: Path) -> None:
    """Without a restart: a new user gets in, one who is gone does not."""
    clock = TurnedClock()
    users = users_on_disk(file, "credentials-file", clock)
    assert users.get().by_password("ops", PASSWORD) is not None
    file.write_text(ALICE)
    assert users.get().by_password("alice", PASSWORD) is None
    clock.turn(1.0)
    found = users.get().by_password("alice", PASSWORD)
    assert found is not None
    assert (found.role, found.pools) == (Role.OPERATOR, ("shop-*",))
    assert users.get().by_password("ops", PASSWORD) is None


@pytest.mark.parametrize("text", ["", "[ops", '[ops]\nrole = "admin"\n', None, "\udcff"])
def test_a_mistake_keeps_the_users_and_is_told_once(file: Path, text: str | None) -> None:
    """Nobody is locked out, and nobody let in, by a file that is half written."""
    clock = TurnedClock()
    users = users_on_disk(file, "credentials-file", clock)
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with capture_logs() as logs:
        for _ in range(3):
            clock.turn(1.0)
            assert users.get().by_password("ops", PASSWORD) is not None
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert str(file) in logs[0]["why"]
    file.write_text(ALICE)
    clock.turn(1.0)
    assert users.get().by_password("alice", PASSWORD) is not None


def test_without_users_there_is_no_start(tmp_path: Path) -> None:
    """The sentence has the setting, the file and why."""
    with pytest.raises(InvalidSpec, match=r"credentials-file: .*users\.toml cannot be read: No such file"):
        users_on_disk(tmp_path / "users.toml", "credentials-file", TurnedClock())
    (tmp_path / "users.toml").write_text(entry("ops", "admin", password="scrypt:9:8:1$s3cret$00"))
    with pytest.raises(InvalidSpec, match=r"users\.toml has a ops\.password that was hashed by a method") as refused:
        users_on_disk(tmp_path / "users.toml", "credentials-file", TurnedClock())
    assert "s3cret" not in str(refused.value)


def test_others_who_may_read_it_are_told_of(file: Path) -> None:
    """Whoever reads the hashes can make sessions."""
    file.chmod(0o644)
    with capture_logs() as logs:
        users_on_disk(file, "credentials-file", TurnedClock())
    assert "chmod 600" in logs[0]["event"]


def test_wrong_passwords_are_bounded_for_one_user_at_one_address(file: Path) -> None:
    """The right one is not looked at either meanwhile; elsewhere, and with a token or a session, he goes on."""
    file.write_text(OPS + entry("ci", "reader", tokens=[token_hash("t0ken")]))
    clock = TurnedClock()
    credentials = Credentials(users_on_disk(file, "credentials-file", clock), clock)
    session, _ = credentials.open_session(credentials.of_password("ops", PASSWORD, "10.0.0.1"))
    for _ in range(10):
        with pytest.raises(WrongPassword):
            credentials.of_password("ops", "wrong", "10.0.0.1")
    with pytest.raises(TooOften) as refused:
        credentials.of_password("ops", PASSWORD, "10.0.0.1")
    assert credentials.of_password("ops", PASSWORD, "10.0.0.2").name == "ops"
    assert credentials.of_session(session) is not None
    assert credentials.of_token("t0ken") is not None
    clock.turn(refused.value.seconds)
    assert credentials.of_password("ops", PASSWORD, "10.0.0.1").name == "ops"


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["2001:db8::1", "2001:db8::ffff:2", "nowhere"]])
def test_names_that_do_not_exist_count_for_their_address(file: Path, addresses: list[str]) -> None:
    """Of version 6 for the network of 64 bits that one host has. A text that is no address is one, too."""
    clock = TurnedClock()
    credentials = Credentials(users_on_disk(file, "credentials-file", clock), clock)
    near = addresses[:2]
    for index in range(100):
        with pytest.raises(WrongPassword):
            credentials.of_password(f"user{index}", "wrong", near[index % len(near)])
    with pytest.raises(TooOften):
        credentials.of_password("ops", PASSWORD, near[0])
    assert credentials.of_password("ops", PASSWORD, "10.9.9.9").name == "ops"


def test_a_session_ends_by_time_and_with_the_password(file: Path) -> None:
    """Or when its user is gone."""
    clock = TurnedClock()
    credentials = Credentials(users_on_disk(file, "credentials-file", clock), clock)
    user = credentials.of_password("ops", PASSWORD, "10.0.0.1")
    text, expires = credentials.open_session(user)
    assert expires == clock.now() + SESSION_SECONDS
    assert credentials.of_session(text) == user
    assert credentials.page_token(text) is not None
    file.write_text(entry("ops", "reader"))
    clock.turn(1.0)
    other = credentials.of_session(text)
    assert other is not None
    assert other.role is Role.READER
    file.write_text(entry("ops", "admin", password="pbkdf2:sha256:1$other$00"))
    clock.turn(1.0)
    assert credentials.of_session(text) is None
    assert credentials.page_token(text) is None
    file.write_text(OPS)
    clock.turn(1.0)
    assert credentials.of_session(text) == user
    clock.turn(SESSION_SECONDS)
    assert credentials.of_session(text) is None
    file.write_text(ALICE)
    clock.turn(1.0)
    with pytest.raises(WrongPassword):
        credentials.open_session(user)
