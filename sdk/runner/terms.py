"""The terms of leadership of one framework in this process, one after the other, on the runner's thread.

Knows when a term begins and ends, that a defect in one begins the next from what is stored, and how the last one ends:
uninstalled, or superseded. What is done during one is in `sdk.runner.turns`.
"""

import threading
from collections.abc import Callable

import structlog

from sdk.errors import LeadershipLost, SdkError
from sdk.metrics import Metrics
from sdk.runner.edges import NotInCharge, Phase
from sdk.runner.frames import STORAGE
from sdk.runner.inbox import Inbox
from sdk.runner.subscribing import Subscribing
from sdk.runner.take_over import TakeOver
from sdk.runner.term import Term
from sdk.runner.turns import Turns

_LAST = (Phase.UNINSTALLED, Phase.SUPERSEDED)
"""Of a process: it has to be started again."""


class Terms:
    """`gained` and `lost` are for the leadership's thread, everything else for any."""

    def __init__(
        self,
        *,
        name: str,
        wake: threading.Condition,
        inbox: Inbox,
        subscribing: Subscribing,
        take_over: TakeOver,
        turns: Callable[[Term, TakeOver], Turns | None],
        clean_up: Callable[[], None],
        give_way: Callable[[str], None],
        metrics: Metrics,
    ) -> None:
        """`turns` takes over and makes the turns of a term, None when it ended first; `clean_up` is the plugin's, after
        an uninstall; `give_way` releases the charge for good, and is told why.
        """
        self.term: Term | None = None
        """The present or last one."""
        self.turns: Turns | None = None
        """None while this process is not in charge."""
        self.uninstaller = False
        """Whether this process did the last act of an uninstall."""
        self._name = name
        self._wake = wake
        self._inbox = inbox
        self._subscribing = subscribing
        self._take_over = take_over
        self._make_turns = turns
        self._clean_up = clean_up
        self._give_way = give_way
        self._metrics = metrics
        self._phase = Phase.STANDBY
        self._error: str | None = None
        self._stopping = False
        self._log = structlog.get_logger().bind(framework=name)
        self._thread = threading.Thread(target=self._run, name=f"runner {name}", daemon=True)

    @property
    def phase(self) -> Phase:
        """What this process is doing."""
        turns, phase = self.turns, self._phase
        return turns.phase if turns is not None and phase is Phase.LEADING else phase

    @property
    def error(self) -> str | None:
        """What went wrong last and was not repaired."""
        turns = self.turns
        return self._error or self._take_over.error or (None if turns is None else turns.error)

    @property
    def working(self) -> bool:
        """False when the thread ended by itself."""
        return self._thread.ident is None or self._thread.is_alive()

    def start(self) -> None:
        """Wait for the first term; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the present term, and begin no other."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self.lost()
        if self._thread.ident is not None:
            self._thread.join(15)

    def stopped(self) -> None:
        """Nothing of the process goes on."""
        if self._phase not in _LAST:
            self._phase = Phase.STOPPED

    def uninstalled_elsewhere(self) -> bool:
        """Another process did the last act of an uninstall: whether this one may know, for it is not in charge."""
        if self.turns is not None:
            return False
        self._phase = Phase.UNINSTALLED
        return True

    def gained(self, epoch: int) -> None:
        """This process is in charge now."""
        with self._wake:
            self._inbox.forget_published()
            self.term = Term(epoch, self._wake)
            self._wake.notify_all()

    def lost(self) -> None:
        """It is no more: whatever the runner's thread waits for, the stream closes now."""
        term = self.term
        if term is not None:
            term.end()
        self._subscribing.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or (self.term is not None and self.term.alive()))
                term = self.term
            if self._stopping or term is None:
                break
            self._guarded(term)
        self._inbox.drain(NotInCharge("this process is stopping"))

    def _guarded(self, term: Term) -> None:
        try:
            self._lead(term)
        except Exception as error:  # noqa: BLE001 - a defect here must neither end the process nor go unseen
            self._error = f"internal error: {type(error).__name__}: {error}"
            self._log.exception("Leading failed; beginning again from what is stored")
            self._subscribing.close()
            term.pause(STORAGE.most)
        finally:
            self._subscribing.close()
            self._inbox.drain(LeadershipLost("this process is no longer in charge"))
            self.turns = None
            for gauge in (self._metrics.leader, self._metrics.subscribed):
                gauge.labels(self._name).set(0)
            if self._phase not in _LAST:
                self._phase = Phase.STANDBY
            if (
                not term.alive() and self._phase is not Phase.SUPERSEDED
            ):  # what went wrong is the trouble of whoever is in charge now
                self._error = self._take_over.error = None

    def _lead(self, term: Term) -> None:
        self._phase = Phase.LOADING
        self._metrics.leader.labels(self._name).set(1)
        turns = self._make_turns(term, self._take_over)
        if turns is None:
            return
        self._error = None
        self.turns = turns
        self._phase = Phase.LEADING
        turns.begin()
        while term.alive() and not turns.uninstalled and turns.superseded is None:
            turns.turn()
        if turns.uninstalled:
            self._finish_uninstall(term)
        elif turns.superseded is not None and term.alive():
            self._end_superseded(term, turns.superseded)

    def _end_superseded(self, term: Term, why: str) -> None:
        self._subscribing.close()
        self._log.error("Giving way to another scheduler", why=why)
        self._phase, self._error = Phase.SUPERSEDED, why
        # Releasing the charge waits for the end of the term, which is this thread's.
        threading.Thread(target=self._give_way, args=(why,), name=f"resign {self._name}", daemon=True).start()
        term.pause(None)

    def _finish_uninstall(self, term: Term) -> None:
        self._subscribing.close()
        self._log.info("The framework is uninstalled; nothing of it is left in Mesos")
        attempts = STORAGE.attempts(on=SdkError, pause=term.pause, alive=term.alive, failed=self._left_something)
        try:
            for attempt in attempts:
                with attempt:
                    self._clean_up()
        except Exception:  # noqa: BLE001 - foreign code; beginning again here would install the framework anew
            self._log.exception("The plugin failed to remove its own nodes; they stay")
        self._phase, self.uninstaller = Phase.UNINSTALLED, True
        # The lock stays with us, so that no standby installs the framework again.
        term.pause(None)

    def _left_something(self, error: BaseException, _seconds: float) -> None:
        self._log.warning("The plugin's own nodes could not be removed yet", error=str(error))
