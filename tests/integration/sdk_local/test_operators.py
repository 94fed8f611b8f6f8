"""What operators set reaches real schedulers and agents over HTTP: maintenance of a machine, quotas, weights."""

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest

from sdk.local.cluster import Cluster
from tests.integration.sdk_local.client import Scheduler
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Json = dict[str, Any]
Schedulers = Callable[..., Scheduler]


def ask(cluster: Cluster, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """One request to the master, without a content type."""
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_machine_goes_down_and_comes_up(cluster: Cluster, scheduler: Schedulers) -> None:
    """Its framework is asked, then its agent ends and its task is lost; it may return when the machine is up."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    machine = {"hostname": "agent1", "ip": "127.0.0.1"}
    unavailability = {"start": {"nanoseconds": 10**18}, "duration": {"nanoseconds": 10**12}}
    windows = {"windows": [{"machine_ids": [machine], "unavailability": unavailability}]}
    assert ask(cluster, "POST", "/maintenance/schedule", windows) == (200, "")
    wait_until(lambda: framework.stream.of("INVERSE_OFFERS"), what="an inverse offer")
    asked = framework.stream.of("INVERSE_OFFERS")[0]["inverse_offers"]["inverse_offers"][0]
    assert asked["unavailability"] == unavailability
    content = {"inverse_offer_ids": [asked["id"]], "filters": {"refuse_seconds": 1000.0}}
    assert framework.call("ACCEPT_INVERSE_OFFERS", content)[0] == 202
    status = json.loads(ask(cluster, "GET", "/maintenance/status")[1])
    assert status["draining_machines"][0]["statuses"][0]["status"] == "ACCEPT"
    assert framework.offer("agent1")["unavailability"] == unavailability

    assert ask(cluster, "POST", "/machine/down", [machine]) == (200, "")
    framework.wait_for("t1", "TASK_LOST")
    wait_until(lambda: cluster.members["agent1"].pid is None, what="the end of the agent")
    cluster.start_member("agent1")
    wait_until(lambda: cluster.members["agent1"].pid is None, what="the end of the agent that may not register")
    assert [item["hostname"] for item in cluster.get("/slaves")["slaves"]] == ["agent2"]

    assert ask(cluster, "POST", "/machine/up", [machine]) == (200, "")
    cluster.start_member("agent1")
    cluster.wait_for_agents(2)
    assert ask(cluster, "GET", "/maintenance/schedule") == (200, "{}")


def test_quotas_and_weights_over_http(cluster: Cluster, scheduler: Schedulers) -> None:
    """A limit cuts the offers of the role, and a restart of the master keeps quota and weight."""
    guarantee = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]
    assert ask(cluster, "POST", "/quota", {"role": "other", "guarantee": guarantee}) == (200, "")
    assert ask(cluster, "PUT", "/weights", [{"role": "other", "weight": 2.5}]) == (200, "")
    cluster.kill("master")
    cluster.start_member("master")
    cluster.wait_for_agents(2)
    assert json.loads(ask(cluster, "GET", "/weights")[1]) == [{"weight": 2.5, "role": "other"}]
    framework = scheduler(roles=["other"])
    cpus = [
        item["scalar"]["value"] for item in framework.offer("agent2", "other")["resources"] if item["name"] == "cpus"
    ]
    assert cpus == [1.0]
    assert ask(cluster, "DELETE", "/quota/other") == (200, "")
    assert ask(cluster, "GET", "/quota") == (200, "{}")
