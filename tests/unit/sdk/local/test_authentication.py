"""Credentials: their two formats, and what nobody may learn from a refusal."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.authentication import agent_realm, parse_credentials, principal, realm
from sdk.local.core.http import Refusal, Request

KNOWN = {"fw": "fwsecret", "ümlaut": "a:b"}


def test_both_formats() -> None:
    """Lines of principal and secret, or JSON with `credentials`."""
    assert parse_credentials("fw fwsecret\n\n ops\topssecret \n") == {"fw": "fwsecret", "ops": "opssecret"}
    items = [{"principal": "fw", "secret": "fw secret"}]
    assert parse_credentials(f" \n{json.dumps({'credentials': items})}") == {"fw": "fw secret"}
    assert parse_credentials("") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("fw hush\nops hush again\n", "line 2 of the credentials must be a principal and a secret"),
        ("hush", "line 1 of the credentials"),
        ('{"credentials": [{"principal": "fw", "secret": "hush"}', "not JSON, though they begin with a brace"),
        ('{"principal": "fw", "secret": "hush"}', "credentials must be a list"),
        ('{"credentials": [{"principal": "fw", "secret": "hush"}, {"secret": "hush"}]}', "credentials[1] must be"),
        ('{"credentials": [["fw", "hush"]]}', "credentials[0] must be"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_without_their_secrets(content: str, words: str) -> None:
    """The message says where and what is wanted, and no secret."""
    with pytest.raises(ValueError) as caught:
        parse_credentials(content)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def asked(authorization: str | None, wanted: str | None = "r") -> str | None:
    """Who asks with that header."""
    headers = {} if authorization is None else {"authorization": authorization}
    return principal(Request(method="GET", path="/", headers=headers), wanted, KNOWN)


def basic(text: str, scheme: str = "Basic") -> str:
    """The header of a name and a secret."""
    return f"{scheme} {b64encode(text.encode()).decode()}"


def test_who_is_known() -> None:
    """The scheme in any case, secrets with colons, names beyond ASCII."""
    assert asked(basic("fw:fwsecret")) == "fw"
    assert asked(basic("fw:fwsecret", "bAsIc")) == "fw"
    assert asked(basic("ümlaut:a:b")) == "ümlaut"
    assert asked(None, wanted=None) is None


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!!", "Bearer x", basic("fw:bad"), basic("fw:"), basic("fw"), basic("nobody:x"),
     basic("fw:fwsecret", "Digest"), "Basic " + b64encode(b"\xff\xfe:x").decode()],
)  # fmt: skip
def test_who_is_not_known(authorization: str | None) -> None:
    """401 with the realm and the recorded body, whatever is wrong."""
    with pytest.raises(Refusal) as caught:
        asked(authorization)
    found = caught.value.reply
    assert (found.status, found.body) == (401, b"401 Unauthorized.")
    assert found.headers["WWW-Authenticate"] == 'Basic realm="r"'


@given(st.text())
def test_any_header_is_refused_or_known(authorization: str) -> None:
    """Garbage is a 401, never an error of ours."""
    with pytest.raises(Refusal):
        asked(authorization)


def test_realms() -> None:
    """Those of mesos-master and mesos-agent; health and version ask nobody."""
    assert [realm(path) for path in ("/health", "/state", "/files/read", "/api/v1", "/api/v1/scheduler")] == [
        None, "mesos-master-readonly", "mesos-master-readonly", "mesos-master-readwrite", "mesos-master-scheduler",
    ]  # fmt: skip
    assert [agent_realm(path) for path in ("/version", "/api/v1/executor", "/state", "/files/read", "/api/v1")] == [
        None, None, "mesos-agent-readonly", "mesos-agent-readonly", "mesos-agent-readwrite",
    ]  # fmt: skip
