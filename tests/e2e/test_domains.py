"""Agents in regions and zones: where instances run, and what follows when an operator says that an agent is gone."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.conftest import QUICK, System, running
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

PLACES = {
    "agent1": ("north", "n1"),
    "agent2": ("south", "s1"),
    "agent3": ("north", "n2"),
    "agent4": ("south", "s2"),
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack whose public agents, the first two, are in two regions."""
    flags = {
        agent: ("--domain", json.dumps({"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}))
        for agent, (region, zone) in PLACES.items()
    }
    with running(tmp_path_factory.mktemp("stack"), replace(QUICK, agent_flags=flags)) as system:
        yield system


@pytest.fixture
def name(system: System) -> Iterator[str]:
    """Name for a pool of the test's own, which is deleted afterwards."""
    name = f"placed-{uuid.uuid4().hex[:6]}"
    yield name
    system.leave(name)


def hosts(system: System, pool: str) -> list[str]:
    """Where the pool's healthy instances run, sorted."""
    return sorted(one["hostname"] for one in system.instances(pool) if one["healthy"])


@pytest.mark.parametrize(
    ("constraints", "where"),
    [
        ("@region:IS:south", ["agent2"]),
        ('[["@zone","LIKE","n."]]', ["agent1"]),
        ("@region:UNIQUE", ["agent1", "agent2"]),
        ("@zone:GROUP_BY:2", ["agent1", "agent2"]),
    ],
)
def test_instances_run_in_their_regions_and_zones(
    system: System, name: str, constraints: str, where: list[str]
) -> None:
    """Whichever agents offer first."""
    system.create(system.pool(name, count=len(where), constraints=constraints))
    assert hosts(system, name) == where


def test_a_region_that_no_agent_is_in_is_named(system: System, name: str) -> None:
    """The instance waits, and its plan says for what."""
    system.stack.call("POST", f"{system.stack.api}/v2/pools", system.pool(name, constraints="@region:IS:west"))
    told = wait_until(
        lambda: text if "(@region:IS:west)" in (text := system.edgelb("status", name).stdout) else "", 30, "the reason"
    )
    assert "@region north" in told
    assert "@region south" in told


def mark_gone(system: System, hostname: str) -> None:
    """As an operator does."""
    [agent] = [one for one in system.stack.get(f"{system.stack.mesos}/slaves")["slaves"] if one["hostname"] == hostname]
    call = {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": agent["id"]}}}
    system.stack.call("POST", f"{system.stack.mesos}/api/v1", call)


def state(system: System, task_id: str) -> str:
    """What the master says of a task, also of one that has ended."""
    tasks: list[dict[str, Any]] = system.stack.get(f"{system.stack.mesos}/tasks?limit=10000")["tasks"]
    return next((str(task["state"]) for task in tasks if task["id"] == task_id), "")


def test_an_instance_on_an_agent_that_is_gone_runs_elsewhere_at_once(system: System, name: str) -> None:
    """TASK_GONE_BY_OPERATOR needs no waiting for the agent, as a lost one does."""
    system.create(system.pool(name, count=1))
    [task] = system.task_ids(name)
    [host] = hosts(system, name)
    mark_gone(system, host)
    assert wait_until(lambda: state(system, task) == "TASK_GONE_BY_OPERATOR", 30, "the master's word")
    wait_until(lambda: system.task_ids(name) - {task} and system.ready(name), 60, "another instance")
    assert system.serving(name, 1)
    assert task not in system.task_ids(name)


def test_servers_on_an_agent_that_is_gone_get_no_requests(system: System, name: str) -> None:
    """The others go on, and no request meets one that is gone."""
    [url] = system.create(system.pool(name, count=1))
    system.scale_application(4)
    wait_until(lambda: len(system.answers(url, 40)) == 4, 60, "four servers")
    task = system.application_tasks()[0]
    agents = {one["id"]: one["hostname"] for one in system.stack.get(f"{system.stack.mesos}/slaves")["slaves"]}
    gone = {one["id"] for one in system.application_tasks() if one["slave_id"] == task["slave_id"]}
    mark_gone(system, agents[task["slave_id"]])
    wait_until(lambda: state(system, task["id"]) == "TASK_GONE_BY_OPERATOR", 30, "the master's word")
    wait_until(lambda: not any(one in text for one in gone for text in system.answers(url)), 30, "their end")
    wait_until(lambda: len(system.answers(url, 40)) == 4, 60, "their successors")
