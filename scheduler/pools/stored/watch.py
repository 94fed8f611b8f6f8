"""Following all pools: every change of one is told with all of them as they are then."""

from collections.abc import Callable
from functools import partial

from scheduler.pools.stored.nodes import Large, read_pool
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.view import PoolView
from scheduler.pools.words import texts
from sdk.storage.connection import ZooKeeper
from sdk.storage.record_watch import RecordWatch

PoolWatch = RecordWatch[StoredPool]


def watch_pools(
    zookeeper: ZooKeeper, base: str, callback: Callable[[PoolView], None], own: OwnWritings | None = None
) -> PoolWatch:
    """Call back with all pools below `base` once they are known, then at every change; `own` need not be read."""
    return RecordWatch(
        zookeeper,
        base,
        callback,
        is_name=lambda name: texts.pool_name(name) is None,
        read=partial(read_pool, zookeeper, large=Large(), own=own),
    )
