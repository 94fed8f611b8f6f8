"""A change of a pool that is rehearsed: everything is checked as if it was made, and nothing is written.

Knows what is told of it: fields, configuration and instances. Does not know the requests.
"""

from collections.abc import Iterable
from typing import Any

from flask import Request, g

from api.observed.live_pools import LivePools
from api.routes.pool_forms import Form
from api.validation.fields import field_changes
from api.validation.judgement import as_stored
from api.validation.trials import Trials
from api.web.authentication import account
from api.web.problems import ApiProblem
from scheduler.pools.change import Change, causes, classify
from scheduler.pools.model import Pool
from scheduler.pools.service import POD, launches_ahead
from scheduler.pools.stored.hidden import revealed
from scheduler.pools.stored.record import StoredPool, encode
from scheduler.pools.stored.store import PoolExists
from sdk.errors import CorruptRecord

_MOST_FIELDS = 200


def is_rehearsal(request: Request) -> bool:
    """Whether the request says `dryRun=true`; ApiProblem 400 when it says neither that nor `false`."""
    said = request.args.get("dryRun", "false")
    if said not in ("true", "false"):
        raise ApiProblem(400, f"dryRun: {said[:80]} invalid: must be true or false")
    # Known to whoever asks after the request was answered: not every route rehearses.
    g.rehearsed = said == "true"
    return bool(g.rehearsed)


class Rehearsal:
    """Takes the changes that the pools take, raises what they raise, and changes nothing."""

    def __init__(self, pools: LivePools) -> None:
        self._pools = pools
        self.before: StoredPool | None = None
        """The pool as it is, where the change was possible."""

    def create(self, pool: Pool, author: str) -> StoredPool:
        """See PoolStore."""
        if self._pools.get(pool.name) is not None:
            raise PoolExists(f"pool {pool.name} exists already; update it, or delete it first")
        return _fitting(as_stored(revealed(pool, None))._replace(author=author))

    def replace(self, pool: Pool, expected: str | None, author: str) -> StoredPool:
        """See PoolStore."""
        self.before = self._pools.expect(pool.name, expected)
        before = self.before.pool if self.before is not None else None
        return _fitting(as_stored(revealed(pool, before), self.before)._replace(author=author))

    def set_template(self, name: str, template: str, expected: str | None, author: str) -> StoredPool:
        """See PoolStore."""
        self.before = before = self._pools.expect(name, expected)
        if before is None:
            raise CorruptRecord(name, "is damaged")
        return as_stored(before.pool, before)._replace(template=template, author=author)

    def delete(self, name: str, expected: str | None) -> None:
        """See PoolStore."""
        self.before = self._pools.expect(name, expected)


def _fitting(stored: StoredPool) -> StoredPool:
    encode(stored)  # raises InvalidPool when it is too large
    return stored


def rehearsed(
    trials: Trials, form: Form, before: StoredPool | None, after: StoredPool | None, warnings: Iterable[str] = ()
) -> dict[str, Any]:
    """What would happen; None stands for a pool that is not there."""
    found = trials.compare(before, after, account())
    old, new = (form.dump(stored.pool) if stored is not None else {} for stored in (before, after))
    changes = list(field_changes(old, new)) if before is not None and after is not None else []
    return {
        "dryRun": True,
        "changed": (before and before.pool) != (after and after.pool),
        "pool": new or None,
        "fields": [one._asdict() for one in changes[:_MOST_FIELDS]],
        "moreFields": max(0, len(changes) - _MOST_FIELDS),
        "configuration": {
            "action": found.action or None,
            "reason": found.reason or found.failed or None,
            "diff": list(found.diff),
            "moreLines": found.more,
        },
        "instances": _instances(before and before.pool, after and after.pool),
        "warnings": list(warnings),
    }


def _instances(before: Pool | None, after: Pool | None) -> dict[str, Any]:
    """What the scheduler does: to which load balancers, and which fields ask for it."""
    kept = min(before.count if before else 0, after.count if after else 0)
    told: dict[str, Any] = {
        "action": "none",
        "relaunched": [],
        "ahead": False,
        "launched": [],
        "ended": [],
        "fields": [],
    }
    told["launched"] = _names(kept, after.count if after else 0)
    told["ended"] = _names(kept, before.count if before else 0)
    if before is None or after is None:
        return told | {"action": "launch" if after else "end"}
    change = classify(before, after)
    if change in (Change.RELAUNCH, Change.SCALE):
        told |= {"action": change.value, "fields": list(causes(before, after, change))}
    if change is Change.RELAUNCH:
        told |= {"relaunched": _names(0, kept), "ahead": launches_ahead(after)}
    return told


def _names(first: int, end: int) -> list[str]:
    return [f"{POD}-{index}" for index in range(first, end)]
