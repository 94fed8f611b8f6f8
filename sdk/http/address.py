"""Where a server listens: its address as it is written in settings, who can reach it there, and under which names."""

import functools
import ipaddress
import socket

from sdk.errors import InvalidSpec


def split_address(listen: str) -> tuple[str, int]:
    """`host:port`, `[v6]:port` or `:port` (all addresses); raises InvalidSpec."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidSpec("listen", f"{listen!r} is not host:port")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach it. Names count as such only when they say so; raises InvalidSpec."""
    host, _ = split_address(listen)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@functools.cache
def own_names() -> frozenset[str]:
    """What this machine is called, in lower case: its own name, and the full one when the resolver knows it.

    May take as long as the resolver does, the first time.
    """
    name = socket.gethostname()
    try:
        full = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)[0][3]
    except OSError:
        full = ""
    return frozenset({name.lower(), full.lower().removesuffix(".")} - {""})


def require_authentication(listen: str, *, authenticated: bool, allowed: bool, instead: str, setting: str) -> None:
    """Raise InvalidSpec when others than this machine reach `listen`, nobody is asked who he is, and nobody `allowed`
    that on purpose by `setting`; `instead` says how to have it authenticated.
    """
    if not (authenticated or allowed or is_loopback(listen)):
        raise InvalidSpec(
            "listen",
            f"{listen} can be reached from other machines, and nobody there is asked who he is: {instead}, or say with"
            f" {setting} that everybody who reaches it is trusted",
        )
