"""Tasks that run under a pool template, a page at a time."""

import json
from typing import Any

import pytest

from api.auto_pools.balancer_groups import BalancerGroups
from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.task_page import page_of, read_page, written_page
from api.mesos_listener.task import NetworkMode, Port, Task
from sdk.errors import CorruptRecord
from tests.unit.api.auto_pools.exposed import exposed

DIALECTS = Dialects(BalancerGroups(frozenset({"a", "b"})))
FULL = Task(
    id="a.1",
    framework_id="f",
    healthy=True,
    addresses=("10.0.0.1",),
    network_mode=NetworkMode.CONTAINER,
    ports=(Port(name="web", number=1, labels=(("edgelb.x", "y"),)),),
    labels=(("edgelb.expose", "true"),),
    notes=("odd",),
    started=1.5,
)


def test_pages_follow_each_other_until_all_tasks_are_told() -> None:
    """As they are known there."""
    tasks = [FULL, *(exposed("/shop", number=number) for number in range(1234))]
    found: list[Task] = []
    after: int | None = 0
    while after is not None:
        page = read_page(json.loads(json.dumps(written_page(page_of(tasks, after, complete=True, dialects=DIALECTS)))))
        assert page.complete
        assert page.dialects == DIALECTS
        assert page.after is None or page.after > after
        found += page.tasks
        after = page.after
    assert found == tasks
    assert [task.key for task in found] == [task.key for task in tasks]


GOOD = written_page(page_of([FULL], 0, complete=True, dialects=DIALECTS))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {**GOOD, "tasks": 1},
        {**GOOD, "tasks": [1]},
        {**GOOD, "tasks": [{"id": 1}]},
        {**GOOD, "after": "x"},
        {**GOOD, "marathonLbGroups": [1]},
    ],
)
def test_what_is_no_page_is_refused(told: dict[str, Any]) -> None:
    """It comes off the network."""
    with pytest.raises(CorruptRecord, match="are no page of tasks"):
        read_page(told)
