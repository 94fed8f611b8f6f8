"""The state of a pool as one word, the sentence for people, and every reason that keeps it from being ready. Pure.

`ready` is a promise: traffic can flow. So it is the last word that is left when nothing speaks against it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.dcos_template.publishing.problem import Problem
from api.observed.rendered import Lag, Rendered
from api.status.backends import without_servers
from api.status.certificates import certificates_amiss
from api.status.doubts import Doubt
from api.status.states import DEGRADED, DEPLOYING, PENDING, READY, REJECTED, UNKNOWN, deaths_note, moved_by, refusals
from scheduler.pools.stored.record import StoredPool

Json = Mapping[str, Any]
Verdict = tuple[str, str, tuple[str, ...]]
"""State, summary, reasons."""

#: A HAProxy that died so often within so many seconds is not well, although it serves at the moment.
_MANY_DEATHS, _WITHIN = 3, 600.0
#: Seconds that an instance may be behind with its servers before it is told: under steady change it always is a little.
LAG_GRACE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSide:
    """What the scheduler answered; `error` is the sentence when it did not, `problem` what it says of the pool.

    `pool_uid` and `pool_version` say which state of the pool its plans carry out; None when it does not tell.
    `waits` is its own sentence for why it cannot carry out anything now, Mesos being away for example.
    """

    url: str | None = None
    error: str | None = None
    problem: str | None = None
    pool_version: int | None = None
    pool_uid: str | None = None
    waits: str | None = None
    plans: Sequence[Json] = ()
    pods: Sequence[Json] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known besides: how far instances (by task id) are behind with their servers, which field of the pool each
    complaint of a HAProxy is about, what the template says is wrong with the pool, why changes of tasks do not reach
    the load balancers, and the time in epoch seconds.
    """

    lags: Mapping[str, Lag]
    fields: Mapping[str, str]
    problem: Problem | None
    doubts: tuple[Doubt, ...]
    now: float


def verdict(
    stored: StoredPool,
    rendered: Rendered,
    rows: Sequence[Json],
    backends: Sequence[Json],
    side: SchedulerSide,
    facts: Facts,
) -> Verdict:
    """What to say of the pool; `rows` are its load balancers, `backends` its backends, as the status shows them."""
    wanted = stored.pool.count
    if side.problem is not None:
        return _said(PENDING, "the scheduler cannot carry the pool out", [side.problem])
    if side.error is None and _unheard(stored, side):
        # Before anything else: plans, refusals and instances are still those of the pool as it was.
        sentence = f"the scheduler has not taken up version {stored.version} of the pool yet"
        return _said(DEPLOYING, sentence, [side.waits] if side.waits else [])
    refused = [(row, refusals(row["pending"])) for row in rows if refusals(row["pending"])]
    if refused:
        first, why = refused[0]
        moved = moved_by(first["pending"])
        reasons = [moved, *why] if moved else why
        others = [f"{other['name']}: {reason}" for other, found in refused[1:] if found != why for reason in found]
        return _said(PENDING, f"{first['name']} cannot be placed yet", [*reasons, *others])
    head = rendered.structure
    unrendered = head is None or (head.pool_uid, head.pool_version) != stored.revision
    problem = facts.problem
    if problem is not None and problem.structure and unrendered and problem.revision == stored.revision:
        return _said(REJECTED, f"version {stored.version} of the pool cannot be rendered", [problem.structure])
    doubts = [doubt.reason for doubt in facts.doubts]
    if problem is not None and problem.failing:
        doubts.append(problem.failing)
    if unrendered or head is None:
        return _said(DEPLOYING, f"version {stored.version} of the pool has not been rendered yet", doubts)
    if rendered.endpoints is None:
        return _said(DEPLOYING, "the servers of the pool have not been published yet", doubts)
    # Only a refusal of what is published now counts: an older one says nothing about the pool as it is.
    rejected = [row for row in rows if row["verdict"] == "rejected" and (row["rejectedVersion"] or 0) >= head.version]
    if rejected:
        sentence = (
            f"{len(rejected)} of {wanted} instances refused version {rejected[0]['rejectedVersion']} of the"
            " configuration and go on serving the one before"
        )
        return _said(REJECTED, sentence, list(dict.fromkeys(map(_refusal, rejected))))
    # One that is on its way out, or whose task has just died, still has a row: it is none of those that are wanted.
    current = min(wanted, len({row["name"] for row in rows if row["current"]}))
    # One that leaves a listener out has taken it up, and does not serve all of it.
    whole = min(wanted, len({row["name"] for row in rows if row["current"] and not row["waiting"]}))
    serve = f"{whole} of {wanted} instances serve {'' if whole == current else 'all of '}the current configuration"
    open_plans = [str(plan.get("name")) for plan in side.plans if plan.get("status") != "COMPLETE"]
    if current < wanted or len(rows) > wanted or (open_plans and side.error is None):
        return _said(DEPLOYING, serve, [*_under_way(rows, wanted, open_plans, side), *doubts], "; ")
    amiss = list(_amiss(rows, backends, facts))
    if side.error is not None:
        return _said(UNKNOWN, serve, [side.error, *amiss], "; ")
    return _said(DEGRADED, serve, amiss, "; ") if amiss else (READY, serve, ())


