"""`edgelb run listener`: one process that follows Mesos and serves its tasks over gRPC."""

import signal
import threading
import uuid
from collections.abc import Callable

import structlog

from api.mesos_listener.board import Board
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.records import OperatorStream
from api.mesos_listener.server import Server
from api.mesos_listener.stream import Follower
from api.process.health import HealthServer
from api.process.turns import Turns
from sdk.clock import SystemClock
from sdk.end_signals import on_end_signals
from sdk.pattern import Pattern

log = structlog.get_logger()


#: Seconds in which the loop comes round when all is well, or when it is Mesos that is not: a master may be silent for
#: five heartbeats of 15 s, each of several that answer nothing takes 40 s, and a snapshot of a large cluster its time.
_LONGEST_TURN = 400.0


def run(operator: OperatorStream, listen: str, health_listen: str, *, marathons: Pattern | None = None) -> None:
    """Serve at `listen` (`host:port`, port 0 for any) until SIGTERM or SIGINT, and health and metrics at
    `health_listen`.

    Any number of listeners may run at once, each with its own stream. Raises OSError or EnvironmentProblem when an
    address cannot be used.
    """
    stop = threading.Event()

    def on_signal(number: signal.Signals) -> None:
        log.info(f"Stopping because of {number.name}")
        stop.set()

    on_end_signals(on_signal)
    serve(operator, listen, stop, marathons=marathons, health_listen=health_listen)


def serve(
    operator: OperatorStream,
    listen: str,
    stop: threading.Event,
    *,
    marathons: Pattern | None = None,
    health_listen: str = "127.0.0.1:0",
    on_listening: Callable[[int], None] | None = None,
    on_health: Callable[[str], None] | None = None,
) -> None:
    """Serve until `stop` is set; `on_listening` is told the port once calls are accepted, `on_health` the address of
    the health server. `marathons` is found in the names of frameworks that count as Marathons.
    """
    clock = SystemClock()
    turns = Turns(clock, limit=_LONGEST_TURN)
    metrics = ListenerMetrics()
    board = Board(uuid.uuid4().hex)
    follower = Follower(
        operator, board, clock, lambda: server.announce_complete(), marathons, turns=turns, metrics=metrics
    )
    health = HealthServer(
        health_listen,
        name="listener-health",
        healthy=lambda: turns.problem,
        ready=lambda: None if board.complete else "there is no complete view of the Mesos master yet",
        gauges={
            "edgelb_listener_turn_age_seconds": ("Time since the working loop came round", lambda: turns.age),
            "edgelb_listener_mesos_silence_seconds": ("Time since Mesos said anything", follower.silence),
            "edgelb_listener_complete": ("1 once the view of the cluster was complete", lambda: float(board.complete)),
            "edgelb_listener_tasks": ("Running tasks that are told to clients", lambda: float(board.size)),
            "edgelb_listener_mesos_connected": (
                "1 while Mesos tells its events",
                lambda: float(follower.connected()),
            ),
        },
        registry=metrics.registry,
    )
    try:
        server = Server(
            board, listen, silence=follower.silence, connected=follower.connected, clock=clock, metrics=metrics
        )
    except OSError:
        health.stop()
        raise
    health.start()
    server.start()
    follower.start()
    log.info("The mesos-listener accepts gRPC calls", listen=listen, port=server.port)
    if on_listening is not None:
        on_listening(server.port)
    if on_health is not None:
        on_health(health.address)
    try:
        stop.wait()
    finally:
        follower.stop()
        server.stop()
        health.stop()
        log.info("The mesos-listener has stopped")
