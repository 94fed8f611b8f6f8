"""Who listens where others than this machine reach it, as /proc shows it."""

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

from sdk.local import processes

_LISTEN = "0A"


def exposed(pids: Iterable[int]) -> list[str]:
    """`name (pid) on address:port` of each TCP socket of these processes that listens on more than loopback."""
    owners = {inode: pid for pid in pids for inode in _sockets(pid)}
    return sorted(
        f"{processes.name(owners[inode])} ({owners[inode]}) on {address}:{port}"
        for inode, address, port in _listeners()
        if inode in owners and not _loopback(address)
    )


def _sockets(pid: int) -> Iterator[str]:
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        return  # it ended meanwhile


def _listeners() -> Iterator[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].rpartition(":")
                # Words of four bytes, each in the order of this machine.
                words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
                yield fields[9], ipaddress.ip_address(b"".join(words)), int(port, 16)


def _loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
