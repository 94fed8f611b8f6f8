"""Bringing HAProxy and the files to a structure: map edits, checked and proven reloads, and the way back.

Knows what HAProxy serves now. Does not know where structures come from, when to try again, or who is told. Servers are
followed by the fast path (lane.py); they come in here only where files are made, and go out where HAProxy refuses one.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import structlog

from pool_executor.contract import Structure, Waiting
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.servers import states as server_states
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.composition import Composition
from pool_executor.lbmgr.structure.content import Content, Fitted, fit, served
from pool_executor.lbmgr.structure.files import Files
from pool_executor.lbmgr.structure.hindrances import Hindrances
from pool_executor.lbmgr.structure.instance import Instance
from pool_executor.lbmgr.structure.outcome import Outcome, Running
from pool_executor.lbmgr.structure.plan import Dynamic, Noop, Plan, Reload, plan
from pool_executor.lbmgr.structure.staging import Staging
from pool_executor.lbmgr.structure.stored import Stored

_log = structlog.get_logger()

# Each time HAProxy names at most ten servers that it does not take; one that always finds more is not started.
_MOST_STARTS = 10
#: The task port of the listener for health and statistics.
_STATS = "stats"


class Applier:
    """The structure of one instance. One thread uses it."""

    def __init__(
        self,
        *,
        instance: Instance,
        files: Files,
        hindrances: Hindrances,
        proxy: Proxy,
        lane: Lane,
        counters: Counters,
        next_marker: Callable[[], str],
    ) -> None:
        self._instance = instance
        self._files = files
        self._hindrances = hindrances
        self._proxy = proxy
        self._lane = lane
        self._counters = counters
        self._next_marker = next_marker
        self._staging = Staging(instance, files, proxy, lane)
        self._half_told = False
        """Whether HAProxy carried out a part of a map edit and refused another, so that it is between two contents."""
        self._ended = False
        """Whether HAProxy ended when it was loaded anew, and was not since: it is asked about all files before that."""
        self.running: Running | None = None
        self.whole: Running | None = None
        """The structure that it comes from, with the listeners that cannot listen now."""
        self.left_out: tuple[Waiting, ...] = ()
        """The listeners without which HAProxy was started last."""
        self.stored = Stored(files, counters)

    # -- start

    def load(self) -> Running | None:
        """Take up the last good structure from disk."""
        self.running = self.whole = self.stored.load()
        return self.running

    def start(self) -> str | None:
        """Start HAProxy on the structure that it served; the message when it does not serve it.

        Servers that it refuses are left out: they may have come since it checked the files last. So are listeners that
        cannot listen any more.
        """
        assert self.running is not None, "there is no configuration to start with"
        assert self.whole is not None, "what is served comes from a structure"
        for _ in range(_MOST_STARTS):
            fitted = self._startable(self.running.content, self.whole.content)
            if fitted.waiting and not fitted.listens:
                return f"none of its listeners can listen: {fitted.lacks}"
            content = fitted.content
            failed, read = self._start(content)
            if failed is None:
                self.running = Running(head=served(self.whole.head, content), content=content)
                self.left_out = fitted.waiting
                break
            if read is None:
                break
            if self._failed(content, failed):
                continue
            if not (blamed := read.blamed(failed)):
                break
            self._staging.refuse(blamed, read, content)
        return failed

    def _startable(self, running: Content, whole: Content) -> Fitted:
        """What a HAProxy that is not there yet can serve, of what was published and of what was served before."""
        obstacles = self._hindrances.of_listeners(whole, None)
        before = running.without(self._hindrances.of_listeners(running, None))
        return fit(whole.parts, self._instance.ports, before, keep=True, obstacles=obstacles)

    def _start(self, content: Content) -> tuple[str | None, Composition | None]:
        """The message, and what HAProxy has read if that is known."""
        if obstacle := self._hindrances.first(content, None):
            return f"it lacks {obstacle}", None
        marker = self._next_marker()
        composition = self._staging.composition(content)
        written = True
        try:
            self._files.compose(self._files.current, content, composition.texts)
            self._files.write_instance(self._files.current, self._staging.text(marker))
        except OSError as error:
            # A full disk must not keep HAProxy down: what its predecessor read proves this one as well. Which servers
            # stand there is not known; they are compared and told at once.
            marker, written = self._proxy.marker, False
            # HAProxy is told at once whether traffic is welcome, whatever stands there.
            texts = (self._instance.text(marker, self._files.current, welcome=welcome) for welcome in (True, False))
            if not any(self._files.instance_is(self._files.current, text) for text in texts):
                self._lane.abandon()
                return self.stored.failed(error), None
        failed = self._load(marker, content, composition)
        if failed is None:
            self._hindrances.loaded(content)
            self._half_told = False
            if not written:
                self._lane.doubt()
        return failed, composition if written else None

    def _load(self, marker: str, content: Content, composition: Composition) -> str | None:
        stats = self._hindrances.place_of(_STATS, content)
        return self._proxy.load(marker, content.backends, composition.servers, stats)

    # -- a structure

    @property
    def present(self) -> Content | None:
        """What a HAProxy that is there serves."""
        return self.running.content if self.running is not None and self._proxy.alive else None

    @property
    def needs_reload(self) -> str | None:
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""
        return self._hindrances.needs_reload

    def obstacles(self, content: Content) -> Mapping[str, str]:
        """What listeners of `content` lack so that HAProxy could listen for them, in words, by part."""
        return self._hindrances.of_listeners(content, self.present)

    def plan(self, content: Content) -> Plan:
        """How HAProxy would be brought to `content`."""
        found = plan(self.running.content if self.running is not None else None, content)
        if isinstance(found, Noop | Dynamic) and self._half_told:
            return Reload(reason="HAProxy refused a part of an earlier change")
        return found

    def apply(self, head: Structure, fitted: Fitted, way: Plan) -> Outcome:
        """Bring HAProxy to `fitted` as was just planned, or leave it as it is and say why."""
        content, whole = fitted.content, Running(head=head, content=fitted.whole)
        if not fitted.listens:
            reason = "none of its listeners can be served here" if fitted.waiting else "it has no listener"
            if fitted.blocked:
                return self._kept(reason, f"{reason}: {fitted.lacks}")
            return self._refused(reason, reason)
        match way:
            case Noop():
                self._counters.count("noop")
                return self._applied(whole, content, "noop", "the content is the same")
            case Dynamic() if self._proxy.alive:
                refused = self._proxy.send(way.commands, self._files.maps)
                if refused is None:
                    self._counters.count("dynamic")
                    return self._applied(whole, content, "dynamic", way.reason)
                self._counters.count("command_failed")
                self._half_told = True
                return self._reload(whole, content, f"{way.reason}, but HAProxy refused: {refused}")
            case Dynamic() | Reload():
                return self._reload(whole, content, way.reason)

    def reload_servers(self, reason: str) -> Outcome:
        """Load what is served already anew, for servers that cannot be told to HAProxy at run time."""
        assert self.running is not None, "there is no configuration to load anew"
        assert self.whole is not None, "what is served comes from a structure"
        return self._reload(self.whole, self.running.content, reason)

    def _serves(self, whole: Running, content: Content) -> Running:
        """HAProxy serves this of a structure; what shall stand on disk, which is also what waits."""
        kept = content.beside(whole.content)
        self.running, self.whole = Running(head=served(whole.head, content), content=content), whole
        return Running(head=served(whole.head, kept), content=kept)

    def _applied(self, whole: Running, content: Content, action: Literal["noop", "dynamic"], reason: str) -> Outcome:
        self.stored.update(self._serves(whole, content))
        return Outcome(verdict="applied", action=action, reason=reason)

    def _reload(self, whole: Running, content: Content, reason: str) -> Outcome:
        obstacle = self._hindrances.first(content, self.present)
        if obstacle is not None:
            return self._kept(reason, f"it lacks {obstacle}")
        failed = self._try(whole, content, reason)
        if failed is not None and failed.unasked:
            failed = self._try(whole, content, reason, before=failed)
        if failed is not None:
            return failed
        self._counters.count("reload")
        self._hindrances.loaded(content)
        self._half_told = False
        self._ended = False
        self.stored.commit(self._serves(whole, content))
        return Outcome(verdict="applied", action="reload", reason=reason)

    def _try(self, whole: Running, content: Content, reason: str, *, before: Outcome | None = None) -> Outcome | None:
        """Write and load `content`; what became of it when it does not serve.

        After files that were not loaded and of which HAProxy was not asked (`before`) it is asked, and others are
        loaded only where servers are others: those that it refuses are left out, or it takes them by now.
        """
        present, marker = self._proxy.alive, self._next_marker()
        # Where none runs there is nothing to protect from a configuration that HAProxy refuses, and it says so itself.
        specimen = present and (self.running is None or not content.same(self.running.content))
        thorough = before is not None or self._ended
        try:
            staged = self._staging.stage(whole, content, marker, specimen=specimen, thorough=thorough)
        except OSError as error:
            self._lane.abandon()
            self._roll_back()
            return self._kept(reason, self.stored.failed(error))
        if staged.complaint is not None:
            self._lane.abandon()
            self._roll_back()
            if self._failed(content, staged.complaint):
                return replace(self._kept(reason, staged.complaint), unbound=True)
            return self._refused(reason, staged.composition.published(staged.complaint))
        if before is not None and not (staged.refused or before.blames_servers):
            self._lane.abandon()
            self._roll_back()
            self._counters.count("reload_failed")
            return before
        server_states.hand_over(content, self._proxy, self._files)
        failed = self._load(marker, content, staged.composition)
        if failed is None:
            return None
        self._roll_back()
        unbound = self._failed(content, failed)
        # When HAProxy as a whole is gone, somebody ended it meanwhile, and nothing is known of the structure. It comes
        # back before anything is looked for in the files.
        gone = present and not self._proxy.alive
        self._ended = self._ended or gone
        unasked = not (staged.checked or unbound or gone)
        if not unasked and (present or staged.checked):
            self._counters.count("reload_failed")
        return replace(
            self._kept(reason, failed),
            reload_failed=present and not gone,
            unbound=unbound,
            unasked=unasked,
            blames_servers=unasked and bool(staged.composition.blamed(failed)),
        )

    def _failed(self, content: Content, complaint: str) -> bool:
        running = self.running.content if self.running is not None else None
        return self._hindrances.failed(content, complaint, running)

    def overview(self) -> None:
        """Write the file for people."""
        if self.running is not None:
            content = self.running.content
            instance = self._staging.text(self._proxy.marker)
            self._files.write_overview(instance, self._staging.overview(content), content)

    # -- outcomes

    def _refused(self, reason: str, error: str) -> Outcome:
        self._counters.count("reject")
        return Outcome(verdict="rejected", action="reject", reason=reason, error=error)

    def _kept(self, reason: str, error: str) -> Outcome:
        return Outcome(
            verdict="rejected" if self.running is not None else "starting",
            action="reject",
            reason=reason,
            error=error,
            retry=True,
        )

    def _roll_back(self) -> None:
        try:
            self._files.roll_back()
        except OSError as error:
            _log.error("The files could not be turned back", error=str(error))
