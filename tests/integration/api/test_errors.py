"""The forms in which errors come, and what happens with broken requests."""

import contextlib

import pytest
import yaml
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from api.web.bodies import MAX_BODY, MAX_YAML
from api.web.strict_yaml import KeyTwice, NotYaml, parse_yaml
from tests.support.pools import minimal

pytestmark = pytest.mark.integration

# Each line has the one before it twice.
_BOMB = "a0: &a0 [x]\n" + "".join(f"a{at + 1}: &a{at + 1} [*a{at}, *a{at}]\n" for at in range(25))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"name": "a",\n "count": }', "line 2, column 11"),
        (b"\xff\xfe", "byte 0"),
        (b'{"name": "a", "name": "b"}', "'name' stands twice"),
        (b'{"cpus": NaN}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"count": ' + b"1" * 5000 + b"}", "not usable"),
        (b"[]", "pool: must be an object"),
        (b'"x"', "pool: x invalid: must be an object"),
    ],
)
def test_a_broken_body_gets_400_with_what_is_wrong_and_where(client: FlaskClient, body: bytes, where: str) -> None:
    """Line and column where JSON ends to be JSON."""
    response = client.post("/v2/pools", data=body, content_type="application/json")

    assert response.status_code == 400
    assert response.json["code"] == 400
    assert where in response.json["message"]


def test_a_body_above_the_limit_gets_413(client: FlaskClient) -> None:
    """It is not even parsed."""
    response = client.post("/v2/pools", data=b"x" * (MAX_BODY + 1), content_type="application/json")

    assert (response.status_code, response.json["code"]) == (413, 413)


@pytest.mark.parametrize("kind", ["application/yaml", "application/x-yaml; charset=utf-8", "text/yaml", "text/x-yaml"])
def test_a_pool_may_be_written_in_yaml(client: FlaskClient, kind: str) -> None:
    """It is the pool that the same document in JSON is."""
    pool = minimal()
    written = client.post("/v2/validate", data=yaml.safe_dump(pool), content_type=kind)

    assert written.status_code == 200
    assert written.json == client.post("/v2/validate", json=pool).json


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ("", 400, "send the pool as JSON or YAML"),
        ("name: web\ncount: 1\nname: x\n", 400, "stands twice in one object, the second time at line 3, column 1"),
        ("name: [", 400, "not YAML: while parsing"),
        ("[" * 50_000, 400, "nested too deeply"),
        ("name: 2020-01-01", 400, "JSON cannot express"),
        ("name: !!bool maybe", 400, "not what its tag says"),
        ("name: !!python/object/apply:os.getcwd []", 400, "could not determine a constructor"),
        ("a: &a [*a]", 400, "an alias stands within"),
        (_BOMB, 400, "aliases"),
        ("a: " + "x" * MAX_YAML, 413, "send so much as JSON"),
    ],
)  # fmt: skip
def test_broken_yaml_gets_what_is_wrong_and_where(client: FlaskClient, body: str, status: int, where: str) -> None:
    """None of it makes an object, or more than it looks like."""
    response = client.post("/v2/pools", data=body, content_type="application/yaml")

    assert response.status_code == status
    assert where in response.json["message"]


