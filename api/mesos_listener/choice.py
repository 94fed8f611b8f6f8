"""When a client of several mesos-listeners leaves the one that it follows for one that hears Mesos.

Knows what makes a listener's view old, and asks the others how theirs is. Does not know what is done with the answer.
"""

import threading
from collections.abc import Callable, Iterable, Sequence

import grpc
import grpc.experimental

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener import taskinfo_pb2_grpc

#: Mesos sends heartbeats 15 s apart: after this many seconds of silence two are missing.
OLD = 35.0
_FRESH = 20.0
_TIMEOUT = 2.0
#: While the listener that is followed has lost Mesos, the others are asked so many seconds apart.
_EVERY = 2.0
OPTIONS = (
    # A listener that is gone without a word is noticed after 10 + 5 seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # 60 s unless it is said, whatever the one above
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    # We choose the next address and the pause ourselves; gRPC's own backoff would add up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
    # Without it every message is handed from one thread to another.
    (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
)


class Choice:
    """A thread that looks for a better listener while the one that is followed is `old`, and then says `leave`."""

    def __init__(
        self,
        targets: Sequence[str],
        old: Callable[[], str | None],
        leave: Callable[[str, str], None],
        stopping: threading.Event,
    ) -> None:
        """`old` is the address of a listener that is followed although it has lost Mesos, if there is one; `leave` is
        told that address and the better one. The thread ends with `stopping`.
        """
        self._targets = targets
        self._old = old
        self._leave = leave
        self._stopping = stopping
        self._thread = threading.Thread(target=self._run, name="taskinfo-choice", daemon=True)

    def start(self) -> None:
        """Begin to look, if there is a choice."""
        if len(self._targets) > 1:
            self._thread.start()

    def join(self) -> None:
        """Wait for the end of the thread."""
        if self._thread.ident is not None:
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            old = self._old()
            if old is None:
                continue
            target = _better(target for target in self._targets if target != old)
            if target is not None:
                self._leave(old, target)


def is_old(alive: pb.Alive) -> bool:
    """Whether the listener that says so tells only what it knew before."""
    return not alive.mesos_connected or not alive.HasField("mesos_silence") or alive.mesos_silence > OLD


def _better(targets: Iterable[str]) -> str | None:
    """The first of these listeners that serves and hears Mesos; asking takes some seconds for each that is away."""
    for target in targets:
        with grpc.insecure_channel(target, options=OPTIONS) as channel:
            stub = taskinfo_pb2_grpc.TaskInfoStub(channel)  # type: ignore[no-untyped-call] # generated
            try:
                view: pb.ViewAnswer = stub.View(pb.ViewRequest(), timeout=_TIMEOUT)
            except grpc.RpcError:
                continue  # away, which is no news: it is asked again
        alive = view.alive
        if view.complete and not is_old(alive) and alive.mesos_silence <= _FRESH:
            return target
    return None
