"""The link between a master and its simulation, over real sockets: frames are whole, and garbage does not matter."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.pieces import Encoded
from sdk.local.simulated.link import Far, Sender, Uplink, frames

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
Reading = Callable[[], Awaitable[list[Any]]]


async def _connected(work: Callable[[Sender, Reading, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Run `work` with one end's sender and what reads the next frame at the other."""
    ours, theirs = socket.socketpair()
    reader, far = await asyncio.open_unix_connection(sock=theirs)
    _, writer = await asyncio.open_unix_connection(sock=ours)
    coming = frames(reader)

    async def following() -> list[Any]:
        return await anext(coming, [])

    try:
        async with asyncio.timeout(10):
            await work(Sender(writer), following, writer)
    finally:
        writer.close()
        far.close()


@given(st.lists(JSON, min_size=1, max_size=5))
def test_what_is_put_in_one_turn_arrives_in_one_frame(items: list[Any]) -> None:
    """In order and unchanged, text that is no Unicode apart."""

    async def work(sender: Sender, following: Reading, _: asyncio.StreamWriter) -> None:
        for item in items:
            sender.put([item])
        assert await following() == [[item] for item in items]

    asyncio.run(_connected(work))


def test_an_item_may_change_after_it_was_put() -> None:
    """What arrives is what it was then."""

    async def work(sender: Sender, following: Reading, _: asyncio.StreamWriter) -> None:
        item = {"a": 1}
        sender.put([item])
        item["a"] = 2
        assert await following() == [[{"a": 1}]]

    asyncio.run(_connected(work))


def test_who_is_not_read_is_behind_until_it_is() -> None:
    """Megabytes that nobody takes count, and nothing of them is lost."""

    async def work(sender: Sender, following: Reading, _: asyncio.StreamWriter) -> None:
        assert not sender.behind
        for number in range(100):
            sender.put([number, "x" * 50_000])
        assert sender.behind
        seen: list[int] = []
        while len(seen) < 100:
            seen += [number for number, _ in await following()]
        assert seen == list(range(100))
        assert not sender.behind

    asyncio.run(_connected(work))


def test_a_connection_that_ends_in_the_middle_of_a_frame_ends_the_frames() -> None:
    """The part of it is not taken for a frame."""

    async def work(sender: Sender, following: Reading, writer: asyncio.StreamWriter) -> None:
        sender.put(["whole"])
        sender.flush()
        writer.write((100).to_bytes(4, "big") + b'["half')
        writer.close()
        assert await following() == [["whole"]]
        assert await following() == []

    asyncio.run(_connected(work))


def test_both_sides_say_who_and_what() -> None:
    """Agents, frameworks and ends go up; events, messages and ends come down, but nothing that is for operators."""

    async def work(sender: Sender, following: Reading, _: asyncio.StreamWriter) -> None:
        up = Uplink(sender)
        up.agent("a", {"type": "PONG"})
        up.framework("f", {"type": "REVIVE"})
        up.gone("a")
        up.filled()
        up.failed("no")
        assert await following() == [
            ["agent", "a", {"type": "PONG"}],
            ["framework", "f", {"type": "REVIVE"}],
            ["gone", "a", None],
            ["filled", "", None],
            ["failed", "", "no"],
        ]
        down = Far(sender, "f")
        down.send({"type": "HEARTBEAT"})
        down.send(Encoded(b"{}"))
        down.close()
        assert await following() == [["f", {"type": "HEARTBEAT"}], ["f", None]]

    asyncio.run(_connected(work))
