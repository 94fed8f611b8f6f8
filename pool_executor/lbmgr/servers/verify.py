"""Comparing HAProxy with what it was told, a small piece at a time, and putting right what differs.

Knows when each backend and each map is looked at. All of them once a minute; sooner those of which it is not known what
HAProxy made of an order. Repairs go the way of all orders. Used by lbmgr's thread only.
"""

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import structlog

from pool_executor.contract import BackendFacts
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.haproxy.runtime import SocketFailed
from pool_executor.lbmgr.servers.difference import differences, parse_state
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import Content
from pool_executor.lbmgr.structure.mapfile import edit, entries

_log = structlog.get_logger()

_EACH = 60.0
# Of the time between two rounds of lbmgr's thread; one backend or map is looked at whole.
_SLICE = 0.004
_MOST_TOLD = 3


class Verifier:
    """Of one instance. Times are monotonic seconds."""

    def __init__(self, lane: Lane, proxy: Proxy, counters: Counters, maps: Path) -> None:
        self._lane = lane
        self._proxy = proxy
        self._counters = counters
        self._maps = maps
        self._left: deque[tuple[str, str]] = deque()
        """What is left of the present round: kind and name."""
        self._next_round = 0.0

    def again(self) -> None:
        """HAProxy was started or loaded anew: it has what its files say."""
        self._left.clear()
        self._next_round = time.monotonic() + _EACH

    def step(self, now: float, content: Content) -> None:
        """Look at what is due, for a few milliseconds."""
        began = time.monotonic()
        backends = content.backends
        suspects = self._lane.take_suspects()
        for at, backend in enumerate(suspects):
            if not self._servers(backend, backends):
                self._lane.suspect_again(suspects[at:])
                return
        if not self._left and now >= self._next_round:
            self._next_round = now + _EACH
            self._left.extend(("backend", name) for name in backends)
            self._left.extend(("map", name) for name, text in content.parts.items() if text.part.kind == "map")
        while self._left and time.monotonic() - began < _SLICE:
            kind, name = self._left[0]
            looked = self._servers(name, backends) if kind == "backend" else self._map(name, content)
            if not looked:
                return
            self._left.popleft()

    def _servers(self, backend: str, backends: Mapping[str, BackendFacts]) -> bool:
        """Compare the servers of a backend; False when HAProxy does not say."""
        facts = backends.get(backend)
        snapshot = self._lane.snapshot(backend)
        if facts is None or snapshot is None:
            return True
        try:
            [answer] = self._proxy.ask([f"show servers state {backend}"])
        except SocketFailed as error:
            _log.warning("The servers of HAProxy could not be compared", backend=backend, error=str(error))
            return False
        found = differences(facts, snapshot.servers, parse_state(answer), snapshot.retired)
        corrected = self._lane.correct(backend, found, snapshot)
        if corrected:
            self._counters.count("drift", len(corrected))
            told = "; ".join(f"{backend}/{one.name} {one.reason}" for one in corrected[:_MOST_TOLD])
            more = f"; and {len(corrected) - _MOST_TOLD} more" if len(corrected) > _MOST_TOLD else ""
            _log.error("HAProxy's servers are not what was ordered; they are told again", difference=told + more)
        return True

    def _map(self, name: str, content: Content) -> bool:
        """Compare a map; False when HAProxy does not say."""
        try:
            [answer] = self._proxy.ask([f"show map {self._maps / name}"])
        except SocketFailed as error:
            _log.warning("The maps of HAProxy could not be compared", map=name, error=str(error))
            return False
        found = [line.partition(" ")[2] for line in answer.split("\n") if line.startswith("0x")]
        wanted = [" ".join(line.split(None, 1)) for line in entries(content.parts[name].text)]
        if found == wanted or sorted(found) == sorted(wanted):
            return True
        self._counters.count("drift")
        _log.error("A map of HAProxy is not what was ordered; it is told again", map=name)
        one = edit(name, found, wanted)
        refused = self._proxy.send((*one.first, *one.then, *one.last), self._maps)
        if refused is not None:
            _log.error("HAProxy refuses to have a map put right", map=name, error=refused)
        return True
