"""What is remembered of labels that were read."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from api.auto_pools.claim import App
from api.auto_pools.labels import read_exposure
from api.auto_pools.marathon_lb import read_marathon_lb
from api.mesos_listener.task import Labels

LONG = 4_000
TIMES = 100


def of_ours(number: int) -> None:
    """Labels that say the same as others, but for a long text."""
    labels: Labels = (
        ("edgelb.a.backend.requestHeaders", f"name:X|value:{number:{LONG}}"),
        ("edgelb.a.frontend.hsts", f"maxAge:{number:{LONG}}"),
        ("edgelb.a.frontend.rules", "x" * LONG + str(number)),
        ("edgelb.expose", "true"),
    )
    assert read_exposure(labels) is not None


def of_marathon_lb(number: int) -> None:
    """The same."""
    labels: Labels = (("HAPROXY_0_BACKEND_HEAD", "x" * LONG + str(number)), ("HAPROXY_GROUP", "external"))
    assert read_marathon_lb(labels, App("marathon", "/shop", marathon=True), ("web",)) is not None


@pytest.mark.parametrize("read", [of_ours, of_marathon_lb])
def test_long_labels_are_forgotten(read: Callable[[int], None]) -> None:
    """Tasks that come and go with other ones each time cost no memory."""
    read(-1)
    tracemalloc.start()
    try:
        for number in range(TIMES):
            read(number)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < TIMES * LONG / 4
    finally:
        tracemalloc.stop()
