"""What is told of servers for which HAProxy has to be loaded anew."""

import time
from types import SimpleNamespace
from typing import Any, cast

from pool_executor.contract import Structure
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.apply import Outcome
from pool_executor.lbmgr.structure.content import PartText
from pool_executor.lbmgr.structure.follow import Follower
from pool_executor.lbmgr.structure.plan import Noop, Reload
from tests.unit.pool_executor.lbmgr.parts import content, web


def following(part: PartText, applier: SimpleNamespace, proxy: SimpleNamespace) -> Follower:
    """One that wants the structure of this one part; its servers are known, and ask for no reload."""
    lane = SimpleNamespace(needs_reload=None, known=True)
    nodes = SimpleNamespace(fetch=lambda blobs: [part.text for _ in blobs], instances=lambda: 1)
    follower = Follower(cast(Any, applier), cast(Any, proxy), cast(Any, lane), {"web": 80}, Counters())
    follower.attach(cast(Any, nodes))
    follower.see(
        Structure(pool="web", pool_uid="u", pool_version=1, epoch=1, version=1, parts={part.part.name: part.part})
    )
    return follower


def test_a_reload_for_servers_that_fails_is_told_until_it_is_done() -> None:
    """The log was read, so nothing else says that HAProxy does not have them."""
    outcomes = [
        Outcome(verdict="rejected", action="reject", reason="why", error="the disk is full"),
        Outcome(verdict="applied", action="reload", reason="why"),
    ]
    applier = SimpleNamespace(
        whole=None,
        needs_reload=None,
        running=SimpleNamespace(content=content()),
        reload_servers=lambda reason: outcomes.pop(0),
    )
    lane = SimpleNamespace(needs_reload="server app/a is new", reload_is_far=lambda: None)
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

    applier = SimpleNamespace(
        whole=None, needs_reload=None, running=SimpleNamespace(content=content()), reload_servers=fail
    )
    lane = SimpleNamespace(
        needs_reload="server app/a is new", abandon=lambda: abandoned.append(True), reload_is_far=lambda: None
    )
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    follower = Follower(cast(Any, applier), cast(Any, proxy), cast(Any, lane), {}, Counters())
    outcome = follower.step(1.0)
    assert outcome is not None
    assert outcome.error == "lbmgr failed on a reload for servers: LookupError: oh"
    assert str(follower.servers_error).endswith(outcome.error)
    assert abandoned == [True]


def test_a_defect_in_looking_at_what_waits_ends_nothing() -> None:
    """The structure that was refused is looked at again later, and the servers are loaded meanwhile."""
    loaded: list[str] = []

    def fail(found: object) -> dict[str, str]:
        raise LookupError("oh")

    def reload_servers(reason: str) -> Outcome:
        loaded.append(reason)
        return Outcome(verdict="applied", action="reload", reason=reason)

    applier = SimpleNamespace(
        whole=None,
        needs_reload=None,
        running=SimpleNamespace(content=content()),
        obstacles=fail,
        reload_servers=reload_servers,
    )
    lane = SimpleNamespace(needs_reload=None, known=True, abandon=lambda: None)
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    nodes = SimpleNamespace(fetch=lambda blobs: [])
    follower = Follower(cast(Any, applier), cast(Any, proxy), cast(Any, lane), {}, Counters())
    follower.attach(cast(Any, nodes))
    follower.see(Structure(pool="web", pool_uid="u", pool_version=1, epoch=1, version=1))
    refused = follower.step(1.0)
    assert refused is not None
    assert refused.error == "lbmgr failed on version 1: LookupError: oh"
    lane.needs_reload, proxy.alive = "server app/a is new", False
    assert follower.step(2.0) is None
    proxy.alive = True
    assert follower.step(float("inf")) is not None
    assert loaded == ["server app/a is new"]


def test_a_listener_waits_until_the_reload_that_brings_it() -> None:
    """Though it is known before that nothing is missing any more."""
    part = web()
    running = SimpleNamespace(content=content())
    lacking = {part.part.name: "a port"}
    applier = SimpleNamespace(
        running=running,
        whole=None,
        needs_reload=None,
        obstacles=lambda found: lacking,
        plan=lambda found: Reload(reason="why"),
        apply=lambda head, fitted, way: Outcome(verdict="applied", action="reload", reason="why"),
    )
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    follower = following(part, applier, proxy)
    assert follower.step(time.monotonic()) is not None
    [waiting] = follower.waiting
    lacking.clear()
    proxy.room_at = lambda: float("inf")
    assert follower.step(time.monotonic() + 100.0) is None
    assert follower.waiting == (waiting,)


def test_what_nobody_serves_is_not_told_as_applied() -> None:
    """The same structure is wanted while HAProxy is down: it is when HAProxy was started on it."""
    part, applied = web(), list[object]()

    def apply(head: object, fitted: object, way: object) -> Outcome:
        applied.append(way)
        return Outcome(verdict="applied", action="noop", reason="why")

    running = SimpleNamespace(content=content())
    applier = SimpleNamespace(
        whole=None,
        needs_reload=None,
        running=running,
        obstacles=lambda found: {},
        plan=lambda found: Noop(),
        apply=apply,
    )
    proxy = SimpleNamespace(alive=False, room_at=lambda: 0.0)
    follower = following(part, applier, proxy)
    assert follower.step(1.0) is None
    assert (follower.outcome.verdict, applied) == ("starting", [])
    proxy.alive = True
    assert follower.step(float("inf")) is not None
    assert (follower.outcome.verdict, applied) == ("applied", [Noop()])


def test_what_is_waited_for_is_told_in_the_words_of_now() -> None:
    """The same may be lacking for another reason than at first: a file that nobody had, of a store that is away now."""
    part = web()
    lacking = {part.part.name: "the file web.pem"}
    applier = SimpleNamespace(
        whole=None,
        needs_reload=None,
        running=SimpleNamespace(content=content()),
        obstacles=lambda found: dict(lacking),
        plan=lambda found: Reload(reason="why"),
        apply=lambda head, fitted, way: Outcome(verdict="applied", action="reload", reason="why"),
    )
    proxy = SimpleNamespace(alive=True, room_at=lambda: 0.0)
    follower = following(part, applier, proxy)
    assert follower.step(time.monotonic()) is not None
    assert [one.missing for one in follower.waiting] == [("the file web.pem",)]
    lacking[part.part.name] = "the file web.pem: the store is away"
    assert follower.step(time.monotonic() + 100.0) is None
    assert [one.missing for one in follower.waiting] == [("the file web.pem: the store is away",)]
