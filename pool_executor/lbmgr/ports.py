"""Which TCP ports of this network namespace have a listener: two HAProxies would silently share one."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


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
