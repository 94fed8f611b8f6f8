"""What the rooms of the thread of auto pools share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from api.auto_pools.dialects import Dialects
from api.auto_pools.making.auto_pool import GRACE
from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.template_store import TemplateView
from api.auto_pools.thread.generated import Generated
from api.auto_pools.thread.roster import Roster
from api.auto_pools.thread.writer import Writer
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.publishing.clerk import Clerk
from scheduler.pools.stored.record import StoredPool
from sdk.clock import Clock
from sdk.errors import LeadershipLost

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings of auto pools."""

    grace: float = GRACE
    """Seconds for which an application without tasks keeps what it has."""
    hold_percent: int = DEFAULT_PERCENT
    default_template: bool = True
    """Whether there is a default pool template from the beginning on."""
    dialects: Dialects = field(default_factory=Dialects)
    """Which labels are read, and for whom."""


@dataclass(slots=True, kw_only=True)
class Context:
    """Used on the thread of auto pools; the clerk is for what takes its time.

    What is done for templates that have to be printed is done by the `printer`: a text that never ends keeps the pools
    of others waiting only where they are printed, too.
    """

    clock: Clock
    clerk: Clerk
    printer: Clerk
    rules: Rules
    cluster: Callable[[], int]
    """How many tasks run in all."""
    interpreter: Interpreter = field(default_factory=Interpreter)
    roster: Roster = field(init=False)
    made: dict[str, Generated] = field(default_factory=dict)
    """By template; empty while not in charge."""
    templates: TemplateView | None = None
    pools: dict[str, StoredPool] | None = None
    """Those that are called as auto pools are; None: not known yet."""
    writer: Writer | None = None
    """None while another process is in charge."""
    complete: bool = False
    """All running tasks are known."""
    incomplete: bool = False
    """The master waits for agents: more tasks may run than are named."""

    def __post_init__(self) -> None:
        self.roster = Roster(self.rules.dialects.templates_of)

    def is_current(self, writer: Writer, state: Generated) -> bool:
        """Whether what was begun for a template while in charge still counts."""
        return self.writer is writer and self.made.get(state.name) is state

    def ask(self, name: str, job: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Have a clerk do the job for a template; `done` gets its outcome on this thread."""
        state = self.made.get(name)
        prints = state is not None and (state.template.text or (state.core is not None and state.core.template.text))
        clerk = self.printer if prints else self.clerk
        clerk.do(job, lambda outcome: self.attend(name, partial(done, outcome)))

    def attend(self, name: str, carry_out: Callable[[], None]) -> None:
        """Do something for a template: its trouble is its own."""
        try:
            carry_out()
        except LeadershipLost:
            raise
        except Exception as error:
            log.exception(f"Something under the pool template {name} failed; trying again", template=name)
            state = self.made.get(name)
            if state is not None:
                state.unwritten = type(error).__name__
                state.lane = state.lane.failed(self.clock.monotonic())
