"""What `/metrics` of the API tells of pool instances."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from pool_executor.contract import BOUNDS, CertificateStatus, HaproxyInfo, Latency, Waiting
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import instance, publish_instance, publish_servers, write_node
from tests.support.pools import minimal
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics(client: FlaskClient) -> Series:
    """Values by name and labels."""
    text = client.get("/metrics").get_data(as_text=True)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, frozenset(one.labels.items())): one.value for one in samples}


def of(found: Series, name: str, **labels: str) -> float:
    """The value of the only instance."""
    return found[f"edgelb_instance_{name}", frozenset({"pool": "web", "instance": "edgelb-pool-0", **labels}.items())]


def stale(found: Series, component: str) -> float:
    return found["edgelb_tasks_stale", frozenset({("component", component)})]


def test_what_instances_say_of_themselves_is_exported(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """Counters by action and event, times as a histogram, and how far each is behind."""
    client.post("/v2/pools", json=minimal())
    publish_servers(connection, zk_root)
    status = instance(0, counters={"dynamic": 4, "reload": 2, "drift": 1})
    counts = (1, *(0,) * (len(BOUNDS) - 1), 1)
    status = replace(
        status,
        endpoints=replace(status.endpoints, sequence=5, left_out=3),
        structure=replace(
            status.structure, stamps={"published": 5.5}, waiting=(Waiting(listener="api", missing=("the port api",)),)
        ),
        haproxy=HaproxyInfo(version="2.6.12", master=1, workers=(2, 3, 4)),
        latency={"endpoints": Latency(counts=counts, total=20.5)},
        certificates=(
            CertificateStatus(file="$AUTOCERT", subject="web", names=(), not_after=2e9, trouble=None),
            CertificateStatus(file="$SECRETS/a", subject="", names=(), not_after=None, trouble="the store is away"),
        ),
    )
    publish_instance(connection, zk_root, status)
    found = metrics(client)

    assert of(found, "changes_total", action="dynamic") == 4
    assert of(found, "changes_total", action="reload") == 2
    assert of(found, "events_total", event="drift") == 1
    assert of(found, "operations_behind") == 2
    assert [of(found, name) for name in ("old_workers", "servers_refused", "listeners_waiting")] == [2, 3, 1]
    assert [of(found, name) for name in ("healthy", "structure_rejected")] == [1, 0]
    assert of(found, "apply_seconds_bucket", lane="endpoints", le="0.001") == 1
    assert of(found, "apply_seconds_count", lane="endpoints") == 2
    assert of(found, "apply_seconds_sum", lane="endpoints") == 20.5
    assert of(found, "certificate_not_after_seconds", file="$AUTOCERT") == 2e9
    assert of(found, "certificates_troubled") == 1
    assert of(found, "published_seconds", lane="structure") == 5.5
    assert stale(found, "template") == 0


def test_an_instance_and_its_successor_are_one(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """Prometheus takes no series twice; the newer one counts. One that cannot be read hides no other."""
    old = instance(0, since=1.0)
    publish_instance(connection, zk_root, replace(old, task_id="old", counters={"reload": 9}))
    publish_instance(connection, zk_root, replace(old, task_id="new", since=2.0, counters={"reload": 1}))
    write_node(connection, f"{zk_root}/instances/web/broken", b"{")
    assert of(metrics(client), "changes_total", action="reload") == 1


def test_who_is_at_fault_when_tasks_are_stale_is_told(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """Here nobody publishes."""
    connection.delete(f"{zk_root}/locks/template/holder")
    wait_until(lambda: stale(metrics(client), "template") == 1, 60, "the template is at fault", every=0.5)
