"""What the API says of a pool at run time: metadata, configuration, plans, pods, status."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.dcos_template.publishing.problem import Held, Problem, encode_problem
from pool_executor.contract import Put, RefusedServer, Remove, Server, Waiting
from scheduler.pools.model import Revision
from sdk.storage.connection import ZooKeeper, encode_json
from tests.integration.api.conftest import (
    APP,
    Scheduler,
    instance,
    publish_instance,
    publish_rendered,
    publish_servers,
)
from tests.support.pools import minimal

pytestmark = pytest.mark.integration

PENDING = {"status": "PREPARED", "summary": "waits", "reasons": [{"count": 2, "reason": "ports 80 not free"}]}
COMPLETE = {"plans": [{"name": "deploy", "status": "COMPLETE", "phases": []}]}


def pod(index: int = 0, **changes: Any) -> dict[str, Any]:
    """A pod as the scheduler lists it."""
    task = {
        "name": "edgelb-pool-0-server",
        "id": f"dcos-edgelb.pools.web__edgelb-pool-{index}-server__{index}",
        "state": "TASK_RUNNING",
        "healthy": True,
        "hostname": f"agent{index}",
        "agent_id": "S1",
        "ports": {"stats": 9090},
        "addresses": ["10.0.0.1"],
        "message": "",
        "since": 1.0,
    }
    return {
        "name": f"edgelb-pool-{index}",
        "index": index,
        "status": "RUNNING",
        "tasks": [task],
        "pending": None,
    } | changes


def say(
    scheduler: Scheduler,
    pods: list[dict[str, Any]],
    plans: dict[str, Any] | None = None,
    service: str = "web",
    **state: Any,
) -> None:
    """Let the scheduler answer for the service."""
    scheduler.answers |= {
        "GET /v1/state": (200, {"leader": True, "problems": [], **state}),
        f"GET /v1/services/{service}/plans": (200, plans or COMPLETE),
        f"GET /v1/services/{service}/pods": (200, {"pods": pods}),
    }


def test_metadata_lists_one_endpoint_per_instance_for_each_frontend_and_stats(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """The documented shape."""
    client.post("/v2/pools", json=minimal(count=2))
    publish_instance(connection, zk_root, instance(1, public=("1.2.3.4",)))
    publish_instance(connection, zk_root, instance(0, ports={"frontend_0.0.0.0_80": 1026, "stats": 1025}))

    assert client.get("/v2/pools/web/metadata").json == {
        "name": "web",
        "aws": {"elbs": []},
        "frontends": [
            {
                "name": "frontend_0.0.0.0_80",
                "endpoints": [
                    {"port": 1026, "private": ["10.0.0.1"], "public": []},
                    {"port": 80, "private": ["10.0.0.2"], "public": ["1.2.3.4"]},
                ],
            }
        ],
        "stats": [
            {"port": 1025, "private": ["10.0.0.1"], "public": []},
            {"port": 9090, "private": ["10.0.0.2"], "public": ["1.2.3.4"]},
        ],
    }


def test_metadata_finds_the_ports_of_a_pool_that_allocates_them_ahead(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Such ports are named by their number, so that a frontend can take one later."""
    client.post("/v2/pools", json=minimal(ports=[80, 443, 9090]))
    publish_instance(connection, zk_root, instance(ports={"port-80": 80, "port-443": 443, "port-9090": 9090}))
    found = client.get("/v2/pools/web/metadata").json

    assert found["frontends"][0]["endpoints"][0]["port"] == 80
    assert found["stats"][0]["port"] == 9090


def test_metadata_before_the_first_instance_is_504_with_the_documented_text(client: FlaskClient) -> None:
    """Existing clients wait for this to go away."""
    client.post("/v2/pools", json=minimal())
    response = client.get("/v2/pools/web/metadata")

    assert response.status_code == 504
    assert response.json == {"code": 504, "message": "no metadata for pool"}


