"""Settings of credentials and TLS that cannot work are told before anything starts, with the setting's name."""

from pathlib import Path

import pytest

from sdk.errors import InvalidSpec
from sdk.mesos.access import Access, access_from
from sdk.mesos.auth import Basic
from sdk.secret_file import read_secret


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    return file


def test_nothing_given_is_nothing_asked_for() -> None:
    """Plain HTTP, no header."""
    assert access_from() == Access(credentials=None, tls=None)


def test_a_principal_comes_with_its_secret(secret: Path) -> None:
    """Neither alone; never shown."""
    access = access_from(principal="edgelb", secret_file=secret)
    assert access.credentials == Basic("edgelb", "s3cret")
    assert "s3cret" not in repr(access)
    for given in ({"principal": "edgelb"}, {"secret_file": secret}):
        with pytest.raises(InvalidSpec, match="--mesos-secret-file belong together"):
            access_from(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("principal", ["a:b", "a\nb", "a\0"])
def test_a_principal_is_one_that_http_can_carry(secret: Path, principal: str) -> None:
    """The colon ends it."""
    with pytest.raises(InvalidSpec, match="mesos-principal"):
        access_from(principal=principal, secret_file=secret)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"ca": "missing"}, "mesos-ca: .*missing cannot be read: No such file"),
        ({"ca": "secret"}, "mesos-ca: these certificates"),
        ({"certificate": "secret"}, "--mesos-key belong together"),
        ({"certificate": "secret", "key": "missing"}, "mesos-key: .*missing cannot be read"),
        ({"certificate": "secret", "key": "secret"}, "cannot be used"),
    ],
)
def test_certificates_are_looked_at_at_once(secret: Path, given: dict[str, str], why: str) -> None:
    """Not at the first connection, minutes later."""
    with pytest.raises(InvalidSpec, match=why):
        access_from(**{name: secret.with_name(file) for name, file in given.items()})  # type: ignore[arg-type]


def test_a_framework_is_of_the_principal_that_shows_its_secret(secret: Path) -> None:
    """Mesos refuses one of another."""
    access = access_from(principal="edgelb", secret_file=secret)
    assert access.principal_for("hello", None) == access.principal_for("hello", "edgelb") == "edgelb"
    assert Access().principal_for("hello", "mine") == "mine"
    with pytest.raises(InvalidSpec, match=r"hello\.principal: 'mine' is not 'edgelb'"):
        access.principal_for("hello", "mine")


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\n", b"nul\0", b"x" * 70_000])
def test_a_secret_is_one_line(tmp_path: Path, content: bytes) -> None:
    """And the message holds nothing of it."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(InvalidSpec) as refused:
        read_secret(file, "some-secret-file")
    assert "some-secret-file" in str(refused.value)
    assert "lines" not in str(refused.value)
