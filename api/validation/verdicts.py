"""What was said of pools lately, so that who asks again, or changes what HAProxy does not see, does not wait.

Knows which fields of a pool HAProxy sees, and for how long an answer holds: the HAProxy of this machine may be another
one later. Any thread may ask.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import replace

from api.validation.judgement import Judgement
from scheduler.pools.model import Backend, MarathonSelector, MesosSelector, Pool
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.sparse import written
from sdk.clock import Clock

_MOST = 1000
_SECONDS = 600.0


def seen_by_haproxy(stored: StoredPool) -> bytes:
    """Equal for two pools of which HAProxy is told the same but for their servers."""
    return hashlib.sha256(json.dumps([written(seen(stored.pool)), stored.template]).encode()).digest()


def seen(pool: Pool) -> Pool:
    """A pool of which HAProxy is told the same, and which has nothing else to say."""
    return Pool(
        name=pool.name,
        type=pool.type,
        ports=pool.ports,
        environment=pool.environment,
        haproxy=replace(pool.haproxy, backends=tuple(map(_without_selectors, pool.haproxy.backends))),
    )


def _without_selectors(backend: Backend) -> Backend:
    """How servers are told stays; which tasks they are does not matter."""
    services = tuple(
        replace(service, marathon=MarathonSelector(), mesos=MesosSelector()) for service in backend.services
    )
    return replace(backend, services=services)


class Verdicts:
    """The last of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Judgement]] = OrderedDict()

    def get(self, key: bytes) -> Judgement | None:
        """What was said of what has this key; None when nobody knows any more."""
        with self._lock:
            found = self._known.get(key)
        if found is None or self._clock.monotonic() >= found[0]:
            return None
        return found[1]

    def keep(self, key: bytes, judgement: Judgement) -> None:
        """Only what HAProxy itself said."""
        with self._lock:
            self._known[key] = self._clock.monotonic() + _SECONDS, judgement
            self._known.move_to_end(key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
