"""Which TCP ports of this network namespace have a listener, and at which addresses one can listen at all.

Two HAProxies would silently share a port. And a HAProxy that cannot bind first makes its predecessor stop listening,
for a second or more, before it gives up: what can be known to fail must not get that far.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
# An address that is bound transparently need not be ours.
_BIND = re.compile(
    r'\s*bind\s+"?(?P<address>[^\s"$/,@]*):(\$\{(?P<variable>\w+)\}|(?P<number>[0-9]+))"?(?=\s|$)(?!.*\btransparent\b)'
)

#: An address and a port.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket."""

    address: str
    port: int


def listeners(proc: Path = Path("/proc/self/net")) -> frozenset[Listener]:
    """All listening TCP sockets; none when /proc cannot be read, then HAProxy's own bind is the only check."""
    found: set[Listener] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 3 and words[3] == _LISTEN:
                host, _, port = words[1].rpartition(":")
                found.add(Listener(_address(host), int(port, 16)))
    return frozenset(found)


def taken(
    ports: Mapping[str, int], binds: Mapping[str, str], found: frozenset[Listener]
) -> list[tuple[str, int, Listener]]:
    """The (name, port, listener) of ports that cannot be bound; `binds` has the bind address of ports that have one."""
    clashes = []
    for name, port in sorted(ports.items()):
        for listener in sorted(found, key=lambda listener: (listener.port, listener.address)):
            if listener.port == port and _overlap(binds.get(name, "0.0.0.0"), listener.address):
                clashes.append((name, port, listener))
                break
    return clashes


def binds(text: str) -> Iterator[tuple[str, str]]:
    """The address and the port, a variable's name or a number, of each `bind` line of a config part."""
    for line in text.split("\n"):
        match = _BIND.match(line)
        if match is not None:
            yield match["address"], match["variable"] or match["number"]


def within_reach(address: str) -> str:
    """Where somebody on this machine finds who listens at the address of a `bind` line."""
    host = address.strip("[]")
    return {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def refusal(address: str, port: int) -> str | None:
    """Why nobody could listen at the address now, None when one could; nothing listens there meanwhile."""
    host = None if address in ("", "*") else address.strip("[]")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As HAProxy does: listeners of our own, on their way out or not, are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(target)
    except (OSError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def _address(text: str) -> str:
    """An address of /proc/net/tcp: 32-bit words in host byte order, which is little-endian wherever Mesos runs."""
    raw = bytes.fromhex(text)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(words)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _overlap(one: str, other: str) -> bool:
    wildcards = {"0.0.0.0", "::", "*", ""}
    return one in wildcards or other in wildcards or one == other
