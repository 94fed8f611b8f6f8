"""Work of an asyncio program that blocks, in threads of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Callable


def in_thread(work: Callable[[], None]) -> "asyncio.Future[None]":
    """Run in a thread of its own. The loop's own threads are few: six servers that stall would stop all launches."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if result.cancelled():
            return
        if error is None:
            result.set_result(None)
        else:
            result.set_exception(error)
            # Nobody may be interested any more.
            result.exception()

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as caught:  # noqa: BLE001 - it is raised again where the result is awaited
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all interest
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, daemon=True).start()
    return result