@given(text=st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!?|> \n#'\"0~<,", max_size=200))
@settings(max_examples=300)
def test_any_text_is_yaml_or_no_yaml(text: str) -> None:
    """The reader has ways to fail that are no YAMLError."""
    with contextlib.suppress(NotYaml, KeyTwice):
        parse_yaml(text)


def test_who_asks_for_problem_json_gets_rfc_9457(client: FlaskClient) -> None:
    """Each broken rule is an entry of its own."""
    response = client.post("/v2/pools", json={"name": "A", "count": -1}, headers={"Accept": "application/problem+json"})

    assert response.mimetype == "application/problem+json"
    assert (response.json["status"], response.json["title"]) == (400, "Bad Request")
    assert {error["pointer"] for error in response.json["errors"]} == {"#/name", "#/count"}


def test_the_list_of_errors_ends_and_counts_the_rest(client: FlaskClient) -> None:
    """A megabyte of mistakes was answered with several."""
    body = {f"x{index}": 1 for index in range(1000)}
    response = client.post("/v2/pools", json=body, headers={"Accept": "application/problem+json"})

    assert (len(response.json["errors"]), response.json["moreErrors"]) == (20, 981)
    assert len(response.data) < 20_000


@pytest.mark.parametrize(("method", "path", "status"), [("get", "/nowhere", 404), ("patch", "/v2/pools", 405)])
def test_routes_that_do_not_exist_answer_with_the_error_object(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """No HTML anywhere."""
    response = getattr(client, method)(path)

    assert response.status_code == status
    assert response.json["code"] == status


def test_the_root_says_what_is_here(client: FlaskClient) -> None:
    """JSON for programs, HTML for browsers; every link leads somewhere, also below the prefix."""
    for base in ("/", "/service/edgelb/"):
        found = client.get(base).json
        assert found["name"] == "Edge-LB"
        for href in found["links"].values():
            assert client.get(f"{base}{href}").status_code == 200, href
    browser = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser.mimetype == "text/html"
    assert '<a href="v2/pools">pools</a>' in browser.text
    # Relative links of a page at /service/edgelb would lead to /service/.
    moved = client.get("/service/edgelb")
    assert (moved.status_code, moved.headers["Location"]) == (308, "/service/edgelb/")


def test_text_endpoints_tell_errors_as_text_unless_json_is_asked_for(client: FlaskClient) -> None:
    """As the product did."""
    assert client.get("/v2/pools/none/lbconfig").text == "pool not found\n"
    asked = client.get("/v2/pools/none/lbconfig", headers={"Accept": "application/json"})
    assert asked.json == {"code": 404, "message": "pool not found"}


def test_everything_is_served_below_the_prefix_too(client: FlaskClient) -> None:
    """Admin Router proxies to /service/edgelb."""
    assert client.get("/service/edgelb/ping").text == client.get("/ping").text == "pong"
    assert client.get("/service/edgelb/v2/pools").json == []
    assert client.get("/service/edgelbx/ping").status_code == 404


def test_version_liveness_readiness_and_metrics(client: FlaskClient) -> None:
    """What load balancers and Prometheus ask."""
    assert client.get("/version").text == "v9.9.9"
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    client.get("/v2/pools/secret-name")
    metrics = client.get("/metrics").text
    assert 'edgelb_api_requests_total{method="GET",route="/v2/pools/<string:name>",status="404"}' in metrics
    assert "secret-name" not in metrics
    assert "edgelb_api_zookeeper_connected 1.0" in metrics


def test_the_description_names_every_route_and_the_pool_schema(client: FlaskClient) -> None:
    """OpenAPI 3.1 for tools."""
    described = client.get("/openapi.json").json

    assert described["openapi"] == "3.1.0"
    assert {"/v2/pools", "/v2/pools/{name}", "/v2/pools/{name}/metadata", "/ping"} <= set(described["paths"])
    pool = described["components"]["schemas"]["V2Pool"]["properties"]
    assert pool["count"] == {"type": "integer", "minimum": 0, "maximum": 1000}


def test_errors_are_told_in_the_order_of_what_was_written(client: FlaskClient) -> None:
    """Whoever reads them goes through his file from top to bottom; what is missing comes last."""
    haproxy = {"backends": [{"services": 1, "balance": "odd", "name": "a"}, {"nam": "b"}], "stats": {"bindPort": -1}}
    answer = client.post(
        "/v2/pools",
        json={"count": -1, "haproxy": haproxy, "cout": 1, "cpus": -1},
        headers={"Accept": "application/problem+json"},
    )
    assert [one["pointer"] for one in answer.json["errors"]] == [
        "#/count",
        "#/haproxy/backends/0/services",
        "#/haproxy/backends/0/balance",
        "#/haproxy/backends/1/nam",
        "#/haproxy/backends/1/name",
        "#/haproxy/stats/bindPort",
        "#/cout",
        "#/cpus",
        "#/name",
    ]
