"""A pool that is led from one application to another by an update, and back, while clients ask."""

from collections import Counter

import pytest

from tests.support.chain.chain import PATIENCE, Pool
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def test_a_switch_from_blue_to_green_and_back_fails_no_request(pool: Pool) -> None:
    """The one that is left leaves the pool with the update, as does its backend."""
    chain, green = pool.chain, f"green-of-{pool.name}"
    blue = pool.document()["haproxy"]
    port = chain.applications.open(green)
    chain.mesos.start(green, green, port)
    service = {"mesos": {"frameworkName": "marathon", "taskName": green}, "endpoint": {"portName": "web"}}
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
        pool.update(
            frontends=[pool.frontend("web", linkBackend={"defaultBackend": "green"})],
            backends=[{"name": "green", "protocol": "HTTP", "services": [service]}],
        )
        wait_until(lambda: pool.answers(8) == Counter({green: 8}), PATIENCE, "green alone answers")
        pool.update(**blue)
        pool.serves(*pool.tasks)
    chain.mesos.update(green, "TASK_KILLED")
    chain.applications.close(port)
    report = load.report()
    assert report.failures == {}
    assert report.requests > 20
