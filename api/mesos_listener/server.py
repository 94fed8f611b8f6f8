"""The gRPC server of the mesos-listener: the calls of taskinfo.proto, health and reflection.

Knows gRPC. Does not know Mesos, nor what calls answer (service.py). Every Watch holds one thread, so their number is
limited; whoever comes after that is told RESOURCE_EXHAUSTED instead of waiting silently.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.board import Board
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.service import TaskInfoService
from sdk.clock import Clock

SERVICE = "edgelb.taskinfo.v1.TaskInfo"
MOST_CALLS = 128

# Dead peers are found by pings: a Watch may be silent for hours. Clients may ping as often as every 5 s.
_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # 60 s unless it is said, whatever the one above
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 4_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),  # a second listener on the port must fail to bind, not silently share it
)

log = structlog.get_logger()


def _told_in_one_line(record: logging.LogRecord) -> bool:
    """What a client sends that is no message of ours is its mistake: gRPC would log a traceback of our side for it."""
    if record.exc_info:
        record.exc_info = None
        record.msg = f"A client sent what cannot be read: {record.msg}"
    return True


logging.getLogger("grpc._common").addFilter(_told_in_one_line)


class Server:
    """The listening server; `port` is the real one when the address asked for port 0."""

    def __init__(
        self,
        board: Board,
        listen: str,
        *,
        silence: Callable[[], float | None],
        connected: Callable[[], bool],
        clock: Clock,
        metrics: ListenerMetrics,
    ) -> None:
        """`silence` and `connected` are what clients are told: seconds since Mesos said anything, None before, and
        whether it would be heard if it did.
        """
        self._board = board
        self._health = health.HealthServicer()
        self._pool = ThreadPoolExecutor(MOST_CALLS + 2, thread_name_prefix="taskinfo")
        self._server = grpc.server(self._pool, options=_OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
        service = TaskInfoService(board, silence, connected, clock, metrics)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, _handlers(service)),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._announce(health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            self.port = self._server.add_insecure_port(listen)
        except RuntimeError as error:
            self._pool.shutdown(wait=False)
            raise OSError(f"cannot listen on {listen}: the address is in use or not one of this machine") from error

    def start(self) -> None:
        """Accept calls."""
        self._server.start()

    def announce_complete(self) -> None:
        """Say SERVING from the first complete view on; it stays so while Mesos is away."""
        self._announce(health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace: float = 2.0) -> None:
        """Tell clients to go elsewhere, end their calls and close."""
        self._health.enter_graceful_shutdown()
        self._board.close()
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=True)

    def _announce(self, status: int) -> None:
        for name in ("", SERVICE):
            self._health.set(name, status)


def _handlers(service: TaskInfoService) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    """By hand, because the generated code writes every answer anew for every client."""
    stream, answer = grpc.unary_stream_rpc_method_handler, grpc.unary_unary_rpc_method_handler
    return {
        "List": stream(service.list, pb.ListRequest.FromString),
        "Watch": stream(service.watch, pb.WatchRequest.FromString),
        "Select": answer(service.select, pb.SelectRequest.FromString, pb.SelectAnswer.SerializeToString),
        "Values": answer(service.values, pb.ValuesRequest.FromString, pb.ValuesAnswer.SerializeToString),
        "View": answer(service.view, pb.ViewRequest.FromString, pb.ViewAnswer.SerializeToString),
    }
