"""Waiting for kazoo's sockets with `poll`.

kazoo makes an epoll object anew for each wait, and waits three times and more for each message: that was half of what
its thread costs. Knows the calls of kazoo's handler.
"""

import math
import select
from collections.abc import Sequence
from typing import Any

from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.handlers.utils import fileobj_to_fd

_READ, _WRITE = select.POLLIN | select.POLLPRI, select.POLLOUT

Files = Sequence[Any]


class PollingHandler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo has no types
    """kazoo's threads and queues, with another way to wait."""

    def select(
        self, readers: Files, writers: Files, _exceptional: Files, timeout: float | None = None
    ) -> tuple[Files, Files, Files]:
        """As `select.select`, for file descriptors of any number; raises TypeError for a closed socket, as kazoo's."""
        reading = {fileobj_to_fd(one): one for one in readers}
        writing = {fileobj_to_fd(one): one for one in writers}
        waiter = select.poll()
        for number in reading.keys() | writing.keys():
            waiter.register(number, (_READ if number in reading else 0) | (_WRITE if number in writing else 0))
        # An error, or the end of the connection, is found by whoever reads or writes then.
        ready = waiter.poll(None if timeout is None else math.ceil(timeout * 1000))
        readable = [reading[number] for number, found in ready if number in reading and found & ~_WRITE]
        return readable, [writing[number] for number, found in ready if number in writing and found & ~_READ], []
