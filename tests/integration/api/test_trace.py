"""`GET /v2/trace` when the template cannot tell."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from api.process.health import HealthServer
from sdk.storage.connection import ZooKeeper, encode_json
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def older() -> Iterator[str]:
    """A template process of a release that remembers nothing."""
    server = HealthServer(
        "127.0.0.1:0", name="older", healthy=lambda: None, ready=lambda: None, gauges={}, questions={"/other": dict}
    )
    server.start()
    yield f"http://{server.address}"
    server.stop()


def ask(
    client: FlaskClient, connection: ZooKeeper, root: str, url: str | None, query: str = "task=a"
) -> tuple[int, str]:
    """Status and sentence, when the template in charge is at that address."""
    holder = f"{root}/locks/template/holder"
    if url is None:
        connection.delete(holder)
    else:
        connection.put(holder, encode_json({"id": "t", "url": url, "pid": 7, "since": 0}))
    answer = client.get(f"/v2/trace?{query}")
    return answer.status_code, answer.get_json()["message"]


def test_without_a_template_that_answers_it_says_so(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, older: str
) -> None:
    """None is in charge, it does not listen where others reach it, or it is an older one."""
    for url in (None, ""):
        status, message = ask(client, connection, zk_root, url)
        assert (status, message[:34]) == (503, "no template process is in charge: ")
    status, message = ask(client, connection, zk_root, f"http://127.0.0.1:{free_port()}")
    assert status == 503
    assert "EDGELB_TEMPLATE_HEALTH_LISTEN" in message
    status, message = ask(client, connection, zk_root, older)
    assert (status, message) == (502, f"{older} does not answer like a template process of this release")


def test_the_task_has_to_be_named(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """An id, or a part of one."""
    assert ask(client, connection, zk_root, "", query="")[0] == 400
