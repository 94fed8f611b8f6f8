"""Carrying out a decision: files, runtime commands, checked and proven reloads, and the way back when one fails.

Knows what HAProxy serves now (head, content, servers in maintenance). Does not know where bundles come from, when to
try again, or who is told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from pool_executor.bundle import BackendHealth, HaproxyInfo, Head, Server, Verdict
from pool_executor.lbmgr import backends, drift
from pool_executor.lbmgr.content import Content, ServerRef, with_servers_of
from pool_executor.lbmgr.decide import decide
from pool_executor.lbmgr.decision import Decision, Dynamic, Noop, Reject, Reload, Run, Waiting
from pool_executor.lbmgr.files import Files, changed_parts
from pool_executor.lbmgr.instance import SERVING, Instance
from pool_executor.lbmgr.metrics import Counters
from pool_executor.lbmgr.obstacles import Obstacles
from pool_executor.lbmgr.process import Failed, Haproxy, Serving
from pool_executor.lbmgr.runtime import SocketFailed, capabilities
from pool_executor.lbmgr.succession import Succession
from pool_executor.lbmgr.worker import Worker

_log = structlog.get_logger()

_START_TIMEOUT = 60.0
_RELOAD_TIMEOUT = 60.0
_CHECK_TIMEOUT = 60.0
_FORCED_MAINTENANCE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a bundle. `retry`: the cause lies outside the bundle and may pass."""

    verdict: Verdict
    action: Literal["noop", "dynamic", "reload", "reject"] | None
    reason: str
    error: str | None = None
    retry: bool = False
    reload_failed: bool = False
    """HAProxy accepted the bundle when it checked it, and did not start with it beside the one that serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What HAProxy serves, or shall serve again after it died."""

    head: Head
    content: Content


