"""A client of the mesos-listener that keeps its own copy of the running tasks and tells what changed in it.

Knows how a Watch is begun and kept, how more is wanted while it runs, and how to go from one listener to the next. A
break changes nothing: the copy (replica.py) stays as it is (fail-static) until a listener has told a complete snapshot.
Memory is that of the copy: what comes too fast waits at the listener. Does not know what the tasks are for.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import grpc
import structlog

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener import taskinfo_pb2_grpc
from api.mesos_listener.choice import OPTIONS, Choice, is_old
from api.mesos_listener.filter import ALL, Filter, Term
from api.mesos_listener.replica import Replica, TaskChanges
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.wire import filter_message
from sdk.retry import Policy

_AGAIN = Policy(first=0.1, most=3.0)
_SELECT_TIMEOUT = 10.0
_VALUES_TIMEOUT = 1.0
log = structlog.get_logger()


class Feed(NamedTuple):
    """How the copy is kept up to date now; times are monotonic.

    `target` is the listener that is followed or was tried last, `why_not` the sentence when it does not serve,
    `heard` when a listener last said anything. `mesos_heard` is when Mesos last said anything to the listener, None
    when the listener does not know; `mesos_connected` whether it hears Mesos, as far as it has said. While
    `incomplete` the listener's master waits for agents; `kept` tasks of such agents are as they were before.
    """

    target: str
    connected: bool
    why_not: str = ""
    heard: float | None = None
    mesos_heard: float | None = None
    mesos_connected: bool = True
    incomplete: bool = False
    kept: int = 0


class Values(NamedTuple):
    """Some values of a field, and how many there are."""

    some: tuple[str, ...]
    total: int


class TaskWatch:
    """Follows one of several listeners on a thread of its own.

    `on_changes` runs on that thread: first with everything that runs, then with every change. It must not raise.
    """

    def __init__(self, targets: Sequence[str], on_changes: Callable[[TaskChanges], None], wanted: Filter = ALL) -> None:
        """`wanted` are the tasks that are told at all; see `select`."""
        if not targets:
            raise ValueError("at least one address of a mesos-listener is needed, host:port")
        self._targets = tuple(targets)
        self._on_changes = on_changes
        self._wanted, self._number = wanted, 0
        self._replica = Replica()
        self._besides: set[Term] = set()
        """What is wanted and the present call has not been told."""
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._call: grpc.Future[pb.WatchEvent] | None = None
        self._stub: taskinfo_pb2_grpc.TaskInfoStub | None = None
        self._watch = ""
        """The name of the call, once its Synced has told it."""
        self._prefer: str | None = None
        self._connected = False
        self._feed = Feed(target=self._targets[0], connected=False, why_not="no listener has answered yet")
        self._thread = threading.Thread(target=self._run, name="taskinfo-watch", daemon=True)
        self._choice = Choice(self._targets, self._old, self._leave, self._stopping)

    @property
    def synced(self) -> bool:
        """True once a complete snapshot was passed on."""
        return self._replica.synced

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
        return self._replica.tasks

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()
        self._choice.start()

    def select(self, terms: Iterable[Term]) -> int:
        """Want tasks that meet these terms, too; returns at once, from any thread.

        The answer is the number that `TaskChanges.selected` has reached when all of them have been told. Nothing is
        missed in between, and a term that is known already costs nothing. Raises BadTerm.
        """
        more = Filter.of(terms)
        with self._lock:
            wanted = self._wanted.with_(more)
            if wanted.terms != self._wanted.terms:
                self._wanted = wanted
                self._number += 1
                self._besides |= more.terms or frozenset()
                self._ask()
            return self._number

    def values(
        self, field: str, *, key: str = "", like: str = "", most: int = 0, marathon: bool = False
    ) -> Values | None:
        """What values a field of all running tasks has, those that are spelled like `like` first; field and `key` are
        those of a Term. `marathon`: only of Marathons' tasks. None while no listener answers; takes at most a second.
        """
        with self._lock:
            stub = self._stub
        if stub is None:
            return None
        request = pb.ValuesRequest(field=field, key=key, like=like, most=most, marathon=marathon)
        try:
            answer: pb.ValuesAnswer = stub.Values(request, timeout=_VALUES_TIMEOUT)
        except (grpc.RpcError, ValueError):  # also of a channel that is being closed
            return None
        return Values(tuple(answer.values), answer.total)

    def stop(self) -> None:
        """End the call; returns when `on_changes` will not be called any more."""
        with self._lock:
            self._stopping.set()
            if self._call is not None:
                self._call.cancel()
        self._thread.join(10.0)
        self._choice.join()

    def _run(self) -> None:
        backoff, number, said, refused = _AGAIN.backoff(), 0, "", 0
        while not self._stopping.is_set():
            if (prefer := self._prefer) is not None:
                self._prefer, number = None, self._targets.index(prefer)
            target = self._targets[number % len(self._targets)]
            # A listener that knows everything is better than one that does not yet; and that is better than none.
            reason = self._follow(target, incomplete=refused >= len(self._targets) - (len(self._targets) == 1))
            refused = 0 if self._connected else refused + 1
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
            self._feed = self._feed._replace(target=target, connected=False, why_not=reason)
            number += 1
            self._stopping.wait(backoff.delay())

    def _follow(self, target: str, *, incomplete: bool) -> str:
        """Watch one listener until it breaks off; the answer is why."""
        with grpc.insecure_channel(target, options=OPTIONS) as channel:
            stub = taskinfo_pb2_grpc.TaskInfoStub(channel)  # type: ignore[no-untyped-call] # generated
            with self._lock:
                if self._stopping.is_set():
                    return "stopping"
                self._besides.clear()
                token = self._replica.begin(self._number)
                wanted = filter_message(self._wanted)
                events = stub.Watch(pb.WatchRequest(resume_token=token, filter=wanted, incomplete=incomplete))
                self._call, self._stub = events, stub
            try:
                for event in events:
                    self._take(event, target)
            except grpc.RpcError as error:
                # The streaming call is the error itself; only grpc's type information does not say so.
                details: object = getattr(error, "details", error.__str__)()
                return str(details)
            except Exception as error:
                log.exception("An event of the mesos-listener could not be used; asking for a new snapshot")
                self._replica.forget()
                return str(error)
            finally:
                with self._lock:
                    self._call, self._stub, self._watch = None, None, ""
                events.cancel()
        return "the stream ended"

    def _take(self, event: pb.WatchEvent, target: str) -> None:
        now = time.monotonic()
        self._feed = self._feed._replace(heard=now)
        changes = self._replica.take(event, now)
        if changes is not None:
            self._on_changes(changes)
            self._feed = self._feed._replace(incomplete=self._replica.incomplete, kept=self._replica.kept)
        match event.WhichOneof("event"):
            case "alive":
                told = event.alive.HasField("mesos_silence")
                self._feed = self._feed._replace(
                    mesos_heard=now - event.alive.mesos_silence if told else None,
                    mesos_connected=not is_old(event.alive),
                )
            case "synced":
                with self._lock:
                    self._watch = event.synced.watch
                    self._ask()
                if not self._connected:
                    log.info(
                        "Following the mesos-listener",
                        listener=target,
                        tasks=len(self._replica.tasks),
                        resumed=event.synced.resumed,
                        incomplete=self._replica.incomplete,
                        revision=event.revision,
                    )
                self._connected = True
                self._feed = self._feed._replace(target=target, connected=True, why_not="", mesos_connected=True)
            case _:  # the replica has taken it
                pass

    def _ask(self) -> None:
        """Tell the present call what is wanted besides, with the lock held."""
        if not self._besides or not self._watch or self._stub is None:
            return
        request = pb.SelectRequest(
            watch=self._watch, filter=filter_message(Filter.of(self._besides)), number=self._number
        )
        self._besides.clear()
        call = self._call
        self._stub.Select.future(request, timeout=_SELECT_TIMEOUT).add_done_callback(
            lambda answer: self._selected(answer, call)
        )

    def _selected(self, answer: "grpc.Future[pb.SelectAnswer]", call: "grpc.Future[pb.WatchEvent] | None") -> None:
        """The listener has answered; where it cannot widen the call, a new one begins with all that is wanted."""
        if answer.cancelled() or answer.exception() is None or call is None:
            return
        log.info(
            "The mesos-listener cannot tell more tasks in this call; beginning anew", reason=str(answer.exception())
        )
        call.cancel()

    def _old(self) -> str | None:
        """The listener that is followed although it has lost Mesos, or does not know all tasks."""
        feed = self._feed
        return feed.target if feed.connected and (feed.incomplete or not feed.mesos_connected) else None

    def _leave(self, target: str, instead: str) -> None:
        with self._lock:
            if self._call is None or self._feed.target != target:
                return
            log.warning(
                "The mesos-listener does not know how Mesos is; another one does", listener=target, instead=instead
            )
            self._prefer = instead
            self._call.cancel()


def parse_targets(text: str) -> tuple[str, ...]:
    """The addresses in `host:port[,host:port]`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
