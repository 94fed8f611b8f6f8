"""Where instances may run: one per host, ports that only some agents offer, several pools beside each other."""

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import System
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

PUBLIC_AGENTS = {"agent1", "agent2"}


@pytest.fixture
def name(system: System) -> Iterator[str]:
    """Name for a pool of the test's own, which is deleted afterwards."""
    name = f"placed-{uuid.uuid4().hex[:6]}"
    yield name
    system.leave(name)


def post(system: System, document: dict[str, Any]) -> None:
    """Create a pool without waiting for its instances."""
    system.stack.call("POST", f"{system.stack.api}/v2/pools", document)


def hosts(system: System, pool: str) -> list[str]:
    """Where the pool's healthy instances run, sorted."""
    return sorted(one["hostname"] for one in system.instances(pool) if one["healthy"])


def why_it_waits(system: System, pool: str, instance: str) -> str:
    """The reasons that `edgelb status` gives for an instance below the table, once it has offers to tell of."""
    start = f"{instance}: waits for an offer that fits:\n"

    def told() -> str:
        return system.edgelb("status", pool).stdout.partition(start)[2]

    reasons = wait_until(told, 20, f"the reasons for {instance}").splitlines()
    # One line each, further in than what follows.
    return "\n".join(itertools.takewhile(lambda line: line.startswith("    "), reasons))


def test_of_three_instances_on_two_public_agents_the_third_says_why_it_waits(system: System, name: str) -> None:
    """`hostname:UNIQUE` lets two run; the third one's line in the status counts the offers and names the rule."""
    post(system, system.pool(name, count=3))
    wait_until(lambda: hosts(system, name) == sorted(PUBLIC_AGENTS), 40, "one instance on each public agent")
    waiting = why_it_waits(system, name, "edgelb-pool-2")
    for host in sorted(PUBLIC_AGENTS):
        assert f"1 offer: hostname {host} already runs edgelb-pool-" in waiting
    assert "(hostname:UNIQUE)" in waiting
    assert "2 offers: role slave_public missing" in waiting  # those of the private agents
    text = system.edgelb("status", name).stdout
    assert f"{name} is pending: edgelb-pool-2 cannot be placed yet" in text
    assert "PENDING" in text
    # What does run serves all the same, and goes on when the wish is taken back.
    running = system.task_ids(name)
    assert len(running) == 2
    system.update(system.pool(name, count=2))
    wait_until(lambda: system.ready(name), 40, "the pool of two")
    assert system.task_ids(name) == running


def test_without_the_constraint_three_instances_share_two_agents(system: System, name: str) -> None:
    """Dynamic ports let several instances of a pool run on one agent, each on ports of its own."""
    urls = system.create(system.pool(name, count=3, constraints=""))
    assert len(set(urls)) == 3
    assert set(hosts(system, name)) <= PUBLIC_AGENTS
    assert len(hosts(system, name)) == 3


def test_a_fixed_port_goes_to_the_agent_that_offers_it(system: System, name: str) -> None:
    """Of two instances with a port that one agent has, one runs there and the other says that the port is not free."""
    [port] = system.unused_ports(1, 1)
    document = system.pool(name)
    document["haproxy"]["frontends"][0]["bindPort"] = port
    post(system, document)
    wait_until(lambda: hosts(system, name) == ["agent2"], 40, "one instance on the agent with the port")
    assert system.stack.fetch(f"http://127.0.0.1:{port}/")[0] == 200
    waiting = why_it_waits(system, name, "edgelb-pool-1")
    assert str(port) in waiting
    assert "hostname:UNIQUE" in waiting


def test_two_pools_on_one_agent_have_ports_of_their_own(system: System, name: str) -> None:
    """Pools that are pinned to one agent and ask for any port both serve there."""
    other = f"{name}-too"
    pinned: dict[str, Any] = {"count": 1, "constraints": "hostname:IS:agent1"}
    post(system, system.pool(other, **pinned))
    try:
        [url] = system.create(system.pool(name, **pinned))
        [other_url] = system.serving(other, 1)
        wait_until(lambda: system.ready(other), 30, f"pool {other}")
        assert url != other_url
        assert hosts(system, name) == hosts(system, other) == ["agent1"]
        assert len(system.answers(url)) == len(system.answers(other_url)) == 2
    finally:
        system.leave(other)


def test_a_pool_for_a_role_that_no_agent_has_says_so(system: System, name: str) -> None:
    """Without a reservation for the pool's role the status names the role that is missing."""
    post(system, system.pool(name, count=1, role="nobodys"))
    waiting = why_it_waits(system, name, "edgelb-pool-0")
    assert "role nobodys missing" in waiting
    assert f"{name} is pending" in system.edgelb("status", name).stdout


def test_instances_spread_over_an_attribute(system: System, name: str) -> None:
    """`rack:UNIQUE` puts the two instances on the two racks, which the agents' attributes name."""
    system.create(system.pool(name, constraints="rack:UNIQUE"))
    agents = system.stack.get(f"{system.stack.mesos}/slaves")["slaves"]
    racks = {agent["hostname"]: agent["attributes"]["rack"] for agent in agents}
    assert sorted(racks[host] for host in hosts(system, name)) == ["r1", "r2"]
