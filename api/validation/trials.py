"""Having pools judged before they are stored, within a time that whoever stores one can wait.

Knows the processes that judge, how many there may be, and what is said when none answers in time. Who asks again about
the same is answered from memory.
"""

import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import structlog

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.language.meaning import CALLED
from api.dcos_template.rendering.processes import Processes, TooSlow
from api.mesos_listener.task import Task
from api.validation.comparison import Comparison
from api.validation.judgement import Compare, Judge, Judgement, JudgeTemplate, Locate, Question, TryTemplate
from api.validation.places import Busy, Places
from api.validation.verdicts import Verdicts, seen_by_haproxy
from scheduler.pools.checks import raw_problems
from scheduler.pools.problems import Problem
from scheduler.pools.stored.record import StoredPool
from sdk.clock import SystemClock

_log = structlog.get_logger()

# Not with -m: then the classes of its answers would be those of another module.
_COMMAND = (sys.executable, "-c", "from api.validation.judge import main; main()")
_MOST = 2
#: Seconds that HAProxy may take for one pool, and that may pass until there is an answer.
_HAPROXY, _ANSWER = 10.0, 20.0
#: What each backend of the pool adds to both, at most. 10,000 take 3 s of CPU; a busy machine has several times that.
_EACH, _MOST_MORE = 0.002, 40.0
#: Seconds that somebody who only looks at a pool waits for a process.
_LOOK = 1.0


class Trials:
    """Of one API server, or of one command. Any thread may ask."""

    def __init__(
        self,
        command: tuple[str, ...] = _COMMAND,
        *,
        haproxy: float = _HAPROXY,
        answer: float = _ANSWER,
        raw_strings: bool = True,
    ) -> None:
        """`command` starts a process that answers as judge.py does; `raw_strings` is whether pools may hold any."""
        self._raw_strings = raw_strings
        self._processes = Processes(command)
        self._places = Places(_MOST)
        self._verdicts = Verdicts(SystemClock())
        self._haproxy, self._answer = haproxy, answer
        self._located = lru_cache(maxsize=64)(self._locate)

    def judge(self, pool: StoredPool, account: str = "") -> Judgement:
        """What rendering and HAProxy say against the pool; why they were not asked when they cannot be.

        `account` is who asks: nobody has all processes.
        """
        if not self._raw_strings and (problems := tuple(raw_problems(pool))):
            return Judgement(problems=problems)
        key = seen_by_haproxy(pool)
        if (known := self._verdicts.get(key)) is not None:
            return known
        try:
            more = min(_MOST_MORE, _EACH * len(pool.pool.haproxy.backends))
            question = Judge(pool=pool, seconds=self._haproxy + more)
            judgement = cast(Judgement, self._ask(question, account, answer=self._answer + more))
            if not judgement.unchecked:
                self._verdicts.keep(key, judgement)
            return judgement
        except (TooSlow, Busy) as error:
            return Judgement(unchecked=str(error))
        except Exception as error:  # noqa: BLE001 - a pool that cannot be judged is judged where it is served
            _log.exception("A pool could not be judged", pool=pool.pool.name)
            return Judgement(unchecked=f"{type(error).__name__}: {error}")

    def judge_template(self, name: str, text: str, account: str = "") -> Judgement:
        """What stands against a pool template, whose text is its own."""
        question = JudgeTemplate(name=name, text=text, raw_strings=self._raw_strings, seconds=self._haproxy)
        try:
            return cast(Judgement, self._ask(question, account))
        except Busy as error:
            return Judgement(unchecked=str(error))
        except TooSlow:
            rule = f"is not printed within {self._answer:g} s"
            return Judgement(problems=(Problem(path=CALLED, rule=rule),))

    def try_template(
        self, name: str, text: str, before: str, tasks: Sequence[Task], dialects: Dialects, account: str = ""
    ) -> Judgement:
        """What would become of the tasks that run under a template with another text than the one before."""
        question = TryTemplate(
            name=name,
            text=text,
            before=before,
            tasks=tasks,
            dialects=dialects,
            raw_strings=self._raw_strings,
            seconds=self._haproxy,
        )
        try:
            return cast(Judgement, self._ask(question, account))
        except (TooSlow, Busy) as error:
            return Judgement(unchecked=str(error))

    def field(self, pool: StoredPool, complaint: str) -> str | None:
        """The path of the field that a complaint of an instance's HAProxy is about; None when that is not known."""
        try:
            return self._located(pool, complaint)
        except Exception as error:  # noqa: BLE001 - the complaint is shown all the same
            _log.warning("Which field a complaint is about is not known", pool=pool.pool.name, error=str(error))
            return None

    def compare(self, before: StoredPool | None, after: StoredPool | None, account: str = "") -> Comparison:
        """What a change does to the configuration."""
        try:
            return cast(Comparison, self._ask(Compare(before=before, after=after), account))
        except Exception as error:  # noqa: BLE001 - what else is known of the change is told all the same
            _log.warning("Two states of a pool could not be compared", error=str(error))
            return Comparison(failed=f"the configurations could not be compared: {error}")

    def stop(self) -> None:
        """End all processes."""
        self._processes.stop()

    def _locate(self, pool: StoredPool, complaint: str) -> str | None:
        try:
            return cast(str | None, self._ask(Locate(pool=pool, complaint=complaint), wait=_LOOK))
        except TooSlow:
            return None  # kept: whoever looks at this pool next, and other pools, do not wait as long again

    def _ask(
        self, question: Question, account: str = "", wait: float | None = None, answer: float | None = None
    ) -> object:
        """The answer, within `answer` seconds; `wait`: seconds for one of the processes. The usual ones without."""
        with self._places.place(account, self._answer if wait is None else wait):
            return self._processes.ask(question, self._answer if answer is None else answer)
