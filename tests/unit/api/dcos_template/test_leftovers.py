"""What becomes of the removal of a pool's nodes when the pool comes back."""

from collections.abc import Callable
from typing import Any, cast

from api.dcos_template.context import Context
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.clerk import Clerk
from api.dcos_template.publishing.leftovers import Leftovers
from api.dcos_template.publishing.trace import Trace
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.state import PoolState
from scheduler.pools.model import Revision
from scheduler.pools.stored.record import StoredPool
from sdk.clock import SystemClock
from sdk.errors import StorageUnavailable
from sdk.storage.connection import ZooKeeper
from tests.unit.api.dcos_template.pools import pool


class Away:
    """A clerk whose jobs fail when they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[Any], None]] = []

    def do(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Later."""
        self.waiting.append(done)

    def fail(self) -> None:
        """ZooKeeper is away."""
        for done in self.waiting:
            done(StorageUnavailable("no session"))


def test_a_removal_that_fails_is_not_tried_again_when_the_pool_is_back() -> None:
    """What stands there then is what the new pool publishes."""
    zookeeper, clerk = cast(ZooKeeper, None), Away()
    context = Context(
        zookeeper=zookeeper,
        root="/edgelb",
        clock=SystemClock(),
        order_when=lambda order, _: order(),
        clerk=cast(Clerk, clerk),
        workshop=cast(Workshop, None),
        selection=Selection(None),
        trace=Trace(),
        metrics=TemplateMetrics(),
        charge=Charge(zookeeper, "/lock", 1),
    )
    leftovers = Leftovers(context, lambda _: None)
    leftovers.gone("web")
    leftovers.gone("other")
    leftovers.remove("web")
    leftovers.remove("other")
    context.pools["web"] = PoolState(StoredPool(pool=pool("web"), revision=Revision("uid", 1)))
    leftovers.back("web")
    assert leftovers.is_leaving("web")
    clerk.fail()
    assert (leftovers.due("web"), leftovers.is_leaving("web")) == (None, False)
    assert leftovers.due("other") is not None
