"""IP addresses as other programs write them: read, told apart by what they reach, and printed in one form. Pure.

Knows IPv4 and IPv6 texts, the latter also in brackets. Refuses a zone (`fe80::1%eth0`): it names an interface of the
machine that wrote it, and Python takes any text behind the `%`, line breaks too. Does not know names of hosts.
"""

import ipaddress
from enum import StrEnum
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: The longest text of an address: IPv6 with an IPv4 tail, in brackets. What is longer is not even looked at.
_LONGEST = 47
_BROADCAST = ipaddress.IPv4Address(0xFFFFFFFF)
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


class Reach(StrEnum):
    """What an address reaches; the word stands in sentences: "a loopback address"."""

    HOST = "host"
    """One machine, as far as the text tells."""
    LOOPBACK = "loopback"
    """The machine on which the address is used."""
    UNSPECIFIED = "unspecified"
    """No machine; Linux takes it for the machine on which it is used."""
    LINK_LOCAL = "link-local"
    """A machine on the same link; clouds answer on such addresses with secrets of the machine."""
    MULTICAST = "multicast"
    """Many machines; the broadcast address too."""


# A cluster has few agents and many tasks, so most addresses come again and again.
@lru_cache(maxsize=16384)
def _parsed(text: str) -> Address | None:
    if text.startswith("[") and text.endswith("]") and ":" in text:
        text = text[1:-1]
    if "%" in text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # ::ffff:10.0.0.1 is how IPv6 sockets write the IPv4 address.
    return getattr(found, "ipv4_mapped", None) or found


def parse(text: str) -> Address | None:
    """The address that `text` writes; None for everything else. An IPv4 address in IPv6 form is the IPv4 address."""
    return _parsed(text) if len(text) <= _LONGEST else None


def is_address(text: str) -> bool:
    """True when `parse` reads `text`."""
    return parse(text) is not None


def canonical(text: str) -> str:
    """The one text of the address, without brackets; empty when `text` is not an address."""
    found = parse(text)
    return "" if found is None else str(found)


def reach(address: Address) -> Reach:
    """What `address` reaches."""
    if address.is_unspecified or (isinstance(address, ipaddress.IPv4Address) and address in _THIS_NETWORK):
        return Reach.UNSPECIFIED
    if address.is_loopback:
        return Reach.LOOPBACK
    if address.is_link_local:
        return Reach.LINK_LOCAL
    if address.is_multicast or address == _BROADCAST:
        return Reach.MULTICAST
    return Reach.HOST
