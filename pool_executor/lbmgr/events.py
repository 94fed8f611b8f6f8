"""What lbmgr's thread is told by others: ZooKeeper's threads, the executor, and whoever has a file of the instance."""

from dataclasses import dataclass

from pool_executor.contract import Structure
from pool_executor.lbmgr.nodes import Nodes
from sdk.errors import CorruptRecord


@dataclass(frozen=True, slots=True)
class StructureSeen:
    """The head of the structure is this now."""

    head: Structure | CorruptRecord | None


@dataclass(frozen=True, slots=True)
class Attach:
    """These nodes can be fetched from and reported to."""

    nodes: Nodes


@dataclass(frozen=True, slots=True)
class Connected:
    """ZooKeeper answers again."""


@dataclass(frozen=True, slots=True)
class Drain:
    """The instance shall leave within `grace` seconds."""

    grace: float
    deadline: float
    """In monotonic seconds: a reload that is under way must not add to the grace period."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The instance shall end at once."""


@dataclass(frozen=True, slots=True)
class MaterialChanged:
    """A file of the instance is another one."""


Event = StructureSeen | Attach | Connected | Drain | Stop | MaterialChanged
