"""All pools at one moment. Pure."""

from collections.abc import Iterator, Mapping

from scheduler.pools.stored import StoredPool


class PoolView(Mapping[str, StoredPool]):
    """All pools by name; views of one watch share those that did not change, so that telling them apart costs nothing.

    `unreadable` names nodes that could not be read and were never readable since we look. Such a pool exists: whoever
    acts on absence must leave what belongs to it alone.
    """

    def __init__(self, pools: Mapping[str, StoredPool], unreadable: Mapping[str, str]) -> None:
        self._pools = dict(sorted(pools.items()))
        self.unreadable: Mapping[str, str] = dict(sorted(unreadable.items()))

    def __getitem__(self, name: str) -> StoredPool:
        return self._pools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def __len__(self) -> int:
        return len(self._pools)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolView) and (self._pools, self.unreadable) == (other._pools, other.unreadable)

    def __hash__(self) -> int:
        return hash(tuple(self._pools.items()))