def _said(state: str, sentence: str, reasons: Sequence[str], joint: str = ": ") -> Verdict:
    """The first reason stands in the summary; how many more there are is told."""
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return state, f"{sentence}{joint}{reasons[0]}{more}" if reasons else sentence, tuple(reasons)


def _refusal(row: Json) -> str:
    return f"{row['error']}{_at(row['field'])}"


def _at(field: str | None) -> str:
    return f" ({field})" if field else ""


def _unheard(stored: StoredPool, side: SchedulerSide) -> bool:
    # A scheduler of an older release has plans for the pool, but does not tell which version they carry out.
    if side.pool_version is None:
        return not side.plans
    if side.pool_uid not in (None, stored.revision.uid):
        return True  # of a pool that was deleted and created again
    return side.pool_version < stored.version


def _under_way(rows: Sequence[Json], wanted: int, open_plans: Sequence[str], side: SchedulerSide) -> Iterator[str]:
    if side.waits:
        yield side.waits
    told = False
    for row in rows:
        step = row["pending"].get("summary") if row["pending"] else row["note"]
        if step:
            told = True
            yield f"{row['name']} {step}"
    if told:
        return
    if len(rows) > wanted:
        yield f"{len(rows) - wanted} more on the way out"
    elif open_plans:
        yield f"plan {', '.join(open_plans)} is running"


def _amiss(rows: Sequence[Json], backends: Sequence[Json], facts: Facts) -> Iterator[str]:
    """What is wrong with a pool whose instances all serve what they should."""
    yield from without_servers(backends)
    for doubt in facts.doubts:
        yield f"changes of tasks do not reach the load balancers: {doubt.reason}"
    if facts.problem is not None and facts.problem.failing:
        yield facts.problem.failing
    if facts.problem is not None and facts.problem.held is not None:
        yield f"its last servers are kept: {facts.problem.held.reason}"
    for row in rows:
        if row["trouble"] or (row["healthy"] is False and row["error"]):
            yield f"{row['name']}: {row['trouble'] or row['error']}"
        if row["note"]:
            yield f"{row['name']} {row['note']}"
        yield from _servers_amiss(row)
        yield from certificates_amiss(row)
        recent = [death for death in row["deaths"] if facts.now - death["at"] < _WITHIN]
        if len(recent) >= _MANY_DEATHS:
            yield f"HAProxy of {row['name']} dies again and again: {deaths_note(row)}"


def _servers_amiss(row: Json) -> Iterator[str]:
    """Which servers HAProxy should have and has not."""
    told = row["endpoints"] or {"error": None, "refused": [], "leftOut": 0}
    if told["error"]:
        yield f"{row['name']} cannot take up changes of servers: {told['error']}"
    for one in told["refused"]:
        where = f"backend {one['backend']}{_at(one['field'])}"
        whose = f" of task {one['task']}" if one["task"] else ""
        yield f"{row['name']} has no server {one['server']}{whose} in {where}: {one['reason']}"
    if (more := told["leftOut"] - len(told["refused"])) > 0:
        yield f"{row['name']} lacks {more} more servers"


def instance_note(row: Json, *, blind: bool = False) -> str | None:
    """Why a load balancer does not serve what it should, when neither the scheduler nor lbmgr says so. A scheduler that
    is `blind` hears nothing from Mesos: what it says of a task is old.
    """
    if row["leaving"]:
        return None
    if row["current"]:
        return "; ".join(_incomplete(row)) or None
    if row["pending"]:
        return None
    if row["verdict"] is None and row["state"] == "TASK_RUNNING" and blind:
        return "does not report, and the scheduler does not hear from Mesos whether it still runs"
    if row["verdict"] is None and row["state"] == "TASK_RUNNING":
        return "runs, but does not report: its executor starts, hangs, or has no connection to ZooKeeper"
    if row["verdict"] == "applied":
        return f"serves configuration {row['version']} and has not taken up the newest one yet"
    return None


def _incomplete(row: Json) -> Iterator[str]:
    """What a load balancer that serves the current configuration does not serve of it."""
    for one in row["waiting"]:
        listener, missing = f"{one['listener']}{_at(one['field'])}", " and ".join(one["missing"])
        yield f"leaves the listener {listener} out until it has {missing}"
    lag = row["endpoints"]["lag"] if row["endpoints"] else None
    if lag is not None and lag["seconds"] >= LAG_GRACE:
        behind = "all servers" if lag["operations"] is None else f"{lag['operations']} changes of servers"
        yield f"has not taken up {behind} that were published {lag['seconds']:.0f} s ago"
