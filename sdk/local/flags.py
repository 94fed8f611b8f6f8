"""The little languages of the agent's flags: resources, attributes and domain, as the real agent reads them."""

import argparse
import ipaddress
import json
import re

from sdk import zookeeper_address
from sdk.local.core.agent_model import ContainerAddress
from sdk.local.core.wire import Json

_RESOURCE = re.compile(r"^\s*([\w.-]+)\s*(?:\(\s*([^)]+?)\s*\))?\s*:\s*(.+?)\s*$")
_RANGES = re.compile(r"^\[\s*\d+\s*-\s*\d+\s*(?:,\s*\d+\s*-\s*\d+\s*)*\]$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def _ranges(value: str) -> Json:
    spans = [tuple(int(number) for number in part.split("-")) for part in value.strip("[]").split(",")]
    for begin, end in spans:
        if begin > end:
            raise ValueError(f"the range {begin}-{end} is empty: write the smaller number first")
    return {"range": [{"begin": begin, "end": end} for begin, end in spans]}


def resources(text: str) -> list[Json]:
    """`cpus:4;mem(slave_public):1024;ports:[1-5,7-9]` as resources; `(role)` makes a static reservation."""
    found: list[Json] = []
    for part in filter(None, (item.strip() for item in text.split(";"))):
        match = _RESOURCE.match(part)
        if match is None:
            raise ValueError(f"--resources: '{part}' is not of the form name:value or name(role):value")
        name, role, value = match.groups()
        if _RANGES.match(value):
            resource: Json = {"name": name, "type": "RANGES", "ranges": _ranges(value)}
        elif _NUMBER.match(value) and float(value) >= 0:
            resource = {"name": name, "type": "SCALAR", "scalar": {"value": float(value)}}
        else:
            raise ValueError(f"--resources: '{value}' of {name} is neither a number nor ranges like [1-5,7-9]")
        if role and role != "*":
            resource["reservations"] = [{"type": "STATIC", "role": role}]
        found.append(resource)
    if not found:
        raise ValueError("--resources: an agent needs resources")
    return found


def attributes(text: str) -> list[Json]:
    """`public_ip:true;weight:1.5;range:[1-3]` as attributes: ranges, numbers, and text for the rest."""
    found: list[Json] = []
    for part in filter(None, (item.strip() for item in text.split(";"))):
        name, colon, value = part.partition(":")
        if not colon or not name or not value or value.startswith("{"):
            raise ValueError(f"--attributes: '{part}' is not of the form name:value (sets are not allowed)")
        if _RANGES.match(value):
            found.append({"name": name, "type": "RANGES", "ranges": _ranges(value)})
        elif _NUMBER.match(value):
            found.append({"name": name, "type": "SCALAR", "scalar": {"value": float(value)}})
        else:
            found.append({"name": name, "type": "TEXT", "text": {"value": value}})
    return found


def domain(text: str) -> Json:
    """`{"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}` as a DomainInfo."""
    example = '{"fault_domain":{"region":{"name":"r1"},"zone":{"name":"z1"}}}'
    try:
        fault = json.loads(text)["fault_domain"]
        names = [fault[part]["name"] for part in ("region", "zone")]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"--domain: {text!r} is not like {example}") from None
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"--domain: region and zone need names, as in {example}")
    return {"fault_domain": {"region": {"name": names[0]}, "zone": {"name": names[1]}}}


def networks(text: str) -> dict[str, tuple[ContainerAddress, ...]]:
    """`{"dcos": ["127.9.0.2", "10.9.0.2@/run/netns/one"]}`: networks of containers, and the addresses there."""
    try:
        found = {
            name: tuple(_container_address(address) for address in addresses)
            for name, addresses in json.loads(text).items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        example = '{"dcos":["127.9.0.2","10.9.0.2@/run/netns/one"]}'
        raise ValueError(f"--networks: {text!r} is not like {example}") from None
    return found


def _container_address(text: str) -> ContainerAddress:
    ip, _, namespace = text.partition("@")
    return ContainerAddress(ip=str(ipaddress.ip_address(ip)), namespace=namespace or None)


def tcp_port(text: str) -> int:
    """A TCP port, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: choose one from 1 to 65535")
    return int(text)


def master_address(text: str) -> str:
    """Where a master is, or where it is published, for argparse."""
    if text.startswith("zk://"):
        return zookeeper_address.argument(text)
    host, _, number = text.removeprefix("http://").rpartition(":")
    if not host or not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is neither host:port nor zk://host:port/path")
    return text
