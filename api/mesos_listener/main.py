"""`edgelb run listener`: one process that follows Mesos and serves its tasks over gRPC."""

import signal
import threading
import uuid
from collections.abc import Callable
from types import FrameType

import structlog

from api.mesos_listener.board import Board
from api.mesos_listener.server import Server
from api.mesos_listener.stream import Follower, OperatorStream
from sdk.clock import SystemClock
from sdk.pattern import Pattern

log = structlog.get_logger()


def run(
    operator: OperatorStream,
    listen: str,
    *,
    marathons: Pattern | None = None,
    on_listening: Callable[[int], None] | None = None,
) -> None:
    """Serve at `listen` (`host:port`, port 0 for any) until SIGTERM or SIGINT.

    Any number of listeners may run at once, each with its own stream. Raises OSError when the address cannot be used.
    """
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        log.info(f"Stopping because of {signal.Signals(number).name}")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    serve(operator, listen, stop, marathons=marathons, on_listening=on_listening)


def serve(
    operator: OperatorStream,
    listen: str,
    stop: threading.Event,
    *,
    marathons: Pattern | None = None,
    on_listening: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set; `on_listening` is told the port once calls are accepted.

    `marathons` is found in the names of frameworks that count as Marathons.
    """
    board = Board(uuid.uuid4().hex)
    server = Server(board, listen)
    follower = Follower(operator, board, SystemClock(), server.refresh_health, marathons)
    server.start()
    follower.start()
    log.info("The mesos-listener accepts gRPC calls", listen=listen, port=server.port)
    if on_listening is not None:
        on_listening(server.port)
    try:
        stop.wait()
    finally:
        follower.stop()
        server.stop()
        log.info("The mesos-listener has stopped")
