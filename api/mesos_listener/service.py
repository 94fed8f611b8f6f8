"""The calls of taskinfo.proto over a board.

Knows how a client is brought up to date and kept so, and what it is told that may not be served. Does not know ports,
threads and sockets (server.py). What holds tasks is given as bytes.
"""

import difflib
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

import grpc

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.board import Board, Changes, Snapshot, pages
from api.mesos_listener.filter import ALL, BadTerm, Filter, Term, check_field, values_of
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.unheard import NO_NEWS
from api.mesos_listener.wire import delta_event, list_page, snapshot_event, unheard_message
from sdk.clock import Clock

PAGE_SIZE = 500
MOST_PER_PAGE = 5000
#: gRPC clients refuse messages above 4 MiB unless told otherwise.
PAGE_BYTES = 1_000_000
#: How often a Watch says that it lives, and looks whether its client is still there; a client that leaves properly
#: wakes it at once.
ALIVE = 2.0
#: Deltas are told so many seconds apart at least: under load one for many changes costs everybody less.
TOGETHER = 0.002
#: Values of a field that are told unless the client asks for another number.
VALUES = 100
MOST_VALUES = 1000
#: Values that are compared with what is asked for: comparing takes time.
_MOST_COMPARED = 2000


class Context(Protocol):
    """What is used of grpc.ServicerContext."""

    def is_active(self) -> bool: ...
    def add_callback(self, callback: Callable[[], None], /) -> bool: ...
    def abort(self, code: grpc.StatusCode, details: str) -> object: ...


class _Watching:
    """One Watch: what its client wants, and what it wants besides from now on."""

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self._lock = threading.Lock()
        self._more: Filter | None = None
        self._number = 0

    def ask(self, more: Filter, number: int) -> None:
        """Called by another call of the client."""
        with self._lock:
            self._more = self._more.with_(more) if self._more is not None else more
            self._number = number

    @property
    def is_asked(self) -> bool:
        """Whether there is something that `widened` would give."""
        return self._more is not None

    def widened(self) -> tuple[Filter, int]:
        """What is wanted from now on, and the number of the last question."""
        with self._lock:
            more, self._more = self._more, None
            return (self.wanted.with_(more) if more is not None else self.wanted), self._number


