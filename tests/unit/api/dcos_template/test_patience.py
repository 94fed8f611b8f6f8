"""Timeouts and retries of a backend as HAProxy is told them."""

import math

import pytest

from api.dcos_template.rendering.build import build_config
from scheduler.pools.model import Method, Retries, RetryOn, Timeouts
from sdk.errors import InvalidSpec
from tests.unit.api.dcos_template.pools import backend, pool


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.0001, 2_147_484.0, math.inf, math.nan])
def test_a_time_that_haproxy_cannot_count_is_refused(seconds: float) -> None:
    """It may stand in ZooKeeper, where nobody checks it."""
    with pytest.raises(InvalidSpec, match=r"backend app: timeouts\.server: is "):
        build_config(pool("web", backend("app", timeouts=Timeouts(server=seconds))))


def test_so_is_a_number_of_retries_that_nobody_means() -> None:
    """Each of them is another request."""
    with pytest.raises(InvalidSpec, match=r"backend app: retries\.count: is 101"):
        build_config(pool("web", backend("app", retries=Retries(count=101))))


def test_what_is_as_everywhere_is_not_said() -> None:
    """In whatever order it was written, and however often."""
    same = Retries(on=(RetryOn.EMPTY_RESPONSE, RetryOn.CONN_FAILURE), methods=(Method.HEAD, Method.GET, Method.GET))
    [found] = build_config(pool("web", backend("app", retries=same))).backends
    assert (found.patience.on, found.patience.condition, found.patience.waits) == (None, "if !METH_GET", [])
