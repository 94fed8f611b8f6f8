"""The log of `edgelb local up`: one line for each change of a load balancer, and of the API itself."""

import time
from collections.abc import Iterator

import urllib3

from api.cli.local import disk
from api.cli.local.stack import Stack
from api.cli.wait import describe
from sdk.errors import SdkError

_API, _DISK = "API", "disk"
_ROOM, _FULL = "has room again", "is full; what it stops comes back when there is room"


def follow(stack: Stack, every: float = 1.0) -> Iterator[str]:
    """The lines, for ever."""
    shown = {_DISK: _ROOM}
    while True:
        try:
            now = {_API: "answers", **dict(_load_balancers(stack))}
        except (SdkError, urllib3.exceptions.HTTPError) as error:
            now = {**shown, _API: f"does not answer: {str(error)[:120]}"}
        now[_DISK] = _FULL if disk.full(stack.layout.directory) else _ROOM
        yield from (stamped(name, text) for name, text in changes(shown, now))
        shown = now
        time.sleep(every)


def changes(before: dict[str, str], now: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What became different, by name; what is no longer there is gone. Pure."""
    for name in sorted(now.keys() | before.keys()):
        text = now.get(name, "gone")
        if before.get(name) != text:
            yield name, text


def stamped(name: str, text: str) -> str:
    """A line of the log, at this moment."""
    return f"{time.strftime('%H:%M:%S')} {name}: {text}"


def _load_balancers(stack: Stack) -> Iterator[tuple[str, str]]:
    for pool in stack.get(f"{stack.api}/v2/pools"):
        status = stack.get(f"{stack.api}/v2/pools/{pool['name']}/status")
        for row in status["loadBalancers"]:
            yield f"{pool['name']}/{row['name']}", describe(row)
