"""Networks as operators write them: `10.0.0.0/8`, `fd00::/8`, or one address. Pure."""

import ipaddress
import re

from sdk.net.address import Address

_TEXT = re.compile(r"[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?")


def network_problem(text: str) -> str | None:
    """The rule that the text breaks, the end of a sentence."""
    if not _TEXT.fullmatch(text):
        return "must be a network such as 10.0.0.0/8 or fd00::/8, or an address"
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return "must be a network such as 10.0.0.0/8 or fd00::/8, or an address"
        return f"has bits beyond its mask; write {meant}"
    return None


def within(address: Address, network: str) -> bool:
    """Whether the network, a text without a problem, holds the address."""
    return address in ipaddress.ip_network(network)
