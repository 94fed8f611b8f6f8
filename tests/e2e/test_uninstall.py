"""Uninstalling a framework leaves nothing of it: no task, no reservation, no framework, no node, no HAProxy."""

from collections.abc import Iterator
from typing import Any

import pytest
from kazoo.client import KazooClient

from tests.e2e.conftest import System, running
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack of the test's own: what is uninstalled does not come back."""
    with running(tmp_path_factory.mktemp("stack")) as system:
        system.create(system.pool())
        yield system


def uninstall(system: System, server: str, path: str, framework: str) -> None:
    """Ask for it and wait until the scheduler says that it is done."""
    system.stack.call("POST", f"{server}{path}", {"confirm": framework})
    progress: dict[str, Any] = {}

    def done() -> bool:
        progress.update(system.stack.get(f"{server}{path}"))
        return bool(progress["status"] == "COMPLETE")

    wait_until(done, 90, f"the end of the uninstall, which is at {progress}")


def frameworks(system: System) -> set[str]:
    """Names of the frameworks that the master has."""
    return {one["name"] for one in system.stack.get(f"{system.stack.mesos}/frameworks")["frameworks"]}


def nodes(system: System, path: str) -> list[str]:
    """Paths of all ZooKeeper nodes at and below `path`."""
    client = KazooClient(system.stack.zookeeper)
    client.start(timeout=10)
    try:
        if not client.exists(path):
            return []
        found, waiting = [path], [path]
        while waiting:
            parent = waiting.pop()
            below = [f"{parent}/{name}" for name in client.get_children(parent)]
            found += below
            waiting += below
        return sorted(found)
    finally:
        client.stop()
        client.close()


def only_the_lock_is_left(system: System, framework: str, child: str) -> None:
    """A scheduler that uninstalled keeps its lock, so that no standby installs anew; it goes with the process."""
    path = f"/edgelb/frameworks/{framework}"
    assert nodes(system, path) == [path, f"{path}/leader", f"{path}/leader/holder"]
    system.stack.supervisor.end(child)
    assert nodes(system, path) == []


def leftovers(system: System) -> list[str]:
    """ZooKeeper nodes of pools, what they are made of, what was rendered for them, and their instances."""
    names = ("pool-templates", "pools", "rendered", "instances")
    return [path for name in names for path in nodes(system, f"/edgelb/{name}")[1:]]


def reservations(system: System, role: str) -> list[dict[str, Any]]:
    """Dynamic reservations for `role` on any agent, as the master tells them."""
    found = []
    for agent in system.stack.get(f"{system.stack.mesos}/slaves")["slaves"]:
        for resources in agent["reserved_resources_full"].values():
            for resource in resources:
                if any(
                    one.get("role") == role and one.get("type") == "DYNAMIC" for one in resource.get("reservations", [])
                ):
                    found.append({"agent": agent["hostname"], **resource})
    return found


def test_uninstalling_leaves_nothing_of_either_framework(system: System) -> None:
    """Edge-LB goes with all that it made while the application runs on; then the application's framework goes."""
    assert reservations(system, "slave_public/edgelb")
    assert system.haproxies()
    applications = {task["id"] for task in system.application_tasks()}
    assert frameworks(system) == {"edgelb", "webapp"}
    system.stack.call("POST", f"{system.stack.api}/v2/pooltemplates", {"name": "team"})

    uninstall(system, system.stack.api, "/v2/uninstall", "edgelb")
    assert not system.task_ids("web")
    assert reservations(system, "slave_public/edgelb") == []
    assert frameworks(system) == {"webapp"}
    wait_until(lambda: not system.haproxies(), 10, "the end of all HAProxies")
    wait_until(lambda: not leftovers(system), 20, "the end of all nodes of pools")
    assert {task["id"] for task in system.application_tasks()} == applications
    only_the_lock_is_left(system, "edgelb", "edgelb")

    uninstall(system, system.stack.application, "/v1/uninstall", "webapp")
    assert system.tasks() == []
    assert reservations(system, "webapp") == []
    assert frameworks(system) == set()
    assert nodes(system, "/edgelb/wishes/webapp") == []
    only_the_lock_is_left(system, "webapp", "application")
    assert nodes(system, "/edgelb/frameworks") == ["/edgelb/frameworks"]


def test_uninstalling_ends_although_an_agent_stays_dead(system: System) -> None:
    """What an agent took with it holds nothing up: the rest is removed and the framework goes."""
    [victim] = [one for one in system.instances("web") if one["pod"] == "edgelb-pool-0"]
    system.stack.cluster.kill(victim["hostname"])
    system.stack.cluster.end_executors()
    uninstall(system, system.stack.api, "/v2/uninstall", "edgelb")
    assert "edgelb" not in frameworks(system)
    assert not system.task_ids("web")
    assert reservations(system, "slave_public/edgelb") == []
    wait_until(lambda: not system.haproxies(), 10, "the end of all HAProxies")
    wait_until(lambda: not leftovers(system), 20, "the end of all nodes of pools")
    only_the_lock_is_left(system, "edgelb", "edgelb")
