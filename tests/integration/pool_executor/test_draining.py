"""Instances that leave while something in front asks for their health and sends requests, none of them twice."""

import signal
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, applied
from tests.support.backends import backends
from tests.support.front import Front, Target
from tests.support.haproxies import BOTH
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GRACE = 16.0  # a quarter of it is the time in which health says no while everything is still answered


@pytest.mark.parametrize("binary", BOTH)
def test_every_instance_may_be_replaced_and_no_request_is_lost(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """One after the other, with slow requests under way; as a relaunch, a smaller pool or a drained agent does it."""
    with ExitStack() as stack:
        one, two = stack.enter_context(backends(2))
        version = publisher.publish(Pool(servers=((one.name, one.port), (two.name, two.port))))
        instances: list[Lbmgr] = []

        def launch(number: int) -> Lbmgr:
            made = make_lbmgr(task_id=f"task-{number}", grace=GRACE).start()
            instances.append(made)
            applied(publisher, version, f"task-{number}")
            wait_until(lambda: made.health() == 200, what="it is well")
            return made

        leaving = [launch(1), launch(2)]
        front = stack.enter_context(Front(lambda: [Target(one.web, one.stats) for one in instances]))
        for number, instance in enumerate(leaving, 3):
            wait_until(lambda: len(front.well) == 2, what="both are used")
            asked = front.requests
            wait_until(lambda asked=asked: front.requests > asked + 50, what="traffic")
            launch(number)
            instance.signal(signal.SIGTERM)
            assert instance.wait(60) == 0
            instances.remove(instance)
        asked = front.requests
        wait_until(lambda: front.requests > asked + 50, what="traffic on their successors")
    assert front.failures == []


def test_a_reload_while_an_instance_leaves_loses_nothing_either(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """Workers that were replaced just before the listeners close answer on the connections that they have."""
    with backends(1) as (one,):
        instances = [make_lbmgr(task_id=f"task-{number}", grace=GRACE).start() for number in (1, 2)]
        servers = ((one.name, one.port),)
        first = publisher.publish(Pool(servers=servers))
        for number in (1, 2):
            applied(publisher, first, f"task-{number}")
        with Front(lambda: [Target(each.web, each.stats) for each in instances]) as front:
            wait_until(lambda: len(front.well) == 2, what="both are used")
            instances[0].signal(signal.SIGTERM)
            wait_until(lambda: len(front.well) == 1, what="it says that it leaves")
            applied(publisher, publisher.publish(Pool(servers=servers, more="backend another\n")), "task-2")
            assert instances[0].wait(60) == 0
            asked = front.requests
            wait_until(lambda: front.requests > asked + 50, what="traffic")
        assert front.failures == []
