"""How the threads of the ZooKeeper client wait for its sockets: with poll(), which needs no file descriptor itself.

kazoo makes, fills and closes an epoll for every wait, and one write waits five times. Knows nothing of ZooKeeper.
"""

import math
import select
from collections.abc import Sequence
from typing import Protocol, TypeVar

from kazoo.handlers.threading import SequentialThreadingHandler


class _HasFd(Protocol):
    def fileno(self) -> int: ...


F = TypeVar("F", bound=_HasFd)


class PollingHandler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """kazoo's threads, which wait by `poll`."""

    def select(
        self, rlist: Sequence[F], wlist: Sequence[F], _xlist: Sequence[F], timeout: float | None = None
    ) -> tuple[list[F], list[F], list[F]]:
        """As select.select() does, without exceptional conditions and for any file descriptor.

        Raises ValueError for what is closed, and for a timeout below zero.
        """
        if timeout is not None and timeout < 0:
            raise ValueError(f"timeout is {timeout}; it must not be negative")
        wanted: dict[int, int] = {}
        for files, mask in ((rlist, select.POLLIN), (wlist, select.POLLOUT)):
            for one in files:
                wanted[one.fileno()] = wanted.get(one.fileno(), 0) | mask
        poll = select.poll()
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(None if timeout is None else math.ceil(timeout * 1000)))
        if any(events & select.POLLNVAL for events in ready.values()):
            raise ValueError("a socket is closed that was to be waited for")
        # An error or an end is neither, and is for whoever reads or writes next.
        return (
            [one for one in rlist if ready.get(one.fileno(), 0) & ~select.POLLOUT],
            [one for one in wlist if ready.get(one.fileno(), 0) & ~select.POLLIN],
            [],
        )
