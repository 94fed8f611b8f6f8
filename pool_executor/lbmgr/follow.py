"""Following the head of the structure: what is wanted, what came of it, and when it is tried again.

Knows which head is handled and the pauses between tries. Does not know how a structure is applied, how soon HAProxy may
be loaded anew (pace.py), nor HAProxy's life. Used by lbmgr's thread only.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from pool_executor.contract import Blob, Structure, Waiting
from pool_executor.lbmgr.apply import Applier
from pool_executor.lbmgr.bulk import LONG
from pool_executor.lbmgr.content import Content, Fitted, PartText, fit
from pool_executor.lbmgr.lane import Lane
from pool_executor.lbmgr.metrics import Counters
from pool_executor.lbmgr.outcome import Outcome
from pool_executor.lbmgr.pace import Pace
from pool_executor.lbmgr.plan import Reload
from pool_executor.lbmgr.proxy import Proxy
from sdk.errors import CorruptRecord, TemporaryFailure
from sdk.retry import Policy

_log = structlog.get_logger()

_AGAIN = Policy(first=0.5, most=10.0)
_LOOK_AGAIN = 2.0
_INFO, _WARNING = 20, 30
# The first configuration waits so long for the servers: telling them one by one takes longer than reading them.
_SERVERS_PATIENCE = 3.0


class Nodes(Protocol):
    """The pool's nodes in ZooKeeper, see `watch.PoolNodes`."""

    def fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        """The texts of parts, asked for together."""

    def instances(self) -> int:
        """How many instances the pool has."""

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes."""


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
        self._stamped: Structure | None = None
        self._servers_at = 0.0
        """When a reload for servers may be tried again, and when the first structure stops to wait for them."""
        self._pace = Pace(proxy)
        self._trouble: str | None = None
        self._seen: Mapping[str, float] = {}
        self.outcome = Outcome(verdict="starting", action=None, reason="waiting for the first configuration")
        """What became of the last head that was tried."""
        self.rejected: int | None = None
        """The version that was refused, if the last one was."""
        self.waiting: tuple[Waiting, ...] = ()
        self.stamps: Mapping[str, float] = {}
        """Of the head that is served."""
        self.servers_error: str | None = None
        """Why HAProxy could not be loaded anew for servers that take it."""

    @property
    def error(self) -> str | None:
        """What is wrong with the head itself, its parts or its outcome."""
        return self._trouble or self.outcome.error

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
        """HAProxy serves the configuration of an earlier life."""
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
        return self._reload_for_servers(now)

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
            outcome = self._carry_out(head, fitted, nodes, now)
            if outcome is not None and outcome.verdict == "rejected" and not outcome.retry and fitted.waiting:
                # What was kept of before may not go with what is new.
                without = self._fit(texts, keep=False)
                if fitted.blocked and self._loses_listeners(without):
                    # It may never listen at the new place: what serves goes on as a whole.
                    error = f"{fitted.lacks}; as it was before it does not go with the rest: {outcome.error}"
                    outcome = replace(outcome, error=error)
                elif not without.content.same(fitted.content):
                    outcome = self._carry_out(head, without, nodes, now)
            if outcome is not None:
                self.waiting = fitted.waiting
                self._fitted, self._blocked = fitted.content.key, fitted.blocked
            return outcome
        except Exception as error:  # noqa: BLE001 - one head that trips over a defect of ours must not end the serving
            _log.exception("A version could not be applied", version=head.version)
            return self._defect(f"version {head.version}", error)

    def _loses_listeners(self, fitted: Fitted) -> bool:
        """Whether something would not be listened for any more that waits only to be listened for elsewhere."""
        present = self._applier.present
        return present is not None and any(present.listens_for(one.listener) for one in fitted.waiting)

    def _defect(self, what: str, error: Exception) -> Outcome:
        self._lane.abandon()
        message = f"lbmgr failed on {what}: {type(error).__name__}: {error}"
        return Outcome(verdict="rejected", action="reject", reason="a defect of lbmgr", error=message)

    def _fit(self, texts: Mapping[str, PartText], *, keep: bool) -> Fitted:
        running = self._applier.running.content if self._applier.running is not None else None
        obstacles = self._applier.obstacles(Content(parts=texts))
        return fit(texts, self._ports, running, keep=keep, obstacles=obstacles)

    def _carry_out(self, head: Structure, fitted: Fitted, nodes: Nodes, now: float) -> Outcome | None:
        way = self._applier.plan(fitted.content)
        if isinstance(way, Reload) and self._proxy.alive:
            allowed = max(self._pace.allowed_at(fitted.content.key), self._pace.turn_of(head, nodes.instances, now))
            if now < allowed:
                # Old workers may be done before their time is over.
                self._retry_at = min(allowed, now + _LOOK_AGAIN)
                return None
        outcome = self._applier.apply(head, fitted, way)
        self._pace.note(outcome, fitted.content.key)
        return outcome

    def _reload_for_servers(self, now: float) -> Outcome | None:
        """Load what is served anew for servers, or certificates, that cannot be told at run time."""
        running, reason = self._applier.running, self._lane.needs_reload or self._applier.needs_reload
        if reason is None:
            self.servers_error = None
        if reason is None or running is None or not self._proxy.alive or now < self._servers_at:
            return None
        if now < (allowed := self._pace.allowed_at(running.content.key)):
            if allowed - now > LONG:
                self._lane.reload_is_far()
            return None
        began = time.monotonic()
        try:
            outcome = self._applier.reload_servers(reason)
        except Exception as error:  # noqa: BLE001 - as above
            _log.exception("HAProxy could not be loaded anew for servers")
            outcome = self._defect("a reload for servers", error)
        self._pace.note(outcome, running.content.key)
        self.servers_error = outcome.error and f"{reason}; HAProxy cannot be loaded anew: {outcome.error}"
        if outcome.verdict != "applied":
            self._lane.reload_is_far()
        self._servers_at = time.monotonic() + (0.0 if outcome.verdict == "applied" else self._retry.delay())
        _log.log(
            _WARNING if outcome.error else _INFO,
            f"{outcome.verdict} for servers: {reason}",
            error=outcome.error,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
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
