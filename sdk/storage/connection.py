"""The one place that opens a connection to ZooKeeper.

Knows sessions, reconnection, watches that stay armed, ephemeral nodes that come back, and kazoo's exceptions. Does not
know what the nodes mean.

A watch is a level, not an edge: after every event, reconnection or new session the node is read again, and the callback
runs when what was read differs from what it was told last. Events in between may therefore be merged, never lost; a
callback that itself found ZooKeeper away (it raises StorageUnavailable) was told nothing, and is called again.
"""

import enum
import json
import queue
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from kazoo import exceptions as kz
from kazoo.client import KazooClient, KazooState
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

from sdk.errors import CorruptRecord, InvalidSpec, SdkError, StorageUnavailable
from sdk.storage.outage import KazooLog
from sdk.zookeeper_address import ZooKeeperAddress, parse

_log = structlog.get_logger()

# The server drops a packet above jute.maxbuffer (1 MiB) and the client sees only a lost connection, so stay well below.
MAX_PACKET_BYTES = 900_000
# Path, version and framing of one operation inside a packet, estimated generously.
_OP_OVERHEAD_BYTES = 200
_RETRY_FIRST, _RETRY_MAX = 0.1, 5.0


class State(enum.Enum):
    """What may be assumed about the session."""

    CONNECTED = "connected"
    """The session is alive."""
    SUSPENDED = "suspended"
    """No server answers; the session may live or be gone. Keep serving, take no decision that needs leadership."""
    LOST = "lost"
    """There is no session: ephemeral nodes and locks are gone. Also the state before the first connection."""


