"""Places of load balancers: their own word first, the scheduler's while they are silent."""

from dataclasses import replace
from typing import Any

import pytest

from api.status.metadata import Place, hosts, places, pool_metadata
from pool_executor.contract import EndpointsStatus, HaproxyInfo, InstanceStatus, StructureStatus
from scheduler.pools.schema import load_pool

INSTANCE = InstanceStatus(
    task_id="t-0",
    pod="edgelb-pool-0",
    hostname="agent1",
    addresses=("10.0.0.1",),
    public=(),
    ports={"web": 80, "stats": 9090},
    structure=StructureStatus(
        pool_uid="u1",
        pool_version=1,
        epoch=1,
        version=1,
        verdict="applied",
        action="reload",
        reason="first configuration",
        error=None,
        rejected_version=None,
    ),
    endpoints=EndpointsStatus(lineage="f00", sequence=0),
    healthy=True,
    trouble=None,
    since=1.0,
    haproxy=HaproxyInfo(version="2.6.12", master=10, workers=(11,)),
    counters={},
    leaving=False,
    short=(),
    deaths=(),
)


def task(task_id: str, **changes: Any) -> dict[str, Any]:
    """A task as the scheduler lists it."""
    return {
        "id": task_id,
        "state": "TASK_RUNNING",
        "healthy": True,
        "ports": {"web": 81, "stats": 9091},
        "addresses": ["10.0.0.2"],
    } | changes


def test_an_instance_that_speaks_is_listed_once() -> None:
    """The scheduler's record of the same task adds nothing."""
    assert places([INSTANCE], [{"tasks": [task("t-0")]}]) == [Place(ports=INSTANCE.ports, addresses=("10.0.0.1",))]


STARTING = replace(INSTANCE.structure, version=0, verdict="starting")


@pytest.mark.parametrize("changes", [{"structure": STARTING}, {"healthy": False}])
def test_an_instance_that_does_not_serve_has_no_place(changes: dict[str, Any]) -> None:
    """It has its ports before HAProxy listens on them, and it keeps them while it leaves."""
    silent = replace(INSTANCE, **changes)
    assert places([silent], [{"tasks": [task("t-0")]}]) == []


def test_a_healthy_task_whose_instance_is_silent_keeps_its_place() -> None:
    """Its ports and addresses come from the scheduler's record."""
    found = places([INSTANCE], [{"tasks": [task("t-0")]}, {"tasks": [task("t-1")]}])
    assert found[1] == Place(ports={"web": 81, "stats": 9091}, addresses=["10.0.0.2"])


def test_a_task_that_is_not_known_to_serve_has_no_place() -> None:
    """Starting, unhealthy and ended tasks are left out, and so are pods without tasks."""
    tasks = [task("a", state="TASK_STARTING"), task("b", healthy=False), task("c", healthy=None), task("d", ports={})]
    assert places([], [{"tasks": tasks}, {"tasks": None}, {}]) == []


def test_two_tasks_at_one_port_are_one_endpoint() -> None:
    """As after the death of an executor: its session lasts while its successor serves there already."""
    pool = load_pool({"name": "web", "haproxy": {"frontends": [{"bindPort": 0, "protocol": "HTTP", "name": "web"}]}})
    successor = replace(INSTANCE, task_id="t-1")
    [frontend] = pool_metadata(pool, places([INSTANCE, successor], []))["frontends"]
    assert frontend["endpoints"] == [{"port": 80, "private": ["10.0.0.1"], "public": []}]


def test_clients_find_load_balancers_at_public_addresses_where_there_are_some() -> None:
    """Else at the first one of each, which its network may know."""
    private = Place(ports={}, addresses=("10.0.0.2", "172.17.0.2"))
    assert hosts([private, Place(ports={}, addresses=("10.0.0.1",)), private]) == ["10.0.0.1", "10.0.0.2"]
    assert hosts([private, Place(ports={}, addresses=("10.0.0.1",), public=("192.0.2.1",))]) == ["192.0.2.1"]
    assert hosts([]) == []
