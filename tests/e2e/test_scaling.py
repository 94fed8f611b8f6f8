"""Changes of a pool that start, end or replace instances, under load."""

import copy
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from tests.e2e.conftest import System
from tests.support.front import Front, Target
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def pool(system: System) -> Iterator[str]:
    """Name for a pool of the test's own, which is deleted afterwards."""
    name = f"scaled-{uuid.uuid4().hex[:6]}"
    yield name
    system.leave(name)


def url_of(instance: dict[str, Any], frontend: str = "web") -> str:
    """Where an instance serves."""
    return f"http://127.0.0.1:{instance['ports'][frontend]}/"


def instance(system: System, pool: str, index: int) -> dict[str, Any]:
    """The running instance of that index."""
    [found] = [one for one in system.instances(pool) if one["pod"] == f"edgelb-pool-{index}" and one["healthy"]]
    return found


@contextmanager
def watching(system: System, pool: str) -> Iterator[list[str]]:
    """Ask every instance's frontend again and again; notes each moment at which none of them answers."""
    stop, dark = threading.Event(), list[str]()

    def answers(url: str) -> bool:
        try:
            return system.stack.fetch(url)[0] == 200
        except urllib3.exceptions.HTTPError:
            return False

    def watch() -> None:
        while not stop.wait(0.05):
            # An address may be the one of an instance that has just ended: ask for the addresses once more before
            # calling it dark.
            for _ in range(2):
                urls = [url_of(one) for one in system.instances(pool)]
                if any(answers(url) for url in urls):
                    break
            else:
                dark.append(f"{time.monotonic():.2f}: none of {urls} answered")

    thread = threading.Thread(target=watch, name="watching")
    thread.start()
    try:
        yield dark
    finally:
        stop.set()
        thread.join()


def test_growing_and_shrinking_costs_the_surviving_instance_no_request(system: System, pool: str) -> None:
    """1 -> 2 -> 1: traffic through the first instance never fails, and a slow request on the second one completes."""
    document = system.pool(pool, count=1)
    [url] = system.create(document)
    survivor = instance(system, pool, 0)
    with load_in_thread(url, rps=50) as load:
        system.update(document | {"count": 2})
        wait_until(lambda: system.ready(pool) and len(system.instances(pool)) == 2, 40, "two instances")
        leaving = instance(system, pool, 1)
        slow: list[int] = []

        def ask_slowly() -> None:
            slow.append(urllib3.request("GET", f"{url_of(leaving)}slow?seconds=5", retries=False, timeout=20.0).status)

        # Longer than health says no before the listeners close, so that it is under way while connections finish.
        asking = threading.Thread(target=ask_slowly)
        asking.start()
        wait_until(lambda: connections(system, leaving) > 0, 10, "the slow request to be under way")
        system.update(document | {"count": 1})
        asking.join()
        wait_until(lambda: not system.alive(leaving["haproxy"]["master"]), 40, "the end of the second instance")
        wait_until(lambda: system.ready(pool), 40, "the pool to be ready")
    assert slow == [200]
    assert load.report().failures == {}
    assert system.task_ids(pool) == {survivor["task_id"]}
    assert instance(system, pool, 0)["haproxy"]["workers"] == survivor["haproxy"]["workers"]


def connections(system: System, one: dict[str, Any]) -> int:
    """Requests that an instance's frontend is serving now."""
    _status, text = system.stack.fetch(f"http://127.0.0.1:{one['ports']['stats']}/haproxy?stats;csv")
    [row] = [line.split(",") for line in text.splitlines() if line.startswith("web,FRONTEND,")]
    return int(row[4])


def test_a_change_of_resources_replaces_one_instance_after_the_other(system: System, pool: str) -> None:
    """More cpus need new tasks: they come one at a time, at every moment one answers, and no request is lost."""
    document = system.pool(pool)
    system.create(document)
    before = system.task_ids(pool)

    def targets() -> list[Target]:
        return [Target(one["ports"]["web"], one["ports"]["stats"]) for one in system.instances(pool)]

    with watching(system, pool) as dark, Front(targets, paths=("/", "/", "/slow?seconds=1")) as front:
        system.update(document | {"cpus": 0.5})
        wait_until(lambda: system.ready(pool) and not system.task_ids(pool) & before, 60, "two new tasks")
    assert dark == []
    assert front.failures == []
    assert front.requests > 0
    tasks = [task for task in system.tasks() if task["id"] in system.task_ids(pool)]
    # Mesos tells the executor's share apart from the task's.
    executors = {one["executor_id"]: one for one in executor_resources(system)}
    assert [round(task["resources"]["cpus"] + executors[task["executor_id"]]["cpus"], 3) for task in tasks] == [0.6] * 2


