"""When the template process says what services that are not stored yet would get.

Whoever asks has a thread of his own here, and a copy of the table of tasks: what follows the tasks is not waited for,
and does not wait. One question is answered at a time, each for a moment only, and all together take a small share of
the time: there is no answer while that is spent. Does not know how a reason is found (prospect.py).
"""

import threading
from collections.abc import Mapping
from contextlib import suppress

from api.dcos_template.selecting.selection import Rules
from api.dcos_template.selecting.tasks import Tasks
from api.mesos_listener.task import Task, TaskKey
from api.prospects.pace import OutOfTime, Pace
from api.prospects.prospect import why_none
from api.prospects.question import Question, read_question
from sdk.clock import Clock
from sdk.errors import CorruptRecord

#: Seconds that one question may take, that may be spent in a row, and the share of the time in all.
_ONE, _IN_A_ROW, _SHARE = 0.25, 1.0, 0.05


class Answerer:
    """Of one template process; any thread may ask."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._busy = threading.Lock()
        self._left, self._counted = _IN_A_ROW, clock.monotonic()

    def answer(self, text: str, tasks: Mapping[TaskKey, Task]) -> list[str] | None:
        """A reason for each service of the question, empty where there is none; None when there is no answer now."""
        try:
            question = read_question(text)
        except CorruptRecord:
            return None
        if not self._busy.acquire(blocking=False):
            return None
        begin = self._clock.monotonic()
        try:
            self._left = min(self._left + (begin - self._counted) * _SHARE, _IN_A_ROW)
            self._counted = begin
            if self._left <= 0:
                return None
            return self._reasons(question, tasks)
        finally:
            self._left -= self._clock.monotonic() - begin
            self._busy.release()

    def _reasons(self, question: Question, tasks: Mapping[TaskKey, Task]) -> list[str]:
        """For each service, as far as the time goes."""
        pace = Pace(self._clock, _ONE)
        # The copy is one step of the interpreter: whoever changes the table does not come between.
        copied = Tasks(tasks, over=pace.over)
        found: list[str] = []
        with suppress(OutOfTime):
            for service in question.services:
                found.append(why_none(question.pool, service, copied, self._rules, pace))
        return [*found, *[""] * (len(question.services) - len(found))]
