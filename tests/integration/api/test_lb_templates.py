"""HAProxy templates of pools, over HTTP and from the command line."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.cli.exits import Exit
from api.dcos_template.rendering.layers import default_template
from tests.integration.api.test_cli import Run, no_server_logs, run
from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]  # fixtures

TUNED = '{% extends "haproxy.cfg" %}\n{% block global %}\n{{ super() }}    tune.bufsize 32768\n{% endblock %}\n'
UNKNOWN = TUNED.replace("tune.bufsize", "tune.nonsense")
PATH = "/v2/pools/web/lbtemplate"


def put(client: FlaskClient, text: str, query: str = "", **headers: str) -> TestResponse:
    return client.put(f"{PATH}{query}", data=text, content_type="text/plain", headers=headers)


def test_the_default_template_is_that_of_every_pool_until_it_has_its_own(client: FlaskClient) -> None:
    """As text, which can be sent back."""
    default = client.get("/v2/lbtemplate")
    assert (default.status_code, default.mimetype, default.text) == (200, "text/plain", default_template())
    assert client.get(PATH).status_code == 404
    client.post("/v2/pools", json=minimal())
    assert client.get(PATH).text == default.text
    assert put(client, default.text).status_code == 200


def test_a_template_makes_a_new_version_of_its_pool(client: FlaskClient) -> None:
    """Which later versions keep, until it is deleted."""
    first = client.post("/v2/pools", json=minimal()).headers["ETag"]
    answer = put(client, TUNED)
    assert (answer.status_code, answer.text) == (200, TUNED)
    assert answer.headers["ETag"] != first
    assert client.get("/v2/pools/web").headers["ETag"] == answer.headers["ETag"]
    assert "template" not in client.get("/v2/pools/web").text

    client.put("/v2/pools/web", json=minimal(count=2))
    assert client.get(PATH).text == TUNED
    gone = client.delete(PATH)
    assert (gone.status_code, gone.text) == (200, default_template())
    assert client.get(PATH).text == default_template()
    assert client.get("/v2/pools/web").json["count"] == 2


def test_what_haproxy_refuses_is_not_stored_and_names_the_line(client: FlaskClient) -> None:
    """The template before stays, and so does a pool with which it does not go."""
    client.post("/v2/pools", json=minimal())
    put(client, TUNED)
    refused = put(client, UNKNOWN, Accept="application/json")
    assert refused.status_code == 400
    assert refused.json["message"].startswith("lbtemplate line 3: HAProxy 2.")
    assert "unknown keyword 'tune.nonsense'" in refused.json["message"]
    go = put(client, "{{ range .Backends }}", Accept="application/json").json["message"]
    assert go.startswith("lbtemplate line 1: '{{ range' is of the Go templates of DC/OS Edge-LB")
    assert client.get(PATH).text == TUNED


def test_a_template_is_changed_under_conditions_and_rehearsed_like_a_pool(client: FlaskClient) -> None:
    """It is a part of one."""
    assert put(client, TUNED).status_code == 404
    assert client.delete(PATH).status_code == 404
    client.post("/v2/pools", json=minimal())
    assert put(client, TUNED, **{"If-Match": '"0-7"'}).status_code == 412
    told = put(client, TUNED, "?dryRun=true").json
    assert (told["fields"], told["configuration"]["action"]) == ([], "reload")
    assert "+    tune.bufsize 32768" in told["configuration"]["diff"]
    assert client.get(PATH).text == default_template()


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"", "text/plain", 400),
        (b"\xff", "text/plain", 400),
        (b"x" * 70_000, "text/plain", 413),
        (TUNED.encode(), "application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies_that_are_no_templates_are_refused(
    client: FlaskClient, data: bytes, content_type: str, status: int
) -> None:
    """With the text that says which they must be."""
    client.post("/v2/pools", json=minimal())
    assert client.put(PATH, data=data, content_type=content_type).status_code == status
    assert client.post("/v2/pools", data="{}", content_type="text/plain").status_code == 415


def test_the_commands_show_and_change_templates(run: Run, tmp_path: Path) -> None:
    """`create` and `update` do the same."""
    run("create", "-", stdin='{"name": "web"}')
    assert run("template", "show").stdout == default_template()
    (tmp_path / "t").write_text(TUNED)
    created = run("template", "create", "web", str(tmp_path / "t"))
    assert created.stdout.startswith("Successfully created the template of web.")
    assert run("template", "show", "web").stdout == TUNED
    refused = run("template", "update", "web", "-", stdin=UNKNOWN, code=Exit.REFUSED)
    assert "Error: lbtemplate line 3: HAProxy 2." in refused.stderr
    run("template", "delete", "web")
    assert run("template", "show", "web").stdout == default_template()
    assert "cannot be read" in run("template", "create", "web", str(tmp_path / "no"), code=Exit.USAGE).stderr
    assert "pool not found: nope" in run("template", "show", "nope", code=Exit.NOT_FOUND).stderr


def test_pools_of_version_1_have_templates_as_artifacts(client: FlaskClient) -> None:
    """Under the name that they had there."""
    client.post("/v1/loadbalancers", json=minimal_v1())
    path = "/v1/loadbalancers/web/artifacts/haproxy.cfg.ctmpl"
    assert client.get(path).text == default_template()
    assert client.put(path, data=TUNED, content_type="text/plain").text == TUNED
    assert client.get(PATH).text == client.get(path).text == TUNED
    assert client.delete(path).text == default_template()
    client.post("/v2/pools", json=minimal(name="second"))
    assert client.get(path.replace("web", "second")).status_code == 404