class TaskInfoService:
    """The calls of taskinfo.proto over a board; answers are bytes where they hold tasks."""

    def __init__(
        self,
        board: Board,
        silence: Callable[[], float | None],
        connected: Callable[[], bool],
        clock: Clock,
        metrics: ListenerMetrics,
    ) -> None:
        self._board = board
        self._silence = silence
        self._connected = connected
        self._clock = clock
        self._metrics = metrics
        self._watching: dict[str, _Watching] = {}
        self._lock = threading.Lock()

    def list(self, request: pb.ListRequest, context: Context) -> Iterator[bytes]:
        """All running tasks in pages."""
        self._refuse_while_incomplete(context)
        snapshot = self._board.snapshot()
        pending: list[bytes] | None = None
        for page in pages(snapshot.parts(ALL), _page_size(request.page_size), PAGE_BYTES):
            if pending is not None:
                yield list_page(pending, revision=snapshot.revision, last=False)
            pending = page
        yield list_page(pending or (), revision=snapshot.revision, last=True)

    def watch(self, request: pb.WatchRequest, context: Context) -> Iterator[bytes]:
        """A snapshot or the continuation of an earlier call, then changes until the client leaves."""
        if not (request.incomplete and self._board.begun):
            self._refuse_while_incomplete(context)
        watching = _Watching(_filter(request.filter, context) if request.HasField("filter") else ALL)
        name = uuid.uuid4().hex
        with self._lock:
            self._watching[name] = watching
            self._metrics.readers.inc()
        try:
            context.add_callback(self._board.wake)
            yield from self._watch(request, context, watching, name)
        finally:
            with self._lock:
                del self._watching[name]
                self._metrics.readers.dec()
        if self._board.closed:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the mesos-listener is stopping; watch another one")

    def select(self, request: pb.SelectRequest, context: Context) -> pb.SelectAnswer:
        """Widen the filter of a Watch."""
        more = _filter(request.filter, context)
        with self._lock:
            watching = self._watching.get(request.watch)
        if watching is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such Watch; begin a new one with the whole filter")
            return pb.SelectAnswer()
        watching.ask(more, request.number)
        self._board.wake()
        return pb.SelectAnswer()

    def values(self, request: pb.ValuesRequest, context: Context) -> pb.ValuesAnswer:
        """What values a field has."""
        self._refuse_while_incomplete(context)
        try:
            check_field(request.field, request.key)
        except BadTerm as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return pb.ValuesAnswer()
        tasks = (task for task in self._board.snapshot().tasks if task.marathon or not request.marathon)
        every = {value for task in tasks for value in values_of(task, request.field, request.key)}
        chosen = some(every, request.like, min(request.most or VALUES, MOST_VALUES))
        return pb.ValuesAnswer(values=chosen, total=len(every))

    def view(self, _request: pb.ViewRequest, _context: Context) -> pb.ViewAnswer:
        """How good the view is."""
        return pb.ViewAnswer(complete=self._board.complete, alive=self._alive(), tasks=self._board.size)

    def _watch(self, request: pb.WatchRequest, context: Context, watching: _Watching, name: str) -> Iterator[bytes]:
        board, most = self._board, _page_size(request.page_size)
        revision = self._continue_from(request.resume_token)
        if revision is not None:
            yield self._synced(revision, name)
        elif request.resume_token:
            self._metrics.resyncs.inc()
        said = told = float("-inf")
        while context.is_active() and not board.closed:
            if revision is None:
                snapshot = board.snapshot()
                self._metrics.snapshots.inc()
                for number, page in enumerate(pages(snapshot.parts(watching.wanted), most, PAGE_BYTES)):
                    yield snapshot_event(page, revision=snapshot.revision, first=number == 0)
                revision = snapshot.revision
                yield self._synced(revision, name, snapshot)
            # gRPC asks for the next event only when the last one fitted the client's window: a slow client waits here
            # and gets all that happened meanwhile as one delta, or a snapshot when that is no longer known.
            if (now := self._clock.monotonic()) >= said + ALIVE:
                said = now
                token = self._token(revision)
                yield pb.WatchEvent(revision=revision, resume_token=token, alive=self._alive()).SerializeToString()
            # The first change goes out at once; those that come while it does go out together.
            not_before = told + TOGETHER
            changes = board.changes_after(
                revision,
                ALIVE,
                lambda: watching.is_asked or not context.is_active(),
                everything=lambda: watching.is_asked,
                wanted=watching.wanted,
                rest=lambda: not_before - self._clock.monotonic(),  # noqa: B023 - it is called here and now
            )
            if changes is None:
                self._metrics.resyncs.inc()
                revision = None
                continue
            had, number = watching.wanted, 0
            if changes.everything is not None:
                watching.wanted, number = watching.widened()
            parts = changes.parts(watching.wanted, had)
            if parts or changes.news:
                yield from self._deltas(changes, parts, most)
                told = self._clock.monotonic()
            revision = changes.revision
            if number:
                selected = pb.WatchEvent(revision=revision, selected=pb.Selected(number=number))
                selected.resume_token = self._token(revision)
                yield selected.SerializeToString()

    def _deltas(self, changes: Changes, parts: Sequence[bytes], most: int) -> Iterator[bytes]:
        """One event, or several when a client would refuse it as too large; only the last one can be resumed after."""
        told = list(pages(parts, most, PAGE_BYTES))
        for number, page in enumerate(told, 1):
            last = number == len(told)
            yield delta_event(
                page,
                revision=changes.revision,
                token=self._token(changes.revision) if last else "",
                event=changes.stamps.event,
                index=changes.stamps.index,
                news=changes.news if last else NO_NEWS,
            )

    def _refuse_while_incomplete(self, context: Context) -> None:
        if not self._board.complete:
            context.abort(
                grpc.StatusCode.UNAVAILABLE,
                "the mesos-listener has no complete view of the Mesos master yet; try again or ask another one",
            )

    def _alive(self) -> pb.Alive:
        return pb.Alive(mesos_silence=self._silence(), mesos_connected=self._connected())

    def _synced(self, revision: int, watch: str, snapshot: Snapshot | None = None) -> bytes:
        """Without a snapshot the client is where it was."""
        unheard = unheard_message(snapshot.unheard) if snapshot is not None else None
        synced = pb.Synced(resumed=snapshot is None, watch=watch, unheard=unheard)
        return pb.WatchEvent(revision=revision, resume_token=self._token(revision), synced=synced).SerializeToString()

    def _token(self, revision: int) -> str:
        return f"{self._board.run_id}:{revision}"

    def _continue_from(self, token: str) -> int | None:
        run_id, _, digits = token.rpartition(":")
        if run_id != self._board.run_id or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        revision = int(digits)
        return revision if self._board.can_continue(revision) else None


def _filter(told: pb.Filter, context: Context) -> Filter:
    try:
        return Filter.of(Term(term.field, term.text, term.pattern, term.key) for term in told.terms)
    except BadTerm as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise


def some(values: Collection[str], like: str, most: int) -> list[str]:
    """At most so many of `values`, sorted, those that are spelled most similarly to `like` first."""
    every = sorted(values)
    near = difflib.get_close_matches(like[:200], every[:_MOST_COMPARED], min(most, 10), 0.6) if like else []
    return list(dict.fromkeys([*sorted(near), *every]))[:most]


def _page_size(asked: int) -> int:
    return min(asked or PAGE_SIZE, MOST_PER_PAGE)
