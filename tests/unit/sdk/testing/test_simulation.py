"""The harness itself: it notices what is wrong, and its time and faults do what they say."""

import pytest

from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec
from sdk.testing import Behaviour, Simulation, StoryFailed


def service(name: str = "web") -> ServiceSpec:
    """A service of one instance."""
    task = TaskSpec(name="server", cpus=500, mem=64_000, command=CommandSpec(value="x"))
    return ServiceSpec(name=name, pods=(PodSpec(name="app", count=1, role="r", tasks=(task,)),))


def running() -> Simulation:
    """A cluster of one agent with the service running."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs")
    return sim


def test_what_does_not_come_is_told_with_what_there_is() -> None:
    """A story that fails names the fact, processes, reservations, steps and the last log lines."""
    sim = running()
    with pytest.raises(StoryFailed) as caught:
        sim.run_until(lambda: False, "pigs fly", within=1)
    message = str(caught.value)
    for part in ("pigs fly", "app-0-server", "agent1", "web deploy app-0: COMPLETE", "Launching web/app-0"):
        assert part in message


def test_unexpected_instances_are_noticed() -> None:
    """expect_running is exact."""
    sim = running()
    sim.expect_running("web/app-0")
    with pytest.raises(StoryFailed):
        sim.expect_running()
    with pytest.raises(StoryFailed):
        sim.expect_running("web/app-0", "web/app-1")


def test_leaked_reservation_is_noticed() -> None:
    """A reservation that no record holds fails expect_reserved_exactly; anything at all fails expect_nothing_left."""
    sim = running()
    sim.expect_reserved_exactly()
    with pytest.raises(StoryFailed):
        sim.expect_nothing_left()
    sim.stop_scheduler()
    sim.lose_records("web")
    sim.start_scheduler()
    with pytest.raises(StoryFailed):
        sim.expect_reserved_exactly()


def test_time_passes_only_when_told() -> None:
    """The clock is manual, and what is due on the way happens at its own time."""
    sim = running()
    before = sim.now
    sim.behave("app-0-server", Behaviour())
    assert sim.now == before
    sim.advance(12.5)
    assert sim.now == before + 12.5


def test_same_story_goes_the_same_way() -> None:
    """Two runs of one story decide exactly the same."""
    assert running().scheduler.effects == running().scheduler.effects


def test_lost_and_failed_calls_do_not_reach_the_master() -> None:
    """Neither counts as sent; a failed one comes back to the scheduler as an event."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.lose_calls("Accept")
    sim.publish(service())
    sim.advance(1)
    assert sim.scheduler.sent["Accept"] == 0
    assert sim.processes() == []


def test_machine_that_dies_takes_its_processes_along() -> None:
    """kill_agent ends the tasks for good, partition leaves them running."""
    sim = running()
    sim.partition("agent1")
    assert len(sim.processes()) == 1
    sim.kill_agent("agent1")
    assert sim.processes() == []


def test_records_are_lost_only_while_the_scheduler_is_down() -> None:
    """A running scheduler would write them again at once."""
    with pytest.raises(StoryFailed):
        running().lose_records("web")
