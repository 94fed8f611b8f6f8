"""What the kernel counts of this machine's connections. Does not know whose they are."""

from pathlib import Path

_NETSTAT = Path("/proc/net/netstat")


def syns_sent_again() -> int:
    """How many requests for a connection had no answer in time, since the machine was started.

    Whoever waits for that connection waits a second, and sees nothing but that.
    """
    names, values = (line.split() for line in _NETSTAT.read_text().splitlines()[:2])
    return int(values[names.index("TCPSynRetrans")])
