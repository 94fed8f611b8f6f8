"""What stands beside a pool's bundle in ZooKeeper: the record of what is wrong, and the acceptance of a removal.

Knows the nodes `problem` and `acceptance` below `<root>/rendered/<pool>`. Writes are behind the check of the lock's
epoch. Does not know what is wrong with a pool.
"""

import contextlib

from api.dcos_template.publish import Fence
from sdk.errors import CorruptRecord
from sdk.storage.connection import Create, Delete, NoNode, Op, Set, ZooKeeper, decode_json


class Records:
    """One thread uses it, while it is in charge. Every method may raise StorageUnavailable or LeadershipLost."""

    def __init__(self, zookeeper: ZooKeeper, fence: Fence, root: str) -> None:
        self._zookeeper = zookeeper
        self._fence = fence
        self._base = f"{root.rstrip('/')}/rendered"
        # What is known to stand in the nodes of problems; None: no node.
        self._problems: dict[str, bytes | None] = {}
        # Pools at which an acceptance was found.
        self._acceptances: set[str] = set()

    def forget(self) -> None:
        """Believe nothing that was read or written before."""
        self._problems.clear()

    def forget_pool(self, pool: str) -> None:
        """The same for one pool."""
        self._problems.pop(pool, None)

    def accepted(self, pool: str) -> float | None:
        """Which hold (`since`) somebody said may end; None when nobody did."""
        found = self._zookeeper.get(self._acceptance_path(pool))
        if found is None:
            return None
        self._acceptances.add(pool)
        try:
            return float(decode_json(self._acceptance_path(pool), found[0])["since"])
        except (CorruptRecord, KeyError, TypeError, ValueError):
            return None  # not ours; it is removed once nothing is held

    def forget_acceptance(self, pool: str) -> None:
        """Remove what `accepted` found."""
        if pool in self._acceptances:
            self._acceptances.discard(pool)
            with contextlib.suppress(NoNode):
                self._fence.write([Delete(self._acceptance_path(pool))])

    def problem(self, pool: str) -> bytes | None:
        """What stands in the node of the pool's problem; None when there is no node."""
        if pool not in self._problems:
            found = self._zookeeper.get(self._problem_path(pool))
            self._problems[pool] = found[0] if found else None
        return self._problems[pool]

    def write_problem(self, pool: str, data: bytes | None) -> bool:
        """Make `data` the node of the pool's problem, None for no node; False when it is so already."""
        told = self.problem(pool)
        if told == data:
            return False
        path = self._problem_path(pool)
        del self._problems[pool]  # not known until the write is answered
        if data is None:
            op: Op = Delete(path)
        elif told is None:
            self._zookeeper.ensure(self._path(pool))
            op = Create(path, data)
        else:
            op = Set(path, data)
        self._fence.write([op])
        self._problems[pool] = data
        return True

    def _acceptance_path(self, pool: str) -> str:
        return f"{self._path(pool)}/acceptance"

    def _problem_path(self, pool: str) -> str:
        return f"{self._path(pool)}/problem"

    def _path(self, pool: str) -> str:
        return f"{self._base}/{pool}"
