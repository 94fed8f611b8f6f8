"""Pools that are judged: before they are stored, and without being stored."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskClient

from api.cli.exits import Exit
from api.validation.trials import Trials
from api.web.app import create_app
from pool_executor.lbmgr.haproxy.program import CHOICE
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import instance, publish_instance, publish_rendered
from tests.integration.api.test_cli import Run, no_server_logs, run
from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]  # fixtures

#: Each word is fine for itself, and HAProxy does not take both.
BAD_WORDS = "ssl ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2"
FIELD = "pool.haproxy.backends[0].services[0].endpoint"


def bad() -> dict[str, Any]:
    """A pool that only HAProxy refuses."""
    pool = minimal()
    pool["haproxy"]["backends"][0]["services"][0]["endpoint"]["miscStr"] = BAD_WORDS
    return pool


def bad_v1(**changes: object) -> dict[str, Any]:
    """The same of version 1."""
    pool = minimal_v1(**changes)
    pool["haproxy"]["backends"][0]["servers"][0]["miscStr"] = BAD_WORDS
    return pool


def test_a_pool_that_haproxy_takes_is_valid_and_is_not_stored(client: FlaskClient) -> None:
    """The version of the HAProxy that was asked is told: instances may have another one."""
    answer = client.post("/v2/validate", json=minimal())
    assert answer.status_code == 200
    told = answer.json
    assert told.pop("haproxy").startswith("2.")
    assert told == {"valid": True, "errors": [], "moreErrors": 0, "warnings": []}
    assert client.get("/v2/pools").json == []


def test_what_breaks_a_rule_is_told_with_its_place(client: FlaskClient) -> None:
    """As JSON Pointers, and HAProxy is not asked."""
    told = client.post("/v2/validate", json=minimal(cout=2)).json
    assert told == {
        "valid": False,
        "errors": [{"pointer": "#/cout", "detail": "pool.cout: 2 invalid: unknown field; did you mean count?"}],
        "moreErrors": 0,
        "warnings": [],
        "haproxy": None,
    }
    assert client.post("/v2/validate", data="{", content_type="application/json").status_code == 400


def test_what_haproxy_refuses_is_told_with_the_field(client: FlaskClient) -> None:
    """And its words."""
    told = client.post("/v2/validate", json=bad()).json
    assert told["valid"] is False
    (error,) = told["errors"]
    assert error["pointer"] == "#/haproxy/backends/0/services/0/endpoint"
    assert error["detail"].startswith(f"{FIELD}: HAProxy {told['haproxy']} refuses it: ")
    assert "all SSL/TLS versions are disabled" in error["detail"]


def test_what_haproxy_refuses_is_never_stored(client: FlaskClient) -> None:
    """Neither as a new pool nor in the place of one."""
    refused = client.post("/v2/pools", json=bad())
    assert refused.status_code == 400
    assert refused.json["message"].startswith(f"{FIELD}: HAProxy ")
    assert client.get("/v2/pools/web").status_code == 404

    client.post("/v2/pools", json=minimal())
    assert client.put("/v2/pools/web", json=bad()).status_code == 400
    assert client.get("/v2/pools/web").headers["ETag"].endswith('-1"')


def test_pools_of_version_1_are_judged_in_their_form(client: FlaskClient) -> None:
    """With the paths that they have there."""
    assert client.post("/v1/validate", json=minimal_v1()).json["valid"] is True
    pool = bad_v1()
    told = client.post("/v1/validate", json=pool).json
    assert told["errors"][0]["pointer"] == "#/haproxy/backends/0/servers/0"
    assert client.post("/v1/loadbalancers", json=pool).status_code == 400
    assert client.put("/v1/all", json={"pools": [pool]}).status_code == 400
    assert client.get("/v1/loadbalancers").json == []


def test_without_haproxy_a_pool_is_stored_with_a_warning(
    connection: ZooKeeper, zk_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server may run where there is none."""
    monkeypatch.setenv(CHOICE, "/nowhere/haproxy")
    trials = Trials()
    try:
        client = create_app(connection, zk_root, version="v9.9.9", trials=trials).test_client()
        answer = client.post("/v2/pools", json=minimal())
        judged = client.post("/v2/validate", json=minimal()).json
    finally:
        trials.stop()
    sentence = (
        "HAProxy was not asked whether it takes the pool: there is no /nowhere/haproxy on this machine; "
        f"{CHOICE} says where one is"
    )
    assert answer.status_code == 200
    assert sentence in answer.headers.getlist("X-Edgelb-Warning")
    assert (judged["valid"], judged["haproxy"], judged["warnings"]) == (True, None, [sentence])


def test_the_status_names_the_field_of_the_line_that_an_instance_refused(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Its HAProxy may be another one than that of the API server."""
    client.post("/v2/pools", json=minimal())
    publish_rendered(connection, zk_root)
    message = "parsing [20-stats.cfg:3] : 'bind' : unknown keyword"
    publish_instance(connection, zk_root, instance(verdict="rejected", error=message, rejected_version=3, version=2))
    row = client.get("/v2/pools/web/status").json["loadBalancers"][0]
    assert (row["error"], row["field"]) == (message, "pool.haproxy.stats.bindAddress")


def written(path: Path, *pools: dict[str, Any]) -> str:
    path.write_text(json.dumps(pools[0] if len(pools) == 1 else {"pools": pools}))
    return str(path)


@pytest.mark.parametrize("offline", [(), ("--offline",)], ids=["server", "offline"])
def test_the_command_says_whether_a_file_would_be_accepted(run: Run, tmp_path: Path, offline: tuple[str, ...]) -> None:
    """By its exit code, too; offline the same, whatever the server is."""
    environment = {"EDGELB_API": "http://127.0.0.1:1"} if offline else {}

    def judge(file: str, code: Exit = Exit.OK) -> Result:
        return run("validate", file, *offline, code=code, **environment)

    good = judge(written(tmp_path / "good.json", minimal(namespace="other")))
    assert good.stdout.startswith("web is valid: HAProxy 2.")
    assert "Warning: pool.namespace is kept but has no effect" in good.stderr
    refused = judge(written(tmp_path / "bad.json", bad()), code=Exit.REFUSED)
    assert refused.stdout == ""
    assert f"Error: {FIELD}: HAProxy 2." in refused.stderr
    several = judge(written(tmp_path / "two.json", minimal_v1(name="one"), bad_v1(name="two")), code=Exit.REFUSED)
    assert several.stdout.startswith("one is valid")
    assert "two: pool.haproxy.backends[0].servers[0]: HAProxy 2." in several.stderr
    told = run("validate", "-", *offline, "--json", stdin=json.dumps(minimal()), **environment)
    assert json.loads(told.stdout)["valid"] is True
