"""The one place that opens a connection to ZooKeeper.

Knows sessions, reconnection, watches that stay armed, ephemeral nodes that come back, and kazoo's exceptions. Does not
know what the nodes mean.
"""

import enum
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from kazoo import exceptions as kz
from kazoo.client import KazooClient, KazooState
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

from sdk.errors import SdkError, StorageUnavailable
from sdk.storage.kept import (
    AGAIN,
    ChildrenCallback,
    ChildrenWatch,
    DataCallback,
    DataWatch,
    Ephemeral,
    Kept,
    QuickDataWatch,
    stat_of,
)
from sdk.storage.nodes import (
    MAX_PACKET_BYTES,
    BadVersion,
    Check,
    Create,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    Stat,
    StorageConflict,
    check_size,
    decode_json,
    encode_json,
)
from sdk.storage.outage import KazooLog
from sdk.storage.readiness import PollingHandler
from sdk.zookeeper_address import ZooKeeperAddress, parse

# What its callers need of the nodes comes from here, too.
__all__ = [
    "MAX_PACKET_BYTES",
    "BadVersion",
    "Check",
    "Create",
    "Delete",
    "Ephemeral",
    "Handle",
    "NoNode",
    "NodeExists",
    "NotEmpty",
    "Op",
    "SessionState",
    "Set",
    "Stat",
    "StorageConflict",
    "ZooKeeper",
    "connect",
    "decode_json",
    "encode_json",
]

_log = structlog.get_logger()

# Path, version and framing of one operation inside a packet, estimated generously.
_OP_OVERHEAD_BYTES = 200
# Nodes that are asked for before the first answer is waited for: answers of half a megabyte each fit into memory.
_TOGETHER = 16


class _Signal(enum.Enum):
    STOP = enum.auto()
    CHECK_ALIVE = enum.auto()


class SessionState(enum.Enum):
    """What may be assumed about the session."""

    CONNECTED = "connected"
    """The session is alive."""
    SUSPENDED = "suspended"
    """No server answers; the session may live or be gone. Keep serving, take no decision that needs leadership."""
    LOST = "lost"
    """There is no session: ephemeral nodes and locks are gone. Also the state before the first connection."""


_K = TypeVar("_K", bound=Kept)


class Handle(Protocol):
    """A watch or an ephemeral node; `close` ends it."""

    def close(self) -> None:
        """End it; a callback that runs at this moment may still finish."""


def connect(
    hosts: str | ZooKeeperAddress,
    *,
    session_timeout: float = 6.0,
    on_state: Callable[[SessionState], None] | None = None,
) -> "ZooKeeper":
    """Start connecting to an ensemble and return at once; connecting goes on, with backoff, until `close`.

    `hosts` is `host:port[,host:port]` with an optional `/chroot`, or `zk://[user:password@]host:port[,..][/chroot]`;
    anything else raises InvalidSpec.
    `on_state` runs on the connection's own thread: it must return at once and must not call ZooKeeper.
    """
    return ZooKeeper(hosts, session_timeout=session_timeout, on_state=on_state)


