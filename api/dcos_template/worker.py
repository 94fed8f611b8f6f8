"""The thread that turns changes of pools and tasks into published bundles.

Knows the order of things: take what came in, wait for the window of each pool, render what is touched, publish while in
charge. A standby follows pools and tasks too, so that it is warm. What fails is tried again for that pool only. Nothing
is published before the first complete list of tasks; afterwards a lost listener changes nothing (fail-static).
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from api.dcos_template.publish import Publisher
from api.dcos_template.rendering import Difference, Rendering, difference, render_pool, update_endpoints
from api.dcos_template.select import BackendKey, Selection
from api.dcos_template.windows import Change, Window
from api.mesos_listener.client import TaskChanges
from scheduler.pools.store import PoolView
from scheduler.pools.stored import StoredPool
from sdk.clock import Clock
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import StorageConflict

#: Parts that nobody names any more are removed when there is nothing better to do, and not after every publishing.
COLLECT_AFTER = 2.0
#: The loop comes round at least so often, in seconds, also when nothing happens.
TURN = 1.0

log = structlog.get_logger()


@dataclass(slots=True)
class _PoolState:
    """What the worker knows of one pool."""

    stored: StoredPool
    window: Window = field(default_factory=Window)
    rendering: Rendering | None = None
    stale: set[str] | None = None
    """Backends whose endpoints changed since the rendering; None: everything."""
    refused: str = ""


class Worker:
    """The `on_...` methods may be called from any thread and return at once."""

    def __init__(self, publisher: Publisher, clock: Clock, *, turned: Callable[[], None]) -> None:
        """`turned` is called on the worker's thread whenever its loop comes round, at least every TURN seconds."""
        self._publisher = publisher
        self._clock = clock
        self._turned = turned
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._selection = Selection()
        self._pools: dict[str, _PoolState] = {}
        self._gone: dict[str, Window] = {}
        self._collect: dict[str, float] = {}
        self._unreadable: frozenset[str] = frozenset()
        self._have_pools = False
        self._have_tasks = False
        self._leading = False
        self._swept = True
        self._task_revision = 0
        self._thread = threading.Thread(target=self._run, name="template-worker", daemon=True)

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being published and end."""
        self._inbox.put(None)
        self._thread.join(10.0)

    def on_pools(self, view: PoolView) -> None:
        """All pools as they stand in ZooKeeper now."""
        now = self._clock.monotonic()
        self._inbox.put(lambda: self._take_pools(view, now))

    def on_tasks(self, changes: TaskChanges) -> None:
        """Changes of the running tasks; the first call has all of them."""
        now = self._clock.monotonic()
        self._inbox.put(lambda: self._take_tasks(changes, now))

    def on_gained(self, epoch: int) -> None:
        """This process is in charge."""
        self._inbox.put(lambda: self._take_charge(epoch))

    def on_lost(self) -> None:
        """This process is not in charge any more."""
        self._inbox.put(self._give_up_charge)

    def on_connected(self) -> None:
        """ZooKeeper is back: do not wait any longer with what failed without it."""
        self._inbox.put(self._hurry)

    # ------------------------------------------------------------ the loop

    def _run(self) -> None:
        while True:
            try:
                self._turned()
                if not self._take(self._pause()):
                    return
                if self._leading:
                    self._work()
            except Exception:
                log.exception("The template's loop failed; going on with the next change")

    def _take(self, timeout: float) -> bool:
        """Wait for input and take all there is; False to stop."""
        try:
            item = self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait()
            while True:
                if item is None:
                    return False
                item()
                item = self._inbox.get_nowait()
        except queue.Empty:
            return True

    def _pause(self) -> float:
        if not self._leading:
            return TURN
        dues = [self._clock.monotonic() + TURN, *(due for _, due in self._dues())]
        if not self._swept:
            dues.append(self._clock.monotonic() + 1.0)
        dues += self._collect.values()
        return max(0.0, min(dues) - self._clock.monotonic())

    def _dues(self) -> list[tuple[str, float]]:
        windows = [(name, window) for name, window in self._gone.items()]
        if self._have_tasks:
            windows += [(name, state.window) for name, state in self._pools.items()]
        return [(name, window.due) for name, window in windows if window.due is not None]

    def _work(self) -> None:
        if not self._swept and self._have_pools:
            self._sweep()
        now = self._clock.monotonic()
        due = sorted(((at, name) for name, at in self._dues() if at <= now))
        for _, name in due:
            if name in self._gone:
                self._remove(name)
            else:
                self._publish(name)
            if not self._leading:
                return
        if not due:
            for name in [name for name, at in self._collect.items() if at <= now]:
                self._collect_parts(name)

    # ------------------------------------------------------------ what came in

    def _take_pools(self, view: PoolView, now: float) -> None:
        self._have_pools = True
        self._unreadable = frozenset(view.unreadable)
        for name, stored in view.items():
            state = self._pools.get(name)
            if state is not None and state.stored == stored:
                continue
            self._gone.pop(name, None)
            if state is None:
                state = self._pools[name] = _PoolState(stored)
            state.stored, state.stale = stored, None
            state.window = state.window.touch(Change.STRUCTURE, now)
            self._selection.set_pool(stored.pool)
        for name in [name for name in self._pools if name not in view and name not in self._unreadable]:
            del self._pools[name]
            self._selection.remove_pool(name)
            self._gone[name] = Window().touch(Change.STRUCTURE, now)

    def _take_tasks(self, changes: TaskChanges, now: float) -> None:
        if not self._have_tasks:
            self._have_tasks = True
            log.info("The list of running tasks is complete", tasks=len(changes.updated), pools=len(self._pools))
        self._task_revision = changes.revision
        touched = self._selection.update(changes.updated, changes.removed)
        for backends, change in ((touched.lost, Change.LOST), (touched.gained, Change.GAINED)):
            for key in backends:
                state = self._pools.get(key.pool)
                if state is None:
                    continue
                if state.stale is not None:
                    state.stale.add(key.backend)
                state.window = state.window.touch(change, now)

    def _take_charge(self, epoch: int) -> None:
        log.info("Publishing bundles from now on", epoch=epoch, pools=len(self._pools))
        self._publisher.forget()
        self._leading, self._swept = True, False
        now = self._clock.monotonic()
        for state in self._pools.values():
            state.window = state.window.retry_now().touch(Change.LOST, now)

    def _give_up_charge(self) -> None:
        self._leading = False
        self._publisher.forget()
        self._collect.clear()

    def _hurry(self) -> None:
        for state in self._pools.values():
            state.window = state.window.retry_now()
        self._gone = {name: window.retry_now() for name, window in self._gone.items()}

    # ------------------------------------------------------------ publishing

    def _publish(self, name: str) -> None:
        state = self._pools[name]
        now = self._clock.monotonic()
        since = state.window.since
        state.window = state.window.publishing(now)
        try:
            changed = self._render(name, state)
            rendering = state.rendering
            assert rendering is not None
            outcome = self._publisher.publish(
                name, rendering.texts, rendering.ports, state.stored.revision, self._task_revision
            )
        except InvalidSpec as error:
            # Only another pool can help, or other tasks: no use in trying again before one of them changes.
            state.stale = None
            if state.refused != str(error):
                log.error(
                    f"Pool {name} cannot be rendered; its last bundle stays: {error}", pool=name, field=error.path
                )
            state.refused = str(error)
            return
        except LeadershipLost as error:
            log.warning(f"Not publishing pool {name}: {error}", pool=name)
            state.window = state.window.failed(now)
            self._give_up_charge()
            return
        except (StorageUnavailable, StorageConflict) as error:
            self._publisher.forget_pool(name)
            state.window = state.window.failed(now)
            log.warning(f"Publishing pool {name} failed; trying again", pool=name, error=str(error))
            return
        except Exception:
            log.exception(f"Pool {name} could not be rendered or published; trying again", pool=name)
            self._publisher.forget_pool(name)
            state.stale = None
            state.window = state.window.failed(now)
            return
        state.refused = ""
        state.window = state.window.succeeded()
        if not outcome.written:
            log.debug("Nothing new to publish", pool=name, version=outcome.head.version)
            return
        done = self._clock.monotonic()
        self._collect.setdefault(name, done + COLLECT_AFTER)
        log.info(
            f"Published version {outcome.head.version} of pool {name}: "
            f"{changed.servers_added} servers added, {changed.servers_removed} removed",
            pool=name,
            version=outcome.head.version,
            epoch=outcome.head.epoch,
            reason=changed.reason,
            servers_added=changed.servers_added,
            servers_removed=changed.servers_removed,
            parts_written=outcome.parts_written,
            bytes_written=outcome.bytes_written,
            ms_since_event=round((done - (since if since is not None else now)) * 1000, 1),
        )

    def _render(self, name: str, state: _PoolState) -> "_Changed":
        if state.rendering is None or state.stale is None:
            reason = "first rendering" if state.rendering is None else "pool changed"
            after = render_pool(state.stored.pool, self._selection.endpoints(name))
            found = difference(state.rendering, after)
        else:
            reason = "endpoints changed"
            wanted = {one: self._selection.endpoints_of(BackendKey(name, one)) for one in sorted(state.stale)}
            after, found = update_endpoints(state.rendering, wanted)
        state.rendering, state.stale = after, set()
        return _Changed.of(reason, found)

    # ------------------------------------------------------------ removing

    def _sweep(self) -> None:
        """Once in charge: what was published for pools that are gone meanwhile goes too."""
        try:
            published = self._publisher.pools()
        except StorageUnavailable as error:
            log.warning("The published bundles cannot be listed; trying again", error=str(error))
            return
        self._swept = True
        now = self._clock.monotonic()
        for name in published:
            if name not in self._pools and name not in self._unreadable:
                self._gone.setdefault(name, Window().touch(Change.STRUCTURE, now))
            elif name in self._pools:
                self._collect.setdefault(name, now + COLLECT_AFTER)

    def _remove(self, name: str) -> None:
        window = self._gone[name]
        now = self._clock.monotonic()
        try:
            self._publisher.remove(name)
        except LeadershipLost as error:
            log.warning(f"Not removing the bundle of pool {name}: {error}", pool=name)
            self._give_up_charge()
        except (StorageUnavailable, StorageConflict) as error:
            self._gone[name] = window.publishing(now).failed(now)
            log.warning(f"Removing the bundle of pool {name} failed; trying again", pool=name, error=str(error))
        else:
            del self._gone[name]
            self._collect.pop(name, None)
            log.info(f"Removed the bundle of pool {name}, which is gone", pool=name)

    def _collect_parts(self, name: str) -> None:
        del self._collect[name]
        try:
            removed = self._publisher.collect(name)
        except LeadershipLost:
            self._give_up_charge()
        except (StorageUnavailable, StorageConflict) as error:
            self._collect[name] = self._clock.monotonic() + COLLECT_AFTER
            log.warning(f"Old parts of pool {name} could not be removed; trying again", pool=name, error=str(error))
        else:
            if removed:
                log.debug("Removed parts that no head names", pool=name, nodes=removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """Why a pool is published, for the log."""

    reason: str
    servers_added: int
    servers_removed: int

    @classmethod
    def of(cls, reason: str, found: Difference) -> "_Changed":
        return cls(reason=reason, servers_added=found.servers_added, servers_removed=found.servers_removed)
