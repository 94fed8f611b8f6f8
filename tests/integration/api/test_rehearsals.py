"""Changes that are rehearsed: `?dryRun=true`, and `edgelb diff`."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.cli.exits import Exit
from tests.integration.api.test_cli import Run, no_server_logs, run
from tests.integration.api.test_validate import bad
from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]  # fixtures


def changed(**changes: object) -> dict[str, Any]:
    """The small pool with another balance."""
    pool = minimal(**changes)
    pool["haproxy"]["backends"][0]["balance"] = "leastconn"
    return pool


def test_a_rehearsed_update_tells_fields_configuration_and_instances(client: FlaskClient) -> None:
    """And leaves the pool as it is."""
    client.post("/v2/pools", json=minimal(count=2))
    answer = client.put("/v2/pools/web?dryRun=true", json=changed(count=3, cpus=2))
    assert answer.status_code == 200
    told = answer.json
    assert told["dryRun"] is True
    assert told["pool"]["count"] == 3
    assert told["fields"] == [
        {"field": "pool.cpus", "old": 0.9, "new": 2.0},
        {"field": "pool.count", "old": 2, "new": 3},
        {"field": "pool.haproxy.backends[0].balance", "old": "roundrobin", "new": "leastconn"},
    ]
    assert told["configuration"]["action"] == "reload"
    assert told["configuration"]["reason"].endswith("backend app changed")
    assert "+    balance leastconn" in told["configuration"]["diff"]
    assert told["instances"] == {
        "action": "relaunch",
        "relaunched": ["edgelb-pool-0", "edgelb-pool-1"],
        "ahead": False,
        "launched": ["edgelb-pool-2"],
        "ended": [],
        "fields": ["pool.cpus"],
    }
    assert client.get("/v2/pools/web").headers["ETag"].endswith('-1"')


def test_pools_are_rehearsed_to_come_and_to_go(client: FlaskClient) -> None:
    """Nothing comes, nothing goes."""
    created = client.post("/v2/pools?dryRun=true", json=minimal()).json
    assert created["instances"]["launched"] == ["edgelb-pool-0"]
    assert created["configuration"]["diff"][0] == "--- /dev/null"
    assert client.get("/v2/pools/web").status_code == 404

    client.post("/v2/pools", json=minimal())
    deleted = client.delete("/v2/pools/web?dryRun=true")
    assert (deleted.status_code, deleted.json["instances"]["ended"]) == (200, ["edgelb-pool-0"])
    assert client.get("/v2/pools/web").status_code == 200
    assert client.delete("/v2/pools/web?dryRun=false").status_code == 204


def test_a_rehearsal_fails_as_the_change_would(client: FlaskClient) -> None:
    """By the same statuses."""
    assert client.put("/v2/pools/web?dryRun=true", json=minimal()).status_code == 404
    assert client.delete("/v2/pools/web?dryRun=true").status_code == 404
    client.post("/v2/pools", json=minimal())
    assert client.post("/v2/pools?dryRun=true", json=minimal()).status_code == 409
    stale = {"If-Match": '"0-7"'}
    assert client.put("/v2/pools/web?dryRun=true", json=minimal(), headers=stale).status_code == 412
    assert client.delete("/v2/pools/web?dryRun=true", headers=stale).status_code == 412
    assert client.put("/v2/pools/web?dryRun=true", json=bad()).status_code == 400
    odd = client.put("/v2/pools/web?dryRun=yes", json=minimal())
    assert (odd.status_code, odd.json["message"]) == (400, "dryRun: yes invalid: must be true or false")


def test_values_that_are_not_shown_are_no_change(client: FlaskClient) -> None:
    """Whoever sends back what he was shown changes nothing."""
    client.post("/v2/pools", json=minimal(environmentVariables={"ELB_FILE_KEY": "hunter2"}))
    shown = client.get("/v2/pools/web").json
    told = client.put("/v2/pools/web?dryRun=true", json=shown)
    assert (told.json["fields"], told.json["instances"]["action"]) == ([], "none")
    assert "hunter2" not in told.text
    changed = client.put("/v2/pools/web?dryRun=true", json=shown | {"environmentVariables": {"ELB_FILE_KEY": "other"}})
    assert (changed.json["instances"]["action"], changed.json["instances"]["ahead"]) == ("relaunch", False)
    ahead = client.put("/v2/pools/web?dryRun=true", json=shown | {"cpus": 2, "relaunch": "AHEAD"})
    assert (ahead.json["instances"]["action"], ahead.json["instances"]["ahead"]) == ("relaunch", True)
    assert "hunter2" not in changed.text


def test_pools_of_version_1_are_rehearsed_in_their_form(client: FlaskClient) -> None:
    """With the fields that they have there."""
    client.post("/v1/loadbalancers", json=minimal_v1())
    pool = minimal_v1()
    pool["haproxy"]["backends"][0]["servers"][0]["port"]["name"] = "other"
    told = client.put("/v1/loadbalancers/web?dryRun=true", json=pool).json
    assert [one["field"] for one in told["fields"]] == ["pool.haproxy.backends[0].servers[0].port.name"]
    assert (told["configuration"]["action"], told["instances"]["action"]) == ("noop", "none")


def test_the_command_shows_what_would_change(run: Run) -> None:
    """For eyes, and as JSON."""
    new = run("diff", "-", "--brief", stdin=json.dumps(minimal()))
    assert new.stdout.splitlines() == ["web is a new pool.", "Load balancers: 1 launched: edgelb-pool-0"]
    run("create", "-", stdin=json.dumps(minimal()))
    assert run("diff", "-", stdin=json.dumps(minimal())).stdout.splitlines() == [
        "web stays as it is.",
        "Load balancers: all go on",
        "HAProxy: nothing changes: HAProxy is told the same but for its servers",
    ]
    shown = run("diff", "-", stdin=json.dumps(changed(count=2))).stdout.splitlines()
    assert shown[:4] == [
        "web changes:",
        "  pool.count: 1 -> 2",
        "  pool.haproxy.backends[0].balance: roundrobin -> leastconn",
        "Load balancers: 1 launched: edgelb-pool-1 (pool.count)",
    ]
    assert shown[4].startswith("HAProxy: loaded anew: 30-backends-")
    assert "+    balance leastconn" in shown
    assert json.loads(run("diff", "-", "--json", stdin=json.dumps(changed())).stdout)["dryRun"] is True
    refused = run("diff", "-", stdin=json.dumps(bad()), code=Exit.REFUSED)
    assert "HAProxy 2." in refused.stderr
