"""Whether somebody said that what is in doubt is gone: `edgelb accept-removal`, as it is said of servers, too.

Knows the node in which the API writes that down, and looks at those of pools that are in doubt alone. One thread uses
it.
"""

from collections.abc import Callable, Collection
from functools import partial

from api.dcos_template.publishing.clerk import Order
from api.dcos_template.publishing.published import Paths
from sdk.storage.connection import Handle, ZooKeeper


class Acceptances:
    """`accepted` is called with the name of a pool, on the thread that carries orders out."""

    def __init__(self, zookeeper: ZooKeeper, root: str, order: Order, accepted: Callable[[str], None]) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/rendered"
        self._order = order
        self._accepted = accepted
        self._watches: dict[str, Handle] = {}

    def look_for(self, pools: Collection[str]) -> None:
        """From now on of these pools alone."""
        for pool in [pool for pool in self._watches if pool not in pools]:
            self._watches.pop(pool).close()
        for pool in pools:
            if pool not in self._watches:
                path = Paths(base=self._base, pool=pool).acceptance
                self._watches[pool] = self._zookeeper.watch_data_quickly(path, partial(self._told, pool))

    def _told(self, pool: str, found: tuple[bytes, int] | None) -> None:
        if found is not None:
            self._order(lambda: self._accepted(pool))
