"""A service that gets no server today is a warning, and nobody waits for the answer."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.dcos_template.selecting.selection import Rules
from api.process.health import HealthServer
from api.prospects.answerer import Answerer
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper, encode_json
from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1
from tests.unit.api.dcos_template.pools import task

pytestmark = pytest.mark.integration
NONE = "no task is called"


@dataclass
class Template:
    """One in charge, which knows one task; it answers while `free` is set."""

    asked: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    answers: list[object] = field(default_factory=list)
    """What it says instead of an answer, if anything."""

    def reasons(self, text: str) -> object:
        self.asked.append(text)
        self.free.wait(30)
        known = task("other", framework_name="webapp")
        answer = Answerer(Rules(), SystemClock()).answer(text, {known.key: known})
        return self.answers.pop() if self.answers else answer


@pytest.fixture
def asked(connection: ZooKeeper, zk_root: str) -> Iterator[Template]:
    """Answers at once, until a test says otherwise."""
    double = Template()
    double.free.set()
    server = HealthServer(
        "127.0.0.1:0",
        name="template",
        healthy=lambda: None,
        ready=lambda: None,
        gauges={},
        questions={"/prospects": lambda query: {"reasons": double.reasons(query["services"])}},
    )
    server.start()
    holder = {"id": "t", "url": f"http://{server.address}", "pid": 7, "since": 0}
    connection.put(f"{zk_root}/locks/template/holder", encode_json(holder))
    yield double
    double.free.set()
    server.stop()


def selecting(*names: str, **changes: Any) -> dict[str, Any]:
    """A pool whose backend has a service for each task of these names."""
    pool = minimal(**changes)
    pool["haproxy"]["backends"][0]["services"] = [{"mesos": {"taskName": name}} for name in names]
    return pool


def told(response: Any) -> list[str]:
    assert response.status_code == 200, response.json
    return [one for one in response.headers.getlist("X-Edgelb-Warning") if "today" in one]


def test_a_service_without_a_server_is_told_when_its_pool_is_written(client: FlaskClient, asked: Template) -> None:
    """Once: an update asks only about what is new in it."""
    assert told(client.post("/v2/pools", json=selecting("nosuch", "other"))) == [
        "pool.haproxy.backends[0].services[0] has no server today: no task is called nosuch; tasks are other"
    ]
    assert told(client.put("/v2/pools/web", json=selecting("nosuch", "other", count=2))) == []
    assert len(asked.asked) == 1
    changed = selecting("nosuch", "other", "third")
    rehearsed = client.put("/v2/pools/web?dryRun=true", json=changed).json
    expected = "pool.haproxy.backends[0].services[2] has no server today: no task is called third; tasks are other"
    assert expected in rehearsed["warnings"]
    assert told(client.put("/v2/pools/web", json=changed)) == [expected]
    assert [len(json.loads(text)["services"]) for text in asked.asked] == [2, 1, 1]


def test_a_service_without_a_server_is_told_of_a_pool_that_is_validated(client: FlaskClient, asked: Template) -> None:
    """In both versions, with the path that each has."""
    found = client.post("/v2/validate", json=selecting("nosuch")).json
    assert found["valid"] is True
    assert [one for one in found["warnings"] if NONE in one] == [
        "pool.haproxy.backends[0].services[0] has no server today: no task is called nosuch; tasks are other"
    ]
    for path in ("/v1/validate", "/v1/loadbalancers"):
        answer = client.post(path, json=minimal_v1())
        warnings = answer.json["warnings"] if path == "/v1/validate" else told(answer)
        assert [one.split(":")[0] for one in warnings if "today" in one] == [
            "pool.haproxy.backends[0].servers[0] has no server today"
        ]
    assert len(asked.asked) == 3


def test_many_services_without_servers_are_counted(client: FlaskClient, asked: Template) -> None:
    """Headers are bounded."""
    sentences = told(client.post("/v2/pools", json=selecting(*(f"t{number}" for number in range(13)))))
    assert len(sentences) == 11
    assert sentences[-1] == "and 3 more services have no server today"
    assert len(asked.asked) == 1


def test_nobody_waits_for_an_answer_that_does_not_come(client: FlaskClient, asked: Template) -> None:
    """The pool is stored, and nothing is said."""
    asked.free.clear()
    assert told(client.post("/v2/pools", json=selecting("nosuch"))) == []
    assert client.get("/v2/pools/web").status_code == 200
    assert not asked.free.is_set()


@pytest.mark.parametrize("answer", [None, "all is well", [1, None, {}], [], {}])
def test_an_answer_of_another_kind_is_none(client: FlaskClient, asked: Template, answer: object) -> None:
    """It comes over the network, from another release perhaps."""
    asked.answers.append(answer)
    if answer is None:
        asked.answers = [None]
    assert told(client.post("/v2/pools", json=selecting("nosuch"))) == []


def test_a_pool_is_stored_where_no_template_process_is(client: FlaskClient) -> None:
    """As when it is started later."""
    assert told(client.post("/v2/pools", json=selecting("nosuch"))) == []
