"""What is told of servers for which HAProxy has to be loaded anew."""

from types import SimpleNamespace
from typing import Any, cast

from pool_executor.lbmgr.apply import Outcome
from pool_executor.lbmgr.follow import Follower
from pool_executor.lbmgr.metrics import Counters
from tests.unit.pool_executor.lbmgr.parts import content


def test_a_reload_for_servers_that_fails_is_told_until_it_is_done() -> None:
    """The log was read, so nothing else says that HAProxy does not have them."""
    outcomes = [
        Outcome(verdict="rejected", action="reject", reason="why", error="the disk is full"),
        Outcome(verdict="applied", action="reload", reason="why"),
    ]
    applier = SimpleNamespace(running=SimpleNamespace(content=content()), reload_servers=lambda reason: outcomes.pop(0))
    lane = SimpleNamespace(needs_reload="server app/a is new")
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    follower = Follower(cast(Any, applier), cast(Any, proxy), cast(Any, lane), {}, Counters())
    follower.step(1.0)
    assert follower.servers_error == "server app/a is new; HAProxy cannot be loaded anew: the disk is full"
    follower.step(float("inf"))
    assert (follower.servers_error, outcomes) == (None, [])


def test_a_defect_in_a_reload_for_servers_ends_nothing() -> None:
    """It is told as one, and changes go on to the worker that serves."""
    abandoned: list[bool] = []

    def fail(reason: str) -> Outcome:
        raise LookupError("oh")

    applier = SimpleNamespace(running=SimpleNamespace(content=content()), reload_servers=fail)
    lane = SimpleNamespace(needs_reload="server app/a is new", abandon=lambda: abandoned.append(True))
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    follower = Follower(cast(Any, applier), cast(Any, proxy), cast(Any, lane), {}, Counters())
    outcome = follower.step(1.0)
    assert outcome is not None
    assert outcome.error == "lbmgr failed on a reload for servers: LookupError: oh"
    assert str(follower.servers_error).endswith(outcome.error)
    assert abandoned == [True]
