"""Which one of several equal processes is in charge, and the number that fences the others' writes.

Knows the leadership node: a persistent node whose ephemeral child `holder` names the process in charge. Taking over
creates `holder` and writes the parent in one multi; the parent's data version after that is the *epoch*. A write that
needs leadership begins with a check of that version (`check`), so a process that lost it cannot write, even before it
knows. Does not know what the process does when it is in charge.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

import structlog

from sdk.clock import Clock, SystemClock
from sdk.errors import LeadershipLost, StorageUnavailable
from sdk.storage.connection import (
    BadVersion,
    Check,
    Create,
    Delete,
    NoNode,
    Op,
    SessionState,
    Set,
    StorageConflict,
    ZooKeeper,
    encode_json,
)
from sdk.storage.holder import Holder, Role, parse_holder

_log = structlog.get_logger()

HOLDER = "holder"
# Watches tell about changes at once; this only bounds the damage of one that a defect swallowed.
_RECHECK = 5.0
_RETRY = 0.2


class Leadership:
    """Competes for one leadership node until stopped.

    Every `on_gained` is followed by exactly one `on_lost`, also when `stop` is the reason; both run on the thread of
    `run`. Between the two, `role` turns to SUSPENDED at the very moment the connection breaks. A suspension that lasts
    as long as a session may live is a loss: somebody else may be in charge by then.
    """

    def __init__(
        self,
        zookeeper: ZooKeeper,
        path: str,
        info: Mapping[str, object],
        *,
        clock: Clock | None = None,
    ) -> None:
        self.path = path
        self._zookeeper = zookeeper
        self._clock = clock or SystemClock()
        # Unique per object, so that a node left by an earlier life on the same session is not taken for ours.
        self._id = f"{info.get('id', 'process')}-{uuid.uuid4().hex[:8]}"
        self._info = dict(info)
        self._epoch: int | None = None
        self._session: int | None = None
        self._suspended_since: float | None = None
        self._session_lost = False
        self._released_because = ""
        self._stopping = False
        self._changed = threading.Condition()
        self._news = False
        self._thread: threading.Thread | None = None
        self._seen: Holder | None = None

    @property
    def id(self) -> str:
        """The `id` that this process writes into the node."""
        return self._id

    @property
    def role(self) -> Role:
        """What this process is now."""
        if self._epoch is None or self._session_lost:
            return Role.STANDBY
        return Role.LEADER if self._suspended_since is None else Role.SUSPENDED

    @property
    def epoch(self) -> int:
        """The parent's data version since we took over; raises LeadershipLost when we are not in charge."""
        epoch = self._epoch
        if epoch is None or self._session_lost:
            raise LeadershipLost(f"{self.path}: this process is not in charge")
        return epoch

    @property
    def holder(self) -> Holder | None:
        """The process in charge as last seen, None when there is none."""
        return self._seen

    def check(self) -> Check:
        """The operation with which every multi that needs leadership begins."""
        return Check(self.path, self.epoch)

    def write(self, ops: Sequence[Op]) -> list[int | str | None]:
        """`ZooKeeper.multi` behind the check: the results of `ops`; raises LeadershipLost when nothing was written."""
        check = self.check()
        try:
            return self._zookeeper.multi([check, *ops])[1:]
        except (BadVersion, NoNode) as error:
            if error.path == check.path:
                self._wake()
                raise LeadershipLost(f"{self.path}: another process took over from epoch {check.version}") from error
            raise

    def wait_ready(self, timeout: float | None = None) -> bool:
        """While suspended wait until ZooKeeper is back; True when in charge and connected at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self.role is not Role.SUSPENDED or self._stopping, timeout)
            return self.role is Role.LEADER

    def start(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """`run` on a thread of its own."""
        self._thread = threading.Thread(
            target=self.run, args=(on_gained, on_lost), name=f"leadership {self.path}", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Release the node and end `run`; a standby takes over at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def run(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Compete until `stop`."""
        zookeeper = self._zookeeper
        zookeeper.add_listener(self._on_state)
        watch = zookeeper.watch_data(f"{self.path}/{HOLDER}", self._on_holder)
        try:
            while not self._stopping:
                pause = _RECHECK
                try:
                    pause = self._turn(on_gained, on_lost)
                except StorageUnavailable as error:
                    pause = _RETRY
                    _log.debug("The leadership node could not be read", path=self.path, error=str(error))
                except Exception:  # noqa: BLE001 - a process that stops competing would leave nobody in charge
                    _log.exception("The leadership node cannot be used; trying again", path=self.path)
                self._wait(pause)
        finally:
            watch.close()
            zookeeper.remove_listener(self._on_state)
            if self._epoch is not None:
                self._step_down(on_lost, "this process is stopping")
                self._release()

    # ------------------------------------------------------------------------------------------------ one turn

    def _turn(self, on_gained: Callable[[int], None], on_lost: Callable[[], None]) -> float:
        """Bring our role in line with ZooKeeper; the answer is how long nothing needs to be looked at again."""
        if self._epoch is not None:
            reason, pause = self._why_lost()
            if reason:
                self._step_down(on_lost, reason)
                return 0.0
            return pause
        if self._zookeeper.state is not SessionState.CONNECTED:
            return _RECHECK  # the listener wakes us
        epoch = self._take()
        if epoch is None:
            return _RECHECK
        _log.info("This process is in charge", path=self.path, epoch=epoch)
        try:
            on_gained(epoch)
        except Exception:  # noqa: BLE001 - whatever it is: the others must get their chance instead of waiting for us
            _log.exception("Taking charge failed; releasing it", path=self.path)
            self._step_down(on_lost, "taking charge failed")
            self._release()
            self._wait(_RETRY)
        return 0.0

    def _why_lost(self) -> tuple[str, float]:
        """The reason why we are not in charge any more, or "" and how long that may be believed."""
        if self._session_lost:
            return "the ZooKeeper session ended", 0.0
        since = self._suspended_since
        if since is not None:
            left = since + self._zookeeper.session_timeout - self._clock.monotonic()
            if left <= 0:
                return f"ZooKeeper was away for {self._zookeeper.session_timeout:g} s", 0.0
            return "", left
        stat = self._zookeeper.stat(f"{self.path}/{HOLDER}")
        if stat is None:
            return f"{self.path}/{HOLDER} was removed", 0.0
        if stat.owner != self._session:
            return "another process took over", 0.0
        return "", _RECHECK

    def _take(self) -> int | None:
        """Our epoch when the node was free, None when somebody else holds it."""
        zookeeper = self._zookeeper
        session = zookeeper.session
        if session is None:
            return None
        holder = f"{self.path}/{HOLDER}"
        # Everything that could have been lost belongs to the session before; what happens from here on counts.
        self._session_lost = False
        self._suspended_since = None
        stat = zookeeper.stat(holder)
        since = {"id": self._id, "since": self._clock.now()}
        data = encode_json({**self._info, **since})
        # The parent outlives us: what the process says of itself (a secret may be among it) goes when its holder goes.
        taken = Set(self.path, encode_json(since))
        if stat is None:
            zookeeper.ensure(self.path)
            ops: list[Op] = [Create(holder, data, ephemeral=True), taken]
        elif stat.owner == session[0] and self._is_ours(holder):
            # Ours from a take-over whose answer got lost, or from before a suspension: a new epoch all the same.
            ops = [Set(holder, data, stat.version), taken]
        else:
            return None
        try:
            results = zookeeper.multi(ops)
        except StorageConflict:
            return None  # somebody was faster; the watch tells when it is free again
        epoch = results[1]
        assert isinstance(epoch, int)
        with self._changed:
            self._session = session[0]
            self._epoch = epoch
            self._changed.notify_all()
        if self._session_lost or self._zookeeper.session is None or self._zookeeper.session[0] != session[0]:
            self._session_lost = True
            self._news = True
        return epoch

    def _is_ours(self, holder: str) -> bool:
        found = self._zookeeper.get(holder)
        seen = parse_holder(holder, found[0]) if found else None
        return seen is not None and seen.id == self._id

    def _step_down(self, on_lost: Callable[[], None], reason: str) -> None:
        _log.warning(f"This process is no longer in charge: {reason}", path=self.path, epoch=self._epoch)
        with self._changed:
            self._epoch = None
            self._changed.notify_all()
        try:
            on_lost()
        except Exception:  # noqa: BLE001 - competing must go on, whatever the owner's clean-up does
            _log.exception("Giving up the charge failed", path=self.path)

    def _release(self) -> None:
        holder = f"{self.path}/{HOLDER}"
        try:
            stat = self._zookeeper.stat(holder)
            if stat is not None and stat.owner == self._session and self._is_ours(holder):
                self._zookeeper.multi([Delete(holder, stat.version)])
        except (StorageUnavailable, StorageConflict) as error:
            # The end of the session removes it too, only later.
            _log.warning("The leadership node could not be released", path=self.path, error=str(error))

    # ------------------------------------------------------------------------------------------------ news

    def _on_state(self, state: SessionState) -> None:
        # On the connection's thread: nothing here may block.
        match state:
            case SessionState.SUSPENDED:
                if self._suspended_since is None:
                    self._suspended_since = self._clock.monotonic()
            case SessionState.LOST:
                self._session_lost = True
            case SessionState.CONNECTED:
                self._suspended_since = None
        self._wake()

    def _on_holder(self, found: tuple[bytes, int] | None) -> None:
        self._seen = parse_holder(f"{self.path}/{HOLDER}", found[0]) if found else None
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._news and not self._stopping:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._news = False
