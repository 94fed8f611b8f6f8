"""An API server whose operator wants to be told which state of a pool a change is made to."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from api.cli.exits import Exit
from api.cli.main import cli
from api.validation.trials import Trials
from api.web.app import create_app
from api.web.main import ApiServer, ApiSettings
from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import ZooKeeper
from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration

TEMPLATE = '{% extends "haproxy.cfg" %}\n{% block global %}\n    maxconn 5\n{% endblock %}\n'
SAYS = "changes of pools must say which state of it is meant: send If-Match"


@pytest.fixture
def strict(connection: ZooKeeper, zk_root: str, trials: Trials) -> FlaskClient:
    app = create_app(connection, zk_root, version="v9.9.9", trials=trials, require_if_match=True)
    return app.test_client()


def test_a_change_that_says_nothing_is_refused_and_changes_nothing(strict: FlaskClient) -> None:
    """428, with what to do; what is new needs no word, nor does what is only rehearsed."""
    tag = strict.post("/v2/pools", json=minimal()).headers["ETag"]
    template = {"data": TEMPLATE, "content_type": "text/plain"}
    for method, path, sent in (
        ("put", "/v2/pools/web", {"json": minimal(count=2)}),
        ("delete", "/v2/pools/web", {}),
        ("put", "/v2/pools/web/lbtemplate", template),
        ("delete", "/v2/pools/web/lbtemplate", {}),
    ):
        refused = getattr(strict, method)(path, **sent)
        assert (refused.status_code, SAYS in refused.text) == (428, True), path
        assert getattr(strict, method)(f"{path}?dryRun=true", **sent).status_code == 200, path
    assert strict.get("/v2/pools/web").headers["ETag"] == tag
    told = strict.put("/v2/pools/web", json=minimal(), headers={"Accept": "application/problem+json"}).json
    assert (told["status"], told["title"]) == (428, "Precondition Required")


def test_each_word_that_says_so_is_enough(strict: FlaskClient) -> None:
    """The tag in the header or in the pool, `*`, and that it must be new; a wrong one stays 412, a missing pool 404."""
    assert strict.put("/v2/pools/web", json=minimal()).status_code == 404
    assert strict.delete("/v2/pools/web").status_code == 404
    assert strict.put("/v2/pools/web", json=minimal(), headers={"If-None-Match": "*"}).status_code == 200
    tag = strict.get("/v2/pools/web").headers["ETag"]
    second = strict.put("/v2/pools/web", json=minimal(count=2), headers={"If-Match": tag})
    assert second.status_code == 200
    assert strict.put("/v2/pools/web", json=minimal(), headers={"If-Match": tag}).status_code == 412
    own = second.headers["ETag"].strip('"')
    assert strict.put("/v2/pools/web", json=minimal(count=3, etag=own)).status_code == 200
    assert strict.post("/v2/pools", json=minimal()).status_code == 409
    assert strict.delete("/v2/pools/web", headers={"If-Match": "*"}).status_code == 204


def test_pools_of_version_1_are_replaced_only_by_who_read_them(strict: FlaskClient) -> None:
    """Those that would change, or be deleted for not being named; the others need no word."""
    pools = {"pools": [minimal_v1(name=name) for name in ("one", "two")]}
    assert strict.put("/v1/all", json=pools).status_code == 200
    assert strict.put("/v1/all", json=pools).status_code == 200
    fewer = {"pools": pools["pools"][:1]}
    changed = {"pools": [minimal_v1(name="one", count=2), minimal_v1(name="two")]}
    for body, name in ((fewer, "two"), (changed, "one")):
        refused = strict.put("/v1/all", json=body)
        assert (refused.status_code, f"pool {name} is there" in refused.text) == (428, True)
    tag = strict.get("/v1/loadbalancers/one").headers["ETag"].strip('"')
    changed["pools"][0]["etag"] = tag
    assert strict.put("/v1/all", json=changed).status_code == 200


def test_a_pool_template_is_changed_only_by_who_says_which(strict: FlaskClient) -> None:
    """As a pool is."""
    path = "/v2/pooltemplates/web/template"
    text = {"data": '{% extends "default" %}', "content_type": "text/plain"}
    assert strict.put(path, **text).status_code == 404
    strict.post("/v2/pooltemplates", json={"name": "web"})
    for refused in (strict.put(path, **text), strict.delete(path), strict.delete("/v2/pooltemplates/web")):
        assert (refused.status_code, "pool template web is there" in refused.text) == (428, True)
    assert strict.put(f"{path}?dryRun=true", **text).status_code == 200
    tag = strict.get(path).headers["ETag"]
    assert strict.put(path, **text, headers={"If-Match": tag}).status_code == 200
    assert strict.delete("/v2/pooltemplates/web", headers={"If-Match": "*"}).status_code == 204


@pytest.fixture
def server(zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, trials: Trials) -> Iterator[str]:
    """The real server, as strict."""
    settings = ApiSettings(zk=zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0", require_if_match=True)
    running = ApiServer(settings, connection, trials)
    yield f"http://{running.start()}"
    running.stop()


def test_the_command_line_says_what_it_means(server: str) -> None:
    """Who deletes a pool means it whatever it is; who updates one says which, or that it does not matter."""

    def run(*arguments: str, stdin: object = None, code: int = 0) -> str:
        text = json.dumps(stdin) if stdin is not None else None
        result = CliRunner().invoke(cli, list(arguments), input=text, env={"EDGELB_API": server})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    run("create", "-", stdin=minimal())
    refused = run("update", "-", stdin=minimal(count=2), code=Exit.REFUSED)
    assert "edgelb show web --json writes it into the file as etag; --overwrite replaces any" in refused
    run("update", "-", "--overwrite", stdin=minimal(count=2))
    assert "edgelb create POOL-FILE creates it" in run(
        "update", "-", "--overwrite", stdin=minimal(name="none"), code=Exit.REFUSED
    )
    run("template", "create", "web", "-", stdin=None, code=Exit.REFUSED)  # an empty one is none
    run("delete", "web")
    run("pool-template", "create", "web")
    run("pool-template", "reset", "web")
    run("pool-template", "delete", "web")
    assert "pool not found" in run("show", "web", code=Exit.NOT_FOUND)
