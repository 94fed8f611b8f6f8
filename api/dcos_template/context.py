"""What the rooms of the template's working thread share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from api.dcos_template.due import What
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.clerk import Clerk
from api.dcos_template.publishing.published import Paths
from api.dcos_template.publishing.trace import Trace
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.state import PoolState
from sdk.clock import Clock
from sdk.storage.connection import ZooKeeper

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Context:
    """Used on the worker's thread."""

    zookeeper: ZooKeeper
    root: str
    clock: Clock
    order_when: Callable[[Callable[[], None], Callable[[], bool]], None]
    """For all others to have something called on the worker's thread: at once if the second one says so, else when
    it comes round."""
    clerk: Clerk
    workshop: Workshop
    selection: Selection
    trace: Trace
    metrics: TemplateMetrics
    pools: dict[str, PoolState] = field(default_factory=dict)
    charge: Charge | None = None
    """None while another process is in charge."""
    plan: Callable[[str], None] = lambda _: None
    """To be called with the name of a pool after anything of its state has changed."""
    attend: Callable[[What, str, Callable[[], None]], None] = lambda _what, _name, carry_out: carry_out()
    """Has something done for a pool; where that fails unexpectedly, the pool's thing is due again later."""

    def ask(self, what: What, name: str, job: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Have a clerk do the job for a pool; `done` gets its outcome on the worker's thread."""
        self.clerk.do(job, lambda outcome: self.attend(what, name, lambda: done(outcome)))

    def paths(self, pool: str) -> Paths:
        """The nodes of a pool."""
        return Paths(base=f"{self.root.rstrip('/')}/rendered", pool=pool)

    def is_current(self, name: str, state: PoolState, charge: Charge) -> bool:
        """Whether what was begun for this pool while in charge still counts."""
        return self.charge is charge and self.pools.get(name) is state
