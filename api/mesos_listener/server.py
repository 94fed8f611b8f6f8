"""The gRPC server of the mesos-listener: List, Watch, health and reflection.

Knows gRPC and the board. Does not know Mesos. Every Watch holds one thread, so their number is limited; whoever comes
after that is told RESOURCE_EXHAUSTED instead of waiting silently.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener import taskinfo_pb2_grpc
from api.mesos_listener.board import Board, Changes, pages
from api.mesos_listener.wire import key_to_message
from sdk.clock import Clock

SERVICE = "edgelb.taskinfo.v1.TaskInfo"
MOST_CALLS = 128
PAGE_SIZE = 500
MOST_PER_PAGE = 5000
#: gRPC clients refuse messages above 4 MiB unless told otherwise.
PAGE_BYTES = 1_000_000
#: How often a Watch says that it lives, and looks whether its client is still there; a client that leaves properly
#: wakes it at once.
ALIVE = 2.0

# Dead peers are found by pings: a Watch may be silent for hours. Clients may ping as often as every 5 s.
_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
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


class _Context(Protocol):
    """What is used of grpc.ServicerContext."""

    def is_active(self) -> bool: ...
    def add_callback(self, callback: Callable[[], None], /) -> bool: ...
    def abort(self, code: grpc.StatusCode, details: str) -> object: ...


class TaskInfoService(taskinfo_pb2_grpc.TaskInfoServicer):
    """List and Watch over a board."""

    def __init__(self, board: Board, silence: Callable[[], float | None], clock: Clock) -> None:
        self._board = board
        self._silence = silence
        self._clock = clock

    def List(self, request: pb.ListRequest, context: _Context) -> Iterator[pb.ListPage]:  # noqa: N802 - named by gRPC
        """All running tasks in pages."""
        self._refuse_while_incomplete(context)
        snapshot = self._board.snapshot()
        pending: list[pb.Task] | None = None
        for page in pages(snapshot.tasks, _page_size(request.page_size), PAGE_BYTES):
            if pending is not None:
                yield pb.ListPage(tasks=pending, revision=snapshot.revision)
            pending = page
        yield pb.ListPage(tasks=pending or (), revision=snapshot.revision, last=True)

    def Watch(self, request: pb.WatchRequest, context: _Context) -> Iterator[pb.WatchEvent]:  # noqa: N802 - named by gRPC
        """A snapshot or the continuation of an earlier call, then changes until the client leaves."""
        self._refuse_while_incomplete(context)
        board, most = self._board, _page_size(request.page_size)
        context.add_callback(board.wake)
        revision = self._continue_from(request.resume_token)
        if revision is not None:
            yield self._synced(revision, resumed=True)
        said = float("-inf")
        while context.is_active() and not board.closed:
            if revision is None:
                snapshot = board.snapshot()
                for number, page in enumerate(pages(snapshot.tasks, most, PAGE_BYTES)):
                    yield pb.WatchEvent(
                        revision=snapshot.revision, snapshot=pb.SnapshotPage(tasks=page, first=number == 0)
                    )
                revision = snapshot.revision
                yield self._synced(revision, resumed=False)
            # gRPC asks for the next event only when the last one fitted the client's window: a slow client waits here
            # and gets all that happened meanwhile as one delta, or a snapshot when that is no longer known.
            if (now := self._clock.monotonic()) >= said + ALIVE:
                said = now
                yield pb.WatchEvent(alive=pb.Alive(mesos_silence=self._silence()))
            changes = board.changes_after(revision, ALIVE, lambda: not context.is_active())
            if changes is None:
                revision = None
            elif changes.revision > revision:
                revision = changes.revision
                yield from self._deltas(changes, most)
        if board.closed:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the mesos-listener is stopping; watch another one")

    def _deltas(self, changes: Changes, most: int) -> Iterator[pb.WatchEvent]:
        """One event, or several when a client would refuse it as too large; only the last one can be resumed after."""
        gone = (key_to_message(key, missing=key in changes.missing) for key in changes.removed)
        pieces = [pb.Delta(updated=page) for page in pages(changes.updated, most, PAGE_BYTES)]
        # Usually there is one of each, which is one event.
        for number, page in enumerate(pages(gone, most, PAGE_BYTES)):
            if number == 0 and len(pieces) == 1 and _fits(pieces[0], page):
                pieces[0].removed.extend(page)
            elif page:
                pieces.append(pb.Delta(removed=page))
        for number, piece in enumerate(pieces, 1):
            token = self._token(changes.revision) if number == len(pieces) else ""
            yield pb.WatchEvent(revision=changes.revision, resume_token=token, delta=piece)

    def _refuse_while_incomplete(self, context: _Context) -> None:
        if not self._board.complete:
            context.abort(
                grpc.StatusCode.UNAVAILABLE,
                "the mesos-listener has no complete view of the Mesos master yet; try again or ask another one",
            )

    def _synced(self, revision: int, *, resumed: bool) -> pb.WatchEvent:
        return pb.WatchEvent(revision=revision, resume_token=self._token(revision), synced=pb.Synced(resumed=resumed))

    def _token(self, revision: int) -> str:
        return f"{self._board.run_id}:{revision}"

    def _continue_from(self, token: str) -> int | None:
        run_id, _, digits = token.rpartition(":")
        if run_id != self._board.run_id or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        revision = int(digits)
        return revision if self._board.can_continue(revision) else None


class Server:
    """The listening server; `port` is the real one when the address asked for port 0."""

    def __init__(self, board: Board, listen: str, *, silence: Callable[[], float | None], clock: Clock) -> None:
        """`silence` is what clients are told: seconds since Mesos said anything, None before."""
        self._board = board
        self._health = health.HealthServicer()
        self._serving = False
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(MOST_CALLS + 2, thread_name_prefix="taskinfo")
        self._server = grpc.server(self._pool, options=_OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
        taskinfo_pb2_grpc.add_TaskInfoServicer_to_server(TaskInfoService(board, silence, clock), self._server)  # type: ignore[no-untyped-call] # generated
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

    def refresh_health(self) -> None:
        """Say SERVING from the first complete view on; it stays so while Mesos is away."""
        with self._lock:
            if not self._serving and self._board.complete:
                self._serving = True
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


def _page_size(asked: int) -> int:
    return min(asked or PAGE_SIZE, MOST_PER_PAGE)


def _fits(piece: pb.Delta, keys: Sequence[pb.TaskKey]) -> bool:
    return piece.ByteSize() + sum(key.ByteSize() for key in keys) <= 2 * PAGE_BYTES
