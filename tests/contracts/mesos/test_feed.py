"""Events out and effects in, over a real connection to a master by script."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sdk.core import effects
from sdk.core.events import (
    Disconnected,
    Event,
    Failed,
    OfferRescinded,
    OffersReceived,
    ReservationsListed,
    StatusReceived,
    Subscribed,
)
from sdk.errors import NotConnected
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.feed import MesosFeed
from sdk.mesos.parse import MalformedEvent
from sdk.mesos.reserved import reservations_listed
from sdk.model.ids import AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId
from sdk.model.operations import Unreserve
from sdk.model.resources import Resource
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus
from tests.contracts.mesos import traces
from tests.contracts.mesos.server import (
    FRAMEWORK_ID,
    CountedBackoff,
    Peer,
    Script,
    ScriptedServer,
    master,
    stays,
    subscribed,
)
from tests.support.wait import wait_until

INFO = FrameworkInfo(name="test", roles=("a",), principal="fw")


@contextmanager
def feeding(script: Script, info: FrameworkInfo = INFO) -> Iterator[tuple[MesosFeed, ScriptedServer, list[Event]]]:
    posted: list[Event] = []
    with ScriptedServer(script) as server:
        feed = MesosFeed(info=info, master=server.address, post=posted.append, backoff=CountedBackoff(5))
        feed.start()
        try:
            yield feed, server, posted
        finally:
            feed.stop()
            assert feed.join(10)


def test_events_are_posted_as_values() -> None:
    """From SUBSCRIBED to the end of the stream; heartbeats and what cannot be read are left out."""
    name = "02-accept-launch-custom-executor"
    offers = next(event for event in traces.events(name) if event["type"] == "OFFERS")
    update = next(event for event in traces.events(name) if event["type"] == "UPDATE")
    script = stays(
        {"type": "HEARTBEAT"},
        {"type": "OFFERS"},
        offers,
        update,
        {"type": "RESCIND", "rescind": {"offer_id": {"value": "O"}}},
    )
    with feeding(master(script)) as (feed, server, posted):
        wait_until(lambda: len(posted) == 4, what="the events")
        assert feed.connected
        assert feed.trouble is None
        assert server.kinds() == ["SUBSCRIBE"]  # nothing is acknowledged by itself
    assert posted[0] == Subscribed(
        framework_id=FrameworkId(FRAMEWORK_ID),
        master=server.address,
        heartbeat_interval=15.0,
        roles=("a",),
        version="1.12.0-rc1",
        user="",
        checkpoint=True,
    )
    assert isinstance(posted[1], OffersReceived)
    assert isinstance(posted[2], StatusReceived)
    assert posted[3] == OfferRescinded(offer_id=OfferId("O"))
    assert posted[4] == Disconnected(why="stopped")


def test_effects_become_calls() -> None:
    """One call for each, with the shapes that a real Mesos took."""
    cpus = Resource(name="cpus", scalar=500, allocation_role="a")
    status = TaskStatus(task_id=TaskId("t"), state=TaskState.RUNNING, agent_id=AgentId("S0"), uuid="dQ==")
    operation = OperationStatus(
        operation_id=OperationId("op"), state=OperationState.FINISHED, agent_id=AgentId("S0"), uuid="dQ=="
    )
    sent: list[tuple[effects.CallEffect, dict[str, Any] | None]] = [
        (
            effects.Accept(offer_ids=(OfferId("O1"),), operations=(Unreserve(resources=(cpus,)),), refuse_seconds=1.0),
            {
                "offer_ids": [{"value": "O1"}],
                "operations": [
                    {
                        "type": "UNRESERVE",
                        "unreserve": {
                            "resources": [
                                {
                                    "name": "cpus",
                                    "type": "SCALAR",
                                    "scalar": {"value": 0.5},
                                    "allocation_info": {"role": "a"},
                                }
                            ]
                        },
                    }
                ],
                "filters": {"refuse_seconds": 1.0},
            },
        ),
        (
            effects.Decline(offer_ids=(OfferId("O1"), OfferId("O2")), refuse_seconds=60.0),
            {"offer_ids": [{"value": "O1"}, {"value": "O2"}], "filters": {"refuse_seconds": 60.0}},
        ),
        (
            effects.AcceptInverseOffers(offer_ids=(OfferId("I1"),), refuse_seconds=60.0),
            {"inverse_offer_ids": [{"value": "I1"}], "filters": {"refuse_seconds": 60.0}},
        ),
        (
            effects.DeclineInverseOffers(offer_ids=(OfferId("I1"),), refuse_seconds=60.0),
            {"inverse_offer_ids": [{"value": "I1"}], "filters": {"refuse_seconds": 60.0}},
        ),
        (
            effects.Kill(task_id=TaskId("t"), agent_id=AgentId("S0"), grace=2.0),
            {
                "task_id": {"value": "t"},
                "agent_id": {"value": "S0"},
                "kill_policy": {"grace_period": {"nanoseconds": 2_000_000_000}},
            },
        ),
        (effects.Kill(task_id=TaskId("t"), agent_id=None), {"task_id": {"value": "t"}}),
        (
            effects.Acknowledge(status=status),
            {"agent_id": {"value": "S0"}, "task_id": {"value": "t"}, "uuid": "dQ=="},
        ),
        (
            effects.AcknowledgeOperation(status=operation),
            {"agent_id": {"value": "S0"}, "operation_id": {"value": "op"}, "uuid": "dQ=="},
        ),
        (
            effects.Reconcile(tasks=((TaskId("t"), AgentId("S0")), (TaskId("u"), None))),
            {"tasks": [{"task_id": {"value": "t"}, "agent_id": {"value": "S0"}}, {"task_id": {"value": "u"}}]},
        ),
        (
            effects.ReconcileOperations(operations=((OperationId("op"), AgentId("S0")),)),
            {"operations": [{"operation_id": {"value": "op"}, "agent_id": {"value": "S0"}}]},
        ),
        (effects.Reconcile(tasks=()), {"tasks": []}),
        (effects.Suppress(roles=("a",)), {"roles": ["a"]}),
        (effects.Revive(roles=("a",)), {"roles": ["a"]}),
        (
            effects.SendMessage(agent_id=AgentId("S0"), executor_id=ExecutorId("e"), data=b"hello"),
            {"agent_id": {"value": "S0"}, "executor_id": {"value": "e"}, "data": "aGVsbG8="},
        ),
        (effects.Teardown(), None),
    ]
    with feeding(master(stays())) as (feed, server, _):
        wait_until(lambda: feed.connected, what="the subscription")
        for effect, _ in sent:
            feed.call(effect)
        bodies = [request.body for request in server.requests[1:]]
    assert [body.get(body["type"].lower()) for body in bodies] == [body for _, body in sent]
    assert all(body["framework_id"] == {"value": FRAMEWORK_ID} for body in bodies)


def test_what_needs_no_call_makes_none() -> None:
    """Updates without uuid, and role calls without roles, which would mean all roles."""
    bare = TaskStatus(task_id=TaskId("t"), state=TaskState.LOST)
    with feeding(master(stays())) as (feed, server, _):
        wait_until(lambda: feed.connected, what="the subscription")
        feed.call(effects.Acknowledge(status=bare))
        feed.call(effects.Suppress(roles=()))
        feed.call(effects.Revive(roles=()))
        assert server.kinds() == ["SUBSCRIBE"]


def test_new_roles_are_kept_for_later_subscriptions() -> None:
    """UPDATE_FRAMEWORK now, and FrameworkInfo with them after a reconnection."""
    taken = threading.Event()

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed())
        if peer.number == 0:
            # Only what the master is known to have taken is kept.
            assert taken.wait(10.0)
            peer.end()
        else:
            peer.wait_closed()

    with feeding(master(subscribe)) as (feed, server, _):
        wait_until(lambda: feed.connected, what="the subscription")
        feed.call(effects.UpdateRoles(roles=("a", "b")))
        taken.set()
        info = server.wait_for("UPDATE_FRAMEWORK").body["update_framework"]["framework_info"]
        assert (info["roles"], info["id"]["value"], info["principal"]) == (["a", "b"], FRAMEWORK_ID, "fw")
        again = server.wait_for("SUBSCRIBE", 2).body
        assert again["subscribe"]["framework_info"]["roles"] == ["a", "b"]
        assert again["framework_id"] == {"value": FRAMEWORK_ID}


def test_calls_without_subscription_are_not_connected() -> None:
    """The runner keeps the effect and tries later."""
    feed = MesosFeed(info=INFO, master="127.0.0.1:1", post=lambda _: None)
    with pytest.raises(NotConnected):
        feed.call(effects.Revive(roles=("a",)))


def test_the_end_for_good_is_an_event_and_ends_the_feed() -> None:
    """`removed` needs an operator; a newer instance needs us to step down."""

    def subscribe(peer: Peer) -> None:
        peer.begin()
        peer.event({"type": "ERROR", "error": {"message": "Framework has been removed"}})
        peer.end()

    with feeding(master(subscribe), FrameworkInfo(name="t", roles=(), framework_id="old")) as (feed, server, posted):
        assert feed.join(10)
        assert feed.failure == "Framework has been removed"
        assert posted == [Failed(message="Framework has been removed", removed=True)]
        assert server.requests[0].body["framework_id"] == {"value": "old"}


def test_nothing_comes_after_the_end_for_good_of_a_subscription() -> None:
    """That the stream ended, too, is no news: it would look like a connection that comes back."""
    removed = {"type": "ERROR", "error": {"message": "Framework has been removed"}}
    with feeding(master(stays(removed))) as (feed, server, posted):
        assert feed.join(10)
        assert [type(event) for event in posted] == [Subscribed, Failed]
        assert server.kinds() == ["SUBSCRIBE"]


def test_a_post_that_fails_does_not_end_the_stream() -> None:
    """A bug in the runner must not look like a lost master."""
    posted: list[Event] = []

    def post(event: Event) -> None:
        posted.append(event)
        raise RuntimeError("broken on purpose")

    rescind = {"type": "RESCIND", "rescind": {"offer_id": {"value": "O"}}}
    with ScriptedServer(master(stays(rescind, rescind))) as server:
        feed = MesosFeed(info=INFO, master=server.address, post=post)
        feed.start()
        wait_until(lambda: len(posted) == 3, what="all events")
        feed.stop()
        assert feed.join(10)
        assert server.kinds() == ["SUBSCRIBE"]


def _slaves() -> bytes:
    """What a real master answered."""
    rows = traces.lines("12-legacy-http-endpoints")
    found = next(row for row in rows if str(row.get("for", "")).startswith("GET /slaves") and "body" in row)
    return json.dumps(found["body"]).encode()


def test_master_is_asked_what_is_reserved() -> None:
    """Beside the subscription; a resource carries its whole stack of reservations."""
    stream = stays()

    def script(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.kind == "SUBSCRIBE":
            stream(peer)
        elif request is not None:
            found = (request.method, request.path) == ("GET", "/slaves")
            peer.answer("200 OK" if found else "404 Not Found", _slaves() if found else b"")

    with feeding(script) as (feed, _, posted):
        wait_until(lambda: feed.connected, what="the subscription")
        feed.call(effects.ListReservations())
        [listed] = [event for event in posted if isinstance(event, ReservationsListed)]
    [agent] = listed.agents
    assert agent.hostname == "agent1.mesos.test"
    assert [(each.name, each.scalar) for each in agent.resources] == [("cpus", 2000), ("mem", 1024000), ("cpus", 250)]
    assert [each.reservations[-1].labels for each in agent.resources] == [(), (), (("l", "v"),)]


def test_answer_that_cannot_be_read_is_a_failed_call() -> None:
    """Whoever asked goes on without it."""
    with pytest.raises(MalformedEvent):
        reservations_listed({"slaves": [{"id": "S0"}]})
