"""Version 1 of the API over a real ZooKeeper: documented status codes and bodies, and what version 2 shows of it."""

import re

import pytest
from flask.testing import FlaskClient

from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import publish_rendered, write_node
from tests.support.pools import minimal
from tests.support.v1_pools import SUPPORTED, config, minimal_v1, with_server

pytestmark = pytest.mark.integration

POOL = "/v1/loadbalancers/web"


def test_ping_and_version_are_there_as_text(client: FlaskClient) -> None:
    """As below no version."""
    for path in ("ping", "version"):
        answer = client.get(f"/v1/{path}")
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", client.get(f"/{path}").text)


def test_a_pool_is_created_shown_replaced_and_deleted_in_version_1(client: FlaskClient) -> None:
    """With the status codes that the product documents, and ETags as in version 2."""
    created = client.post("/v1/loadbalancers", json=minimal_v1())
    assert (created.status_code, created.json["apiVersion"], created.json["role"]) == (200, "V1", "slave_public")
    assert re.fullmatch(r'"[0-9a-f]{12}-1"', created.headers["ETag"])
    assert client.get(POOL).json == created.json
    assert client.get("/v1/loadbalancers").json == [created.json]
    assert client.get(POOL, headers={"If-None-Match": created.headers["ETag"]}).status_code == 304

    updated = client.put(POOL, json=minimal_v1(count=2), headers={"If-Match": created.headers["ETag"]})
    assert (updated.status_code, updated.json["count"]) == (200, 2)
    assert client.put(POOL, json=created.json, headers={"If-Match": created.headers["ETag"]}).status_code == 412
    assert client.delete(POOL, headers={"If-Match": created.headers["ETag"]}).status_code == 412
    deleted = client.delete(POOL)
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert client.get(POOL).json == {"code": 404, "message": "pool not found"}


@pytest.mark.parametrize("name", SUPPORTED)
def test_documented_pools_can_be_written_back_as_they_are_shown(client: FlaskClient, name: str) -> None:
    """Through both versions."""
    (pool,) = config(name)["pools"]
    shown = client.post("/v1/loadbalancers", json=pool).json
    assert client.put(f"/v1/loadbalancers/{pool['name']}", json=shown).json == shown

    as_version_2 = client.get(f"/v2/pools/{pool['name']}").json
    assert as_version_2["apiVersion"] == "V2"
    assert client.put(f"/v2/pools/{pool['name']}", json=as_version_2).json == as_version_2


def test_every_version_shows_what_was_written_in_version_1_and_2_only_shows_what_was_written_in_2(
    client: FlaskClient,
) -> None:
    """Not every pool of version 2 can be written in version 1."""
    old = client.post("/v1/loadbalancers", json=minimal_v1(name="old")).json
    new = client.post("/v2/pools", json=minimal(name="new")).json

    assert client.get("/v1/loadbalancers").json == [old]
    assert [pool["name"] for pool in client.get("/v2/pools").json] == ["new", "old"]
    (service,) = client.get("/v2/pools/old").json["haproxy"]["backends"][0]["services"]
    assert service["mesos"] == {"frameworkName": "marathon", "taskName": "app"}
    namespace = "dcos-edgelb/pools"
    containers = [
        {"apiVersion": "V2", "name": "new", "namespace": namespace, "v2": new},
        {"apiVersion": "V1", "name": "old", "namespace": namespace, "v1": old},
    ]
    assert client.get("/config").json == {"pools": containers, "poolTemplates": []}
    assert client.get("/pools/old").json == containers[1]
    assert client.get("/pools/old").headers["ETag"] == client.get("/v2/pools/old").headers["ETag"]


def test_a_pool_of_version_2_is_none_of_version_1_whatever_one_wants_of_it(client: FlaskClient) -> None:
    """Nothing of it is lost to a form that cannot express it; the answer says where it is."""
    before = client.post("/v2/pools", json=minimal()).json
    for answer in (
        client.get(POOL),
        client.put(POOL, json=minimal_v1()),
        client.delete(POOL),
        client.get(f"{POOL}/artifacts"),
        client.get(f"{POOL}/artifacts/haproxy.cfg"),
    ):
        assert answer.status_code == 404
        assert "web is a pool of API version V2, at v2/pools/web" in answer.text
    assert client.post("/v1/loadbalancers", json=minimal_v1()).status_code == 409
    assert client.get("/v2/pools/web").json == before


def test_a_pool_that_is_written_in_version_2_is_of_version_2_from_then_on(client: FlaskClient) -> None:
    """So a pool moves, and what version 1 could not say is not shown there."""
    client.post("/v1/loadbalancers", json=minimal_v1())
    client.put("/v2/pools/web", json=minimal())

    assert client.get("/pools/web").json["apiVersion"] == "V2"
    assert client.get("/v1/all").json == {"pools": []}


def test_refusals_name_the_fields_of_version_1(client: FlaskClient) -> None:
    """With pointers where they are asked for."""
    server = {"task": {"value": "a"}, "port": {"vip": "/a:1"}}
    message = client.post("/v1/loadbalancers", json=with_server(server)).json["message"]
    assert message.startswith(
        "pool.haproxy.backends[0].servers[0].port.vip: /a:1 invalid: is only allowed when type is"
    )

    asked = {"Accept": "application/problem+json"}
    (error,) = client.post("/v1/loadbalancers", json=with_server(server), headers=asked).json["errors"]
    assert error["pointer"] == "#/haproxy/backends/0/servers/0/port/vip"
    assert "must be V1 here" in client.post("/v1/loadbalancers", json=minimal_v1(apiVersion="V2")).json["message"]
    assert "at v1/loadbalancers" in client.post("/v2/pools", json=minimal_v1(apiVersion="V1")).json["message"]


