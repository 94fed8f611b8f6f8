"""Following the head of the structure: what is wanted, what came of it, and when it is tried again.

Knows which head is handled and the pauses between tries. Does not know how a structure is applied, how soon HAProxy may
be loaded anew (pace.py), nor HAProxy's life. Used by lbmgr's thread only.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from pool_executor.contract import Structure, Waiting
from pool_executor.lbmgr.haproxy.pace import Pace
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.nodes import Nodes
from pool_executor.lbmgr.servers.for_servers import ForServers, defect
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.apply import Applier
from pool_executor.lbmgr.structure.content import Content, Fitted, PartText, fit
from pool_executor.lbmgr.structure.outcome import Outcome
from pool_executor.lbmgr.structure.plan import Noop, Reload
from sdk.errors import CorruptRecord, TemporaryFailure
from sdk.retry import Policy

_log = structlog.get_logger()

_AGAIN = Policy(first=0.5, most=10.0)
_LOOK_AGAIN = 2.0
_UNTIL_STARTED = 0.25
_INFO, _WARNING = 20, 30
# The first configuration waits so long for the servers: telling them one by one takes longer than reading them.
_SERVERS_PATIENCE = 3.0


class Follower:
    """The way of one instance from structure to structure."""

    def __init__(
        self, applier: Applier, proxy: Proxy, lane: Lane, ports: Mapping[str, int], counters: Counters
    ) -> None:
        self._counters = counters
        self._applier = applier
        self._proxy = proxy
        self._lane = lane
        self._ports = ports
        self._nodes: Nodes | None = None
        self.wanted: Structure | None = None
        """The last head that could be read."""
        self._handled: Structure | None = None
        self._retry_at = 0.0
        self._retry = _AGAIN.backoff()
        self._fitted: object = None
        """What was made of the handled head."""
        self._blocked = False
        """Whether it lacks what may be there at any moment, as a port that another process holds."""
        self._look_at = 0.0
        self._look = _AGAIN.backoff()
        self._bring_back_at = 0.0
        self._stamped: Structure | None = None
        self._servers_at = 0.0
        """When the first structure stops to wait for servers."""
        self._pace = Pace(proxy)
        self._for_servers = ForServers(applier, proxy, lane, self._pace)
        self._trouble: str | None = None
        self._seen: Mapping[str, float] = {}
        self.outcome = Outcome(verdict="starting", action=None, reason="waiting for the first configuration")
        """What became of the last head that was tried."""
        self.rejected: int | None = None
        """The version that was refused, if the last one was."""
        self.waiting: tuple[Waiting, ...] = ()
        self.stamps: Mapping[str, float] = {}
        """Of the head that is served."""

    @property
    def error(self) -> str | None:
        """What is wrong with the head itself, its parts or its outcome."""
        return self._trouble or self.outcome.error

    @property
    def servers_error(self) -> str | None:
        """Why HAProxy could not be loaded anew for servers that take it."""
        return self._for_servers.error

    @property
    def waits_for_servers(self) -> bool:
        """Whether the first configuration has still to wait for the servers."""
        waits = self._applier.running is None and self.wanted is not None and not self._lane.known
        return waits and time.monotonic() < self._servers_at

    # -- news

    def attach(self, nodes: Nodes) -> None:
        """Fetch parts from there."""
        self._nodes = nodes

    def see(self, head: Structure | CorruptRecord | None) -> None:
        """The head is this now."""
        match head:
            case Structure():
                if self.wanted is None:
                    self._servers_at = time.monotonic() + _SERVERS_PATIENCE
                self.wanted, self._trouble = head, None
                self._seen = {"seen": time.time()}
                # A new head is looked at at once; what it has to wait for is said when it is known what it asks for.
                self._retry.reset()
                self._look.reset()
                self._retry_at = 0.0
            case CorruptRecord():
                self._trouble = f"the structure in ZooKeeper cannot be read: {head}"
            case None:
                _log.info("The pool has no configuration in ZooKeeper; the present one goes on")

    def hurry(self) -> None:
        """What made the last try fail may be over."""
        self._retry_at = 0.0

    def look(self) -> None:
        """What a listener waits for may be there."""
        self._look.reset()
        self._look_at = 0.0

    def served_from_disk(self, reason: str) -> None:
        """HAProxy was started on what it served before, perhaps without listeners that cannot listen any more."""
        running = self._applier.running
        if running is not None and running.content.key != self._fitted:
            self._blocked, self._look_at, self._bring_back_at = True, 0.0, 0.0
            self.waiting = self._applier.left_out
        if self.outcome.verdict == "starting":
            self.outcome = Outcome(verdict="applied", action=None, reason=reason)

    # -- the way

    def step(self, now: float) -> Outcome | None:
        """Try the wanted head if it is time, or else reload for servers; the outcome when HAProxy was asked."""
        head = self.wanted
        if head is not None and self._nodes is not None and self._due(head, self._nodes, now):
            outcome = self._try(head, self._nodes)
            if outcome is not None:
                return outcome
        outcome = self._bring_back(now)
        return outcome if outcome is not None else self._for_servers.step(now)

    def _due(self, head: Structure, nodes: Nodes, now: float) -> bool:
        """Whether to try the head: it is new, or fits otherwise than before because a port was freed or taken."""
        if head != self._handled:
            return now >= self._retry_at
        if now < self._look_at or not (self._blocked or not self._proxy.alive):
            return False
        self._look_at = now + self._look.delay()
        try:
            fitted = self._fit(self._texts(head, nodes), keep=True)
        except (TemporaryFailure, CorruptRecord) as error:
            _log.warning("The configuration could not be looked at again", version=head.version, error=str(error))
            return False
        except Exception:  # noqa: BLE001 - as in _apply
            _log.exception("What a version lacks could not be looked at", version=head.version)
            return False
        if fitted.content.key != self._fitted:
            return True
        self.waiting = fitted.waiting  # for the same, perhaps for another reason
        return False

    def _try(self, head: Structure, nodes: Nodes) -> Outcome | None:
        if self.waits_for_servers:
            return None
        try:
            texts = self._texts(head, nodes)
        except (TemporaryFailure, CorruptRecord) as error:
            self._retry_at = time.monotonic() + self._retry.delay()
            self._trouble = f"version {head.version} could not be fetched: {error}"
            _log.warning("The configuration could not be fetched; trying again", version=head.version, error=str(error))
            return None
        self._trouble = None
        began = time.monotonic()
        outcome = self._apply(head, texts, nodes, began)
        if outcome is None:
            return None
        self.outcome = outcome
        self.rejected = head.version if outcome.verdict == "rejected" else None
        if outcome.verdict == "applied":
            self._pace.forgive()
        if outcome.verdict == "applied" and head != self._stamped:
            self._stamped = head
            self.stamps = dict(head.stamps) | dict(self._seen) | {"applied": time.time()}
            self._counters.took("structure", self.stamps)
        if outcome.retry:
            self._handled = None
            self._retry_at = time.monotonic() + (0.0 if outcome.unbound else self._retry.delay())
        else:
            self._handled = head
        _log.log(
            _WARNING if outcome.error else _INFO,
            f"{outcome.verdict} version {head.version}: {outcome.reason}",
            action=outcome.action,
            epoch=head.epoch,
            error=outcome.error,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
        return outcome

    def _apply(self, head: Structure, texts: Mapping[str, PartText], nodes: Nodes, now: float) -> Outcome | None:
        """The outcome; None when it has to wait for its turn, which is noted."""
        try:
            fitted = self._fit(texts, keep=True)
            outcome = self._carry_out(head, fitted, nodes.instances, now)
            if outcome is not None and outcome.verdict == "rejected" and not outcome.retry and fitted.waiting:
                # What was kept of before may not go with what is new.
                without = self._fit(texts, keep=False)
                if fitted.blocked and self._loses_listeners(without):
                    # It may never listen at the new place: what serves goes on as a whole.
                    error = f"{fitted.lacks}; as it was before it does not go with the rest: {outcome.error}"
                    outcome = replace(outcome, error=error)
                elif not without.content.same(fitted.content):
                    outcome = self._carry_out(head, without, nodes.instances, now)
            if outcome is not None:
                self.waiting = fitted.waiting
                self._fitted, self._blocked = fitted.content.key, fitted.blocked
            return outcome
        except Exception as error:  # noqa: BLE001 - one head that trips over a defect of ours must not end the serving
            _log.exception("A version could not be applied", version=head.version)
            return defect(self._lane, f"version {head.version}", error)

    def _loses_listeners(self, fitted: Fitted) -> bool:
        """Whether something would not be listened for any more that waits only to be listened for elsewhere."""
        present = self._applier.present
        return present is not None and any(present.listens_for(one.listener) for one in fitted.waiting)

    def _fit(self, texts: Mapping[str, PartText], *, keep: bool) -> Fitted:
        running = self._applier.running.content if self._applier.running is not None else None
        if running is not None and not self._proxy.alive:
            # What cannot listen any more cannot stay as it was.
            running = running.without(self._applier.obstacles(running))
        obstacles = self._applier.obstacles(Content(parts=texts))
        return fit(texts, self._ports, running, keep=keep, obstacles=obstacles)

    def _carry_out(self, head: Structure, fitted: Fitted, instances: Callable[[], int], now: float) -> Outcome | None:
        way = self._applier.plan(fitted.content)
        if isinstance(way, Noop) and not self._proxy.alive:
            # Nobody serves it, and it is on its way: HAProxy is started on it (life.py).
            self._retry_at = now + _UNTIL_STARTED
            return None
        if isinstance(way, Reload) and self._proxy.alive:
            allowed = max(self._pace.allowed_at(fitted.content.key), self._pace.turn_of(head, instances, now))
            if now < allowed:
                # Old workers may be done before their time is over.
                self._retry_at = min(allowed, now + _LOOK_AGAIN)
                return None
        outcome = self._applier.apply(head, fitted, way)
        self._pace.note(outcome, fitted.content.key)
        return outcome

    def _bring_back(self, now: float) -> Outcome | None:
        """Let listeners of what is served listen that could not, also while a later structure is refused."""
        whole, running = self._applier.whole, self._applier.running
        if whole is None or running is None or now < self._bring_back_at or not self._proxy.alive:
            return None
        self._bring_back_at = now + _LOOK_AGAIN
        if whole.head == self._handled or whole.content.same(running.content):
            return None  # who waits of the head that is wanted is looked for with it
        try:
            fitted = self._fit(whole.content.parts, keep=True)
            if fitted.content.same(running.content):
                return None
            instances = self._nodes.instances if self._nodes is not None else lambda: 1
            outcome = self._carry_out(whole.head, fitted, instances, now)
        except Exception as error:  # noqa: BLE001 - as in _apply
            _log.exception("Listeners that wait could not be looked for")
            return defect(self._lane, "listeners that wait", error)
        if outcome is not None:
            _log.log(_WARNING if outcome.error else _INFO, "Listeners that waited are looked for", error=outcome.error)
            if outcome.verdict == "applied":
                self.waiting = fitted.waiting
        return outcome

    def _texts(self, head: Structure, nodes: Nodes) -> Mapping[str, PartText]:
        """The parts of a head with their texts: those that are served already come from memory."""
        have = self._applier.running.content.parts if self._applier.running is not None else {}
        known = {text.part.blob: text.text for text in have.values()}
        missing = list({part.blob for part in head.parts.values()} - known.keys())
        known.update(zip(missing, nodes.fetch(missing), strict=True))
        return {
            name: have[name] if name in have and have[name].part == part else PartText.of(part, known[part.blob])
            for name, part in head.parts.items()
        }
