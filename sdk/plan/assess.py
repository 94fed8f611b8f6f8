"""What one instance needs next, read from its record and its wish: the step of every plan is derived from this.

    no record of a launch ───────────────────────────────> MustPlace ──launched──> Starting ──ready──> Rest
    task over, backoff running ──> Waits ──time──────────> MustPlace (in its holding)
    one over that is launched with others; restart ──────> MustKill ──all over──> MustPlace
    another task over ──> LacksTasks ──its backoff is over, its resources are offered──> Rest
    runs with another configuration ──> Outdated ──strategy lets it──> MustKill
    runs without optional ports ──> LacksPorts ──an offer holds some──> MustKill, or MustPlace (elsewhere)
    refused by Mesos for good ──> Stopped ──other configuration, or restart──> MustPlace
    agent lost ──> Waits ──replace_after──> Overdue ──budget of replacements lets it──> MustPlace (elsewhere)
    agent goes into maintenance ──> Overdue ──budget lets it──> MustPlace (elsewhere; the old task serves until then)
    agent drained ──> MustPlace (elsewhere, at once: Mesos ends the old task)
    its plan forbids it for now ──> Held ──plan lets it──> MustPlace, MustKill
    not wanted any more ──> MustKill ──all over──> MustRelease ──all reservations gone──> MustDelete

Nothing here looks at other instances or at offers: what one may do *now* is decided by `sdk.plan.strategy` and
`sdk.core`.
"""

from sdk.model.leaving import Leaving
from sdk.model.records import PodGoal, PodRecord
from sdk.plan.instance import after_failures, due_of, host_of, stopped
from sdk.plan.need import (
    Around,
    MustKill,
    MustPlace,
    Need,
    Overdue,
    Rest,
    Stopped,
    Waits,
    done,
    missing,
    over,
    waits_for_agent,
)
from sdk.plan.progress import Progress
from sdk.plan.removal import removal
from sdk.plan.running import running
from sdk.plan.wish import PodWish


def assess(record: PodRecord, wish: PodWish | None, now: float, around: Around) -> Need:
    """What the instance needs."""
    if wish is None or record.goal is PodGoal.DECOMMISSION:
        return removal(record, now, around)
    if wish.dormant:
        return _dormant(record)
    if finished(record, wish):
        return Rest()
    alive = tuple(task for task in record.tasks if not over(task))
    if not alive and (why := _stopped(record, wish)) is not None:
        return Stopped(message=f"{why}; it is not tried again until its configuration changes, or on restart")
    waits = waits_for_agent(record, wish)
    if around.leaving is not None and around.leaving.acts(now) and not waits:
        leaves = _leave(record, wish, now, around.leaving)
        if leaves is not None:
            return leaves
    if record.lost_at is not None:
        return _lost(record, wish, now)
    alive_ids = tuple(task.task_id for task in alive)
    if alive and record.restart:
        return MustKill(tasks=alive_ids, message="is restarted on request")
    if alive:
        return running(record, wish, alive, now, around)
    if now < (due := _due(record, wish)):
        return _backing_off(record, now, due)
    in_place = record.holding is not None and record.holding.resource_id is not None
    failed = after_failures(record)
    if in_place and record.holding is not None:
        home = record.holding.hostname
        return MustPlace(elsewhere=False, message=f"waits for its resources on {home} to be offered again{failed}")
    return MustPlace(elsewhere=True, message=f"waits for an offer{failed}")


def _dormant(record: PodRecord) -> Need:
    """The plan that it is for does not run: what it holds is kept for the next run."""
    alive = tuple(task.task_id for task in record.tasks if not over(task))
    return MustKill(tasks=alive, message="its plan was stopped") if alive and record.lost_at is None else Rest()


def finished(record: PodRecord, wish: PodWish) -> bool:
    """All that it had to do is done."""
    by_name = {task.name: task for task in record.tasks}
    return bool(record.tasks) and all(
        (task := by_name.get(spec.name)) is not None and done(task, spec, wish) for spec in wish.spec.tasks
    )


def _outdated(record: PodRecord, wish: PodWish) -> bool:
    """Nothing of it was launched with the wanted configuration: what went wrong before says nothing about that one."""
    return bool(record.tasks) and all(task.config != wish.config for task in record.tasks)


def _due(record: PodRecord, wish: PodWish) -> float:
    """When an instance of which nothing runs may be launched."""
    if _outdated(record, wish):
        return 0.0
    gone = missing(record, wish)
    if any(not spec.apart for spec in gone):
        return record.not_before  # the others come with it
    return min((due_of(record, spec, wish) for spec in gone if not stopped(record, spec, wish)), default=0.0)


def _stopped(record: PodRecord, wish: PodWish) -> str | None:
    """Why nothing of an instance of which nothing runs is launched: the least that it needs is refused."""
    gone = missing(record, wish)
    together = [spec for spec in gone if not spec.apart]
    refused = [stopped(record, spec, wish) for spec in together or gone]
    # One of those that are launched together is enough; of the others each has its own fate.
    return next((why for why in refused if why is not None), None) if together or all(refused) else None


def _backing_off(record: PodRecord, now: float, due: float) -> Need:
    return Waits(
        status=Progress.DELAYED,
        message=f"{record.last_failure or 'failed'}; tried again in {due - now:.0f} s",
        until=due,
    )


def _leave(record: PodRecord, wish: PodWish, now: float, leaving: Leaving) -> Need | None:
    """How the instance leaves; None when it is best launched again where it was, and moves from there."""
    alive = any(not over(task) for task in record.tasks)
    if not leaving.drained:
        if record.lost_at is None and (not alive or record.restart):
            return None  # every other agent may be announced as well, and this one is still there
        return Overdue(why=leaving.sentence, since=record.lost_at or leaving.start or now)
    if not alive and record.lost_at is None and now < (due := _due(record, wish)):
        return _backing_off(record, now, due)
    return MustPlace(elsewhere=True, message=f"{leaving.sentence}; waits for an offer of another agent")


def _lost(record: PodRecord, wish: PodWish, now: float) -> Need:
    assert record.lost_at is not None
    since = max(0.0, now - record.lost_at)
    policy = wish.spec.recovery
    if waits_for_agent(record, wish):
        return Waits(status=Progress.DELAYED, message=f"{host_of(record)} lost {since:.0f} s ago; waits for it")
    due = record.lost_at + policy.replace_after
    if now < due:
        message = f"{host_of(record)} lost {since:.0f} s ago; replaced in {due - now:.0f} s"
        return Waits(status=Progress.DELAYED, message=message, until=due)
    return Overdue(why=f"{host_of(record)} lost {since:.0f} s ago", since=record.lost_at)
