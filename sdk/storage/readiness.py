"""How kazoo's thread waits and whom it wakes: with `poll`, and nobody whom it can spare.

kazoo makes an epoll object anew for each wait, and waits and reads three times for each message: that was half of what
its thread costs. And it hands each event and each answer to a thread of its own; each thread that is woken costs more
than what it does there. Knows the calls of kazoo's handler.
"""

import math
import queue
import select
import socket
from collections.abc import Sequence
from typing import Any

import structlog
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.handlers.utils import fileobj_to_fd

_CHUNK = 16_384
_READ, _WRITE = select.POLLIN | select.POLLPRI, select.POLLOUT

_log = structlog.get_logger()

Files = Sequence[Any]


class _ReadAhead(socket.socket):
    """Reads what there is, and gives it away in the pieces that are asked for. One thread reads."""

    _ahead = b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As a socket does."""
        if not self._ahead:
            if size >= _CHUNK or flags:
                return super().recv(size, flags)
            self._ahead = super().recv(_CHUNK)
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        return found

    def pending(self) -> int:
        """How many bytes were read and not given away; kazoo asks for it before it waits, for TLS."""
        return len(self._ahead)


class _AtOnce(queue.SimpleQueue[Any]):
    """A queue whose calls are made by whoever puts them; what is no call, as the word to end, goes to its reader."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Make the call, whatever becomes of it: kazoo's thread has to go on."""
        if not callable(item):
            super().put(item, block, timeout)
            return
        try:
            item()
        except Exception:  # noqa: BLE001 - as it says
            _log.exception("What follows from a word of ZooKeeper failed")

    def task_done(self) -> None:
        """Nobody waits for that."""


class PollingHandler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo has no types
    """kazoo's way to wait and to call back. Events and answers are told by the thread that reads them.

    So they must be taken at once, and without asking ZooKeeper and waiting for it.
    """

    queue_impl = _AtOnce

    def create_connection(self, *args: Any, **kwargs: Any) -> socket.socket:
        """As kazoo's; it asks for no TLS, whose sockets read ahead themselves."""
        made = super().create_connection(*args, **kwargs)
        timeout = made.gettimeout()
        ahead = _ReadAhead(fileno=made.detach())
        ahead.settimeout(timeout)
        return ahead

    def select(
        self, readers: Files, writers: Files, _exceptional: Files, timeout: float | None = None
    ) -> tuple[Files, Files, Files]:
        """As `select.select`, for file descriptors of any number; raises TypeError for a closed socket, as kazoo's."""
        if ahead := [one for one in readers if isinstance(one, _ReadAhead) and one.pending()]:
            return ahead, [], []
        reading = {fileobj_to_fd(one): one for one in readers}
        writing = {fileobj_to_fd(one): one for one in writers}
        waiter = select.poll()
        for number in reading.keys() | writing.keys():
            waiter.register(number, (_READ if number in reading else 0) | (_WRITE if number in writing else 0))
        # An error, or the end of the connection, is found by whoever reads or writes then.
        ready = waiter.poll(None if timeout is None else math.ceil(timeout * 1000))
        readable = [reading[number] for number, found in ready if number in reading and found & ~_WRITE]
        return readable, [writing[number] for number, found in ready if number in writing and found & ~_READ], []
