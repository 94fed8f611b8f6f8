"""Addresses in all forms that people and Mesos write."""

import pytest

from sdk.errors import InvalidSpec
from sdk.mesos.endpoint import Endpoint, follow, parse, parse_list

ASKED = Endpoint("10.0.0.1", 5050)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("10.0.0.1:5051", Endpoint("10.0.0.1", 5051)),
        ("master", Endpoint("master", 5050)),
        ("http://m:80/", Endpoint("m", 80)),
        ("https://m:443", Endpoint("m", 443, "https")),
        ("[::1]:5050", Endpoint("::1", 5050)),
    ],
)
def test_one_address(text: str, endpoint: Endpoint) -> None:
    """Scheme and port have defaults, and IPv6 needs brackets."""
    assert parse(text) == endpoint


def test_a_list_shares_the_scheme_of_its_first() -> None:
    """https in front of the first counts for all."""
    assert parse_list("https://a:1, b:2") == (Endpoint("a", 1, "https"), Endpoint("b", 2, "https"))
    assert parse_list("a,b:7") == (Endpoint("a", 5050), Endpoint("b", 7))


@pytest.mark.parametrize("text", ["", " , ", "a:b", "ftp://a:1", "a:99999", "http://:1"])
def test_bad_addresses_are_refused_with_the_text(text: str) -> None:
    """The message shows what was written, but for a login."""
    with pytest.raises(InvalidSpec, match="master"):
        parse_list(text)
    with pytest.raises(InvalidSpec, match="'host:bad'") as refused:
        parse_list("http://me:s3cret@host:bad")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("//127.0.0.1:15050/master/api/v1/scheduler", Endpoint("127.0.0.1", 15050)),
        ("127.0.0.1:15050", Endpoint("127.0.0.1", 15050)),
        ("http://leader:5050/master/api/v1", Endpoint("leader", 5050)),
        ("https://leader:5050/", Endpoint("leader", 5050, "https")),
        ("//127.0.0.1:15050", Endpoint("127.0.0.1", 15050)),
        ("/master/state", ASKED),
    ],
)
def test_locations_in_all_forms(location: str, target: Endpoint) -> None:
    """Mesos writes no scheme, its documentation not even slashes, proxies whole URLs."""
    assert follow(location, ASKED) == target


def test_a_location_without_scheme_keeps_ours() -> None:
    """A master behind TLS redirects to one behind TLS."""
    assert follow("//m:1/x", Endpoint("a", 2, "https")).scheme == "https"


def test_ipv6_addresses_are_written_with_brackets() -> None:
    """So that the port can be told apart."""
    assert Endpoint("::1", 5050).url == "http://[::1]:5050"
