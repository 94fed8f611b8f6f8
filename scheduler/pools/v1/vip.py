"""Virtual IPs of DC/OS' layer-4 load balancer as version 1 names them, and the addresses that they stand for. Pure.

`/myvip:1234` of a task of the framework marathon is `myvip.marathon.l4lb.thisdcos.directory`, port 1234; `1.2.3.4:1234`
is that address itself, whoever announced it.
"""

import re
from typing import NamedTuple

from scheduler.pools.words import texts
from sdk.net.address import is_address

DEFAULT_FRAMEWORK = "marathon"
_DOMAIN = ".l4lb.thisdcos.directory"
_VIP = re.compile(r"(?P<slash>/?)(?P<name>[^/:]+):(?P<port>[0-9]{1,5})")
_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_FORM = "must be /name:port as the task announces it, or address:port"


class BadVip(ValueError):
    """The text names no VIP; the message is the rule that it breaks."""


class Vip(NamedTuple):
    """A VIP of the framework, whose name is empty where the VIP is an address."""

    text: str
    framework: str


class Place(NamedTuple):
    """Where a VIP is reached."""

    address: str
    port: int


def framework_label(framework: str) -> str | None:
    """How the framework stands in names of VIPs, without slashes; None when it cannot stand there."""
    label = framework.replace("/", "")
    return label if _LABEL.fullmatch(label) else None


def is_named(vip: str) -> bool:
    """Whether the framework is a part of the address."""
    return vip.startswith("/")


def place_of(vip: str, label: str) -> Place:
    """Where the VIP is reached; raises BadVip. `label` is the framework as it stands in names of VIPs."""
    found = _VIP.fullmatch(vip)
    if found is None:
        raise BadVip(_FORM)
    name, port = found["name"], int(found["port"])
    if not 1 <= port <= 65535:
        raise BadVip("must end with a port between 1 and 65535")
    if is_address(name) is is_named(vip):
        raise BadVip(_FORM)
    address = f"{name}.{label}{_DOMAIN}" if is_named(vip) else name
    if problem := texts.server_address(address):
        raise BadVip(f"stands for the address {address[:80]}, which {problem}")
    return Place(address, port)


def vip_of(place: Place) -> Vip:
    """The VIP that is reached there."""
    if not place.address.endswith(_DOMAIN):
        return Vip(f"{place.address}:{place.port}", "")
    name, _, framework = place.address.removesuffix(_DOMAIN).rpartition(".")
    return Vip(f"/{name}:{place.port}", framework)
