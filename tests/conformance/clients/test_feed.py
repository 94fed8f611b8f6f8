"""Every recorded scheduler stream, played to the feed: events as values, and calls made from effects."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sdk.core import effects, events
from sdk.mesos import parse
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.feed import MesosFeed
from sdk.model.ids import AgentId, ExecutorId, OfferId, OperationId, TaskId
from sdk.model.operations import Operation, Reserve, Unreserve
from tests.conformance.clients.fold import Expected, expected, snapshots
from tests.conformance.clients.player import Gate, Player
from tests.conformance.clients.recording import Call, Event, Stream, streams
from tests.contracts.mesos import traces
from tests.support.wait import wait_until

Json = dict[str, Any]

# What the scheduler core has no use for, so the feed posts nothing.
SILENT = {"HEARTBEAT"}


@dataclass
class Known:
    """What a scheduler knows that takes the feed's values at their word."""

    framework_id: str | None = None
    offers: set[str] = field(default_factory=set)
    tasks: dict[str, str] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    acknowledgements: list[tuple[str, str, str]] = field(default_factory=list)
    agents_lost: list[str] = field(default_factory=list)
    executors_lost: list[tuple[str, int | None]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self, event: events.Event) -> None:
        match event:
            case events.Subscribed():
                self.framework_id = event.framework_id
                self.offers.clear()
            case events.OffersReceived():
                self.offers |= {offer.id for offer in event.offers}
            case events.OfferRescinded():
                self.offers.discard(event.offer_id)
            case events.StatusReceived(status=task):
                self.tasks[task.task_id] = task.state.value
                if task.uuid is not None:
                    self.acknowledgements.append(("ACKNOWLEDGE", task.task_id, task.uuid))
            case events.OperationStatusReceived(status=operation):
                self.operations[operation.operation_id] = operation.state.value
                if operation.uuid is not None:
                    self.acknowledgements.append(
                        ("ACKNOWLEDGE_OPERATION_STATUS", operation.operation_id, operation.uuid)
                    )
            case events.AgentFailed():
                self.agents_lost.append(event.agent_id)
            case events.ExecutorFailed():
                self.executors_lost.append((event.executor_id, event.status))
            case events.Failed():
                self.errors.append(event.message)
                self.offers.clear()


def same(known: Known, told: Expected) -> None:
    for name in vars(known):
        assert getattr(known, name) == getattr(told, name), name


@contextmanager
def feeding(recorded: Stream) -> Iterator[tuple[MesosFeed, Player, list[events.Event]]]:
    posted: list[events.Event] = []
    info = recorded.subscribe.body["subscribe"]["framework_info"]
    gate = Gate()
    with Player() as player:
        feed = MesosFeed(
            info=FrameworkInfo(
                name=info["name"], roles=tuple(info.get("roles", ())), framework_id=info.get("id", {}).get("value")
            ),
            master=player.address,
            post=posted.append,
            backoff=gate,
        )
        feed.start()
        try:
            yield feed, player, posted
        finally:
            gate.close()
            feed.stop()
            assert feed.join(10)


@pytest.mark.parametrize("recorded", streams("scheduler"), ids=str)
def test_the_values_add_up_to_what_the_stream_told(recorded: Stream) -> None:
    """Framework, offers outstanding, last states of tasks and operations, acknowledgements due, losses, errors."""
    known, told = Known(), Expected()
    with feeding(recorded) as (_, player, posted):
        held = player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        count = 0
        for item in recorded.items:
            if isinstance(item, Event):
                told.take(item.body)
                held.event(item)
                if item.body["type"] in SILENT:
                    continue
                count += 1
                heard(posted, count, item)
                known.take(posted[count - 1])
            elif isinstance(item, Call) and item.answer is not None and item.answer.status < 300:
                told.sent(item.body)
                if item.kind in ("ACCEPT", "DECLINE"):
                    known.offers -= {each["value"] for each in item.body[item.kind.lower()].get("offer_ids", ())}
            same(known, told)
    assert told == expected([recorded])


def heard(posted: list[events.Event], count: int, last: Event) -> None:
    """Wait until so many were posted; `last` is the newest that was sent."""
    wait_until(lambda: len(posted) >= count, what=str(last.body)[:200], every=1e-3)


