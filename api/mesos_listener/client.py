"""A client of the mesos-listener that keeps its own copy of the running tasks and tells what changed in it.

Knows Watch, its resume tokens and how to go from one listener to the next. A break changes nothing: the copy stays as
it is (fail-static) until a listener has told a complete snapshot, of which only the difference is passed on. Does not
know what the tasks are for.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import grpc
import structlog

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener import taskinfo_pb2_grpc
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.wire import from_message, key_from_message
from sdk.retry import Policy

_AGAIN = Policy(first=0.1, most=3.0)
_OPTIONS = (
    # A listener that is gone without a word is noticed after 10 + 5 seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    # We choose the next address and the pause ourselves; gRPC's own backoff would add up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanges:
    """What changed in the set of running tasks; `revision` is that of the listener which told it.

    `missing` are those of `removed` that are not named any more, and nobody said that they ended. `event` and `index`
    say when the first of these changes was read from Mesos and put into the listener's index, in seconds since the
    epoch, 0 where that is unknown.
    """

    revision: int
    updated: tuple[Task, ...] = ()
    removed: tuple[TaskKey, ...] = ()
    missing: frozenset[TaskKey] = frozenset()
    event: float = 0.0
    index: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How the copy is kept up to date now; times are monotonic.

    `target` is the listener that is followed or was tried last, `why_not` the sentence when it does not serve,
    `heard` when a listener last said anything. `mesos_heard` is when Mesos last said anything to the listener, None
    when the listener does not know.
    """

    target: str
    connected: bool
    why_not: str = ""
    heard: float | None = None
    mesos_heard: float | None = None


class TaskWatch:
    """Follows one of several listeners on a thread of its own.

    `on_changes` runs on that thread: first with everything that runs, then with every change. It must not raise.
    """

    def __init__(self, targets: Sequence[str], on_changes: Callable[[TaskChanges], None]) -> None:
        if not targets:
            raise ValueError("at least one address of a mesos-listener is needed, host:port")
        self._targets = tuple(targets)
        self._on_changes = on_changes
        self._tasks: dict[TaskKey, Task] = {}
        self._token = ""
        self._pieces: list[pb.Delta] = []
        """Of the revision that is being told."""
        self._synced = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._call: grpc.Future[pb.WatchEvent] | None = None
        self._connected = False
        self._feed = Feed(target=self._targets[0], connected=False, why_not="no listener has answered yet")
        self._thread = threading.Thread(target=self._run, name="taskinfo-watch", daemon=True)

    @property
    def synced(self) -> bool:
        """True once a complete snapshot was passed on."""
        return self._synced

    @property
    def connected(self) -> bool:
        """True while a listener is answering."""
        return self._connected

    @property
    def feed(self) -> Feed:
        """Where the changes come from, and how fresh they are."""
        return self._feed

    @property
    def tasks(self) -> Mapping[TaskKey, Task]:
        """The copy. Only for the thread on which `on_changes` runs."""
        return self._tasks

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the call; returns when `on_changes` will not be called any more."""
        with self._lock:
            self._stopping.set()
            if self._call is not None:
                self._call.cancel()
        self._thread.join(10.0)

    def _run(self) -> None:
        backoff, number, said = _AGAIN.backoff(), 0, ""
        while not self._stopping.is_set():
            target = self._targets[number % len(self._targets)]
            reason = self._follow(target)
            if self._stopping.is_set():
                return
            if self._connected:
                log.warning(
                    "The mesos-listener broke off; keeping the last known tasks", listener=target, reason=reason
                )
                backoff.reset()
            elif reason != said:
                log.info("The mesos-listener does not serve yet", listener=target, reason=reason)
            said = reason
            self._connected = False
            self._feed = replace(self._feed, target=target, connected=False, why_not=reason)
            number += 1
            self._stopping.wait(backoff.delay())

    def _follow(self, target: str) -> str:
        """Watch one listener until it breaks off; the answer is why."""
        with grpc.insecure_channel(target, options=_OPTIONS) as channel:
            stub = taskinfo_pb2_grpc.TaskInfoStub(channel)  # type: ignore[no-untyped-call] # generated
            with self._lock:
                if self._stopping.is_set():
                    return "stopping"
                self._pieces = []
                events = stub.Watch(pb.WatchRequest(resume_token=self._token))
                self._call = events
            try:
                fresh: dict[TaskKey, Task] = {}
                for event in events:
                    fresh = self._take(event, fresh, target)
            except grpc.RpcError as error:
                # The streaming call is the error itself; only grpc's type information does not say so.
                details: object = getattr(error, "details", error.__str__)()
                return str(details)
            except Exception as error:
                log.exception("An event of the mesos-listener could not be used; asking for a new snapshot")
                self._token = ""
                return str(error)
            finally:
                with self._lock:
                    self._call = None
                events.cancel()
        return "the stream ended"

    def _take(self, event: pb.WatchEvent, fresh: dict[TaskKey, Task], target: str) -> dict[TaskKey, Task]:
        now = time.monotonic()
        self._feed = replace(self._feed, heard=now)
        match event.WhichOneof("event"):
            case "alive":
                told = event.alive.HasField("mesos_silence")
                self._feed = replace(self._feed, mesos_heard=now - event.alive.mesos_silence if told else None)
            case "snapshot":
                if event.snapshot.first:
                    fresh = {}
                for message in event.snapshot.tasks:
                    task = from_message(message)
                    fresh[task.key] = task
            case "synced":
                if not event.synced.resumed:
                    self._replace_all(fresh, event.revision)
                    fresh = {}
                if not self._connected:
                    log.info(
                        "Following the mesos-listener",
                        listener=target,
                        tasks=len(self._tasks),
                        resumed=event.synced.resumed,
                        revision=event.revision,
                    )
                self._connected = self._synced = True
                self._feed = replace(self._feed, target=target, connected=True, why_not="")
                self._token = event.resume_token
            case "delta":
                # What changed at once is passed on at once, in however many pieces it is told.
                self._pieces.append(event.delta)
                if event.resume_token:
                    self._change(event.revision)
                    self._token = event.resume_token
            case _:  # of a later version
                pass
        return fresh

    def _change(self, revision: int) -> None:
        pieces, self._pieces = self._pieces, []
        updated = tuple(from_message(one) for piece in pieces for one in piece.updated)
        removed = tuple(key_from_message(one) for piece in pieces for one in piece.removed)
        missing = frozenset(key_from_message(one) for piece in pieces for one in piece.removed if one.missing)
        for task in updated:
            self._tasks[task.key] = task
        for key in removed:
            self._tasks.pop(key, None)
        self._on_changes(TaskChanges(revision=revision, updated=updated, removed=removed, missing=missing))

    def _replace_all(self, fresh: dict[TaskKey, Task], revision: int) -> None:
        before, self._tasks = self._tasks, fresh
        removed = tuple(key for key in before if key not in fresh)
        changes = TaskChanges(
            revision=revision,
            updated=tuple(task for key, task in fresh.items() if before.get(key) != task),
            removed=removed,
            missing=frozenset(removed),
        )
        if changes.updated or changes.removed or not self._synced:
            self._on_changes(changes)


def parse_targets(text: str) -> tuple[str, ...]:
    """The addresses in `host:port[,host:port]`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
