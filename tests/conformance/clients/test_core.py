"""Every recorded scheduler stream through the core of a framework that wishes for nothing yet."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.core import effects, events
from sdk.core.decide import decide
from sdk.core.state import Connection, State
from sdk.mesos import parse
from sdk.model.records import FrameworkRecord
from tests.conformance.clients.fold import Expected
from tests.conformance.clients.nonsense import recorded, spoiled
from tests.conformance.clients.recording import Stream, streams

Json = dict[str, Any]
SCHEDULER = recorded("scheduler")


def values(bodies: list[Json]) -> list[events.Event]:
    """As the feed posts them, without what it cannot read."""
    found: list[events.Event] = []
    for body in bodies:
        try:
            value = (
                parse.subscribed(body, "m:5050") if body.get("type") == "SUBSCRIBED" else parse.scheduler_event(body)
            )
        except parse.MalformedEvent:
            continue
        if value is not None:
            found.append(value)
    return found


def run(told: list[events.Event]) -> tuple[State, list[effects.Effect]]:
    """The state and all effects; a second passes with each event."""
    state, wanted = State.initial(FrameworkRecord(name="f")), list[effects.Effect]()
    ids = map("id{}".format, itertools.count()).__next__
    for now, event in enumerate(told):
        state, more = decide(state, event, float(now), ids)
        wanted += more
    return state, wanted


@pytest.mark.parametrize("stream", streams("scheduler"), ids=str)
def test_the_core_acknowledges_what_mesos_waits_for(stream: Stream) -> None:
    """Each update with a uuid once, none of the master's own; it launches and tears down nothing unasked."""
    told = Expected()
    for event in stream.events:
        told.take(event.body)
    state, wanted = run(values([event.body for event in stream.events]))
    sent = [
        ("ACKNOWLEDGE", each.status.task_id, each.status.uuid)
        if isinstance(each, effects.Acknowledge)
        else ("ACKNOWLEDGE_OPERATION_STATUS", each.status.operation_id, each.status.uuid)
        for each in wanted
        if isinstance(each, effects.Acknowledge | effects.AcknowledgeOperation) and each.status.uuid is not None
    ]
    assert sent == told.acknowledgements
    assert not [each for each in wanted if isinstance(each, effects.Accept | effects.Teardown)]
    if told.framework_id is not None:
        assert state.framework.framework_id == told.framework_id
    if told.errors:
        removed = told.errors[-1] == "Framework has been removed"
        assert state.connection is (Connection.REMOVED if removed else Connection.DISCONNECTED)
    elif told.framework_id is not None:
        assert state.connection is Connection.SUBSCRIBED


@given(spoilt=st.lists(spoiled(SCHEDULER), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_core_survives_whatever_the_parser_lets_through(spoilt: list[Json]) -> None:
    """The values have the documented types, so every decision can be made."""
    state, _ = run(values([streams("scheduler")[0].events[0].body, *spoilt]))
    assert state.framework.framework_id
