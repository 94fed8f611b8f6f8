"""SIGTERM and SIGINT, acted on at once on a thread of its own.

Python runs its handlers on the main thread. When a signal comes just before that thread begins to wait for something,
or is delivered to another thread, it goes on waiting, and the signal stands aside until something else wakes it: of
some hundred ends of a process one did not happen. The file descriptor that Python writes signals to knows no such gap.
"""

import signal
import socket
import threading
from collections.abc import Callable

ENDS = frozenset({signal.SIGTERM, signal.SIGINT})


def on_end_signals(act: Callable[[signal.Signals], object]) -> None:
    """Call `act` for every SIGTERM and SIGINT from now on. On the main thread, once in the life of a process."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)

    def follow() -> None:
        with reading, writing:
            while True:
                for number in reading.recv(64):
                    if number in ENDS:
                        act(signal.Signals(number))

    # Before the handlers: what comes in between still ends the process.
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=follow, name="end signals", daemon=True).start()
    for number in ENDS:
        signal.signal(number, lambda *_: None)
