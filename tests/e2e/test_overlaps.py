"""Wishes that change before the last one is carried out, and a scheduler that dies in the middle."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.e2e.conftest import System
from tests.e2e.test_scaling import watching
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def name(system: System) -> Iterator[str]:
    """Name for a pool of the test's own, which is deleted afterwards."""
    name = f"changing-{uuid.uuid4().hex[:6]}"
    yield name
    system.leave(name)


def configurations(system: System, pool: str) -> set[str]:
    """The `EDGELB_CONFIG` labels of the pool's running tasks."""
    ids = system.task_ids(pool)
    labels = [task["labels"] for task in system.tasks() if task["id"] in ids]
    return {one["value"] for found in labels for one in found if one["key"] == "EDGELB_CONFIG"}


def settled(system: System, pool: str, count: int) -> bool:
    """Whether that many instances run and all of them the last configuration."""
    return system.ready(pool) and len(system.task_ids(pool)) == count and len(configurations(system, pool)) == 1


def test_a_pool_that_is_deleted_and_created_at_once_runs_again(system: System, name: str) -> None:
    """The old instances leave, the new ones come, and nothing of the one life is taken for the other."""
    document = system.pool(name)
    system.create(document)
    before = system.task_ids(name)
    masters = [one["haproxy"]["master"] for one in system.instances(name)]
    system.stack.call("DELETE", f"{system.stack.api}/v2/pools/{name}")
    system.stack.call("POST", f"{system.stack.api}/v2/pools", document | {"cpus": 0.3})
    wait_until(lambda: not system.task_ids(name) & before and settled(system, name, 2), 60, "the second life")
    wait_until(lambda: not any(map(system.alive, masters)), 20, "the end of the old HAProxies")
    for url in system.serving(name, 2):
        assert len(system.answers(url)) == 2


def test_of_many_updates_in_a_row_the_last_one_counts(system: System, name: str) -> None:
    """Each update asks for new tasks before those of the one before have come; at no moment does nobody serve."""
    document = system.pool(name)
    system.create(document)
    first = configurations(system, name)
    with watching(system, name) as dark:
        for cpus in (0.5, 0.6, 0.7):
            document["cpus"] = cpus
            system.update(document)
        wait_until(lambda: settled(system, name, 2) and configurations(system, name) != first, 90, "the last wish")
    assert dark == []
    shown: dict[str, Any] = json.loads(system.edgelb("show", name, "--json").stdout)
    assert shown["cpus"] == 0.7
    assert len(system.instances(name)) == 2


def test_a_scheduler_that_dies_in_the_middle_of_a_rollout_ends_it_afterwards(system: System, name: str) -> None:
    """SIGKILL after the first instance was replaced: the next life replaces the second, and not the first again."""
    document = system.pool(name)
    system.create(document)
    before = system.task_ids(name)
    with watching(system, name) as dark:
        system.update(document | {"cpus": 0.5})
        [new] = wait_until(lambda: system.task_ids(name) - before, 40, "the first new task")
        system.kill(system.child("scheduler"))
        wait_until(lambda: not system.task_ids(name) & before and settled(system, name, 2), 60, "the whole rollout")
    assert dark == []
    assert new in system.task_ids(name)


def test_a_pool_that_is_created_while_zookeeper_is_away_is_refused_and_works_afterwards(
    system: System, name: str
) -> None:
    """The API says 503 and that it was not stored; the same request succeeds when ZooKeeper is back."""
    document = system.pool(name, count=1)
    url = f"{system.stack.api}/v2/pools"
    old = system.stack.supervisor.pids()["zookeeper"]
    system.kill(old)
    answer = urllib3.request("POST", url, json=document, retries=False, timeout=30.0)
    assert answer.status in (200, 503), answer.data
    if answer.status == 503:
        assert "ZooKeeper" in answer.json()["message"]

        def accepted() -> bool:
            status = urllib3.request("POST", url, json=document, retries=False, timeout=30.0).status
            assert status in (200, 409, 503)
            return status == 200

        wait_until(accepted, 40, "the request to be accepted")
    wait_until(lambda: system.ready(name), 60, "the pool to be ready")
    assert len(system.answers(system.serving(name, 1)[0])) == 2
