"""One write of a generated pool, from what claims make to what stands in ZooKeeper; done on a thread that may wait.

Knows the order: blocks of the template, the checks that every pool passes, the ledger, the pool. Does not know when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from api.auto_pools.claims.ledger import Ledger
from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.language.meaning import OVERLAID, Meaning
from api.auto_pools.templates.stored_template import StoredTemplate, pool_of
from api.auto_pools.thread.writer import Writer
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools import checks
from scheduler.pools.model import Pool, PoolType
from scheduler.pools.problems import Problem
from scheduler.pools.stored.record import StoredPool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What stands in ZooKeeper now; `failed` are tasks of which the template says why they are not in the pool."""

    pool: StoredPool | None
    failed: dict[TaskKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """The pool breaks rules, so nothing was written."""

    problems: Sequence[Problem]
    by_template: bool = False
    """Whether they are of what the template prints for the objects of the pool."""
    everywhere: bool = False
    """Whether all frontends or all backends have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is to stand there under a template."""

    template: StoredTemplate
    meaning: Meaning
    pool: Pool | None
    """What the claims make."""
    ledger: Ledger | None
    """How old they are; None when that stands there already."""
    tasks: Sequence[Task] = ()
    """All under a template that makes the pool of them by itself."""
    known: StoredPool | None
    """The pool that stands there, as far as is known."""
    proven: bool = False
    """Whether a pool of this text was stored before."""
    without: frozenset[str] = frozenset()
    """Blocks that are not printed."""
    stands_in: bool = False
    """Whether the text stands in for another one, and is not to be remembered."""

    def carry_out(self, writer: Writer, interpreter: Interpreter) -> Stored | Faulty:
        """Raises what `writer` does, and InvalidSpec for a template that cannot be printed."""
        pool, failed = self.pool, {}
        if self.meaning.whole:
            made = interpreter.made(self.template, self.tasks)
            pool, failed = made.pool, made.failed
        elif pool is not None and self.meaning.printed & OVERLAID:
            overlaid = interpreter.overlaid(self.template, pool, proven=self.proven, without=self.without)
            if overlaid.problems:
                return Faulty(problems=overlaid.problems, by_template=True, everywhere=overlaid.everywhere)
            pool = overlaid.pool
        if pool is not None:
            pool = replace(pool, name=pool_of(self.template.name), type=PoolType.DYNAMIC)
            # What stands there passed the rules, if it was made of the same objects.
            if problems := tuple(checks.pool_problems(pool, self.known.pool if self.known is not None else None)):
                return Faulty(problems=problems)
        if self.ledger is not None:
            self._write_ledger(writer, self.ledger)
        if pool is not None:
            stored = Stored(pool=writer.put(pool, self.known), failed=failed)
            if not self.proven and not self.stands_in:
                writer.remember(self.template.name, self.template.text)
            return stored
        if self.known is not None:
            writer.delete(self.known)
        return Stored(pool=None, failed=failed)

    def _write_ledger(self, writer: Writer, ledger: Ledger) -> None:
        if ledger:
            writer.put_ledger(self.template.name, ledger)
        else:
            writer.delete_ledger(self.template.name)
