"""What is told of configurations that were gone back to."""

import pytest

from sdk.model.ids import ConfigId
from sdk.model.spec import CommandSpec, PodSpec, TaskSpec
from sdk.model.versions import Pin, Versions
from sdk.plan.rollback import pins_told


@pytest.mark.parametrize(
    ("at", "told"), [(0.0, "1970-01-01T00:00:00+00:00"), (1e12, "1e+12 s after 1970"), (-1e300, "-1e+300 s after 1970")]
)
def test_any_stored_time_of_a_pin_can_be_told(at: float, told: str) -> None:
    """A node that holds what is no time keeps nobody from seeing the problems of the other services."""
    task = TaskSpec(name="t", cpus=100, mem=1000, command=CommandSpec(value="x"))
    pin = Pin(config=ConfigId("ab" * 32), spec=PodSpec(name="app", count=1, tasks=(task,)), at=at, by="ada")
    found = pins_told(Versions(service="web", pins={"app": pin}))
    assert found.startswith(f"app is pinned to configuration abababababab since {told}, by ada: what is published")