def test_a_single_instance_with_free_ports_is_replaced_without_a_gap(system: System, pool: str) -> None:
    """The next one is there before the present one is ended; in place, it gets its ports back."""
    document = system.pool(pool, count=1)
    system.create(document)
    first = instance(system, pool, 0)

    def targets() -> list[Target]:
        return [Target(one["ports"]["web"], one["ports"]["stats"]) for one in system.instances(pool)]

    with watching(system, pool) as dark, Front(targets, paths=("/", "/", "/slow?seconds=1")) as front:
        system.update(document | {"cpus": 0.5})
        wait_until(lambda: system.ready(pool) and first["task_id"] not in system.task_ids(pool), 60, "a new task")
    assert dark == []
    assert front.failures == []
    assert front.requests > 0
    second = instance(system, pool, 0)
    assert second["ports"] != first["ports"]
    system.update(document | {"cpus": 0.4, "relaunch": "IN_PLACE"})
    wait_until(lambda: system.ready(pool) and second["task_id"] not in system.task_ids(pool), 60, "another one")
    assert instance(system, pool, 0)["ports"] == second["ports"]


def executor_resources(system: System) -> list[dict[str, Any]]:
    """Executors of our framework with their cpus, as the agents tell them."""
    found = []
    for agent in system.stack.get(f"{system.stack.mesos}/slaves")["slaves"]:
        address = agent["pid"].partition("@")[2]
        for framework in system.stack.get(f"http://{address}/state")["frameworks"]:
            for executor in framework["executors"]:
                cpus = executor["resources"]["cpus"] - sum(one["resources"]["cpus"] for one in executor["tasks"])
                found.append({"executor_id": executor["id"], "cpus": cpus})
    return found


def test_a_frontend_that_is_added_waits_for_the_task_with_its_port(system: System, pool: str) -> None:
    """An instance without the new port says that it waits and serves on, until the one with the port takes its place.

    The last instance to be replaced answers every request until its own turn comes.
    """
    document = system.pool(pool)
    system.create(document)
    last = instance(system, pool, 1)
    changed = copy.deepcopy(document)
    changed["haproxy"]["frontends"].append(changed["haproxy"]["frontends"][0] | {"name": "second"})
    with load_in_thread(url_of(last), rps=50) as load:
        system.update(changed)

        def waiting() -> bool:
            now = {one["task_id"]: one for one in system.instances(pool)}
            mine = now[last["task_id"]]
            assert mine["structure"]["verdict"] == "applied"
            return mine["healthy"] and "second" in [one["listener"] for one in mine["structure"]["waiting"]]

        wait_until(waiting, 30, "the instance without the port to leave the listener out")
        first = wait_until(lambda: with_port(system, pool, "second"), 40, "an instance with the port")[0]
        assert first["pod"] == "edgelb-pool-0"
        wait_until(lambda: system.stack.fetch(url_of(first, "second"))[0] == 200, 20, "traffic on the new port")
    assert load.report().failures == {}
    wait_until(lambda: system.ready(pool) and len(with_port(system, pool, "second")) == 2, 60, "both new instances")
    for one in system.instances(pool):
        assert [system.stack.fetch(url_of(one, frontend))[0] for frontend in ("web", "second")] == [200, 200]


def with_port(system: System, pool: str, name: str) -> list[dict[str, Any]]:
    """Instances that serve and have a port of that name."""
    return [one for one in system.instances(pool) if name in one["ports"] and one["structure"]["verdict"] == "applied"]


def test_a_frontend_gets_the_fixed_port_and_gives_it_back(system: System, pool: str) -> None:
    """0 -> a number -> 0: the instance moves to exactly that port, and afterwards it is no longer asked for."""
    [port] = system.unused_ports(0, 1)
    document = system.pool(pool, count=1)
    system.create(document)
    document["haproxy"]["frontends"][0]["bindPort"] = port
    system.update(document)
    wait_until(lambda: system.ready(pool) and instance(system, pool, 0)["ports"]["web"] == port, 60, f"port {port}")
    assert system.stack.fetch(f"http://127.0.0.1:{port}/")[0] == 200
    [task_id] = system.task_ids(pool)
    document["haproxy"]["frontends"][0]["bindPort"] = 0
    system.update(document)
    wait_until(lambda: system.ready(pool) and task_id not in system.task_ids(pool), 60, "the instance on any port")
    assert system.stack.fetch(url_of(instance(system, pool, 0)))[0] == 200
