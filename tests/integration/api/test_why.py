"""`GET /v2/why` and `edgelb why`: what the template process tells, with what the API knows of the pools."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from api.cli.exits import Exit
from api.cli.main import cli
from api.process.health import HealthServer
from pool_executor.contract import RefusedServer
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper, encode_json
from tests.integration.api.conftest import instance, publish_instance
from tests.support.pools import minimal

pytestmark = pytest.mark.integration

TASK: dict[str, Any] = {
    "id": "shop.1",
    "frameworkId": "f1",
    "framework": "marathon",
    "name": "shop",
    "app": "/shop",
    "state": "TASK_RUNNING",
    "waits": "",
    "notes": [],
    "services": [
        {"pool": "web", "backend": "app", "servers": [{"at": "10.0.0.9:31000", "state": "ready"}], "leftOut": ""}
    ],
    "templates": {},
    "unexposed": "",
}


@pytest.fixture
def template(connection: ZooKeeper, zk_root: str) -> Iterator[list[str]]:
    """One in charge that knows a task; which questions it was asked."""
    asked: list[str] = []

    def answer(query: dict[str, str]) -> dict[str, Any]:
        asked.append(query["task"])
        known = [TASK] if query["task"] == "/shop" else []
        return {"why": {"tasks": known, "total": len(known), "near": ["/shop"][len(known) :], "complete": True}}

    server = HealthServer(
        "127.0.0.1:0",
        name="template",
        healthy=lambda: None,
        ready=lambda: None,
        gauges={},
        questions={"/why": lambda query: answer(dict(query))},
    )
    server.start()
    holder = {"id": "t", "url": f"http://{server.address}", "pid": 7, "since": 0}
    connection.put(f"{zk_root}/locks/template/holder", encode_json(holder))
    yield asked
    server.stop()


def test_the_answer_has_what_the_pool_adds(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, template: list[str]
) -> None:
    """Instances, URLs, and who refuses the task."""
    assert client.get("/v2/why?task=/shop").json["answer"] == "/shop is not exposed: pool web was deleted"
    client.post("/v2/pools", json=minimal())
    found = client.get("/v2/why?task=/shop").json
    assert found["answer"].startswith("/shop is not exposed: pool web has no load balancer: it is deploying, ")
    publish_instance(connection, zk_root, instance(0, public=("192.0.2.1",)))
    found = client.get("/v2/why?task=/shop").json
    assert (found["exposed"], found["urls"]) == (True, ["http://192.0.2.1/"])
    assert found["tasks"][0]["where"] == ["backend app of pool web"]
    refused = (RefusedServer(backend="app", server="s", task="shop.1", reason="it is full"),)
    publish_instance(connection, zk_root, instance(0, refused=refused))
    found = client.get("/v2/why?task=/shop").json
    assert found["answer"] == "/shop is not exposed: the load balancers of pool web refuse it: it is full"
    assert template == ["/shop"] * 4


def test_the_task_has_to_be_named(client: FlaskClient, template: list[str]) -> None:
    """By something."""
    assert client.get("/v2/why?task=%20").status_code == 400
    assert template == []


@pytest.fixture
def quiet() -> Iterator[None]:
    """The server runs in this process: its log would stand among what the command prints."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("quiet", "template")
def test_the_command_says_the_answer_first(server: str, connection: ZooKeeper, zk_root: str) -> None:
    """Below it stand URLs and tasks; the exit code tells the kind of answer."""

    def why(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["why", *arguments], env={"EDGELB_API": server})

    result = why("/shop")
    assert result.exit_code == Exit.UNHEALTHY
    assert result.stdout.splitlines()[0] == "/shop is not exposed: pool web was deleted"
    result = why("/other")
    assert result.exit_code == Exit.NOT_FOUND
    assert "did you mean /shop?" in result.stdout
    PoolStore(connection, zk_root).create(load_pool(minimal()))
    publish_instance(connection, zk_root, instance(0, public=("192.0.2.1",)))
    result = why("/shop")
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout.splitlines() == [
        "/shop is exposed: it serves, at http://192.0.2.1/",
        "  http://192.0.2.1/",
        "",
        "TASK    SERVES  WHERE OR WHY NOT",
        "shop.1  yes     backend app of pool web",
    ]
    assert json.loads(why("/shop", "--json").stdout)["tasks"][0]["serves"] is True