def test_an_instance_that_cannot_be_read_does_not_hide_the_others(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """One bad object spoils only itself."""
    client.post("/v2/pools", json=minimal())
    publish_instance(connection, zk_root, instance())
    connection.put(f"{zk_root}/instances/web/bad", b"{")

    assert len(client.get("/v2/pools/web/metadata").json["stats"]) == 1


def test_lbconfig_joins_the_parts_in_order_whether_stored_whole_or_split(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """The text that HAProxy reads, with a line that says which version it is."""
    client.post("/v2/pools", json=minimal())
    # Hard to compress, so that it is split at the small node size of the test.
    names = "\n".join(f"    # {index * 7919 % 100003:x}{index * 104729 % 99991:x}" for index in range(300))
    backends = f"backend app\n{names}\n"
    publish_rendered(connection, zk_root, **{"30-backends-00": backends, "10-global": "global\n    maxconn 50000\n"})
    response = client.get("/v2/pools/web/lbconfig")

    assert response.mimetype == "text/plain"
    assert "version 3 of its configuration" in response.text
    assert response.text.index("maxconn 50000") < response.text.index("backend app")
    assert names in response.text


def test_lbconfig_has_the_servers_below_their_markers(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """Those of the base, and what the log says since."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    line = "    server agentip_10.0.0.1_8080 10.0.0.1:8080 id 1 check\n"
    assert f'takesServers":true}}\n{line}' in client.get("/v2/pools/web/lbconfig").text

    other = Server("agentip_10.0.0.2_8080", "10.0.0.2", 8080, 2, "app.2")
    publish_servers(
        connection,
        zk_root,
        servers=[APP],
        sequence=9,
        operations=(Put("app", other), Remove("app", APP.name)),
    )
    text = client.get("/v2/pools/web/lbconfig").text
    assert line not in text
    assert "    server agentip_10.0.0.2_8080 10.0.0.2:8080 id 2 check\n" in text
    assert "its servers after change 9 of them" in text


def test_lbconfig_does_not_show_of_what_cookies_are_made(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Who knows it could make one for any server whose address he knows."""
    client.post("/v2/pools", json=minimal())
    backend = "backend app\n    cookie S insert dynamic\n    dynamic-cookie-key c0ffee\n    balance first\n"
    publish_rendered(connection, zk_root, **{"30-backends-00": backend})
    text = client.get("/v2/pools/web/lbconfig").text
    assert backend.replace("c0ffee", "hidden") in text
    assert "c0ffee" not in text


def test_lbconfig_before_the_first_rendering_says_what_is_missing(client: FlaskClient) -> None:
    """Usually the template process does not run."""
    client.post("/v2/pools", json=minimal())
    response = client.get("/v2/pools/web/lbconfig")

    assert response.status_code == 504
    assert "edgelb run template" in response.text


def test_lbconfig_that_is_damaged_is_told_not_shown(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """A part that does not have its checksum is no configuration."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    part = connection.children(f"{zk_root}/rendered/web/parts")[0]
    connection.put(f"{zk_root}/rendered/web/parts/{part}", b"garbage")

    assert client.get("/v2/pools/web/lbconfig").status_code == 500


def test_plans_and_pods_are_what_the_leading_scheduler_says(client: FlaskClient, scheduler: Scheduler) -> None:
    """Passed on unchanged."""
    client.post("/v2/pools", json=minimal())
    say(scheduler, [pod()])

    assert client.get("/v2/pools/web/plans").json == COMPLETE
    assert client.get("/v2/pools/web/pods").json == {"pods": [pod()]}


def test_renewal_reaches_the_scheduler(client: FlaskClient, scheduler: Scheduler) -> None:
    """What it answers is passed on."""
    scheduler.answers["POST /v1/renew"] = (202, {"message": "the old id is given up"})
    assert client.post("/v2/renew", json={}).status_code == 202


@pytest.mark.parametrize("action", ["restart", "replace", "excuse"])
def test_actions_on_pods_reach_the_scheduler(client: FlaskClient, scheduler: Scheduler, action: str) -> None:
    """202 after the scheduler has stored them; its refusals keep status and sentence."""
    client.post("/v2/pools", json=minimal())
    path = f"/v1/services/web/pods/edgelb-pool-0/{action}"
    scheduler.answers[f"POST {path}"] = (202, {"message": "stored"})

    assert client.post(f"/v2/pools/web/pods/edgelb-pool-0/{action}", json={}).status_code == 202
    refused = client.post(f"/v2/pools/web/pods/edgelb-pool-9/{action}", json={})
    assert (refused.status_code, refused.json["message"]) == (404, f"nothing at {path.replace('-0/', '-9/')}")


def test_without_a_scheduler_in_charge_503_says_so(client: FlaskClient) -> None:
    """The pool itself can still be read and written."""
    client.post("/v2/pools", json=minimal())
    response = client.get("/v2/pools/web/plans")

    assert response.status_code == 503
    assert "no scheduler is in charge" in response.json["message"]
    assert response.headers["Retry-After"]


def test_a_scheduler_that_does_not_answer_is_503_and_one_that_talks_nonsense_502(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """The leadership node may outlive its process for a moment."""
    client.post("/v2/pools", json=minimal())
    scheduler.answers["GET /v1/services/web/pods"] = (200, b"<html>")
    assert client.get("/v2/pools/web/pods").status_code == 502

    holder = {"id": "a", "url": "http://127.0.0.1:1", "pid": 1, "since": 0}
    connection.put(f"{zk_root}/frameworks/edgelb/leader/holder", encode_json(holder))
    response = client.get("/v2/pools/web/pods")
    assert response.status_code == 503
    assert "http://127.0.0.1:1 does not answer" in response.json["message"]


def status(client: FlaskClient) -> dict[str, Any]:
    """The joined status of pool `web`."""
    found: dict[str, Any] = client.get("/v2/pools/web/status").json
    return found


def test_status_is_ready_when_all_instances_serve_the_current_version(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Pool, bundle, plans, pods and instances in one answer."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    found = status(client)

    assert (found["state"], found["summary"]) == ("ready", "1 of 1 instances serve the current configuration")
    (row,) = found["loadBalancers"]
    assert (row["name"], row["state"], row["verdict"], row["current"]) == (
        "edgelb-pool-0",
        "TASK_RUNNING",
        "applied",
        True,
    )
    assert found["pods"] == [pod()]
    assert found["instances"][0]["task_id"] == row["taskId"]


def test_status_says_why_an_instance_cannot_be_placed(client: FlaskClient, scheduler: Scheduler) -> None:
    """The counts of refusals reach the user unchanged."""
    client.post("/v2/pools", json=minimal())
    reasons = [{"count": 2, "reason": "ports 80 not free"}, {"count": 1, "reason": "role slave_public missing"}]
    pending = {"status": "PREPARED", "summary": "waits", "reasons": reasons}
    say(scheduler, [pod(status="PENDING", tasks=[], pending=pending)])
    found = status(client)

    assert found["state"] == "pending"
    assert found["summary"] == "edgelb-pool-0 cannot be placed yet: 2 offers: ports 80 not free (and 1 more)"
    assert found["reasons"] == ["2 offers: ports 80 not free", "1 offer: role slave_public missing"]
    assert found["loadBalancers"][0]["pending"] == pending

    drained = "agent1 is drained; waits for an offer of another agent"
    for waits, reasons in (("waits for an offer", found["reasons"]), (drained, [drained, *found["reasons"]])):
        say(scheduler, [pod(status="PENDING", tasks=[], pending=pending | {"waits": waits})])
        assert status(client)["reasons"] == reasons


def told(version: int, **changes: Any) -> dict[str, Any]:
    """Finished plans of a wish that was made from this version of the pool."""
    return {**COMPLETE, "labels": {"EDGELB_POOL_VERSION": str(version)}, **changes}


def test_a_pool_is_not_ready_before_the_scheduler_has_heard_of_its_change(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """An update that asks for other tasks is rendered at once; the finished plans are still those of the old wish."""
    client.post("/v2/pools", json=minimal())
    client.put("/v2/pools/web", json=minimal(cpus=0.5))
    publish_rendered(connection, zk_root, pool_version=2)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()], told(1))
    found = status(client)
    assert (found["state"], found["scheduler"]["poolVersion"]) == ("deploying", 1)
    assert "the scheduler has not taken up version 2 of the pool yet" in found["summary"]

    say(scheduler, [pod()], told(1), ready=False, reason="not subscribed to Mesos")
    assert status(client)["summary"].endswith("yet: not subscribed to Mesos")

    say(scheduler, [pod()], told(2))
    assert status(client)["state"] == "ready"


def test_what_is_left_of_a_deleted_pool_says_nothing_of_one_that_was_created_again(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Bundle, instances and plans of the one before are of the same version; they carry out another pool."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    before = status(client)["uid"]
    labels = {"EDGELB_POOL_VERSION": "1", "EDGELB_POOL_UID": before}
    say(scheduler, [pod()], {**COMPLETE, "labels": labels})
    assert status(client)["state"] == "ready"

    client.delete("/v2/pools/web")
    client.post("/v2/pools", json=minimal())
    assert "the scheduler has not taken up version 1 of the pool yet" in status(client)["summary"]
    assert client.get("/v2/pools/web/lbconfig").status_code == 504
    say(scheduler, [pod()], {**COMPLETE, "labels": {**labels, "EDGELB_POOL_UID": status(client)["uid"]}})
    assert "version 1 of the pool has not been rendered yet" in status(client)["summary"]
    publish_rendered(connection, zk_root)
    assert "has not taken up the newest one yet" in status(client)["summary"]
    publish_instance(connection, zk_root, instance())
    assert status(client)["state"] == "ready"


def test_every_number_of_a_version_counts_from_one(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """ETag, status, its sentence, what is rendered, what the scheduler carries out, and lbconfig."""
    client.post("/v2/pools", json=minimal())
    tag = client.put("/v2/pools/web", json=minimal(cpus=0.5)).headers["ETag"]
    say(scheduler, [], told(1))
    found = status(client)
    assert (tag[-3:], found["version"], found["scheduler"]["poolVersion"]) == ('-2"', 2, 1)
    assert "taken up version 2" in found["summary"]
    publish_rendered(connection, zk_root, pool_version=2)
    assert status(client)["rendered"]["poolVersion"] == 2
    assert "from version 2 of the pool" in client.get("/v2/pools/web/lbconfig").text


def test_an_empty_pool_is_not_ready_before_the_scheduler_knows_it(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """No instances wanted and none there proves nothing as long as the scheduler says 404."""
    client.post("/v2/pools", json=minimal(count=0))
    publish_rendered(connection, zk_root)
    scheduler.answers["GET /v1/state"] = (200, {"leader": True, "problems": []})
    assert status(client)["state"] == "deploying"

    say(scheduler, [], told(1))
    assert status(client)["state"] == "ready"


def test_a_step_that_is_under_way_is_not_pending(client: FlaskClient, scheduler: Scheduler) -> None:
    """The scheduler explains every open step; only one that waits for offers needs help."""
    client.post("/v2/pools", json=minimal())
    say(scheduler, [pod(pending={"status": "STARTED", "summary": "RUNNING, not healthy yet", "reasons": []})])

    assert status(client)["state"] == "deploying"


def test_status_tells_the_message_of_haproxy_when_the_configuration_is_refused(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """And that the one before is still served."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(
        connection,
        zk_root,
        instance(version=2, verdict="rejected", rejected_version=3, error="unknown keyword 'magic' in 'backend'"),
    )
    say(scheduler, [pod()])
    found = status(client)

    assert found["state"] == "rejected"
    assert "unknown keyword 'magic'" in found["summary"]
    assert found["loadBalancers"][0]["version"] == 2


def test_an_instance_that_lacks_changes_of_servers_makes_the_pool_degraded(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Not at once: under steady change it always lacks a few, and they are told."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance(sequence=5))
    say(scheduler, [pod()])
    found = status(client)
    assert (found["state"], found["loadBalancers"][0]["endpoints"]["lag"]["operations"]) == ("ready", 2)

    publish_servers(connection, zk_root, servers=[APP], stamps={"published": time.time() - 60})
    found = status(client)
    assert found["state"] == "degraded"
    assert "edgelb-pool-0 has not taken up 2 changes of servers that were published 60 s ago" in found["summary"]


def test_what_an_instance_leaves_out_is_named_with_its_field(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """A listener that waits and a server that was refused hold up nothing else."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    waiting = (Waiting(listener="frontend_0.0.0.0_80", missing=("the port frontend_0.0.0.0_80",)),)
    refused = (RefusedServer(backend="app", server="s1", task="app.1", reason="no such address"),)
    publish_instance(connection, zk_root, instance(waiting=waiting, refused=refused, left_out=3))
    say(scheduler, [pod()])
    found = status(client)
    assert found["state"] == "degraded"
    assert found["reasons"] == [
        "edgelb-pool-0 leaves the listener frontend_0.0.0.0_80 (pool.haproxy.frontends[0]) out until it has the port"
        " frontend_0.0.0.0_80",
        "edgelb-pool-0 has no server s1 of task app.1 in backend app (pool.haproxy.backends[0]): no such address",
        "edgelb-pool-0 lacks 2 more servers",
    ]


def test_servers_that_are_not_published_yet_are_told(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """The structure alone makes no pool ready."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    connection.delete(f"{zk_root}/rendered/web/endpoints")
    assert status(client)["summary"] == "the servers of the pool have not been published yet"


def test_a_refusal_of_an_older_version_does_not_count_after_an_update(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Whoever repairs a pool and waits must not be told of the old mistake."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance(version=2, verdict="rejected", rejected_version=3, error="bad"))
    say(scheduler, [pod()])
    client.put("/v2/pools/web", json=minimal())

    assert status(client)["state"] == "deploying"


def test_status_tells_what_the_scheduler_could_not_carry_out(client: FlaskClient, scheduler: Scheduler) -> None:
    """A wish that the SDK refuses must not look like slow deployment."""
    client.post("/v2/pools", json=minimal())
    say(scheduler, [], problems=[{"service": "web", "message": "role x is not allowed"}])

    assert status(client)["summary"].endswith("role x is not allowed")


def test_status_without_a_scheduler_shows_what_the_instances_say(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Load balancers serve on while the scheduler is away."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    found = status(client)

    assert found["state"] == "unknown"
    assert "no scheduler is in charge" in found["scheduler"]["error"]
    assert found["loadBalancers"][0]["current"] is True


def test_fewer_or_more_instances_than_wanted_is_deploying(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Scaling is done when exactly the wanted number serves."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    for index in range(2):
        publish_instance(connection, zk_root, instance(index))
    say(scheduler, [pod(0), pod(1)])
    assert status(client)["state"] == "deploying"

    client.put("/v2/pools/web", json=minimal(count=3))
    publish_rendered(connection, zk_root)
    assert status(client)["summary"].startswith("0 of 3 instances")
    for index in range(2):
        publish_instance(connection, zk_root, instance(index))
    assert status(client)["summary"].startswith("2 of 3 instances")


def test_an_instance_on_its_way_out_is_not_counted_as_one_of_those_wanted(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Both still serve: one is wanted, and the sentence says what is waited for."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    publish_instance(connection, zk_root, instance(1))
    say(scheduler, [pod(), pod(1)])

    assert status(client)["summary"] == "1 of 1 instances serve the current configuration; 1 more on the way out"


def test_a_deleted_pool_is_removing_until_nothing_is_left(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """So one can wait for its end."""
    client.post("/v2/pools", json=minimal())
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    client.delete("/v2/pools/web")
    assert status(client)["state"] == "removing"

    scheduler.answers.clear()
    connection.delete(f"{zk_root}/instances/web", recursive=True)
    assert client.get("/v2/pools/web/status").status_code == 404


@pytest.mark.parametrize("left", ["instances/web", "rendered/web", "frameworks/edgelb/services/web/target"])
def test_a_deleted_pool_is_removing_while_anything_of_it_is_stored(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, left: str
) -> None:
    """A scheduler that is away says nothing; that is no proof that its tasks and reservations are gone."""
    connection.put(f"{zk_root}/{left}", b"")
    found = status(client)
    assert found["state"] == "removing"
    assert "no scheduler is in charge" in found["summary"]

    connection.delete(f"{zk_root}/{left}")
    connection.delete(f"{zk_root}/frameworks/edgelb/services/web", recursive=True)
    assert client.get("/v2/pools/web/status").status_code == 404


def test_an_uninstall_is_the_schedulers_and_its_words_are_passed_on(client: FlaskClient, scheduler: Scheduler) -> None:
    """Asking for it, and asking how far it is."""
    scheduler.answers["POST /v1/uninstall"] = (202, {"message": "the uninstall is stored"})
    assert client.post("/v2/uninstall", json={"confirm": "edgelb"}).status_code == 202
    assert "POST /v1/uninstall" in scheduler.calls

    progress = {"status": "IN_PROGRESS", "message": "2 instances are left"}
    scheduler.answers["GET /v1/uninstall"] = (200, progress)
    assert client.get("/v2/uninstall").json == progress | {"framework": "edgelb"}


def test_an_uninstall_is_complete_when_nothing_is_stored_any_more(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """The scheduler leaves its lock at the end: without one, what is stored tells."""
    connection.put(f"{zk_root}/frameworks/edgelb/framework", b"{}")
    answer = client.get("/v2/uninstall")
    assert (answer.status_code, answer.json["code"]) == (503, 503)

    connection.delete(f"{zk_root}/frameworks/edgelb", recursive=True)
    connection.put(f"{zk_root}/rendered/web", b"")
    found = client.get("/v2/uninstall").json
    assert (found["status"], found["message"]) == ("IN_PROGRESS", "the framework is gone; rendered of web is left")

    connection.delete(f"{zk_root}/rendered/web")
    assert client.get("/v2/uninstall").json["status"] == "COMPLETE"


def test_a_removal_that_is_held_can_be_accepted(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """The template finds which one is meant; without one there is nothing to accept."""
    client.post("/v2/pools", json=minimal())
    answer = client.post("/v2/pools/web/accept-removal", json={})
    assert (answer.status_code, answer.json["message"]) == (
        409,
        "no server of pool web is kept without a task: there is no removal to accept",
    )
    assert client.post("/v2/pools/nosuch/accept-removal", json={}).status_code == 404
    problem = Problem.of(Revision("u1", 0), (), held=Held(since=17.5, reason="4 servers are kept"))
    assert problem is not None
    connection.ensure(f"{zk_root}/rendered/web")
    connection.create(f"{zk_root}/rendered/web/problem", encode_problem(problem))
    for _ in range(2):
        answer = client.post("/v2/pools/web/accept-removal", json={})
        assert (answer.status_code, answer.json) == (202, {"held": {"since": 17.5, "reason": "4 servers are kept"}})
    stored = connection.get(f"{zk_root}/rendered/web/acceptance")
    assert stored is not None
    assert stored[0] == b'{"since":17.5}'


def states(client: FlaskClient) -> dict[str, str]:
    """By pool, what GET /v2/status says."""
    return {one["name"]: one["state"] for one in client.get("/v2/status").json}


def asked(scheduler: Scheduler, client: FlaskClient) -> list[str]:
    """What one GET /v2/status asks the scheduler."""
    scheduler.calls.clear()
    assert client.get("/v2/status").status_code == 200
    return list(scheduler.calls)


def test_the_state_of_all_pools_takes_two_requests_however_many_they_are(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """And is what the status of each of them says."""
    for name in ("api", "web"):
        client.post("/v2/pools", json=minimal(name=name))
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    scheduler.answers["GET /v1/details"] = (200, {"services": {"web": {**COMPLETE, "pods": [pod()]}}})

    assert states(client) == {"api": "deploying", "web": status(client)["state"]}
    assert asked(scheduler, client) == ["GET /v1/state", "GET /v1/details"]


@pytest.mark.parametrize("answer", [(404, {}), (500, {"message": "internal error"}), (200, b"<html>")])
def test_where_not_all_pools_can_be_told_at_once_each_is_asked_for(
    client: FlaskClient, scheduler: Scheduler, answer: tuple[int, Any]
) -> None:
    """An older scheduler, and one that fails at some pool."""
    client.post("/v2/pools", json=minimal())
    say(scheduler, [pod(status="PENDING", tasks=[], pending=PENDING)])
    scheduler.answers["GET /v1/details"] = answer

    assert states(client) == {"web": "pending"}


def test_a_scheduler_that_refuses_or_talks_nonsense_of_one_pool_spoils_only_that(
    client: FlaskClient, scheduler: Scheduler
) -> None:
    """What is said of the others is told."""
    for name in ("api", "web"):
        client.post("/v2/pools", json=minimal(name=name))
    say(scheduler, [pod(status="PENDING", tasks=[], pending=PENDING)])
    scheduler.answers["GET /v1/services/api/plans"] = (200, b"<html>")

    found = {one["name"]: one for one in client.get("/v2/status").json}
    assert found["web"]["state"] == "pending"
    assert found["api"]["state"] == "deploying"


def test_a_scheduler_that_is_not_ready_is_not_asked_for_each_pool(client: FlaskClient, scheduler: Scheduler) -> None:
    """Its sentence is the same for all."""
    for name in ("api", "web"):
        client.post("/v2/pools", json=minimal(name=name))
    say(scheduler, [])
    scheduler.answers["GET /v1/details"] = (503, {"message": "in charge, reading what is stored"})

    assert asked(scheduler, client) == ["GET /v1/state", "GET /v1/details"]
