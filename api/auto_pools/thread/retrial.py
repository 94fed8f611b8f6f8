"""The text that is stored, tried again with the tasks that run while another one serves.

Tasks change, and may be such by now that it can be printed. Only then it takes over, so that no pool waits for a trial.
One thread uses it.
"""

from collections.abc import Callable
from functools import partial

import structlog

from api.auto_pools.templates.offline import Outcome, outcome
from api.auto_pools.templates.stored_template import StoredTemplate
from api.auto_pools.thread.context import Context
from api.auto_pools.thread.generated import Generated
from api.auto_pools.thread.writer import Writer

log = structlog.get_logger()


class Retrial:
    """Of all templates; `begin` is called for one whose text can be printed."""

    def __init__(self, context: Context, begin: Callable[[Writer, StoredTemplate], None]) -> None:
        self._context = context
        self._begin = begin

    def look(self, writer: Writer, state: Generated) -> None:
        """Begin to try it, if it is time."""
        context, template, mono = self._context, state.template, self._context.clock.monotonic()
        if state.try_again is None or state.try_again > mono:
            return
        state.trying, state.moved = True, False
        tasks = tuple(context.roster.under(state.name))
        context.ask(
            state.name,
            partial(outcome, context.interpreter, template, tasks, context.rules.dialects, strict=False),
            partial(self._tried, writer, state, template, mono),
        )

    def _tried(
        self, writer: Writer, state: Generated, template: StoredTemplate, began: float, found: Outcome | Exception
    ) -> None:
        state.tried_in(began, self._context.clock.monotonic())
        if not self._context.is_current(writer, state) or state.template is not template or not state.stands_in:
            return
        if isinstance(found, Exception):
            log.info(f"The pool template {state.name} can still not be printed: {found}", pool=state.pool)
        elif not state.lane.busy:
            self._begin(writer, template)
        else:
            state.moved = True
