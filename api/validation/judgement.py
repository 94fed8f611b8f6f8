"""What is asked about pools, and what the answer is. Values only."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from api.auto_pools.dialects import Dialects
from api.mesos_listener.task import Task
from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored.hidden import hides, revealed
from scheduler.pools.stored.record import StoredPool

_COOKIE_KEY = "0" * 32
"""Stands for the one that a pool gets when it is stored."""


def as_stored(pool: Pool, before: StoredPool | None = None) -> StoredPool:
    """The pool as it would be stored, in the place of `before`."""
    stored = before or StoredPool(pool, Revision("", 1))
    if before is not None and hides(pool):
        with suppress(InvalidPool):  # the store says so
            pool = revealed(pool, before.pool)
    return stored._replace(pool=pool, cookie_key=stored.cookie_key or _COOKIE_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Whether HAProxy would take this pool; it may think about it for so many seconds."""

    pool: StoredPool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTemplate:
    """Whether this pool template can be printed, and HAProxy would take what comes of it."""

    name: str
    text: str
    raw_strings: bool
    """Whether it may say something in HAProxy's own words."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TryTemplate:
    """What becomes of tasks that run under another text of their pool template, in place of the one `before`."""

    name: str
    text: str
    before: str
    tasks: Sequence[Task]
    dialects: Dialects
    raw_strings: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Locate:
    """Which field of this pool HAProxy's complaint is about, of which it was told what the pool is rendered to."""

    pool: StoredPool
    complaint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """What a change of a pool does to its configuration; None stands for a pool that is not there."""

    before: StoredPool | None
    after: StoredPool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The problems that rendering and HAProxy have with a pool.

    `haproxy` is the version of the one that was asked; `""` when none was, and `unchecked` says why.
    """

    problems: tuple[Problem, ...] = ()
    haproxy: str = ""
    unchecked: str = ""
    remarks: tuple[str, ...] = ()
    """What has to be said all the same."""


Question = Judge | JudgeTemplate | TryTemplate | Locate | Compare
