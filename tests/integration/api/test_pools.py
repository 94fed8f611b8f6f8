"""Create, read, update and delete V2 pools over a real ZooKeeper: documented status codes and bodies."""

import json
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from api.dcos_template.rendering.layers import default_template
from scheduler.pools.model import PoolType
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler
from tests.support.pools import SUPPORTED, example, minimal
from tests.support.v1_pools import minimal_v1
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def test_create_answers_200_with_the_defaults_filled_in_and_an_etag(client: FlaskClient) -> None:
    """200, not 201, is what the product documents."""
    response = client.post("/v2/pools", json=minimal())

    assert response.status_code == 200
    assert response.json["role"] == "slave_public"
    assert re.fullmatch(r'"[0-9a-f]{12}-1"', response.headers["ETag"])


def test_what_is_stored_is_what_differs_from_the_defaults_as_the_contract_says(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Scheduler and template read this node."""
    client.post("/v2/pools", json=minimal())

    stored, version = connection.get_json(f"{zk_root}/pools/web") or (None, None)
    assert version == 0
    assert f'"{stored["uid"]}-{stored["version"]}"' == client.get("/v2/pools/web").headers["ETag"]
    assert set(stored["pool"]) == {"name", "haproxy"}


@pytest.mark.parametrize("name", SUPPORTED)
def test_what_is_read_can_be_written_back_unchanged(client: FlaskClient, name: str) -> None:
    """Every documented pool that is supported makes the round trip through the API."""
    pool = client.post("/v2/pools", json=example(name)).json

    response = client.put(f"/v2/pools/{pool['name']}", json=pool)
    assert response.status_code == 200
    assert response.json == client.get(f"/v2/pools/{pool['name']}").json == pool


def test_a_pool_that_exists_cannot_be_created_again(client: FlaskClient) -> None:
    """409 with a sentence that says what to do instead."""
    client.post("/v2/pools", json=minimal())
    response = client.post("/v2/pools", json=minimal(count=2))

    assert response.status_code == 409
    assert response.json == {"code": 409, "message": "pool web exists already; update it, or delete it first"}
    assert client.get("/v2/pools/web").json["count"] == 1


def test_a_pool_that_is_made_from_labels_is_not_changed_by_hand(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """409 says what to change instead; what HAProxy is told beside it is the operator's all the same."""
    made = replace(load_pool(minimal(name="auto-shop")), type=PoolType.DYNAMIC)
    stored = PoolStore(connection, zk_root).create(made)
    shown = client.get("/v2/pools/auto-shop").json
    assert shown["type"] == "template-dynamic"
    assert client.get("/v2/pools/auto-shop/status").json["type"] == "template-dynamic"

    for body, query in ((shown, ""), (minimal(name="auto-shop", count=2), ""), (shown, "?dryRun=true")):
        changed = client.put(f"/v2/pools/auto-shop{query}", json=body)
        assert changed.status_code == 409
        assert changed.json["message"] == (
            "pool auto-shop is made from the labels of applications, nobody can change it: change these labels, or its"
            " pool template (edgelb pool-template update shop FILE)"
        )
    deleted = client.delete("/v2/pools/auto-shop")
    assert deleted.status_code == 409
    assert deleted.json["message"].endswith(
        "or with its pool template (edgelb pool-template delete shop); with EDGELB_AUTO_POOLS=0 nothing ends it until"
        " that is on again"
    )
    assert PoolStore(connection, zk_root).get("auto-shop") == stored
    assert (
        client.put("/v2/pools/auto-shop/lbtemplate", data=default_template(), content_type="text/plain").status_code
        == 200
    )
    for method in ("put", "delete"):
        body = {"json": minimal_v1(name="auto-shop")} if method == "put" else {}
        assert getattr(client, method)("/v1/loadbalancers/auto-shop", **body).status_code == 404
    assert (PoolStore(connection, zk_root).get("auto-shop") or stored).pool == made


def test_nobody_creates_a_pool_that_is_made_from_labels(client: FlaskClient) -> None:
    """Its type is shown, and cannot be chosen."""
    response = client.post("/v2/pools", json=minimal(type="template-dynamic"))
    assert response.status_code == 400
    assert response.json["message"].startswith("pool.type: template-dynamic invalid: must be static, or not be there")


def test_a_missing_pool_is_not_found_whatever_one_wants_of_it(client: FlaskClient) -> None:
    """404 with the documented text, also for names that no pool can have."""
    for name in ("web", "a..b", "UPPER", "a%2Fb"):
        for method in ("get", "put", "delete"):
            body = {"json": minimal()} if method == "put" else {}
            response = getattr(client, method)(f"/v2/pools/{name}", **body)
            assert response.status_code == 404, (method, name)
    for what in ("metadata", "lbconfig", "plans", "pods", "status"):
        response = client.get(f"/v2/pools/web/{what}")
        assert response.status_code == 404
        assert "pool not found" in response.text


def test_the_name_in_the_body_must_be_that_of_the_url(client: FlaskClient) -> None:
    """Pools are not renamed."""
    client.post("/v2/pools", json=minimal())
    response = client.put("/v2/pools/web", json=minimal(name="other"))

    assert response.status_code == 400
    assert response.json["message"].startswith("pool.name: other invalid: must be web")


def test_update_counts_the_etag_up_and_if_match_guards_it(client: FlaskClient) -> None:
    """Of two people who read the same version only one can write."""
    first = client.post("/v2/pools", json=minimal()).headers["ETag"]
    second = client.put("/v2/pools/web", json=minimal(count=2), headers={"If-Match": first})
    assert (second.status_code, second.headers["ETag"]) == (200, first.replace("-1", "-2"))

    for method in ("put", "delete"):
        body = {"json": minimal(count=3)} if method == "put" else {}
        assert getattr(client, method)("/v2/pools/web", headers={"If-Match": first}, **body).status_code == 412
    assert client.get("/v2/pools/web").json["count"] == 2
    assert client.put("/v2/pools/web", json=minimal(), headers={"If-Match": "*"}).status_code == 200
    assert client.delete("/v2/pools/web", headers={"If-Match": first.replace("-1", "-3")}).status_code == 204


def test_a_pool_that_was_created_again_is_not_changed_by_who_read_the_one_before(client: FlaskClient) -> None:
    """Both are at version 1."""
    first = client.post("/v2/pools", json=minimal()).headers["ETag"]
    client.delete("/v2/pools/web")
    client.post("/v2/pools", json=minimal(count=2))

    for method in ("put", "delete"):
        body = {"json": minimal(count=3)} if method == "put" else {}
        response = getattr(client, method)("/v2/pools/web", headers={"If-Match": first}, **body)
        assert response.status_code == 412
        assert "deleted and created again" in response.json["message"]
    assert client.get("/v2/pools/web").json["count"] == 2


def test_a_tag_in_the_body_counts_like_if_match(client: FlaskClient) -> None:
    """`edgelb show --json` writes it there, so that a pool that is edited and sent back loses nobody's change."""
    tag = client.post("/v2/pools", json=minimal()).headers["ETag"][1:-1]
    assert client.put("/v2/pools/web", json=minimal(count=2, etag=tag)).status_code == 200

    lost = client.put("/v2/pools/web", json=minimal(count=3, etag=tag))
    assert lost.status_code == 412
    assert "it is at version 2, not 1; read it again" in lost.json["message"]
    assert client.put("/v2/pools/web", json=minimal(count=3, etag=tag), headers={"If-Match": "*"}).status_code == 200
    assert client.put("/v2/pools/web", json=minimal(etag=7)).status_code == 400
    # A pool that is created from what was shown of another one is new.
    assert client.post("/v2/pools", json=minimal(name="copy", etag=tag)).status_code == 200


def test_conditions_on_a_pool_that_is_not_there_are_not_met(client: FlaskClient) -> None:
    """RFC 9110: If-Match is false without a current state, also with *; If-None-Match: * is true."""
    for value in ("*", '"1"'):
        for method in ("put", "delete"):
            body = {"json": minimal()} if method == "put" else {}
            response = getattr(client, method)("/v2/pools/web", headers={"If-Match": value}, **body)
            assert (response.status_code, "no pool web" in response.json["message"]) == (412, True)

    fresh = {"If-None-Match": "*"}
    assert client.put("/v2/pools/web", json=minimal(), headers=fresh).status_code == 200
    assert client.put("/v2/pools/web", json=minimal(count=2), headers=fresh).status_code == 412
    assert client.post("/v2/pools", json=minimal(count=2), headers=fresh).status_code == 412
    assert client.put("/v2/pools/web", json=minimal(), headers={"If-None-Match": '"1"'}).status_code == 400
    assert client.get("/v2/pools/web").json["count"] == 1


def test_a_weak_tag_is_told_from_a_wrong_one(client: FlaskClient) -> None:
    """nginx makes tags weak when it compresses; the person at the other end sees a tag that looks right."""
    tag = client.post("/v2/pools", json=minimal()).headers["ETag"]
    response = client.put("/v2/pools/web", json=minimal(), headers={"If-Match": f"W/{tag}"})

    assert response.status_code == 412
    assert "is a weak tag" in response.json["message"]


@pytest.mark.parametrize(
    ("value", "status"),
    [("nonsense", 400), ('"1", "2"', 400), ('W/"1"', 412), ('"0"', 412), ('"x"', 412), ('"99999999999"', 412)],
)
def test_a_tag_that_cannot_match_is_refused(client: FlaskClient, value: str, status: int) -> None:
    """Weak and foreign tags never match; what is no tag is a mistake."""
    client.post("/v2/pools", json=minimal())

    assert client.put("/v2/pools/web", json=minimal(), headers={"If-Match": value}).status_code == status


def test_reading_with_if_none_match_answers_304(client: FlaskClient) -> None:
    """Pollers need not read the same again."""
    tag = client.post("/v2/pools", json=minimal()).headers["ETag"]

    assert client.get("/v2/pools/web", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/v2/pools/web", headers={"If-None-Match": '"7"'}).status_code == 200


def test_delete_answers_204_without_a_body_and_the_pool_is_gone(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """Its load balancers are taken down by the scheduler."""
    client.post("/v2/pools", json=minimal())
    response = client.delete("/v2/pools/web")

    assert (response.status_code, response.data) == (204, b"")
    assert not connection.exists(f"{zk_root}/pools/web")
    assert client.get("/v2/pools/web").status_code == 404


def test_lists_hold_all_pools_by_name(client: FlaskClient) -> None:
    """Bare pools in the V2 lists, tagged ones in the containers."""
    for name in ("b", "a"):
        client.post("/v2/pools", json=minimal(name=name))

    assert [pool["name"] for pool in client.get("/v2/pools").json] == ["a", "b"]
    assert [pool["name"] for pool in client.get("/v2/config").json["pools"]] == ["a", "b"]
    container = client.get("/config").json["pools"][0]
    assert (container["apiVersion"], container["name"], container["v2"]["name"]) == ("V2", "a", "a")
    assert client.get("/pools/b").json["v2"] == client.get("/v2/pools/b").json


def test_a_pool_that_breaks_a_rule_gets_400_with_path_and_rule(client: FlaskClient) -> None:
    """Nothing is stored."""
    bad = minimal(name="foo:bar")
    response = client.post("/v2/pools", json=bad)

    assert response.status_code == 400
    assert response.json == {
        "code": 400,
        "message": "pool.name: foo:bar invalid: did not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
    }
    assert client.get("/v2/pools").json == []


def test_a_pool_too_large_for_one_node_is_stored_all_the_same(client: FlaskClient) -> None:
    """ZooKeeper would drop such a packet and the client see only a lost connection."""
    large = minimal()
    selector = {"marathon": {"serviceID": "/" + "x" * 500}}
    large["haproxy"]["backends"][0]["services"] = [selector] * 1200

    response = client.post("/v2/pools", json=large)
    assert response.status_code == 200
    assert len(client.get("/v2/pools/web").json["haproxy"]["backends"][0]["services"]) == 1200
    assert (
        client.put("/v2/pools/web", json=minimal(), headers={"If-Match": response.headers["ETag"]}).status_code == 200
    )
    assert client.delete("/v2/pools/web").status_code == 204


def test_a_list_holds_at_once_what_was_written_here_and_soon_what_others_write(
    client: FlaskClient, connection: ZooKeeper, zk_root: str
) -> None:
    """It comes from the server's own watch."""

    def listed() -> dict[str, int]:
        return {pool["name"]: pool["count"] for pool in client.get("/v2/pools").json}

    for count in range(1, 4):
        client.post("/v2/pools", json=minimal(name=f"p{count}"))
        client.put("/v2/pools/p1", json=minimal(name="p1", count=count))
        assert listed() == {"p1": count} | {f"p{number}": 1 for number in range(2, count + 1)}
    client.delete("/v2/pools/p1")
    assert listed() == {"p2": 1, "p3": 1}
    PoolStore(connection, zk_root).delete("p2")
    wait_until(lambda: listed() == {"p3": 1}, 10, "what another server did")


def test_a_node_that_is_no_pool_spoils_only_itself(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """Lists leave it out with a warning; it can be replaced or deleted."""
    client.post("/v2/pools", json=minimal())
    connection.put(f"{zk_root}/pools/broken", b'{"name": "another"}')

    def warned() -> bool:
        listed = client.get("/v2/pools")
        assert [pool["name"] for pool in listed.json] == ["web"]
        return "broken" in listed.headers.get("X-Edgelb-Warning", "")

    wait_until(warned, 10, "the warning")
    assert client.get("/v2/pools/broken").status_code == 500
    assert client.put("/v2/pools/broken", json=minimal(name="broken")).status_code == 200
    connection.put(f"{zk_root}/pools/broken", b"\xff")
    assert client.delete("/v2/pools/broken").status_code == 204


def test_what_has_no_effect_is_told_in_a_header(client: FlaskClient) -> None:
    """Old files keep working, and one learns what they no longer do."""
    response = client.post("/v2/pools", json=minimal(namespace="my/group"))

    assert response.status_code == 200
    assert response.json["namespace"] == "my/group"
    assert "pool.namespace" in response.headers["X-Edgelb-Warning"]


def test_the_token_is_accepted_in_query_and_header_and_never_logged(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Versions of the product differ in where they send it."""
    assert client.post("/v2/pools?token=s3cret", json=minimal()).status_code == 200
    assert client.get("/v2/pools", headers={"token": "s3cret", "Authorization": "token=s3cret"}).status_code == 200
    assert client.get("/nowhere?token=s3cret").status_code == 404
    printed = capsys.readouterr()
    assert "s3cret" not in printed.out + printed.err


def test_json_is_stored_as_utf_8_and_read_back(client: FlaskClient) -> None:
    """Names of applications are not ASCII only."""
    pool = minimal()
    pool["haproxy"]["backends"][0]["services"][0]["marathon"]["serviceID"] = "/größe"
    data = json.dumps(pool, ensure_ascii=False).encode()
    client.post("/v2/pools", data=data, content_type="application/json")

    backend = client.get("/v2/pools/web").json["haproxy"]["backends"][0]
    assert backend["services"][0]["marathon"]["serviceID"] == "/größe"


def test_a_pool_of_another_principal_is_refused_with_the_frameworks(client: FlaskClient, scheduler: Scheduler) -> None:
    """The scheduler knows its own; while it says nothing, the pool is stored with a warning."""
    scheduler.answers["GET /v1/state"] = 200, {"framework": {"principal": "edgelb"}}
    refused = client.post("/v2/pools", json=minimal(principal="me"))
    assert (refused.status_code, refused.json["message"]) == (  # type: ignore[index]
        400,
        "pool.principal: me invalid: is not that of the framework, which runs all pools and has edgelb; "
        "leave the field out",
    )
    assert client.post("/v2/pools", json=minimal(principal="edgelb")).status_code == 200
    scheduler.answers["GET /v1/state"] = 503, {"code": 503, "message": "not now"}
    stored = client.put("/v2/pools/web", json=minimal(principal="me"))
    assert stored.status_code == 200
    assert any("pool.principal was not compared" in warning for warning in stored.headers.getlist("X-Edgelb-Warning"))
