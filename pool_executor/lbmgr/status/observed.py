"""An instance as lbmgr sees it at one moment, for whoever asks. Values only."""

from dataclasses import dataclass

from pool_executor.contract import InstanceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """`behind` are the operations that are published and not done, None while no log was read."""

    pool: str
    status: InstanceStatus
    behind: int | None
    connected: bool
    """Whether ZooKeeper answers."""
    turn_age: float
    """Seconds since lbmgr's loop came round."""