class StorageConflict(SdkError):
    """An operation did not fit what is stored; nothing was changed."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class NodeExists(StorageConflict):
    """The node is there already."""


class NoNode(StorageConflict):
    """The node, or the parent of a node to create, is not there."""


class BadVersion(StorageConflict):
    """The node has another version than expected: somebody wrote in between."""


class NotEmpty(StorageConflict):
    """The node has children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The facts about a node; `created` and `modified` are transaction ids that never repeat."""

    version: int
    created: int
    modified: int
    children_version: int
    owner: int
    """Session id of an ephemeral node, else 0."""


@dataclass(frozen=True, slots=True)
class Check:
    """The node must exist with this version (-1: any)."""

    path: str
    version: int = -1


@dataclass(frozen=True, slots=True)
class Create:
    """The node must not exist, its parent must."""

    path: str
    data: bytes = b""
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Set:
    """The node must exist with this version (-1: any)."""

    path: str
    data: bytes
    version: int = -1


@dataclass(frozen=True, slots=True)
class Delete:
    """The node must exist with this version (-1: any) and have no children."""

    path: str
    version: int = -1


Op = Check | Create | Set | Delete
DataCallback = Callable[[tuple[bytes, int] | None], None]
ChildrenCallback = Callable[[list[str] | None], None]


_K = TypeVar("_K", bound="_Kept")


class Handle(Protocol):
    """A watch or an ephemeral node; `close` ends it."""

    def close(self) -> None:
        """End it; a callback that runs at this moment may still finish."""


def encode_json(value: object) -> bytes:
    """The form of every JSON node: UTF-8, sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def decode_json(path: str, data: bytes) -> Any:
    """The value in `data`; raises CorruptRecord that names `path`."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error


def connect(
    hosts: str | ZooKeeperAddress, *, session_timeout: float = 6.0, on_state: Callable[[State], None] | None = None
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
        on_state: Callable[[State], None] | None = None,
    ) -> None:
        address = parse(hosts) if isinstance(hosts, str) else hosts
        self.address, login = str(address), address.login
        self._timeout = session_timeout
        self._listeners: list[Callable[[State], None]] = [on_state] if on_state else []
        self._state = State.LOST
        self._closing = False
        self._lock = threading.Lock()
        self._connected = threading.Event()
        self._kept: set[_Kept] = set()
        self._due: set[_Kept] = set()
        self._work: queue.Queue[_Kept | _Signal] = queue.Queue()
        self._acl = [make_digest_acl(*login, all=True)] if login else None
        self._kazoo_log = KazooLog(self.address)
        self._client = KazooClient(
            hosts=self.address,
            timeout=session_timeout,
            logger=self._kazoo_log,
            default_acl=self._acl,
            auth_data=[("digest", ":".join(login))] if login else None,
            connection_retry=KazooRetry(
                max_tries=-1, delay=_RETRY_FIRST, backoff=2, max_jitter=0.4, max_delay=_RETRY_MAX
            ),
        )
        self._client.add_listener(self._on_kazoo_state)
        self._worker = threading.Thread(target=self._run, name="zookeeper", daemon=True)
        self._worker.start()
        self._client.start_async()

    # -- session -------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
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

    def add_listener(self, on_state: Callable[[State], None]) -> None:
        """Also tell `on_state` about changes, under the same rules as in `connect`; the present state is not told."""
        with self._lock:
            self._listeners = [*self._listeners, on_state]

    def remove_listener(self, on_state: Callable[[State], None]) -> None:
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
        state = {KazooState.CONNECTED: State.CONNECTED, KazooState.SUSPENDED: State.SUSPENDED}.get(
            kazoo_state, State.LOST
        )
        self._state = state
        if state is State.CONNECTED:
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
        if state is State.CONNECTED:
            with self._lock:
                kept = list(self._kept)
            for each in kept:
                self._schedule(each)
        elif state is State.LOST and not self._closing:
            self._work.put(_Signal.CHECK_ALIVE)

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[bytes, int] | None:
        """Data and version of a node, None when there is none."""
        try:
            data, stat = self._do(path, self._client.get_async, path)
        except NoNode:
            return None
        return data or b"", stat.version

    def stat(self, path: str) -> Stat | None:
        """The facts about a node, None when there is none."""
        return _stat(self._do(path, self._client.exists_async, path))

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
        _check_size(path, len(data))
        created: str = self._do(
            path,
            lambda: self._client.create_async(path, data, ephemeral=ephemeral, sequence=sequence, makepath=parents),
        )
        return created

    def set(self, path: str, data: bytes, version: int = -1) -> int:
        """Write a node and return its new version; raises NoNode, or BadVersion unless `version` fits or is -1."""
        _check_size(path, len(data))
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
        _check_size(
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
        answers = self._do(ops[0].path if ops else "/", transaction.commit_async)
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

    # -- what stays ----------------------------------------------------------------------------------------------------

    def watch_data(self, path: str, callback: DataCallback) -> Handle:
        """Call back with (data, version), or None without a node: once as soon as it is known, then at every change."""
        return self._keep(_DataWatch(self, path, callback))

    def watch_children(self, path: str, callback: ChildrenCallback) -> Handle:
        """Call back with the sorted names of the children, or None without a node: as `watch_data` does."""
        return self._keep(_ChildrenWatch(self, path, callback))

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

    def _forget(self, kept: "_Kept") -> None:
        with self._lock:
            self._kept.discard(kept)

    def _schedule(self, kept: "_Kept") -> None:
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
            assert isinstance(work, _Kept)
            with self._lock:
                self._due.discard(work)
            if work.closed and not work.wants_last_run:
                continue
            try:
                work.refresh()
            except StorageUnavailable as error:
                # Scheduled again with the next connection. An operation can also time out on a connection that
                # stays, for which there is no event: come back then.
                if self._state is State.CONNECTED:
                    _log.warning("ZooKeeper did not answer; trying again", path=work.path, error=str(error))
                    self._later(work)
            except Exception:  # noqa: BLE001 - one broken callback must not end the watches of the others
                _log.exception("Work on a ZooKeeper node failed", path=work.path)
                if work.retry_after_error:
                    self._later(work)

    def _later(self, kept: "_Kept") -> None:
        timer = threading.Timer(_RETRY_FIRST + random.uniform(0, 1), self._schedule, (kept,))  # noqa: S311 - jitter
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
        timer = threading.Timer(_RETRY_MAX, self._work.put, (_Signal.CHECK_ALIVE,))
        timer.daemon = True
        timer.start()

    # -- kazoo ---------------------------------------------------------------------------------------------------------

    def _do(self, path: str, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        if self._state is not State.CONNECTED:
            # kazoo would queue the request until a server answers, and carry it out when nobody expects it any more.
            raise StorageUnavailable(f"ZooKeeper at {self.address} is {self._state.value}; {path} was not touched")
        pending = call(*args, **kwargs)
        try:
            return pending.get(timeout=self._timeout)
        except Exception as error:  # whatever kazoo met while it read the answer, also RuntimeError and struct.error
            raise _translate(path, error, self.address) from error


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


def _check_size(path: str, size: int) -> None:
    if size > MAX_PACKET_BYTES:
        raise InvalidSpec(path, f"{size} bytes do not fit into one ZooKeeper packet of {MAX_PACKET_BYTES}")


def _stat(raw: Any) -> Stat | None:
    if raw is None:
        return None
    return Stat(
        version=raw.version,
        created=raw.czxid,
        modified=raw.mzxid,
        children_version=raw.cversion,
        owner=raw.ephemeralOwner,
    )


class _Signal(enum.Enum):
    STOP = enum.auto()
    CHECK_ALIVE = enum.auto()


class _Kept:
    """Something that is brought up to date after each event, reconnection and new session, on the worker's thread."""

    wants_last_run = False
    """Whether `refresh` must run once more after `close`."""
    retry_after_error = False
    """Whether an unexpected error is worth another try; a callback that failed saw its value and gets the next one."""

    def __init__(self, zookeeper: ZooKeeper, path: str) -> None:
        self.path = path
        self.closed = False
        self._zookeeper = zookeeper

    def refresh(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._zookeeper._forget(self)

    def _on_event(self, _event: object) -> None:
        # kazoo keeps watchers in a set and bound methods of one object are equal, so arming twice is harmless.
        if not self.closed:
            self._zookeeper._schedule(self)


class _Watch(_Kept):
    _told: object = _Signal.STOP
    """What the callback was told last; nothing yet."""

    def _tell(self, seen: object, call: Callable[[], None]) -> None:
        """Run the callback unless it knows `seen` already. It knows it once it came to an end, good or bad."""
        if seen == self._told or self.closed:
            return
        try:
            call()
        except StorageUnavailable:
            raise
        except Exception:
            self._told = seen
            raise
        self._told = seen


class _DataWatch(_Watch):
    def __init__(self, zookeeper: ZooKeeper, path: str, callback: DataCallback) -> None:
        super().__init__(zookeeper, path)
        self._callback = callback

    def refresh(self) -> None:
        zookeeper = self._zookeeper
        found: tuple[bytes, Any] | None = None
        while found is None:
            try:
                found = zookeeper._do(self.path, zookeeper._client.get_async, self.path, watch=self._on_event)
            except NoNode:
                # Only `exists` arms a watch on a node that is not there.
                if zookeeper._do(self.path, zookeeper._client.exists_async, self.path, watch=self._on_event) is None:
                    break
        seen = None if found is None else (found[1].czxid, found[1].mzxid)
        value = None if found is None else (found[0] or b"", found[1].version)
        self._tell(seen, lambda: self._callback(value))


class _ChildrenWatch(_Watch):
    def __init__(self, zookeeper: ZooKeeper, path: str, callback: ChildrenCallback) -> None:
        super().__init__(zookeeper, path)
        self._callback = callback

    def refresh(self) -> None:
        zookeeper = self._zookeeper
        found: tuple[list[str], Any] | None = None
        while found is None:
            try:
                found = zookeeper._do(
                    self.path,
                    zookeeper._client.get_children_async,
                    self.path,
                    watch=self._on_event,
                    include_data=True,
                )
            except NoNode:
                if zookeeper._do(self.path, zookeeper._client.exists_async, self.path, watch=self._on_event) is None:
                    break
        names = None if found is None else sorted(found[0])
        # The version too: a child that was deleted and made again in between is news, although the names are the same.
        seen = None if found is None or names is None else (found[1].czxid, found[1].cversion, tuple(names))
        self._tell(seen, lambda: self._callback(names))


class Ephemeral(_Kept):
    """An ephemeral node that this process keeps in place; see `ZooKeeper.keep_ephemeral`."""

    wants_last_run = True
    retry_after_error = True

    def __init__(self, zookeeper: ZooKeeper, path: str, data: bytes) -> None:
        super().__init__(zookeeper, path)
        _check_size(path, len(data))
        self._data = data

    def set(self, data: bytes) -> None:
        """Write soon, at the latest after the next connection; of several calls the last one counts."""
        _check_size(self.path, len(data))
        self._data = data
        if not self.closed:
            self._zookeeper._schedule(self)

    def close(self) -> None:
        """Remove the node, as soon as there is a connection."""
        self.closed = True
        self._zookeeper._schedule(self)

    def refresh(self) -> None:
        """Make the node what it shall be; called on the connection's own thread."""
        zookeeper, data = self._zookeeper, self._data
        session = zookeeper.session
        if session is None:
            raise StorageUnavailable("there is no session")
        if self.closed:
            self._remove(session[0])
            return
        stat = _stat(zookeeper._do(self.path, zookeeper._client.exists_async, self.path, watch=self._on_event))
        try:
            if stat is None:
                zookeeper.create(self.path, data, ephemeral=True)
            elif stat.owner != session[0]:
                zookeeper.multi([Delete(self.path, stat.version), Create(self.path, data, ephemeral=True)])
            else:
                found = zookeeper.get(self.path)
                if found is None or found[0] != data:
                    zookeeper.set(self.path, data)
        except (NodeExists, NoNode, BadVersion):
            # It changed while we looked (the old session ended, or somebody removed it): look again.
            zookeeper._schedule(self)

    def _remove(self, session_id: int) -> None:
        zookeeper = self._zookeeper
        stat = zookeeper.stat(self.path)
        if stat is not None and stat.owner == session_id:
            zookeeper.delete(self.path)
        zookeeper._forget(self)
