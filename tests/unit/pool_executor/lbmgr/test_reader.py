"""The thread that reads the log."""

from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.reader import Reader
from pool_executor.lbmgr.status.metrics import Counters


def test_it_can_be_stopped_before_it_was_started() -> None:
    """What fails before that must reach whoever stops HAProxy."""
    reader = Reader(Lane(capabilities("2.6.12"), Counters()))
    reader.stop()
    assert reader.error is None
