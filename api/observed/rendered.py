"""What is published for a pool, and how far an instance is behind it: the values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pool_executor.contract import Endpoints, Structure


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Both heads of a pool, and how many servers each backend has; None what is not there yet."""

    structure: Structure | None = None
    endpoints: Endpoints | None = None
    servers: Mapping[str, int] | None = None


class Lag(NamedTuple):
    """How many operations an instance lacks (None: it has nothing of this log), and for how many seconds at least."""

    operations: int | None
    seconds: float
