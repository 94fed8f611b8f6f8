"""Following the head of a bundle: what is wanted, what came of it, and when it is tried again.

Knows which head is handled and the pauses between tries. Does not know how a bundle is applied, nor HAProxy's life.
Used by lbmgr's thread only.
"""

import time
from typing import Protocol

import structlog

from pool_executor.bundle import Head, Part
from pool_executor.lbmgr.apply import Applier, Outcome
from pool_executor.lbmgr.backoff import FailedReload
from pool_executor.lbmgr.content import Content, PartText, structure_of
from pool_executor.lbmgr.decide import not_before
from pool_executor.lbmgr.decision import Reload
from sdk.errors import CorruptRecord, TemporaryFailure
from sdk.retry import Policy

_log = structlog.get_logger()

_AGAIN = Policy(first=0.5, most=10.0)
_LOOK_AGAIN = 2.0
_INFO, _WARNING = 20, 30


class Nodes(Protocol):
    """The pool's nodes in ZooKeeper, see `watch.PoolNodes`."""

    def fetch(self, part: Part) -> str:
        """The text of a part."""

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes."""


class Follower:
    """The way of one instance from head to head."""

    def __init__(self, applier: Applier) -> None:
        self._applier = applier
        self._nodes: Nodes | None = None
        self.wanted: Head | None = None
        """The last head that could be read."""
        self._handled: Head | None = None
        self._servers_of: Head | None = None
        """The last head whose servers HAProxy has, or was asked to have, with its own structure or an older one."""
        self._retry_at: float | None = None
        self._retry = _AGAIN.backoff()
        self._fetch_at = 0.0
        self._failed: FailedReload | None = None
        self._reloaded_at: float | None = None
        self._trouble: str | None = None
        self.outcome = Outcome(verdict="starting", action=None, reason="waiting for the first configuration")
        """What became of the last head that was tried."""
        self.rejected: int | None = None
        """The version that was refused, if the last one was."""

    @property
    def error(self) -> str | None:
        """What is wrong with the head itself, its parts or its outcome."""
        return self._trouble or self.outcome.error

    # -- news

    def attach(self, nodes: Nodes) -> None:
        """Fetch parts from there."""
        self._nodes = nodes

    def see(self, head: Head | CorruptRecord | None) -> None:
        """The head is this now."""
        match head:
            case Head():
                self.wanted, self._trouble = head, None
                # A new head is looked at at once; what it has to wait for is said when it is known what it asks for.
                self._retry.reset()
                self._retry_at = self._fetch_at = 0.0
            case CorruptRecord():
                self._trouble = f"the head in ZooKeeper cannot be read: {head}"
            case None:
                _log.info("The pool has no configuration in ZooKeeper; the present one goes on")

    def hurry(self) -> None:
        """What made the last try fail may be over."""
        if self._retry_at is not None:
            self._retry_at = 0.0
        self._fetch_at = 0.0

    def haproxy_started(self) -> None:
        """HAProxy was started on the files: servers that it was only told about are told again."""
        if self.outcome.verdict != "applied":
            self._servers_of = None

    def again(self) -> None:
        """HAProxy went back to something older: what is wanted is not handled any more."""
        self._handled, self._retry_at = None, 0.0

    def served_from_disk(self, reason: str) -> None:
        """HAProxy serves the configuration of an earlier life."""
        if self.outcome.verdict == "starting":
            self.outcome = Outcome(verdict="applied", action=None, reason=reason)

    # -- the way

    def step(self, now: float) -> Outcome | None:
        """Try the wanted head if it is time; the outcome when HAProxy was asked for something."""
        head = self.wanted
        if head is None or self._nodes is None or now < self._fetch_at:
            return None
        due = head != self._handled and self._retry_at is not None and now >= self._retry_at
        if not due and head == self._servers_of:
            return None
        try:
            content = self._fetch(head, self._nodes)
        except (TemporaryFailure, CorruptRecord) as error:
            self._fetch_at = time.monotonic() + self._retry.delay()
            self._trouble = f"version {head.version} could not be fetched: {error}"
            _log.warning("The configuration could not be fetched; trying again", version=head.version, error=str(error))
            return None
        self._trouble = None
        outcome = self._try(head, content) if due else None
        if head != self._servers_of:
            if outcome is None or outcome.verdict != "applied":
                self._keep_up(head, content)
            self._servers_of = head
        return outcome

    def _keep_up(self, head: Head, content: Content) -> None:
        try:
            self._applier.keep_up(content)
        except Exception:  # noqa: BLE001 - as in `_apply`: the version before goes on serving
            _log.exception("The servers of a version could not be followed", version=head.version)

    def _try(self, head: Head, content: Content) -> Outcome | None:
        began = time.monotonic()
        outcome = self._apply(head, content, began)
        if outcome is None:
            return None
        self.outcome = outcome
        self.rejected = head.version if outcome.verdict == "rejected" else None
        if outcome.action == "reload":
            self._reloaded_at = time.monotonic()
        if outcome.reload_failed:
            self._failed = FailedReload(structure=structure_of(content), at=time.monotonic())
        elif outcome.verdict == "applied":
            self._failed = None
        if outcome.retry:
            self._retry_at = time.monotonic() + self._retry.delay()
        else:
            self._handled, self._retry_at = head, None
        _log.log(
            _WARNING if outcome.error else _INFO,
            f"{outcome.verdict} version {head.version}: {outcome.reason}",
            action=outcome.action,
            epoch=head.epoch,
            error=outcome.error,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
        return outcome

    def _apply(self, head: Head, content: Content, now: float) -> Outcome | None:
        """The outcome; None when it has to wait for its turn, which is noted."""
        try:
            decision = self._applier.decide(content)
            if isinstance(decision, Reload) and self._applier.alive:
                allowed = self._reload_allowed(decision, content)
                if now < allowed:
                    # Old workers may be done before their time is over.
                    self._retry_at = min(allowed, now + _LOOK_AGAIN)
                    return None
            return self._applier.apply(head, content, decision)
        except Exception as error:  # noqa: BLE001 - one head that trips over a defect of ours must not end the serving
            _log.exception("A version could not be applied", version=head.version)
            message = f"lbmgr failed on version {head.version}: {type(error).__name__}: {error}"
            return Outcome(verdict="rejected", action="reject", reason="a defect of lbmgr", error=message)

    def _reload_allowed(self, decision: Reload, content: Content) -> float:
        allowed = self._applier.room_at()
        if self._reloaded_at is not None:
            allowed = max(allowed, not_before(decision, self._reloaded_at))
        if self._failed is not None:
            allowed = max(allowed, self._failed.not_before(structure_of(content)))
        return allowed

    def _fetch(self, head: Head, nodes: Nodes) -> Content:
        """The content of a head: parts that are served already come from memory."""
        have = self._applier.running.content.parts if self._applier.running is not None else {}
        parts: dict[str, PartText] = {}
        for name, part in head.parts.items():
            text = have.get(name)
            if text is None or text.part.sha256 != part.sha256 or text.part.kind != part.kind:
                # Described anew from its text: which lines are servers is for this reader to say, not for the head.
                text = PartText.of(name, part.kind, nodes.fetch(part))
            parts[name] = text
        return Content(parts=parts, ports=head.ports)
