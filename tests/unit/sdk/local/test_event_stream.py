"""What waits for a reader that does not read: the first record whatever its size, then so many bytes and no more."""

import asyncio
from typing import Any

import pytest

from sdk.local.web import EventStream

Json = dict[str, Any]
SMALL: Json = {"type": "HEARTBEAT"}
LARGE: Json = {"type": "OFFERS", "offers": {"offers": [{"id": {"value": f"offer{number}"}} for number in range(200)]}}


async def sent(*events: Json) -> int:
    """How many records wait after these; one is left, the end, when the reader is given up."""
    stream = EventStream(max_backlog=20_000)
    for event in events:
        stream.send(event)
    return stream.waiting


@pytest.mark.parametrize(
    ("events", "waiting"),
    [
        ([LARGE], 1),
        ([LARGE, SMALL, SMALL], 3),
        ([SMALL] * 100, 100),
        ([SMALL] * 1000, 1),
        # Encoded they are 5 kB each.
        ([LARGE] * 3, 3),
        ([LARGE] * 10, 1),
        ([LARGE, SMALL] * 10, 1),
    ],
)
def test_all_that_waits_behind_the_first_is_counted(events: list[Json], waiting: int) -> None:
    """Large events as well: offers of many agents, made again and again to a scheduler that does not read."""
    assert asyncio.run(sent(*events)) == waiting
