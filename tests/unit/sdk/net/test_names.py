"""One grammar of names: what the API takes, everybody behind it takes as well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.rendering.haproxy import Bind, Mode
from api.dcos_template.rendering.haproxy import Frontend as Section
from pool_executor.contract import BackendFacts, Put, Server, decode_operations, encode_operations, marker_line, markers
from scheduler.pools.words import texts
from sdk.net.names import LONGEST_JOINED_NAME, LONGEST_NAME, host_problem, is_host, is_key, is_name

TEXTS = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="aZ0_.:-$ \"'\\%\n", max_size=120),
    st.from_regex(r"[A-Za-z0-9_.:-]{1,97}", fullmatch=True),
)


@given(TEXTS)
def test_a_name_that_the_api_takes_is_a_name_to_all(text: str) -> None:
    """Of a frontend, of a backend, in its marker and in an operation."""
    if texts.link_name(text) is not None:
        assert not is_name(text)
        return
    if text not in ("stats", "_lbmgr"):
        Section(name=text, mode=Mode.TCP, bind=Bind(address="0.0.0.0", port="web"))
    facts = BackendFacts(backend=text)
    assert list(markers(marker_line(facts))) == [facts]
    put = Put(text, Server(f"agentip_10.0.0.1_{text}"[:LONGEST_JOINED_NAME], "10.0.0.1", 80, 1))
    assert decode_operations(encode_operations([put]), "operations") == (put,)


@given(TEXTS)
def test_an_address_that_the_api_takes_can_be_that_of_a_server(text: str) -> None:
    """With a part between dots that is too long HAProxy would refuse the whole configuration."""
    if texts.server_address(text) is None:
        put = Put("app", Server("s", text, 80, 1))
        assert decode_operations(encode_operations([put]), "operations") == (put,)


@pytest.mark.parametrize("text", ["a" * 64, "1.2.3", "300.1.1.1", "a..b", "-a", "a b", "", "a\n", "fe80::1%x"])
def test_what_is_no_host(text: str) -> None:
    """Each breaks a rule that has a sentence."""
    assert not is_host(text)
    assert host_problem(text)


@pytest.mark.parametrize("text", ["10.0.0.1", "db.example.org", "db.example.org.", "a" * 63, "_x.y-z.local", "7.de"])
def test_what_is_a_host(text: str) -> None:
    """Also with the dot of the root."""
    assert is_host(text)


def test_names_and_keys_are_bounded() -> None:
    """A key may be empty."""
    assert is_name("a" * LONGEST_NAME)
    assert not is_name("a" * (LONGEST_NAME + 1))
    assert is_name("a" * LONGEST_JOINED_NAME, LONGEST_JOINED_NAME)
    assert is_key("")
    assert is_key("check-5s")
    assert not is_key("Check")
    assert not is_key("a" * 65)
