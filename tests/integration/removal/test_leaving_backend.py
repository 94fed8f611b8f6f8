"""Servers of a backend that has left the pool, as long as some instance still leads requests there."""

import pytest

from sdk.storage.connection import ZooKeeper
from tests.integration.removal.test_structure import put_right, refused_by_the_check
from tests.support.chain.chain import PATIENCE, Pool
from tests.support.chain.recycling import undisturbed
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def test_servers_go_from_a_backend_that_leaves_with_a_refused_structure(pool: Pool, connection: ZooKeeper) -> None:
    """The one that is served still leads there, and its dead get no request."""
    chain, name = pool.chain, f"other-of-{pool.name}"
    haproxy = pool.document()["haproxy"]
    service = {"mesos": {"frameworkName": "marathon", "taskName": name}, "endpoint": {"portName": "web"}}
    host = {"hostEq": "other.example", "backend": "other"}
    pool.update(
        frontends=[pool.frontend("web", linkBackend={"defaultBackend": "app", "map": [host]})],
        backends=[*haproxy["backends"], {"name": "other", "protocol": "HTTP", "services": [service]}],
    )

    def launch(number: int) -> int:
        port = chain.applications.open(f"{name}.{number}")
        chain.mesos.start(f"{name}.{number}", name, port)
        return port

    def answers(*numbers: int) -> None:
        wanted = {(200, f"{name}.{number}") for number in numbers}
        wait_until(
            lambda: {pool.get(Host="other.example") for _ in range(16)} == wanted, PATIENCE, f"answers of {numbers}"
        )

    first = launch(1)
    launch(2)
    answers(1, 2)
    with refused_by_the_check(pool, connection):
        chain.mesos.update(f"{name}.1", "TASK_KILLED")
        answers(2)
        chain.applications.close(first)
        chain.applications.open("stranger", first)
        chain.mesos.start(f"stranger-{name}", "stranger", first)
        answers(2)
    put_right(pool)
    wait_until(lambda: pool.get(Host="other.example")[1] in {task.id for task in pool.tasks}, PATIENCE, "its end")
    undisturbed(pool)