class Applier:
    """The HAProxy of one instance and its files. One thread uses it."""

    def __init__(
        self,
        *,
        instance: Instance,
        binds: Mapping[str, str],
        files: Files,
        haproxy: Haproxy,
        version: str,
        counters: Counters,
        next_marker: Callable[[], str],
    ) -> None:
        self._instance = instance
        self._obstacles = Obstacles(instance.ports, binds)
        self._files = files
        self._haproxy = haproxy
        self._version = version
        self._capabilities = capabilities(version)
        self._counters = counters
        self._next_marker = next_marker
        self._worker = Worker(Path(instance.admin_socket))
        self._succession = Succession(haproxy, instance.limits, instance.resources, counters)
        self._saved: Content | None = None
        self._overview_due = False
        self._wanted = backends.Wanted()
        self._half_told = False
        """Whether HAProxy carried out a part of a change and refused another, so that it is between two contents."""
        self.running: Running | None = None
        self.serving = True

    # -- what there is

    @property
    def alive(self) -> bool:
        """Whether a HAProxy that was proven to serve `running` lives."""
        return self._worker.pid is not None and self._haproxy.master is not None

    @property
    def info(self) -> HaproxyInfo:
        """Version and process ids for the status."""
        workers = (self._worker.pid, *self._succession.pids) if self.alive and self._worker.pid is not None else ()
        return HaproxyInfo(version=self._version, master=self._haproxy.master, workers=workers)

    def take_death(self) -> str | None:
        """How HAProxy ended, once, when it was thought to be alive."""
        ended = self._haproxy.ended
        if ended is None or self._worker.pid is None:
            return None
        self._forget_worker()
        # A worker that hangs would hold the ports that the next HAProxy needs.
        self._haproxy.stop(0)
        return ended

    # -- start

    def load(self) -> Running | None:
        """Take up the last good configuration from disk."""
        stored = self._files.load()
        if stored is not None:
            self.running = Running(head=stored.head, content=stored.content)
            self._saved = stored.content
        return self.running

    def start(self) -> str | None:
        """Start HAProxy on the last good configuration; the message when it does not serve it."""
        assert self.running is not None, "there is no configuration to start with"
        if self.unsaved and self.save() is not None:
            # HAProxy can only be started from what is on disk, so that is what it serves from here on.
            self.load()
        clash = self._obstacles.clash(self.running.content, None)
        if clash is not None:
            return clash
        marker = self._next_marker()
        try:
            self._files.write_instance(self._files.current, self._instance.text(marker, self._files.maps))
        except OSError as error:
            # A full disk must not keep HAProxy down: what its predecessor read proves this one as well.
            marker = self._worker.marker
            if not self._files.instance_is(self._files.current, self._instance.text(marker, self._files.maps)):
                return self._disk(error)
        return self._take_over(self._haproxy.start(marker, _START_TIMEOUT), marker)

    # -- a bundle

    def decide(self, content: Content) -> Decision:
        """How HAProxy would be brought to `content`."""
        decision = self._decide(content)
        if self._half_told and isinstance(decision, Noop | Dynamic):
            return Reload(reason="HAProxy refused a part of an earlier change", retired={})
        return decision

    def _decide(self, content: Content) -> Decision:
        running = self.running.content if self.running is not None else None
        return decide(running, content, self._instance.ports, self._capabilities, self._worker.retired)

    def apply(self, head: Head, content: Content, decision: Decision) -> Outcome:
        """Bring HAProxy to `content` as was just decided, or leave it as it is and say why."""
        match decision:
            case Waiting():
                return Outcome(verdict="waiting", action=None, reason=decision.reason)
            case Reject():
                self._counters.count("reject")
                return Outcome(verdict="rejected", action="reject", reason=decision.reason, error=decision.reason)
            case Noop():
                self._counters.count("noop")
                return self._applied(head, content, "noop", "the content is the same")
            case Dynamic() if self.alive:
                refused = self._worker.send(decision.commands, self._files.maps)
                if refused is None:
                    self._counters.count("dynamic")
                    self._worker.retire(decision.retired, decision.revived)
                    return self._applied(head, content, "dynamic", decision.reason)
                self._counters.count("command_failed")
                self._half_told = True
                return self._reload(head, content, f"{decision.reason}, but HAProxy refused: {refused}", {})
            case Dynamic():
                return self._reload(head, content, decision.reason, {})
            case Reload():
                return self._reload(head, content, decision.reason, decision.retired)

    def _applied(self, head: Head, content: Content, action: Literal["noop", "dynamic"], reason: str) -> Outcome:
        self.running = Running(head=head, content=content)
        self.save()
        return Outcome(verdict="applied", action=action, reason=reason)

    def save(self) -> str | None:
        """Bring the files to what HAProxy serves; the message when the disk does not take it."""
        if self.running is None:
            return None
        changed = changed_parts(self._saved, self.running.content) if self._saved is not None else []
        try:
            self._files.update(self.running.head, changed)
        except OSError as error:
            self._saved = self._saved or Content(parts={})
            return f"HAProxy serves version {self.running.head.version}, but {self._disk(error)}"
        self._saved = self.running.content
        self._overview_due = self._overview_due or bool(changed)
        return None

    @property
    def unsaved(self) -> bool:
        """Whether the files are behind what HAProxy serves."""
        return self.running is not None and self._saved is not self.running.content

    def _reload(self, head: Head, content: Content, reason: str, retire: Mapping[ServerRef, Server]) -> Outcome:
        present = self.running.content if self.running is not None and self.alive else None
        obstacle = self._obstacles.first(content, present)
        if obstacle is not None:
            return self._kept(reason, obstacle)
        marker = self._next_marker()
        try:
            directory = self._files.stage(head, content)
            probe = self._files.write_probe(directory, self._instance.text(marker, directory / "maps"))
            files = [probe, *(directory / part.name for part in head.of_kind("config"))]
            refused = self._haproxy.check(files, _CHECK_TIMEOUT)
            if refused is not None:
                self._files.roll_back()
                self._counters.count("reject")
                return Outcome(verdict="rejected", action="reject", reason=reason, error=refused)
            self._files.write_instance(directory, self._instance.text(marker, self._files.maps))
            self._files.switch(directory)
        except OSError as error:
            self._roll_back()
            return self._kept(reason, self._disk(error))

        if self.alive:
            self._retire_early(retire)
            self._save_server_states(content)
            self._worker.disconnect()
            self._succession.make_room()
            result = self._haproxy.reload(marker, _RELOAD_TIMEOUT)
        else:
            self._haproxy.stop(1.0)
            result = self._haproxy.start(marker, _START_TIMEOUT)
        if isinstance(result, Failed):
            self._counters.count("reload_failed")
            self._roll_back()
            self._return_to_old_worker()
            return replace(self._kept(reason, result.message), reload_failed=present is not None)
        self._take_over(result, marker)
        self._counters.count("reload")
        self.running = Running(head=head, content=content)
        self._saved = content
        self._overview_due = True
        try:
            self._files.commit()
        except OSError as error:
            # The new version is whole on disk; only the mark that it is good is missing.
            return Outcome(verdict="applied", action="reload", reason=reason, error=self._disk(error))
        return Outcome(verdict="applied", action="reload", reason=reason)

    def _kept(self, reason: str, error: str) -> Outcome:
        return Outcome(
            verdict="rejected" if self.running is not None else "starting",
            action="reject",
            reason=reason,
            error=error,
            retry=True,
        )

    def keep_up(self, wanted: Content) -> None:
        """Bring the servers to those of `wanted` at run time, because the rest of it is not served, or not yet.

        What is removed must get no request, whatever else is stuck. New servers come too when HAProxy takes them.
        """
        if self.running is None or not self.alive:
            return
        for added in (True, False):
            content = with_servers_of(self.running.content, wanted, added=added)
            decision = self._decide(content)
            if isinstance(decision, Dynamic):
                refused = self._worker.send(decision.commands, self._files.maps)
                if refused is not None:
                    self._counters.count("command_failed")
                    _log.error("HAProxy refused servers of a version that it does not serve yet", error=refused)
                    return
                self._counters.count("servers_only")
                self._worker.retire(decision.retired, decision.revived)
                # The head stays the one whose structure runs; the files have the servers that HAProxy has.
                self._applied(self.running.head, content, "dynamic", decision.reason)
                _log.info(f"Only the servers are followed: {decision.reason}")
            if not isinstance(decision, Reload):
                return

    # -- the running worker

    def _take_over(self, result: Serving | Failed, marker: str) -> str | None:
        if isinstance(result, Failed):
            self._forget_worker()
            return result.message
        self._worker.take_over(result, marker)
        self._half_told = False
        self._counters.count("haproxy_started")
        self._succession.begin(result.pid)
        if not self.serving:
            self.set_serving(False)
        return None

    def _forget_worker(self) -> None:
        self._worker.forget()
        self._succession.forget()

    def _retire_early(self, retire: Mapping[ServerRef, Server]) -> None:
        refused = self._worker.send([Run(f"set server {ref} state maint") for ref in retire], self._files.maps)
        if refused is not None:
            _log.warning("A server that is gone stays in the leaving worker", error=refused)

    def _return_to_old_worker(self) -> None:
        """After a failed reload: the old worker goes on, without servers that are gone, or HAProxy starts anew."""
        if self._haproxy.master is None:
            self._forget_worker()
            return
        refused = self._worker.send([Run("show version")], self._files.maps)
        if refused is not None:
            _log.error("HAProxy is in no known state after a failed reload; it is started anew", error=refused)
            self._haproxy.stop(1.0)
            self._forget_worker()

    def _roll_back(self) -> None:
        try:
            self._files.roll_back()
        except OSError as error:
            _log.error("The files could not be turned back", error=str(error))

    def _save_server_states(self, content: Content) -> None:
        """Hand the health of servers to the next worker, if its configuration reads it.

        Servers in forced maintenance are left out: they are gone, and one that comes back must not start like that.
        """
        if not any("load-server-state-from-file" in text.text for text in content.parts.values()):
            return
        try:
            text = self._worker.servers_state()
            lines = [line for line in text.splitlines() if not _in_forced_maintenance(line)]
            self._files.write_state("\n".join(lines) + "\n")
        except (SocketFailed, OSError) as error:
            _log.warning("The state of servers is not handed to the next worker", error=str(error))

    def ping(self, timeout: float) -> str | None:
        """Why HAProxy does not answer on a new connection within `timeout` seconds; None when it does."""
        return self._worker.ping(timeout) if self.alive else "HAProxy does not run"

    def short_backends(self) -> tuple[BackendHealth, ...] | None:
        """The backends that lack servers; None when HAProxy does not say."""
        if self.running is None or not self.alive:
            return None
        try:
            wanted = self._wanted.of(self.running.content)
            found = backends.short(wanted, backends.usable(self._worker.ask([backends.BACKENDS])[0]))
            empty = [one for one in found if not one.up][: backends.MOST_EXPLAINED]
            answers = self._worker.ask([backends.servers_of(one.name) for one in empty]) if empty else []
            reasons = {one.name: backends.reason(answer) for one, answer in zip(empty, answers, strict=True)}
        except (SocketFailed, ValueError) as error:
            _log.warning("HAProxy did not tell which servers it can use", error=str(error))
            return None
        return tuple(replace(one, reason=reasons.get(one.name)) for one in found)

    def verify(self) -> str | None:
        """What HAProxy's servers differ in from what it shall serve; None when in nothing, or when it does not say."""
        if self.running is None or not self.alive:
            return None
        try:
            state = drift.parse_state(self._worker.servers_state())
        except SocketFailed as error:
            _log.warning("The servers of HAProxy could not be compared", error=str(error))
            return None
        return drift.differences(self.running.content, state, self._worker.retired) or None

    def repair(self, problem: str) -> Outcome:
        """Reload what is served already, because HAProxy serves something else."""
        assert self.running is not None, "there is no configuration to return to"
        self._counters.count("drift")
        return self._reload(self.running.head, self.running.content, f"HAProxy's servers differed: {problem}", {})

    def set_serving(self, serving: bool) -> None:
        """Let the health answer say whether new traffic is welcome; kept over reloads."""
        self.serving = serving
        if self.alive:
            order = Run(f"set server {SERVING} state {'ready' if serving else 'maint'}")
            refused = self._worker.send([order], self._files.maps)
            if refused is not None:
                _log.warning("The health answer could not be changed", error=refused)

    def housekeeping(self) -> None:
        """Slow duties."""
        if self.alive:
            self._worker.delete_retired()
        self._succession.look_again()
        try:
            self._haproxy.trim_log()
            if self._overview_due and self.running is not None:
                text = self._instance.text(self._worker.marker, self._files.maps)
                self._files.write_overview(text, self.running.content)
                self._overview_due = False
        except OSError as error:
            _log.warning("The files for people could not be written", error=str(error))

    def room_at(self) -> float:
        """When a reload may leave one more worker behind, in monotonic seconds."""
        return self._succession.room_at()

    def _disk(self, error: OSError) -> str:
        self._counters.count("disk_failed")
        return f"the sandbox cannot be written: {error.strerror or error} ({error.filename})"

    # -- the end

    def soft_stop(self) -> None:
        """Close the listeners and let the connections finish."""
        self._worker.disconnect()
        self._haproxy.soft_stop()

    def stop(self, timeout: float) -> None:
        """End HAProxy, by force after `timeout` seconds."""
        self._forget_worker()
        self._haproxy.stop(timeout)

    @property
    def ended(self) -> bool:
        """Whether no HAProxy of ours lives."""
        return self._haproxy.master is None


def _in_forced_maintenance(line: str) -> bool:
    words = line.split()
    return len(words) > 6 and words[6].isdigit() and bool(int(words[6]) & _FORCED_MAINTENANCE)
