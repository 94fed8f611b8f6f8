"""Pools of all templates on their way to ZooKeeper: begun, written, tried again.

Knows what has to be read before the first write, when nothing is written, and what becomes of a write that fails. Does
not know what a write consists of (submission.py), nor when it is due. Runs on the thread of auto pools, in charge.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from functools import partial

import structlog

from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.templates.language.questions import Chosen
from api.auto_pools.templates.stored_template import StoredTemplate
from api.auto_pools.thread.beginning import Beginning, begin
from api.auto_pools.thread.choosing import Choosing
from api.auto_pools.thread.context import Context
from api.auto_pools.thread.garbage import not_searched
from api.auto_pools.thread.generated import LOOK_AGAIN, Core, Generated
from api.auto_pools.thread.submission import Faulty, Stored, Submission
from api.auto_pools.thread.writer import Refused, Writer
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.problems import InvalidPool
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import StorageConflict

log = structlog.get_logger()


class Publisher:
    """Of all templates."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, writer: Writer, template: StoredTemplate) -> None:
        """Read what the template means, and how old claims are; what is made by the text before goes on meanwhile."""
        context = self._context
        state = context.made.setdefault(template.name, Generated(template))
        state.template = template
        state.lane = state.lane.retry_now().publishing(context.clock.monotonic())
        known = state.core.made.ledger if state.core is not None else None
        context.ask(
            template.name,
            partial(begin, context.interpreter, writer, template, known),
            partial(self._begun, writer, state, template),
        )

    def _begun(
        self, writer: Writer, state: Generated, template: StoredTemplate, outcome: Beginning | Exception
    ) -> None:
        context = self._context
        if not context.is_current(writer, state) or state.template is not template:
            return
        if isinstance(outcome, Exception):
            self._failed(state, outcome)
            return
        now = context.clock.now()
        made = AutoPool(
            state.name,
            partial(context.rules.dialects.read_under, state.name),
            base=outcome.meaning.pool,
            policy=outcome.meaning.policy,
            grace=context.rules.grace,
            ledger=outcome.ledger,
        )
        core = state.core = Core(
            template=template,
            meaning=outcome.meaning,
            made=made,
            stored=state.core.stored if state.core is not None else outcome.ledger,
            wait_until=now + context.rules.grace,
        )
        state.doubt, state.misprinted, state.sure = None, "", False
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
            log.warning(f"Tasks under the pool template {state.name} cannot be chosen; trying again", pool=state.pool)
            state.lane = state.lane.failed(context.clock.monotonic())

        return Choosing(ask, told, failed)

    def publish(self, writer: Writer, state: Generated) -> None:
        """Write the pool of a template, if it is another one than stands in ZooKeeper."""
        context, core = self._context, state.core
        mono, now = context.clock.monotonic(), context.clock.now()
        if core is None:
            self.begin(writer, state.template)
            return
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
        if isinstance(outcome, Exception):
            self._failed(state, outcome)
        elif isinstance(outcome, Faulty):
            self._faulty(state, core, outcome)
        else:
            core.stored = submission.ledger if submission.ledger is not None else core.stored
            core.proven = core.proven or outcome.pool is not None
            state.written, state.failed, state.sure = submission.pool, outcome.failed, True
            state.there, state.misprinted = outcome.pool is not None, ""
            if context.pools is not None:
                context.pools.pop(state.pool, None)
                if outcome.pool is not None:
                    context.pools[state.pool] = outcome.pool
            state.wrote(mono - began)
        if state.core is not core:
            # It was written by the text before, while the new one was read.
            state.lane = state.lane.at_once(mono)

    def _faulty(self, state: Generated, core: Core, outcome: Faulty) -> None:
        """What no claim should have been able to bring about: whoever did goes without."""
        text = str(InvalidPool(outcome.problems))
        state.lane = state.lane.succeeded()
        refused = [
            core.made.refuse(problem.path, problem.rule, by_template=outcome.by_template)
            for problem in outcome.problems
        ]
        if any(refused):
            log.error(f"Claims under the pool template {state.name} are left out: {text}", pool=state.pool)
            state.lane = state.lane.at_once(self._context.clock.monotonic())
        else:
            log.error(f"The pool template {state.name} makes no pool that can be stored: {text}", pool=state.pool)
            state.misprinted = text

    def _failed(self, state: Generated, error: Exception) -> None:
        mono = self._context.clock.monotonic()
        match error:
            case LeadershipLost():
                raise error
            case InvalidSpec():
                log.warning(f"The pool template {state.name} cannot be printed: {error}", pool=state.pool)
                state.misprinted, state.lane = str(error), state.lane.succeeded()
            case Refused() | StorageUnavailable() | StorageConflict():
                log.warning(f"Pool {state.pool} could not be stored; trying again: {error}", pool=state.pool)
                state.unwritten, state.lane = str(error), state.lane.failed(mono)
            case _:
                log.error(f"Pool {state.pool} could not be made; trying again", pool=state.pool, exc_info=error)
                state.unwritten, state.lane = type(error).__name__, state.lane.failed(mono)