def test_the_whole_configuration_is_replaced_at_once(client: FlaskClient) -> None:
    """What is not named goes, what is the same is not written again, pools of version 2 are not touched."""
    kept = client.post("/v1/loadbalancers", json=minimal_v1(name="kept")).headers["ETag"]
    client.post("/v1/loadbalancers", json=minimal_v1(name="changed"))
    client.post("/v1/loadbalancers", json=minimal_v1(name="gone"))
    other = client.post("/v2/pools", json=minimal(name="other")).headers["ETag"]
    shown = client.get("/v1/all").json
    assert [pool["name"] for pool in shown["pools"]] == ["changed", "gone", "kept"]
    assert client.put("/v1/all", json=shown).json == shown

    wanted = [minimal_v1(name="kept"), minimal_v1(name="changed", count=3), minimal_v1(name="new")]
    answer = client.put("/v1/all", json={"pools": wanted})
    assert (answer.status_code, answer.json) == (200, client.get("/v1/all").json)
    assert {pool["name"]: pool["count"] for pool in answer.json["pools"]} == {"kept": 1, "changed": 3, "new": 1}
    assert client.get("/v1/loadbalancers/kept").headers["ETag"] == kept
    assert client.get("/v2/pools/other").headers["ETag"] == other

    assert client.put("/v1/all", json={"pools": []}).json == {"pools": []}
    assert [pool["name"] for pool in client.get("/v2/pools").json] == ["other"]


def test_nothing_of_a_configuration_is_stored_when_one_pool_is_refused(client: FlaskClient) -> None:
    """Nor when one has the name of a pool of version 2."""
    client.post("/v1/loadbalancers", json=minimal_v1())
    client.post("/v2/pools", json=minimal(name="other"))
    before = client.get("/config").json

    refused = client.put("/v1/all", json={"pools": [minimal_v1(name="new"), minimal_v1(name="b", cout=1)]})
    assert (refused.status_code, refused.json["message"]) == (
        400,
        "config.pools[1].cout: 1 invalid: unknown field; did you mean count?",
    )
    foreign = client.put("/v1/all", json={"pools": [minimal_v1(name="new"), minimal_v1(name="other")]})
    assert (foreign.status_code, "at v2/pools/other" in foreign.json["message"]) == (409, True)
    assert client.put("/v1/all", json={"pools": [minimal_v1(etag=7)]}).status_code == 400
    assert client.put("/v1/all", json=[]).status_code == 400
    assert client.put("/v1/all", data=b'{"pools": []}', content_type="text/plain").status_code == 415
    assert client.put("/v1/all", json={"pools": []}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/config").json == before


def test_a_tag_in_a_pool_of_a_configuration_counts_like_if_match(client: FlaskClient) -> None:
    """Of two people who read the same pool only one can write."""
    tag = client.post("/v1/loadbalancers", json=minimal_v1()).headers["ETag"][1:-1]
    assert client.put("/v1/all", json={"pools": [minimal_v1(count=2, etag=tag)]}).status_code == 200

    lost = client.put("/v1/all", json={"pools": [minimal_v1(count=3, etag=tag)]})
    assert (lost.status_code, "changed by somebody else" in lost.json["message"]) == (412, True)
    assert client.get(POOL).json["count"] == 2


def test_a_damaged_pool_can_be_replaced_and_deleted(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """It is of no version any more."""
    write_node(connection, f"{zk_root}/pools/web", b"{")
    assert client.get(POOL).status_code == 500
    assert client.put(POOL, json=minimal_v1()).status_code == 200

    write_node(connection, f"{zk_root}/pools/web", b"{")
    assert client.delete(POOL).status_code == 204


def test_the_artifact_of_a_pool_is_its_rendered_configuration(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """It cannot be changed; the template, which could, is not there yet."""
    client.post("/v1/loadbalancers", json=minimal_v1())
    assert client.get(f"{POOL}/artifacts").json == ["haproxy.cfg", "haproxy.cfg.ctmpl"]
    early = client.get(f"{POOL}/artifacts/haproxy.cfg")
    assert (early.status_code, early.mimetype) == (504, "text/plain")

    publish_rendered(connection, zk_root)
    found = client.get(f"{POOL}/artifacts/haproxy.cfg")
    assert (found.status_code, found.mimetype) == (200, "text/plain")
    assert found.text == client.get("/v2/pools/web/lbconfig").text
    assert client.put(f"{POOL}/artifacts/haproxy.cfg", data="x", content_type="text/plain").status_code == 405
    assert client.delete(f"{POOL}/artifacts/haproxy.cfg").status_code == 405
    assert client.get(f"{POOL}/artifacts/nope").status_code == 404


def test_warnings_have_the_paths_of_version_1(client: FlaskClient) -> None:
    """As the refusals."""
    pool = minimal_v1()
    pool["haproxy"]["backends"].append({"name": "spare", "servers": [{"task": {"value": "b"}}]})
    warnings = client.post("/v1/loadbalancers", json=pool).headers.getlist("X-Edgelb-Warning")

    assert any("pool.haproxy.backends[1] (spare) is used by no frontend" in warning for warning in warnings)


def test_the_description_of_the_api_has_the_form_of_version_1(client: FlaskClient) -> None:
    """Servers and not services."""
    schemas = client.get("/openapi.json").json["components"]["schemas"]

    assert set(schemas["V1Backend"]["properties"]) == set(schemas["Backend"]["properties"]) - {"services"} | {"servers"}
    assert {"principal", "secretName", "cloudProvider"} & set(schemas["V1Pool"]["properties"]) == set()
    assert schemas["PoolContainer"]["properties"]["v1"] == {"$ref": "#/components/schemas/V1Pool"}
