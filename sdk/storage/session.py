"""A ZooKeeper session that comes back by itself, and questions to the server over it.

Knows reconnection, kazoo's thread and its deaths, and that a question is asked only while somebody can answer. Does not
know what is asked.
"""

import enum
import threading
from collections.abc import Callable
from typing import Any

import structlog
from kazoo.client import KazooClient, KazooState
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

from sdk.errors import StorageUnavailable
from sdk.retry import Policy
from sdk.storage.kazoo_answers import translated
from sdk.storage.outage import KazooLog
from sdk.storage.readiness import PollingHandler
from sdk.zookeeper_address import ZooKeeperAddress, parse

_log = structlog.get_logger()

AGAIN = Policy(first=0.1, most=5.0)
"""Between tries to reach a server."""


class SessionState(enum.Enum):
    """What may be assumed about the session."""

    CONNECTED = "connected"
    """The session is alive."""
    SUSPENDED = "suspended"
    """No server answers; the session may live or be gone. Keep serving, take no decision that needs leadership."""
    LOST = "lost"
    """There is no session: ephemeral nodes and locks are gone. Also the state before the first connection."""


class Session:
    """See the module. `ask` and `answer` may be called from any thread."""

    def __init__(
        self,
        hosts: str | ZooKeeperAddress,
        *,
        timeout: float,
        on_state: Callable[[SessionState], None] | None = None,
    ) -> None:
        """`on_state` is told of changes as the first of the listeners."""
        address = parse(hosts) if isinstance(hosts, str) else hosts
        self.address, login = str(address), address.login
        self.timeout = timeout
        self.connected = threading.Event()
        self.on_connected: Callable[[], None] = lambda: None
        """Called with each connection, after the listeners."""
        self._listeners: list[Callable[[SessionState], None]] = [on_state] if on_state else []
        self._state = SessionState.LOST
        self._closing = False
        self._lock = threading.Lock()
        self._kazoo_log = KazooLog(self.address)
        self.client = KazooClient(
            hosts=self.address,
            timeout=timeout,
            logger=self._kazoo_log,
            handler=PollingHandler(),
            default_acl=[make_digest_acl(*login, all=True)] if login else None,
            auth_data=[("digest", ":".join(login))] if login else None,
            connection_retry=KazooRetry(
                max_tries=-1, delay=AGAIN.first, backoff=2, max_jitter=0.4, max_delay=AGAIN.most
            ),
        )
        self.client.add_listener(self._on_kazoo_state)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self.client.start_async()

    def close(self) -> None:
        """End it."""
        self._closing = True
        self.client.stop()
        self.client.close()

    @property
    def state(self) -> SessionState:
        """What may be assumed about it now."""
        return self._state

    @property
    def identity(self) -> tuple[int, bytes] | None:
        """Id and password while connected; the id is the `owner` of its ephemeral nodes."""
        client_id: tuple[int, bytes] | None = self.client.client_id
        return client_id

    def add_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Also tell `on_state` about changes; the present state is not told."""
        with self._lock:
            self._listeners = [*self._listeners, on_state]

    def remove_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Undo `add_listener`."""
        with self._lock:
            self._listeners = [listener for listener in self._listeners if listener != on_state]

    def _on_kazoo_state(self, kazoo_state: str) -> None:
        state = {
            KazooState.CONNECTED: SessionState.CONNECTED,
            KazooState.SUSPENDED: SessionState.SUSPENDED,
        }.get(kazoo_state, SessionState.LOST)
        self._state = state
        if state is SessionState.CONNECTED:
            self.connected.set()
            self._kazoo_log.answered()
            _log.info("ZooKeeper is connected", hosts=self.address)
        else:
            self.connected.clear()
            if not self._closing:
                _log.warning(f"ZooKeeper is {state.value}", hosts=self.address)
        for listener in self._listeners:
            try:
                listener(state)
            except Exception:  # noqa: BLE001 - a broken listener must not stop the others, nor the connection
                _log.exception("A listener of the ZooKeeper state failed", state=state.value)
        if state is SessionState.CONNECTED:
            self.on_connected()
        elif state is SessionState.LOST:
            # kazoo's own thread cannot start itself again.
            self._look_after(0.0)

    def _look_after(self, seconds: float) -> None:
        if self._closing:
            return
        timer = threading.Timer(seconds, self._revive)
        timer.daemon = True
        timer.start()

    def _revive(self) -> None:
        """kazoo's thread ends at AUTH_FAILED and at errors that it does not expect: start it again."""
        if self.client.client_state not in ("CLOSED", "AUTH_FAILED") or self._closing:
            return
        _log.error("The ZooKeeper client stopped; starting it again", state=self.client.client_state)
        try:
            self.client.start_async()
        except Exception:  # noqa: BLE001 - whatever kazoo could not clean up may be gone a moment later
            _log.exception("The ZooKeeper client could not be started; trying again")
        self._look_after(AGAIN.most)

    # -- questions -----------------------------------------------------------------------------------------------------

    def do(self, path: str, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """Ask, and wait for the answer."""
        return self.answer(path, self.ask(path, call, *args, **kwargs))

    def ask(self, path: str, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """What kazoo gives for `call`, one of its `..._async`; raises StorageUnavailable when nobody could answer."""
        self.require_connected(path)
        return call(*args, **kwargs)

    def answer(self, path: str, pending: Any) -> Any:
        """Wait for the answer; raises StorageUnavailable, or a StorageConflict."""
        try:
            return pending.get(timeout=self.timeout)
        except Exception as error:  # whatever kazoo met while it read the answer, also RuntimeError and struct.error
            raise translated(path, error, self.address) from error

    def outcome(self, path: str, pending: Any) -> Any:
        """The same of an answer that is there."""
        try:
            return pending.get(block=False)
        except Exception as error:  # as in `answer`
            raise translated(path, error, self.address) from error

    def require_connected(self, path: str) -> None:
        """Raises StorageUnavailable unless connected."""
        if self._state is not SessionState.CONNECTED:
            # kazoo would queue the request until a server answers, and carry it out when nobody expects it any more.
            raise StorageUnavailable(f"ZooKeeper at {self.address} is {self._state.value}; {path} was not touched")
