"""What a pool template means for the pool that is made under it. Pure, and the only part of the language that processes
know which do not print templates."""

from dataclasses import dataclass, field

from api.auto_pools.claims.policy import Policy
from api.auto_pools.templates.stored_template import pool_of
from scheduler.pools.model import Pool, Stats
from scheduler.pools.model.pool import Haproxy

CALLED = "pool template"
"""How errors about one begin."""
OVERLAID = frozenset({"frontend", "backend", "service"})
"""Blocks that are printed for objects of the pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Of one template with its text."""

    pool: Pool
    """What the pool has whatever applications ask for: everything but frontends, backends and secrets."""
    policy: Policy = field(default_factory=Policy)
    """What applications may ask for."""
    printed: frozenset[str] = frozenset()
    """Which of the blocks `tasks`, `frontend`, `backend` and `service` it has; they are printed for each object."""
    whole: bool = False
    """It makes the pool of the tasks by itself, without claims."""
    lines: tuple[tuple[int, str], ...] = ()
    """Where its blocks begin, in their order."""

    def block_at(self, line: int) -> str:
        """The block in which a line of the text is; empty for none."""
        return next((block for begin, block in reversed(self.lines) if begin <= line), "")


def default_meaning(name: str) -> Meaning:
    """Of the default text."""
    return Meaning(pool=Pool(name=pool_of(name), haproxy=Haproxy(stats=Stats(bind_port=0))))