class ZooKeeper:
    """A ZooKeeper session that comes back by itself.

    Reads and writes raise StorageUnavailable at once while there is no connection, and after `session_timeout` when no
    answer came; a write that raised it may or may not have been applied. They raise a StorageConflict when the node is
    not as expected. All methods may be called from any thread. Callbacks of watches run one after the other on one
    thread of this object, where calls to ZooKeeper are allowed.
    """

    def __init__(
        self,
        hosts: str | ZooKeeperAddress,
        *,
        session_timeout: float = 6.0,
        on_state: Callable[[SessionState], None] | None = None,
    ) -> None:
        address = parse(hosts) if isinstance(hosts, str) else hosts
        self.address, login = str(address), address.login
        self._timeout = session_timeout
        self._listeners: list[Callable[[SessionState], None]] = [on_state] if on_state else []
        self._state = SessionState.LOST
        self._closing = False
        self._lock = threading.Lock()
        self._connected = threading.Event()
        self._kept: set[Kept] = set()
        self._due: set[Kept] = set()
        self._work: queue.SimpleQueue[Kept | _Signal] = queue.SimpleQueue()
        self._acl = [make_digest_acl(*login, all=True)] if login else None
        self._kazoo_log = KazooLog(self.address)
        self._client = KazooClient(
            hosts=self.address,
            timeout=session_timeout,
            logger=self._kazoo_log,
            handler=PollingHandler(),
            default_acl=self._acl,
            auth_data=[("digest", ":".join(login))] if login else None,
            connection_retry=KazooRetry(
                max_tries=-1, delay=AGAIN.first, backoff=2, max_jitter=0.4, max_delay=AGAIN.most
            ),
        )
        self._client.add_listener(self._on_kazoo_state)
        self._worker = threading.Thread(target=self._run, name="zookeeper", daemon=True)
        self._worker.start()
        self._client.start_async()

    # -- session -------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """What may be assumed about the session now."""
        return self._state

    @property
    def session(self) -> tuple[int, bytes] | None:
        """Id and password of the session while connected; the id is the `owner` of its ephemeral nodes."""
        client_id: tuple[int, bytes] | None = self._client.client_id
        return client_id

    @property
    def session_timeout(self) -> float:
        """Seconds without contact after which the server ends the session."""
        return self._timeout

    def add_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Also tell `on_state` about changes, under the same rules as in `connect`; the present state is not told."""
        with self._lock:
            self._listeners = [*self._listeners, on_state]

    def remove_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Undo `add_listener`."""
        with self._lock:
            self._listeners = [listener for listener in self._listeners if listener != on_state]

    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until there is a session; False when `timeout` seconds passed first."""
        return self._connected.wait(timeout)

    def close(self) -> None:
        """End the session, and with it its ephemeral nodes; stop all callbacks. May be called twice."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._work.put(_Signal.STOP)
        if threading.current_thread() is not self._worker:
            self._worker.join()
        self._client.stop()
        self._client.close()

    def _on_kazoo_state(self, kazoo_state: str) -> None:
        state = {KazooState.CONNECTED: SessionState.CONNECTED, KazooState.SUSPENDED: SessionState.SUSPENDED}.get(
            kazoo_state, SessionState.LOST
        )
        self._state = state
        if state is SessionState.CONNECTED:
            self._connected.set()
            self._kazoo_log.answered()
            _log.info("ZooKeeper is connected", hosts=self.address)
        else:
            self._connected.clear()
            if not self._closing:
                _log.warning(f"ZooKeeper is {state.value}", hosts=self.address)
        for listener in self._listeners:
            try:
                listener(state)
            except Exception:  # noqa: BLE001 - a broken listener must not stop the others, nor the connection
                _log.exception("A listener of the ZooKeeper state failed", state=state.value)
        if state is SessionState.CONNECTED:
            with self._lock:
                kept = list(self._kept)
            for each in kept:
                self._schedule(each)
        elif state is SessionState.LOST and not self._closing:
            self._work.put(_Signal.CHECK_ALIVE)

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[bytes, int] | None:
        """Data and version of a node, None when there is none."""
        try:
            data, stat = self._do(path, self._client.get_async, path)
        except NoNode:
            return None
        return data or b"", stat.version

    def get_all(self, paths: Sequence[str]) -> list[bytes | None]:
        """The data of several nodes, asked for together; None for each that is not there."""
        found = self._ask_all(paths, self._client.get_async)
        return [None if one is None else one[0] or b"" for one in found]

    def children_all(self, paths: Sequence[str]) -> list[list[str]]:
        """`children` of several nodes, asked for together."""
        return [sorted(one or ()) for one in self._ask_all(paths, self._client.get_children_async)]

    def stat(self, path: str) -> Stat | None:
        """The facts about a node, None when there is none."""
        return stat_of(self._do(path, self._client.exists_async, path))

    def exists(self, path: str) -> bool:
        """Whether the node is there."""
        return self.stat(path) is not None

    def children(self, path: str) -> list[str]:
        """Names of the children, sorted; empty when there is no such node."""
        try:
            return sorted(self._do(path, self._client.get_children_async, path))
        except NoNode:
            return []

    def get_json(self, path: str) -> tuple[Any, int] | None:
        """Value and version of a JSON node; raises CorruptRecord when it is not JSON."""
        found = self.get(path)
        return None if found is None else (decode_json(path, found[0]), found[1])

    # -- writing -------------------------------------------------------------------------------------------------------

    def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequence: bool = False, parents: bool = True
    ) -> str:
        """Create a node and return its path (longer than asked when `sequence`); raises NodeExists."""
        check_size(path, len(data))
        created: str = self._do(
            path,
            lambda: self._client.create_async(path, data, ephemeral=ephemeral, sequence=sequence, makepath=parents),
        )
        return created

    def set(self, path: str, data: bytes, version: int = -1) -> int:
        """Write a node and return its new version; raises NoNode, or BadVersion unless `version` fits or is -1."""
        check_size(path, len(data))
        new_version: int = self._do(path, self._client.set_async, path, data, version).version
        return new_version

    def put(self, path: str, data: bytes) -> int:
        """Create or overwrite a node, parents included, and return its version."""
        while True:
            try:
                return self.set(path, data)
            except NoNode:
                try:
                    self.create(path, data)
                except NodeExists:
                    continue  # somebody created it in between: overwrite that
                return 0

    def delete(self, path: str, version: int = -1, *, recursive: bool = False) -> bool:
        """Delete a node; False when there was none. Raises BadVersion, or NotEmpty unless `recursive`."""
        while True:
            try:
                self._do(path, self._client.delete_async, path, version)
            except NoNode:
                return False
            except NotEmpty:
                if not recursive:
                    raise
                for child in self.children(path):
                    self.delete(f"{path.rstrip('/')}/{child}", recursive=True)
                continue  # children may appear while we delete: ask again
            return True

    def ensure(self, path: str) -> None:
        """Make the node and its parents exist."""
        self._do(path, self._client.ensure_path_async, path)

    def multi(self, ops: Sequence[Op]) -> list[int | str | None]:
        """All operations or none: one result each, the path of a Create, the new version of a Set, else None.

        Raises the StorageConflict of the first operation that does not fit.
        """
        return _results(ops, self._do(ops[0].path if ops else "/", self._transaction(ops).commit_async))

    def multi_soon(self, ops: Sequence[Op], done: Callable[[list[int | str | None] | SdkError], None]) -> None:
        """`multi` without waiting for the answer: `done` gets what it would return, or what it would raise.

        `done` may run on the connection's own thread: it must return at once and must not call ZooKeeper. Several of
        them are carried out in the order of their calls. Raises as `multi` does what is known at once.
        """
        path = ops[0].path if ops else "/"
        self._check_connected(path)
        pending = self._transaction(ops).commit_async()

        def answered(result: Any) -> None:
            try:
                outcome: list[int | str | None] | SdkError = _results(ops, self._outcome(path, result))
            except SdkError as error:
                outcome = error
            done(outcome)

        pending.rawlink(answered)

    def _transaction(self, ops: Sequence[Op]) -> Any:
        check_size(
            ops[0].path if ops else "/",
            sum(len(op.path) + len(getattr(op, "data", b"")) + _OP_OVERHEAD_BYTES for op in ops),
        )
        transaction = self._client.transaction()
        for op in ops:
            match op:
                case Check():
                    transaction.check(op.path, op.version)
                case Create():
                    transaction.create(op.path, op.data, ephemeral=op.ephemeral)
                case Set():
                    transaction.set_data(op.path, op.data, op.version)
                case Delete():
                    transaction.delete(op.path, op.version)
        return transaction

    # -- what stays ----------------------------------------------------------------------------------------------------

    def watch_data(self, path: str, callback: DataCallback) -> Handle:
        """Call back with (data, version), or None without a node: once as soon as it is known, then at every change."""
        return self._keep(DataWatch(self, path, callback))

    def watch_data_quickly(self, path: str, callback: DataCallback) -> Handle:
        """The same for a callback that returns at once and does not call ZooKeeper: it costs and takes less."""
        return self._keep(QuickDataWatch(self, path, callback))

    def watch_children(self, path: str, callback: ChildrenCallback) -> Handle:
        """Call back with the sorted names of the children, or None without a node: as `watch_data` does."""
        return self._keep(ChildrenWatch(self, path, callback))

    def keep_ephemeral(self, path: str, data: bytes) -> "Ephemeral":
        """Keep an ephemeral node in place: made again after a session loss or a deletion, parents included.

        The path must belong to this process alone: a node of another session found there (our own, from before a
        restart, which the server has not ended yet) is replaced.
        """
        node = Ephemeral(self, path, data)
        self._keep(node)
        return node

    def _keep(self, kept: _K) -> _K:
        with self._lock:
            self._kept.add(kept)
        self._schedule(kept)
        return kept

    def _forget(self, kept: Kept) -> None:
        with self._lock:
            self._kept.discard(kept)

    def _schedule(self, kept: Kept) -> None:
        with self._lock:
            if kept in self._due or self._closing:
                return
            self._due.add(kept)
        self._work.put(kept)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            if work is _Signal.STOP or self._closing:
                return
            if work is _Signal.CHECK_ALIVE:
                self._revive()
                continue
            assert isinstance(work, Kept)
            with self._lock:
                self._due.discard(work)
            if work.closed and not work.wants_last_run:
                continue
            try:
                work.refresh()
                work.backoff.reset()
            except StorageUnavailable as error:
                # Scheduled again with the next connection. An operation can also time out on a connection that
                # stays, for which there is no event: come back then.
                if self._state is SessionState.CONNECTED:
                    _log.warning("ZooKeeper did not answer; trying again", path=work.path, error=str(error))
                    self._later(work)
            except Exception:  # noqa: BLE001 - one broken callback must not end the watches of the others
                _log.exception("Work on a ZooKeeper node failed", path=work.path)
                if work.retry_after_error:
                    self._later(work)

    def _later(self, kept: Kept) -> None:
        timer = threading.Timer(kept.backoff.delay(), self._schedule, (kept,))
        timer.daemon = True
        timer.start()

    def _revive(self) -> None:
        """kazoo's thread ends at AUTH_FAILED and at errors that it does not expect: start it again."""
        if self._client.client_state not in ("CLOSED", "AUTH_FAILED") or self._closing:
            return
        _log.error("The ZooKeeper client stopped; starting it again", state=self._client.client_state)
        try:
            self._client.start_async()
        except Exception:  # noqa: BLE001 - whatever kazoo could not clean up may be gone a moment later
            _log.exception("The ZooKeeper client could not be started; trying again")
        timer = threading.Timer(AGAIN.most, self._work.put, (_Signal.CHECK_ALIVE,))
        timer.daemon = True
        timer.start()

    # -- kazoo ---------------------------------------------------------------------------------------------------------

    def _do(self, path: str, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return self._answer(path, self._ask(path, call, *args, **kwargs))

    def _ask_all(self, paths: Sequence[str], call: Callable[..., Any]) -> Iterator[Any]:
        """The answers to `call` in the order of the paths, None where there is no node."""
        for at in range(0, len(paths), _TOGETHER):
            for path, pending in [(path, self._ask(path, call, path)) for path in paths[at : at + _TOGETHER]]:
                try:
                    yield self._answer(path, pending)
                except NoNode:
                    yield None

    def _ask(self, path: str, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        self._check_connected(path)
        return call(*args, **kwargs)

    def _answer(self, path: str, pending: Any) -> Any:
        try:
            return pending.get(timeout=self._timeout)
        except Exception as error:  # whatever kazoo met while it read the answer, also RuntimeError and struct.error
            raise _translate(path, error, self.address) from error

    def _outcome(self, path: str, pending: Any) -> Any:
        """The same of an answer that is there."""
        try:
            return pending.get(block=False)
        except Exception as error:  # as in _answer
            raise _translate(path, error, self.address) from error

    def _check_connected(self, path: str) -> None:
        if self._state is not SessionState.CONNECTED:
            # kazoo would queue the request until a server answers, and carry it out when nobody expects it any more.
            raise StorageUnavailable(f"ZooKeeper at {self.address} is {self._state.value}; {path} was not touched")


def _results(ops: Sequence[Op], answers: Sequence[Any]) -> list[int | str | None]:
    """What a multi answers, in our values; raises the StorageConflict of the first operation that does not fit."""
    results: list[int | str | None] = []
    for op, answer in zip(ops, answers, strict=True):
        if isinstance(answer, kz.RolledBackError | kz.RuntimeInconsistency):
            continue  # not the culprit: another operation of the multi is
        if isinstance(answer, Exception):
            raise _translate(op.path, answer) from answer
        if isinstance(op, Set):
            results.append(answer.version)
        else:
            results.append(answer if isinstance(op, Create) else None)
    return results


def _translate(path: str, error: Exception, address: str = "") -> SdkError:
    match error:
        case kz.NodeExistsError():
            return NodeExists(path, "exists already")
        case kz.NoNodeError():
            return NoNode(path, "does not exist")
        case kz.BadVersionError():
            return BadVersion(path, "was written by somebody else in between")
        case kz.NotEmptyError():
            return NotEmpty(path, "has children")
        case kz.NoAuthError() | kz.AuthFailedError() | kz.InvalidACLError():
            return StorageUnavailable(f"ZooKeeper at {address} does not let us touch {path}: check the credentials")
        case KazooTimeoutError():
            return StorageUnavailable(
                f"ZooKeeper at {address} did not answer in time; {path} may or may not be changed"
            )
        case _:
            return StorageUnavailable(
                f"ZooKeeper at {address} lost the connection ({type(error).__name__}); {path} may or may not be changed"
            )
