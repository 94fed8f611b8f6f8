"""When the base of a log is made anew."""

from typing import cast

from api.dcos_template.context import Context
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.clerk import Clerk
from api.dcos_template.publishing.compactor import Compactor
from api.dcos_template.publishing.journal import Journal
from api.dcos_template.publishing.published import Published
from api.dcos_template.publishing.trace import Trace
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.state import PoolState
from scheduler.pools.model import Revision
from scheduler.pools.stored.record import StoredPool
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper
from tests.unit.api.dcos_template.pools import pool


def test_a_base_that_is_due_while_old_parts_are_removed_stays_due() -> None:
    """No change may come after it that reminds of it; servers of a log that began anew wait for it."""
    zookeeper = cast(ZooKeeper, None)
    context = Context(
        zookeeper=zookeeper,
        root="/edgelb",
        clock=SystemClock(),
        order_when=lambda order, _: order(),
        clerk=cast(Clerk, None),
        workshop=cast(Workshop, None),
        selection=Selection(None),
        trace=Trace(),
        metrics=TemplateMetrics(),
        charge=Charge(zookeeper, "/lock", 1),
    )
    state = PoolState(StoredPool(pool=pool("web"), revision=Revision("uid", 1)))
    state.published, state.collecting = Published(journal=Journal("web", "f00")), True
    Compactor(context).begin("web", state)
    assert (state.compaction, state.compact_due is not None) == (None, True)