def effect(body: Json, posted: list[events.Event]) -> effects.CallEffect | None:
    """The effect whose call this recorded one is; None where our scheduler makes no such call."""
    content = body.get(body["type"].lower(), {})
    match body["type"]:
        case "DECLINE" if "filters" in content:
            return effects.Decline(
                offer_ids=tuple(OfferId(each["value"]) for each in content["offer_ids"]),
                refuse_seconds=content["filters"]["refuse_seconds"],
            )
        case "KILL" if "task_id" in content:
            policy = content.get("kill_policy")
            agent_id = content.get("agent_id", {}).get("value")
            return effects.Kill(
                task_id=TaskId(content["task_id"]["value"]),
                agent_id=None if agent_id is None else AgentId(agent_id),
                grace=None if policy is None else policy["grace_period"]["nanoseconds"] / 1e9,
            )
        case "RECONCILE" if "tasks" in content:
            return effects.Reconcile(
                tasks=tuple(
                    (
                        TaskId(each["task_id"]["value"]),
                        AgentId(each["agent_id"]["value"]) if "agent_id" in each else None,
                    )
                    for each in content["tasks"]
                )
            )
        case "SUPPRESS" if content.get("roles"):
            return effects.Suppress(roles=tuple(content["roles"]))
        case "REVIVE" if content.get("roles"):
            return effects.Revive(roles=tuple(content["roles"]))
        case "ACKNOWLEDGE" if set(content) == {"agent_id", "task_id", "uuid"}:
            for event in posted:
                if isinstance(event, events.StatusReceived) and (
                    event.status.uuid,
                    event.status.task_id,
                    event.status.agent_id,
                ) == (content["uuid"], content["task_id"]["value"], content["agent_id"]["value"]):
                    return effects.Acknowledge(status=event.status)
        case "ACKNOWLEDGE_OPERATION_STATUS":
            for event in posted:
                if isinstance(event, events.OperationStatusReceived) and event.status.uuid == content["uuid"]:
                    return effects.AcknowledgeOperation(status=event.status)
        case "ACCEPT" if "filters" in content:
            operations = [operation(each) for each in content["operations"]]
            if operations and None not in operations:
                return effects.Accept(
                    offer_ids=tuple(OfferId(each["value"]) for each in content["offer_ids"]),
                    operations=tuple(each for each in operations if each is not None),
                    refuse_seconds=content["filters"]["refuse_seconds"],
                )
        case "MESSAGE" if "data" in content:
            return effects.SendMessage(
                agent_id=AgentId(content["agent_id"]["value"]),
                executor_id=ExecutorId(content["executor_id"]["value"]),
                data=base64.b64decode(content["data"]),
            )
        case "TEARDOWN":
            return effects.Teardown()
    return None


def operation(raw: Json) -> Operation | None:
    """RESERVE and UNRESERVE as our scheduler makes them: resources in the form with a stack of reservations."""
    content = raw.get(raw["type"].lower(), {})
    if raw["type"] not in ("RESERVE", "UNRESERVE") or any("role" in each for each in content["resources"]):
        return None
    resources = tuple(parse.resource(each) for each in content["resources"])
    name = OperationId(raw["id"]["value"]) if "id" in raw else None
    return (Reserve if raw["type"] == "RESERVE" else Unreserve)(resources=resources, operation_id=name)


# Calls compared in the streams that have many, so that none is left out unseen.
AT_LEAST = {
    "02-scheduler1": 17,
    "03-scheduler1": 99,
    "04-scheduler1": 13,
    "05-scheduler1": 32,
    "06-scheduler1": 47,
    "07-scheduler1": 18,
    "08-scheduler1": 27,
    "11-scheduler1": 11,
}
CALLING = [
    each
    for each in streams("scheduler")
    if each.stream_id is not None and any(isinstance(item, Call) for item in each.items)
]


@pytest.mark.parametrize("recorded", CALLING, ids=str)
def test_effects_make_the_calls_that_mesos_took(recorded: Stream) -> None:
    """Each call of the recorded scheduler that ours makes, too, has the same body, field by field."""
    compared = 0
    with feeding(recorded) as (feed, player, posted):
        held = player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        count = 0
        for item in recorded.items:
            if isinstance(item, Event):
                held.event(item)
                count += item.body["type"] not in SILENT
                heard(posted, count, item)
            elif isinstance(item, Call) and item.answer is not None and item.answer.status < 300 and feed.connected:
                made = effect(item.body, posted)
                if made is not None:
                    feed.call(made)
                    compared += 1
                    assert player.calls[-1].body == item.body
    assert compared >= AT_LEAST.get(str(recorded), 0)


def test_every_kind_of_call_of_our_scheduler_is_in_the_recordings() -> None:
    """What is not recorded there cannot be compared here."""
    kinds = {item.kind for each in streams("scheduler") for item in each.items if isinstance(item, Call)}
    assert kinds >= {
        "ACCEPT",
        "ACKNOWLEDGE",
        "ACKNOWLEDGE_OPERATION_STATUS",
        "DECLINE",
        "KILL",
        "RECONCILE",
        "REVIVE",
        "SUPPRESS",
        "TEARDOWN",
        "UPDATE_FRAMEWORK",
    }


@pytest.mark.parametrize("recording", [name for name in traces.NAMES if snapshots(name)])
def test_what_the_updates_told_is_what_the_master_answers(recording: str) -> None:
    """Whenever somebody asked the recorded master for all tasks, each was in the state of its last update."""
    updates = sorted(
        (event for each in streams("scheduler") if each.recording == recording for event in each.events),
        key=lambda event: event.at,
    )
    answers = snapshots(recording)
    if recording.startswith("09"):
        # Asked when the framework had been removed: nobody was left to be told of the end of its task.
        answers = []
    for at, answer in answers:
        known = Known()
        for event in updates:
            value = parse.scheduler_event(event.body)
            if event.at < at and value is not None:
                known.take(value)
        for (_, task_id), (_, state) in answer.items():
            assert known.tasks[task_id] == state, (at, task_id)
