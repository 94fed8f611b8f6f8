"""Which frameworks count as Marathons: only those of their tasks are apps, whatever others call their tasks."""

import pytest

from sdk.pattern import Pattern
from tests.unit.api.mesos_listener import messages as m

APP = "payments_api.instance-4b8c3c1e-0000-11e9-8000-000000000000._app.1"


@pytest.mark.parametrize(
    ("pattern", "name", "counts"),
    [
        (None, "marathon", True),
        (None, "Team-A-Marathon", True),
        (None, "mom-team-a", False),
        ("^(marathon|mom-team-a)$", "mom-team-a", True),
        ("^(marathon|mom-team-a)$", "evil-marathon", False),
        ("^marathon$", "", False),
    ],
)
def test_a_framework_is_a_marathon_by_its_name(pattern: str | None, name: str, counts: bool) -> None:
    """By default any with that word in it; nobody else owns an app by naming a task after it."""
    index = m.JsonIndex(Pattern(pattern) if pattern else None)
    index.take(m.subscribed([m.running(APP)], [m.agent_json("a1")], [m.framework_json("f1", name)]), 0.0)
    [task] = index.running.values()
    assert (task.marathon, task.marathon_id) == (counts, "/payments/api")


def test_a_name_that_comes_later_counts_as_well() -> None:
    """Tasks may be told before their framework is."""
    index = m.JsonIndex(Pattern("^mom$"))
    index.take(m.subscribed([m.running(APP)], [m.agent_json("a1")], []), 0.0)
    assert [task.marathon for task in index.running.values()] == [False]
    index.take({"type": "FRAMEWORK_UPDATED", "framework_updated": {"framework": m.framework_json("f1", "mom")}}, 1.0)
    assert [task.marathon for task in index.running.values()] == [True]
