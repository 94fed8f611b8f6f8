"""Addresses as other programs write them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.net.address import Reach, canonical, is_address, parse, reach


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("[::ffff:a00:1]", "10.0.0.1"),
    ],
)
def test_an_address_has_one_form(text: str, expected: str) -> None:
    """Whatever its writer chose."""
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name.example",
        "10.0.0.1:80",
        "127.1",
        "127.0.0.01",
        "10.0.0.1 ",
        "[10.0.0.1]",
        "[::1",
        "[]",
        "fe80::1%eth0",
        "::1%a b",
        "::1%x\n    server evil 192.0.2.1:80",
        "[fe80::1%eth0]",
        "1" * 4096,
    ],
)
def test_what_is_not_an_address_or_has_a_zone_is_none(text: str) -> None:
    """A zone names an interface of somebody else's machine, and may hold any text."""
    assert parse(text) is None
    assert not is_address(text)
    assert canonical(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", Reach.HOST),
        ("2001:db8::1", Reach.HOST),
        ("127.0.0.2", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("0.0.0.0", Reach.UNSPECIFIED),
        ("0.1.2.3", Reach.UNSPECIFIED),
        ("::", Reach.UNSPECIFIED),
        ("169.254.169.254", Reach.LINK_LOCAL),
        ("fe80::1", Reach.LINK_LOCAL),
        ("224.0.0.1", Reach.MULTICAST),
        ("ff02::1", Reach.MULTICAST),
        ("255.255.255.255", Reach.MULTICAST),
    ],
)
def test_an_address_tells_what_it_reaches(text: str, expected: Reach) -> None:
    """Only one of these is another machine."""
    address = parse(text)
    assert address is not None
    assert reach(address) is expected


@given(st.ip_addresses())
def test_the_one_form_is_read_back_as_the_same_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """And stays itself."""
    text = canonical(str(address))
    assert canonical(text) == text
    assert parse(text) == parse(str(address))


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    """What is read holds nothing but digits, dots and colons."""
    assert set(canonical(text)) <= set("0123456789abcdef.:")
