"""What /metrics/snapshot counts, beyond the conversations that were recorded."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.metrics import Measured, Series, metrics
from tests.unit.sdk.local.model import World, launch, task


def figures(world: World) -> dict[str, float]:
    """All metrics now."""
    return metrics(world.master.state, world.now)


def test_calls_and_events_of_a_framework_are_counted() -> None:
    """Per framework: every call, every event, and offers by what became of them."""
    world = World()
    world.subscribe("s", name="a b/c")
    world.agent("a1")
    first = world.offers("s")[0]
    world.decline("s", first)
    world.at(2.0)
    world.accept("s", world.offers("s")[0], launch(task(first, "t1"), task(first, "t2", cpus=99)))
    world.at(4.0)
    world.take(world.master.agent_disconnected("a1", now=world.now))
    found = figures(world)
    head = "master/frameworks/a%20b%2Fc/M-0000"
    assert {name: found[f"{head}/offers/{name}"] for name in ("sent", "accepted", "declined", "rescinded")} == {
        "sent": 3.0, "accepted": 1.0, "declined": 1.0, "rescinded": 1.0,
    }  # fmt: skip
    assert (found[f"{head}/calls"], found[f"{head}/calls/decline"]) == (3.0, 1.0)
    assert found[f"{head}/events/offers"] == 3.0
    assert found[f"{head}/events"] == len(world.events["s"]) + 2, "two OFFERS were looked at and forgotten"
    assert (found[f"{head}/operations/launch"], found[f"{head}/operations"]) == (1.0, 1.0)
    assert found["master/task_error/source_master/reason_task_invalid"] == found["master/tasks_error"] == 1.0


def test_ends_are_counted_by_cause_and_once() -> None:
    """A terminal status counts when it comes, by state, source and reason; its repetition and acknowledgement do
    not.
    """
    world = World()
    world.subscribe("s")
    world.agent("a1")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1")))
    status = world.report("a1", "t1", "TASK_FAILED", source="SOURCE_AGENT", reason="REASON_CONTAINER_LIMITATION_MEMORY")
    name = "master/task_failed/source_slave/reason_container_limitation_memory"
    message = {"type": "UPDATE", "framework_id": {"value": "M-0000"}, "status": status, "latest_state": "TASK_FAILED"}
    for _ in range(2):
        found = figures(world)
        assert (found[name], found["master/tasks_failed"]) == (1.0, 1.0)
        assert found["master/frameworks/t/M-0000/tasks/terminal/task_failed"] == 1.0
        world.say("a1", message)
    world.acknowledge("s", status)
    found = figures(world)
    assert (found[name], found["master/tasks_failed"]) == (1.0, 1.0)
    assert found["master/messages_status_update"] == 3.0
    assert found["master/valid_status_update_acknowledgements"] == 1.0


def test_more_ends_than_are_kept() -> None:
    """Counts go on when old tasks are forgotten."""
    world = World(max_completed_tasks=2)
    world.subscribe("s")
    world.agent("a1")
    for number in range(5):
        offer = world.offers("s")[0]
        world.accept("s", offer, launch(task(offer, f"t{number}")))
        world.acknowledge("s", world.report("a1", f"t{number}", "TASK_FINISHED"))
        world.at(world.now + 2.0)
    assert figures(world)["master/frameworks/t/M-0000/tasks/terminal/task_finished"] == 5.0


def test_agents_are_counted_by_how_they_went() -> None:
    """Registered, unregistered, replaced at their address, lost; messages of nobody are dropped."""
    world = World(agent_ping_timeout=1.0, max_agent_ping_timeouts=2)
    world.agent("a1", port=1)
    world.agent("b1", port=1)
    world.agent("a2", port=2)
    world.say("a2", {"type": "UNREGISTER"})
    world.say("a2", {"type": "PONG"})
    world.at(10.0)
    found = figures(world)
    removals = {name.rpartition("_")[2]: value for name, value in found.items() if "slave_removals/reason" in name}
    assert removals == {"registered": 1.0, "unregistered": 1.0, "unhealthy": 1.0}
    assert (found["master/slave_removals"], found["master/slave_registrations"]) == (3.0, 3.0)
    assert (found["master/slaves_unreachable"], found["master/dropped_messages"]) == (1.0, 1.0)


def test_consumption_counts_for_all_ancestors() -> None:
    """What is reserved, and what is used of the rest, counts against the quotas of a role and of those above it."""
    world = World()
    world.agent("a1", "cpus:4;mem:1024;cpus(a/b):2")
    world.subscribe("s", "a/b")
    offer = world.offers("s")[0]
    unreserved = {"cpus": 1.0, "mem": 64.0}
    items = [
        next(item for item in offer["resources"] if item["name"] == name and "reservations" not in item)
        | {"scalar": {"value": value}}
        for name, value in unreserved.items()
    ]
    world.accept("s", offer, launch(task(offer, "t1") | {"resources": items}), refuse=100.0)
    found = figures(world)
    for role in ("", "a", "a/b"):
        assert found[f"allocator/mesos/quota/roles/{role}/resources/cpus/consumed"] == 3.0
    assert found["allocator/mesos/offer_filters/roles/a/b/active"] == 1.0
    assert found["allocator/mesos/roles/a/b/shares/dominant"] == pytest.approx(1 / 6)
    assert (found["master/cpus_total"], found["master/cpus_used"]) == (6.0, 1.0)


def test_nothing_is_measured_before_the_first_time() -> None:
    """A series has no figures before its first measurement; then the last value and the spread."""
    assert not any("state_store_ms" in name for name in Measured().figures())
    series = Series()
    for value in (0.036096, 0.062976, 0.038912, 0.043008, 0.038912):
        series.add(value)
    found = series.figures("x")
    # As a real master printed it of such values.
    assert (found["x"], found["x/count"], found["x/p50"]) == (0.038912, 5.0, 0.038912)
    assert found["x/p90"] == pytest.approx(0.0549888)
    assert found["x/p9999"] == pytest.approx(0.0629680128)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=1500))
def test_spread_is_ordered(values: list[float]) -> None:
    """min, the percentiles and max never fall, and no more than a thousand values are kept."""
    series = Series()
    for value in values:
        series.add(value)
    found = series.figures("x")
    ranked = [found[f"x/{name}"] for name in ("min", "p50", "p90", "p95", "p99", "p999", "p9999", "max")]
    assert all(low <= high or low == pytest.approx(high) for low, high in itertools.pairwise(ranked))
    assert found["x/count"] == min(len(values), 1000)
