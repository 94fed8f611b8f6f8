"""Pools of all templates on their way to ZooKeeper: begun, written, tried again.

Knows what has to be read before the first write, when nothing is written, and what becomes of a write that fails. Does
not know what a write consists of (submission.py), nor when it is due. Runs on the thread of auto pools, in charge.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from functools import partial

import structlog

from api.auto_pools.claims.ledger import Ledger
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.templates.language.questions import Chosen
from api.auto_pools.templates.stored_template import StoredTemplate
from api.auto_pools.thread.beginning import Beginning, begin
from api.auto_pools.thread.choosing import Choosing
from api.auto_pools.thread.context import Context
from api.auto_pools.thread.garbage import not_searched
from api.auto_pools.thread.generated import LOOK_AGAIN, Core, Generated
from api.auto_pools.thread.retrial import Retrial
from api.auto_pools.thread.stand_in import Text, line_of, stand_in
from api.auto_pools.thread.submission import Faulty, Stored, Submission
from api.auto_pools.thread.writer import Refused, Writer
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.problems import InvalidPool
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import StorageConflict

#: So often nobody may answer who prints a text that could be printed before, until another one serves.
_PATIENCE = 3

log = structlog.get_logger()


class Publisher:
    """Of all templates."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._retrial = Retrial(context, self.begin)

    def begin(self, writer: Writer, template: StoredTemplate) -> None:
        """Read what the template means, and how old claims are; what is made by the text before goes on meanwhile."""
        state = self._context.made.setdefault(template.name, Generated(template))
        if state.template != template:
            state.template, state.fault = template, None
        state.lane = state.lane.retry_now()
        known = state.core.made.ledger if state.core is not None and not state.core.replaced else None
        self._read(writer, state, Text(text=template.text), known)

    def _read(self, writer: Writer, state: Generated, text: Text, known: Ledger | None) -> None:
        """The text that is stored, or one that stands in for it."""
        context, template = self._context, state.template
        state.lane = state.lane.publishing(context.clock.monotonic())
        context.ask(
            template.name,
            partial(begin, context.interpreter, writer, template, text, known),
            partial(self._begun, writer, state, template, text),
        )

    def _begun(
        self, writer: Writer, state: Generated, template: StoredTemplate, text: Text, outcome: Beginning | Exception
    ) -> None:
        context = self._context
        if not context.is_current(writer, state) or state.template is not template:
            return
        if isinstance(outcome, Exception):
            state.unread = True
            self._failed(state, outcome)
            return
        now, mono = context.clock.now(), context.clock.monotonic()
        state.printed = outcome.printed
        if isinstance(outcome.meaning, InvalidSpec):
            self._unreadable(writer, state, text, outcome.meaning)
            return
        made = AutoPool(
            state.name,
            partial(context.rules.dialects.read_under, state.name),
            base=outcome.meaning.pool,
            policy=outcome.meaning.policy,
            grace=context.rules.grace,
            ledger=outcome.ledger,
        )
        core = state.core = Core(
            template=template._replace(text=text.text),
            meaning=outcome.meaning,
            made=made,
            without=text.without,
            stored=state.core.stored if state.core is not None else outcome.ledger,
            wait_until=now + context.rules.grace,
        )
        state.doubt, state.sure = None, False
        if state.stands_in:
            state.tried_in(mono, mono)
        state.lane = state.lane.succeeded().at_once(context.clock.monotonic())
        if "tasks" in core.meaning.printed:
            core.choosing = self._choosing(writer, state, core)
            core.choosing.feed(context.roster.under(state.name), ())
        else:
            with not_searched():
                made.update(context.roster.under(state.name), (), now)

    def _choosing(self, writer: Writer, state: Generated, core: Core) -> Choosing:
        context = self._context

        def is_current() -> bool:
            return context.is_current(writer, state) and state.core is core

        def ask(tasks: Sequence[Task], answered: Callable[[Chosen | Exception], None]) -> None:
            def done(outcome: Chosen | Exception) -> None:
                if is_current():
                    answered(outcome)

            context.ask(state.name, partial(context.interpreter.chosen, core.template, tasks), done)

        def told(updated: Sequence[Task], gone: Collection[TaskKey]) -> None:
            if core.made.update(updated, gone, context.clock.now()):
                state.lane = state.lane.touch(context.clock.monotonic())

        def failed() -> None:
            assert core.choosing is not None
            if core.choosing.is_to_blame:
                self._unprintable(writer, state, core, core.choosing.problem)
                return
            log.warning(f"Tasks under the pool template {state.name} cannot be chosen; trying again", pool=state.pool)
            state.lane = state.lane.failed(context.clock.monotonic())

        return Choosing(ask, told, failed)

    def publish(self, writer: Writer, state: Generated) -> None:
        """Write the pool of a template, if it is another one than stands in ZooKeeper."""
        context, core = self._context, state.core
        mono, now = context.clock.monotonic(), context.clock.now()
        if core is None or state.unread:
            state.unread = False
            self.begin(writer, state.template)
            return
        self._retrial.look(writer, state)
        if core.choosing is not None:
            core.choosing.look()
        self._hold(state, self._why_not(state, now))
        if state.held:
            state.lane = state.lane._replace(asked=mono + LOOK_AGAIN)
            return
        core.made.update((), (), now)
        with nullcontext() if core.settled else not_searched():
            pool = core.made.pool()
        core.settled = True
        ledger = core.made.ledger
        state.lane = state.lane.publishing(mono)
        if state.sure and pool is state.written and ledger == core.stored and not core.meaning.whole:
            state.lane = state.lane.succeeded()
            return
        submission = Submission(
            template=core.template,
            meaning=core.meaning,
            pool=pool,
            ledger=ledger if ledger != core.stored else None,
            tasks=tuple(context.roster.under(state.name)) if core.meaning.whole else (),
            known=(context.pools or {}).get(state.pool),
            proven=core.proven,
            without=core.without,
            stands_in=state.stands_in,
        )
        context.ask(
            state.name,
            partial(submission.carry_out, writer, context.interpreter),
            partial(self._submitted, writer, state, core, submission, mono),
        )

    def _why_not(self, state: Generated, now: float) -> str:
        context = self._context
        if not context.complete:
            return "the list of running tasks is not complete yet"
        return state.why_not(
            percent=context.rules.hold_percent,
            cluster_is_empty=not context.cluster(),
            waiting=context.incomplete,
            now=now,
        )

    def _hold(self, state: Generated, why: str) -> None:
        if why and why != state.held:
            log.info(f"Pool {state.pool} is not written for now: {why}", pool=state.pool)
        state.held = why

    def _submitted(
        self,
        writer: Writer,
        state: Generated,
        core: Core,
        submission: Submission,
        began: float,
        outcome: Stored | Faulty | Exception,
    ) -> None:
        context = self._context
        if not context.is_current(writer, state):
            return
        mono = context.clock.monotonic()
        if isinstance(outcome, InvalidSpec):
            if state.core is core:
                self._unprintable(writer, state, core, str(outcome))
        elif isinstance(outcome, Exception):
            self._failed(state, outcome)
        elif isinstance(outcome, Faulty):
            self._faulty(writer, state, core, outcome)
        else:
            core.stored = submission.ledger if submission.ledger is not None else core.stored
            core.proven = core.proven or outcome.pool is not None
            state.written, state.failed, state.sure = submission.pool, outcome.failed, True
            state.there, core.failures = outcome.pool is not None, 0
            if not submission.stands_in:
                state.printed = core.template.text if core.proven else state.printed
                state.fault = state.fault if state.stands_in else None
            if context.pools is not None:
                context.pools.pop(state.pool, None)
                if outcome.pool is not None:
                    context.pools[state.pool] = outcome.pool
            state.wrote(mono - began)
        if state.core is not core:
            # It was written by the text before, while the new one was read.
            state.lane = state.lane.at_once(mono)

    def _faulty(self, writer: Writer, state: Generated, core: Core, outcome: Faulty) -> None:
        """What no claim should have been able to bring about: whoever did goes without."""
        text = str(InvalidPool(outcome.problems))
        state.lane = state.lane.succeeded()
        problems = outcome.problems
        if outcome.everywhere:
            # Those who had what they ask for would all go without, and it is due to somebody else, or to the text.
            problems = [one for one in problems if not core.made.is_behind_held(one.path, core.stored)]
        if not problems:
            self._unprintable(writer, state, core, outcome.problems[0].rule)
            return
        refused = [core.made.refuse(one.path, one.rule, by_template=outcome.by_template) for one in problems]
        if any(refused):
            log.error(f"Claims under the pool template {state.name} are left out: {text}", pool=state.pool)
            state.lane = state.lane.at_once(self._context.clock.monotonic())
        else:
            self._unprintable(writer, state, core, f"pool template: makes no pool that can be stored: {text}")

    def _unreadable(self, writer: Writer, state: Generated, text: Text, error: InvalidSpec) -> None:
        """What stood in before goes on, if something did."""
        context = self._context
        log.warning(f"The pool template {state.name} cannot be read: {error}", pool=state.pool)
        state.blame(str(error), context.clock.now())
        state.lane = state.lane.succeeded()
        if state.core is not None and not state.core.replaced:
            mono = context.clock.monotonic()
            state.tried_in(mono, mono)
            state.lane = state.lane.at_once(mono)
            return
        stored, printed = state.template.text, state.printed
        self._replace(writer, state, stand_in(text, str(error), None, stored=stored, printed=printed))

    def _unprintable(self, writer: Writer, state: Generated, core: Core, why: str) -> None:
        """The text of `core` can be printed for nothing: another one serves, if there is one."""
        if core.replaced or state.core is not core:
            return
        mono, core.failures = self._context.clock.monotonic(), core.failures + 1
        log.warning(f"The pool template {state.name} cannot be printed: {why}", pool=state.pool)
        state.blame(why, self._context.clock.now())
        if core.proven and line_of(why) is None and core.failures < _PATIENCE:
            # It may be the machine that has no time.
            state.lane = state.lane.failed(mono)
            return
        state.lane = state.lane.succeeded()
        stored, printed = state.template.text, state.printed
        following = stand_in(core.text, why, core.meaning, stored=stored, printed=printed)
        core.replaced = following is not None
        self._replace(writer, state, following)

    def _replace(self, writer: Writer, state: Generated, text: Text | None) -> None:
        if text is not None:
            self._read(writer, state, text, state.core.stored if state.core is not None else None)

    def _failed(self, state: Generated, error: Exception) -> None:
        mono = self._context.clock.monotonic()
        match error:
            case LeadershipLost():
                raise error
            case Refused() | StorageUnavailable() | StorageConflict():
                log.warning(f"Pool {state.pool} could not be stored; trying again: {error}", pool=state.pool)
                state.unwritten, state.lane = str(error), state.lane.failed(mono)
            case _:
                log.error(f"Pool {state.pool} could not be made; trying again", pool=state.pool, exc_info=error)
                state.unwritten, state.lane = type(error).__name__, state.lane.failed(mono)
