"""Things that are done later keep their order, and are all done at once when the delay ends."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sdk.local.delay_line import DelayLine


def test_without_delay_things_are_done_at_once() -> None:
    """The action has run when put returns."""

    async def story() -> list[int]:
        line, done = DelayLine(), []
        line.put(lambda: done.append(1))
        assert line.idle
        return done

    assert asyncio.run(story()) == [1]


@given(st.lists(st.sampled_from([0.0, 0.001, 0.003, 0.01]), max_size=20))
def test_the_order_stays_whatever_the_delays(delays: list[float]) -> None:
    """Less delay than before never lets anything overtake."""

    async def story() -> list[int]:
        line, done = DelayLine(), []
        for number, delay in enumerate(delays):
            line.delay = delay
            line.put(lambda number=number: done.append(number))  # type: ignore[misc]
        await line.passed()
        return done

    assert asyncio.run(story()) == list(range(len(delays)))


def test_flush_does_all_that_waits_in_order() -> None:
    """An hour's delay and an hour's hold end at once; what an action puts there comes last."""

    async def story() -> list[int]:
        line, done = DelayLine(), []
        line.delay = 3600
        line.hold(3600)
        line.put(lambda: line.put(lambda: done.append(3)))
        line.put(lambda: done.append(1))
        line.put(lambda: done.append(2))
        assert done == []
        assert not line.idle
        line.flush()
        assert line.idle
        return done

    assert asyncio.run(story()) == [1, 2, 3]


def test_what_is_held_waits_for_the_end_of_the_hold() -> None:
    """A hold of 0 ends it; what was dropped never comes."""

    async def story() -> list[int]:
        line, done = DelayLine(), []
        line.hold(3600)
        line.put(lambda: done.append(1))
        line.drop()
        line.put(lambda: done.append(2))
        line.hold(0)
        await line.passed()
        return done

    assert asyncio.run(story()) == [2]


def test_whoever_waits_may_go_away() -> None:
    """A cancelled wait leaves the line working."""

    async def story() -> list[int]:
        line, done = DelayLine(), []
        line.delay = 0.01
        waiting = asyncio.ensure_future(line.passed())
        await asyncio.sleep(0)
        waiting.cancel()
        line.put(lambda: done.append(1))
        await line.passed()
        assert waiting.cancelled()
        return done

    assert asyncio.run(story()) == [1]
