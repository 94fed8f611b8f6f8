"""Pools whose instances have addresses of their own, in network namespaces that stand for containers."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.conftest import QUICK, System, running
from tests.support.backends import Backend
from tests.support.front import Front, Target
from tests.support.namespaces import Unavailable, forwarded, namespaces
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

NETWORK = "dcos"


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with Backend("behind") as made:
        yield made


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[System]:
    """A stack whose public agents have two addresses each on a network of containers."""
    try:
        with namespaces(4) as made:
            pairs = {"agent1": made[:2], "agent2": made[2:]}
            flags = {
                agent: ("--networks", json.dumps({NETWORK: [one.flag for one in pair]}))
                for agent, pair in pairs.items()
            }
            with running(tmp_path_factory.mktemp("stack"), replace(QUICK, agent_flags=flags)) as system:
                layout = system.stack.layout
                agents = range(layout.agent_base, layout.agent_base + 2)
                with forwarded(made, (*agents, layout.zookeeper, layout.scheduler, backend.port)):
                    yield system
    except Unavailable as error:
        pytest.skip(f"this machine has no network namespaces for us: {error}")


@pytest.fixture
def pool(system: System, backend: Backend) -> Iterator[dict[str, Any]]:
    """Two instances, both at port 80 of their own address."""
    name = f"inside-{uuid.uuid4().hex[:6]}"
    endpoint = {"type": "ADDRESS", "address": "127.0.0.1", "port": backend.port}
    yield system.pool(name, count=2) | {
        "virtualNetworks": [{"name": NETWORK, "labels": {"tier": "front"}}],
        "haproxy": {
            "stats": {"bindAddress": "0.0.0.0", "bindPort": 0},
            "frontends": [{"name": "web", "bindPort": 80, "linkBackend": {"defaultBackend": "fixed"}}],
            "backends": [{"name": "fixed", "services": [{"endpoint": endpoint}]}],
        },
    }
    system.leave(name)


def targets(system: System, pool: str) -> list[Target]:
    """Where the metadata says that instances are."""
    metadata = system.stack.get(f"{system.stack.api}/v2/pools/{pool}/metadata")
    stats = {entry["private"][0]: entry["port"] for entry in metadata["stats"]}
    [web] = metadata["frontends"]
    return [
        Target(entry["port"], stats[entry["private"][0]], entry["private"][0])
        for entry in web["endpoints"]
        if entry["private"][0] in stats
    ]


def test_instances_serve_the_same_port_at_addresses_of_their_own(
    system: System, backend: Backend, pool: dict[str, Any]
) -> None:
    """Metadata, endpoints, the scheduler and Mesos name the containers' addresses; a relaunch loses no request."""
    name = pool["name"]
    urls = system.create(pool)
    found = targets(system, name)
    assert len({target.host for target in found}) == 2
    assert all(target.host.startswith("198.18.") for target in found)
    assert {(target.port, target.stats) for target in found} == {(80, 1025)}
    assert [system.stack.fetch(url) for url in urls] == [(200, f"{backend.answer}\n")] * 2
    listed = system.edgelb("endpoints", name)
    assert all(target.host in listed.stdout for target in found)
    pods = system.stack.get(f"{system.stack.scheduler}/v1/services/{name}/pods")["pods"]
    assert {pod["tasks"][0]["addresses"][0] for pod in pods} == {target.host for target in found}
    tasks = [task for task in system.tasks() if task["id"] in system.task_ids(name)]
    told = [task["statuses"][-1]["container_status"]["network_infos"][0] for task in tasks]
    assert {one["name"] for one in told} == {NETWORK}
    assert told[0]["labels"] == {"labels": [{"key": "tier", "value": "front"}]}
    assert not any("ports" in task["resources"] for task in tasks)

    before = system.task_ids(name)
    with Front(lambda: targets(system, name), paths=("/", "/?delay=1")) as front:
        system.update(pool | {"cpus": 0.5})
        wait_until(lambda: system.ready(name) and not system.task_ids(name) & before, 90, "two new tasks")
        asked = front.requests
        wait_until(lambda: front.requests > asked + 20, 30, "traffic through them")
    assert front.failures == []


def test_one_instance_is_replaced_without_a_gap(system: System, pool: dict[str, Any]) -> None:
    """The next one serves before the present one is ended: at no time is nobody there."""
    name = pool["name"]
    system.create(pool | {"count": 1})
    before = system.task_ids(name)
    with Front(lambda: targets(system, name), paths=("/", "/?delay=1")) as front:
        wait_until(lambda: front.requests > 20, 30, "traffic")
        system.update(pool | {"count": 1, "cpus": 0.5})
        dark = []

        def replaced() -> bool:
            if not front.well:
                dark.append(targets(system, name))
            return system.ready(name) and not system.task_ids(name) & before

        wait_until(replaced, 60, "a new task")
    assert front.failures == []
    assert dark == []
