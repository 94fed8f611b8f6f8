"""What an instance tells of when it has learned of changes, and when HAProxy had them."""

import pytest

from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, applied
from tests.support.backends import backends

pytestmark = pytest.mark.integration


def test_every_change_of_servers_is_told_with_its_times(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The last ones one by one, and all of them in a histogram from the publishing on."""
    with backends(3) as servers:
        known: list[tuple[str, int]] = []
        for backend in servers:
            known.append((backend.name, backend.port))
            status = applied(publisher, publisher.publish(Pool(servers=tuple(known))))
    told = status.endpoints
    steps = {step.sequence: step for step in told.recent}
    assert {1, 2, 3} <= set(steps)
    last = steps[told.sequence]
    assert told.stamps["published"] <= last.seen <= last.applied
    assert (told.stamps["seen"], told.stamps["applied"]) == (last.seen, last.applied)
    assert sum(status.latency["endpoints"].counts) == len(told.recent)
    assert status.latency["endpoints"].total > 0
