"""Which backends are looked at again when HAProxy does not answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from pool_executor.contract import BackendFacts
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.haproxy.runtime import SocketFailed, capabilities
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.verify import Verifier
from pool_executor.lbmgr.status.metrics import Counters
from tests.unit.pool_executor.lbmgr.parts import backend, content


class Silent:
    """A HAProxy that does not answer."""

    def ask(self, lines: Sequence[str]) -> list[str]:
        """Nothing."""
        raise SocketFailed("nobody answers")


def test_every_backend_in_doubt_stays_in_doubt_until_it_was_looked_at() -> None:
    """Also those that came after the one of which HAProxy did not tell."""
    counters, silent = Counters(), Silent()
    lane = Lane(capabilities("2.6.12"), counters)
    facts = {name: BackendFacts(backend=name) for name in ("a", "b", "c")}
    lane.take_over(Worker(Path("nowhere"), "", 1, timeout=1.0), facts, Held({}))
    lane.doubt()
    Verifier(lane, cast(Proxy, silent), counters, Path()).step(0.0, content(backend("a", "b", "c")))
    assert lane.take_suspects() == ["a", "b", "c"]
