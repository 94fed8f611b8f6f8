"""What a master and the simulation beside it say to each other, over a socket between their two processes.

A frame is the length of its content in four bytes, and a JSON list of items. To the master an item is `[kind, name,
content]`: a message of the agent or a call of the framework of that name, the first of which opens its stream; back
come `[name, event or message]`, with null once the master has ended that stream. Requests for tasks on demand go the
same ways: `["", {"request": name, "content": ..}]` to the simulation, `["done", request, null]` when all that it caused
was said, `["answered", request, answer]` in the end. Both ends are of one version and of
one machine. Knows framing and flow control; what is said is the others' affair.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

from sdk.local.core.pieces import Encoded, decode, encode

Kind = Literal["agent", "framework", "gone", "filled", "failed", "done", "answered"]
"""A message of an agent, a call of a framework, the end of a stream, that all tasks run, why they never will, that a
request for tasks on demand was carried out, and its answer."""

REQUESTS = ""
"""The name of those who ask for tasks on demand."""

_LENGTH = 4
_BEHIND = 256 * 1024
"""Bytes that may wait for the other side before it counts as behind."""
_FRAME = 64 * 1024
"""Bytes after which a frame is written although its turn is not over."""


class Sender:
    """One end's way out: what is put in one turn of the event loop leaves in one frame."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._items: list[bytes] = []
        self._size = 0
        self._due: asyncio.Handle | None = None

    @property
    def behind(self) -> bool:
        """Whether the other side reads more slowly than this one writes."""
        return self._size + self._writer.transport.get_write_buffer_size() > _BEHIND

    def put(self, item: list[Any]) -> None:
        """Send an item, at the latest when this turn of the event loop is over. It may change afterwards."""
        body = encode(item)
        self._items.append(body)
        self._size += len(body) + 1
        if self._size > _FRAME:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what was put."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._items and not self._writer.is_closing():
            content = b"[%b]" % b",".join(self._items)
            self._writer.write(len(content).to_bytes(_LENGTH, "big") + content)
        self._items.clear()
        self._size = 0


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[list[Any]]:
    """The other side's frames until it ends the connection, in the middle of a frame too."""
    while True:
        try:
            length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
            content = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield decode(content)


class Uplink:
    """The simulation's side: what its agents and frameworks say to the master."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @property
    def behind(self) -> bool:
        """Whether the master has not taken yet what was said a while ago."""
        return self._sender.behind

    def agent(self, name: str, message: Any) -> None:
        """A message of an agent."""
        self._say("agent", name, message)

    def framework(self, name: str, call: Any) -> None:
        """A call of a framework."""
        self._say("framework", name, call)

    def gone(self, name: str) -> None:
        """The agent or framework is no more."""
        self._say("gone", name)

    def filled(self) -> None:
        """All tasks run."""
        self._say("filled")

    def failed(self, why: str) -> None:
        """It cannot go on."""
        self._say("failed", "", why)

    def done(self, request: str) -> None:
        """What the request asked for was said."""
        self._say("done", request)

    def answered(self, request: str, answer: Any) -> None:
        """The answer to a request."""
        self._say("answered", request, answer)

    def _say(self, kind: Kind, name: str = "", content: Any = None) -> None:
        self._sender.put([kind, name, content])


class Far:
    """The master's end of the stream of an agent or framework in the other process."""

    def __init__(self, sender: Sender, name: str) -> None:
        self._sender = sender
        self._name = name

    @property
    def waiting(self) -> int:
        """Nothing that counts: all of them share one way out."""
        return 0

    def send(self, event: Any) -> None:
        """Send an event or a message."""
        # Only events for operators come encoded, and nobody there is one.
        if not isinstance(event, Encoded):
            self._sender.put([self._name, event])

    def close(self) -> None:
        """The master ended the stream."""
        self._sender.put([self._name, None])
