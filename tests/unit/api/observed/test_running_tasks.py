"""Tasks under a pool template, page by page, while they come and go."""

from typing import cast

import pytest

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.task_page import TaskPage, written_page
from api.observed import running_tasks
from sdk.storage.connection import ZooKeeper
from tests.unit.api.auto_pools.exposed import exposed


def test_a_task_that_moves_between_two_pages_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be told to be two."""
    a, b, c = exposed("/a"), exposed("/b"), exposed("/c")
    told = {
        "0": TaskPage(tasks=(a, b), after=2, complete=True, dialects=Dialects()),
        "2": TaskPage(tasks=(c, a), after=None, complete=True, dialects=Dialects()),
    }
    monkeypatch.setattr(running_tasks, "ask_template", lambda *_, after, **__: written_page(told[after]))
    found = running_tasks.running_tasks(cast(ZooKeeper, None), "/root", "default")
    assert (found.tasks, found.missing) == ((a, b, c), "")
